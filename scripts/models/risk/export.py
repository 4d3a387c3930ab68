"""The ONNX graph and the JSON files of `models/risk/`.

The graph takes raw features [1, 16] and gives [1, 3] basis points; standardisation, clip and the
map to risk parameters are inside. Floats in JSON are written at the schema's resolution.
"""

import json
import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from . import features, mapping
from .dataset import Samples
from .network import Network

OPSET, IR_VERSION = 13, 8
FEED = "us-equity-risk-features"
PERIOD_SECONDS = 60  # the demo's cadence; the data themselves are daily
CALIBRATION_SAMPLES = 256
# Held-out days replayed by the demo: a calm market, then the volatility shock of February 2018.
STRETCH = ("2018-01-22", "2018-03-05")


Chain = tuple[tuple[str, str, list[str]], ...]


def head(network: Network) -> tuple[dict, Chain]:
    """From features [1, 16] to basis points [1, 3]: constants, and nodes as (op, name, constant operands), each applied to the
    result of the one before."""
    w, b = network.weights, network.biases
    constants = {
        "mean": network.mean[None, :],
        "inverse_std": network.inverse_std[None, :],
        "w1": w[0], "b1": b[0], "w2": w[1], "b2": b[1], "w3": w[2], "b3": b[2],
        "q_min": np.float32(mapping.Q_MIN),
        "q_max": np.float32(mapping.Q_MAX),
        "map_slope": mapping.SLOPE[None, :],
        "map_offset": mapping.OFFSET,
    }
    chain = (
        ("Sub", "centre", ["mean"]),
        ("Mul", "standardise", ["inverse_std"]),
        ("Gemm", "hidden1", ["w1", "b1"]),
        ("Relu", "relu1", []),
        ("Gemm", "hidden2", ["w2", "b2"]),
        ("Relu", "relu2", []),
        ("Gemm", "loss_estimate", ["w3", "b3"]),
        ("Clip", "bounded_estimate", ["q_min", "q_max"]),
        ("Gemm", "risk_parameters", ["map_slope", "map_offset"]),
    )
    return constants, chain


def graph(network: Network) -> onnx.ModelProto:
    """The network and the map as one checked ONNX model, fp32, static shapes."""
    constants, chain = head(network)
    nodes, value = [], "features"
    for op, name, operands in chain:
        result = "parameters_bp" if name == "risk_parameters" else f"{name}_out"
        nodes.append(helper.make_node(op, [value, *operands], [result], name=name))
        value = result
    built = helper.make_graph(
        nodes,
        "risk",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, len(features.NAMES)])],
        [helper.make_tensor_value_info("parameters_bp", TensorProto.FLOAT, [1, len(mapping.OUTPUTS)])],
        [numpy_helper.from_array(np.array(v, dtype=np.float32, order="C"), k) for k, v in constants.items()],
    )
    model = helper.make_model(built, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="dodona")
    onnx.checker.check_model(model, full_check=True)
    return model


def run(model: bytes, x: np.ndarray) -> np.ndarray:
    """onnxruntime on x [n, 16], one sample at a time -> [n, 3] fp32 basis points."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"features": row[None].astype(np.float32)})[0] for row in x])


def schema() -> dict:
    fields = [{"name": f.name, "unit": f.unit, "scale": features.SCALE} for f in features.FEATURES]
    return {"name": FEED, "version": 1, "period": PERIOD_SECONDS, "fields": fields}


def compile_config(network: Network) -> dict:
    source = {"schema": "schema.json", "kind": "committed", "domain": network.domain.round(3).tolist()}
    return {"name": "risk", "inputs": [source], "outputs": [{"name": n, "scale": 1} for n in mapping.OUTPUTS]}


def calibration_sample(train: Samples) -> np.ndarray:
    """[256, 16] training samples, evenly spaced by rank of 20-day volatility, both ends included."""
    order = np.argsort(train.x[:, features.NAMES.index("realised_vol_20d")], kind="stable")
    return train.x[order[np.linspace(0, len(order) - 1, CALIBRATION_SAMPLES).round().astype(int)]]


def write(out: Path, network: Network, train: Samples, stretch: Samples) -> bytes:
    """Write all files of `out` and return the ONNX bytes.

    schema.json is exactly the bytes that the protocol hashes: compact, no final newline.
    """
    model = graph(network).SerializeToString(deterministic=True)
    reference = run(model, stretch.x)
    labelled = [{"date": str(d), "asset": str(a), "values": rows([x])[0]} for d, a, x in zip(stretch.date, stretch.asset, stretch.x)]
    out.mkdir(parents=True, exist_ok=True)
    (out / "risk.onnx").write_bytes(model)
    (out / "schema.json").write_text(json.dumps(schema(), separators=(",", ":")), encoding="ascii")
    (out / "model.json").write_text(indented(compile_config(network)))
    (out / "calibration.json").write_text(lines("input_data", rows(calibration_sample(train)), {}))
    (out / "observations.json").write_text(lines("observations", labelled, {"feed": FEED}))
    # fp32 as its shortest decimal: reading it back into fp32 is exact.
    shortest = [[float(str(v)) for v in row] for row in reference]
    (out / "reference.json").write_text(lines("outputs", shortest, {"names": list(mapping.OUTPUTS)}))
    return model


def rows(x) -> list[list[float]]:
    return [[round(float(v), 6) + 0.0 for v in row] for row in x]


def indented(value: dict) -> str:
    """Indented JSON with pairs of numbers on one line."""
    text = json.dumps(value, indent=2)
    return re.sub(r"\[\s+(-?[\d.]+),\s+(-?[\d.]+)\s+\]", r"[\1, \2]", text) + "\n"


def lines(key: str, rows: list, head: dict) -> str:
    """A JSON object whose list `key` stands one item a line, so that a change shows in a diff."""
    start = "".join(f"{json.dumps(k)}: {json.dumps(v)},\n" for k, v in head.items())
    return "{" + start + f'"{key}": [\n' + ",\n".join(json.dumps(r) for r in rows) + "\n]}\n"
