"""The files of `models/risk_window/` (one publisher) and `models/risk_median/` (three publishers of the same feed).

Both graphs hold one head and one set of features; the second takes the median of the three publishers first, value by value.
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime

from . import export, mapping, window
from .builder import Graph
from .network import Network

FEED = "us-equity-ohlcv-60d"
PUBLISHERS = 3
NOISE_SEED = 3
CALIBRATION_SAMPLES = {1: 64, PUBLISHERS: 24}
# The first days of the first model's replayed stretch, of both indices.
DAYS_SHOWN = {1: 12, PUBLISHERS: 6}


def graph(network: Network, publishers: int) -> bytes:
    """Windows [1, 60, 5], one input a publisher, to basis points [1, 3]."""
    g = Graph()
    names = ["window"] if publishers == 1 else [f"window_{i + 1}" for i in range(publishers)]

    def column(source: str, index: int, days: int) -> str:
        picked = g.op("Slice", source, g.indices(window.DAYS - days, index), g.indices(window.DAYS, index + 1), g.indices(1, 2))
        return g.op("Reshape", picked, g.indices(1, days))

    def median(index: int, days: int) -> str:
        seen = g.op("Concat", *(column(name, index, days) for name in names), axis=0)
        return g.largest(seen, publishers // 2 + 1, axis=0, out=f"median_{window.COLUMNS[index]}")

    of = (lambda index, days: column(names[0], index, days)) if publishers == 1 else median
    value = window.nodes(g, of, network.domain)
    constants, chain = export.head(network)
    for name, constant in constants.items():
        g.constant(name, constant)
    for op, name, operands in chain:
        value = g.op(op, value, *operands, out="parameters_bp" if name == "risk_parameters" else f"{name}_out")
    name = "risk_window" if publishers == 1 else "risk_median"
    shape = [1, window.DAYS, len(window.COLUMNS)]
    model = g.model(name, {n: shape for n in names}, {value: [1, len(mapping.OUTPUTS)]}, export.OPSET, export.IR_VERSION)
    return model.SerializeToString(deterministic=True)


def run(model: bytes, feeds: np.ndarray) -> np.ndarray:
    """onnxruntime on feeds [publishers, n, 60, 5], one sample at a time -> [n, 3] fp32 basis points."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]
    samples = feeds.astype(np.float32).swapaxes(0, 1)
    return np.concatenate([session.run(None, {n: x[None] for n, x in zip(names, sample)})[0] for sample in samples])


def schema() -> dict:
    days = range(window.DAYS - 1, -1, -1)
    fields = [{"name": f"{c}_{d}", "unit": u, "scale": int(s)} for d in days for c, u, s in zip(window.COLUMNS, window.UNITS, window.SCALES)]
    return {"name": FEED, "version": 1, "period": export.PERIOD_SECONDS, "fields": fields}


def compile_config(name: str, publishers: int) -> dict:
    source = {"schema": "schema.json", "kind": "committed", "domain": [list(d) for d in window.DOMAIN] * window.DAYS}
    return {"name": name, "inputs": [source] * publishers, "outputs": [{"name": n, "scale": 1} for n in mapping.OUTPUTS]}


def rows(x: np.ndarray) -> list[list[float]]:
    """[n, …] -> n flat rows at the feed's resolution."""
    return [[round(float(v), 2) for v in row.ravel()] for row in x]


def write(out: Path, network: Network, calibration: np.ndarray, dates: np.ndarray, assets: np.ndarray, shown: np.ndarray) -> bytes:
    """Write all files of `out` and return the ONNX bytes. calibration, shown: [publishers, n, 60, 5]; dates, assets label `shown`."""
    publishers = len(shown)
    model = graph(network, publishers)
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{out.name}.onnx").write_bytes(model)
    (out / "schema.json").write_text(json.dumps(schema(), separators=(",", ":")), encoding="ascii")
    (out / "model.json").write_text(export.indented(compile_config(out.name, publishers)))
    (out / "calibration.json").write_text(export.lines("input_data", rows(calibration.swapaxes(0, 1)), {}))
    for i, feed in enumerate(shown):
        labelled = [{"date": str(d), "asset": str(a), "values": v} for d, a, v in zip(dates, assets, rows(feed))]
        name = "observations.json" if publishers == 1 else f"observations_{i + 1}.json"
        (out / name).write_text(export.lines("observations", labelled, {"feed": FEED}))
    # fp32 as its shortest decimal: reading it back into fp32 is exact.
    shortest = [[float(str(v)) for v in row] for row in run(model, shown)]
    (out / "reference.json").write_text(export.lines("outputs", shortest, {"names": list(mapping.OUTPUTS)}))
    return model
