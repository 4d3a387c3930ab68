#!/usr/bin/env python3
"""Check the committed files of `models/risk/` against each other. Trains nothing; needs only numpy,
onnx and onnxruntime. Exit code 1 with expected and got at the first thing that is wrong.

    python scripts/models/check_risk.py [models/risk]
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

ROOT = Path(__file__).resolve().parents[2]
ALLOWED_OPS = {"Gemm", "MatMul", "Add", "Sub", "Mul", "Div", "Relu", "Sigmoid", "Tanh", "Clip", "LeakyRelu"}
LANE_LIMIT = 2**40
FILE_LIMIT = 300 * 1024
TOLERANCE_BP = 0.02


def expect(what: str, expected: object, got: object) -> None:
    if expected != got:
        raise ValueError(f"{what}: expected {expected}, got {got}")


def check_schema(raw: bytes, folder_domain: list) -> np.ndarray:
    """The protocol hashes these bytes: compact, keys in order. Returns the scales [n]."""
    schema = json.loads(raw)
    expect("schema.json keys", ["name", "version", "period", "fields"], list(schema))
    expect("schema.json bytes", json.dumps(schema, separators=(",", ":")).encode(), raw)
    for field in schema["fields"]:
        expect("field keys", ["name", "unit", "scale"], list(field))
    expect("domain length", len(schema["fields"]), len(folder_domain))
    scales = np.array([f["scale"] for f in schema["fields"]])
    widest = (np.abs(np.array(folder_domain)).max(axis=1) * scales).max()
    expect("domain fits the lane", True, bool(widest < LANE_LIMIT))
    return scales


def check_values(name: str, x: np.ndarray, scales: np.ndarray, domain: np.ndarray) -> None:
    """x [n, 16] real units: inside the declared domain and exact at the schema's resolution."""
    units = x * scales
    expect(f"{name}: values at the schema's resolution", True, bool(np.abs(units - np.rint(units)).max() < 1e-6))
    outside = np.argwhere((x < domain[:, 0]) | (x > domain[:, 1])).tolist()
    expect(f"{name}: (row, feature) outside the domain", [], outside)


def check_outputs(outputs: np.ndarray) -> None:
    for rounded in (np.floor(outputs), np.ceil(outputs)):
        ltv, lt, lb = rounded.astype(np.int64).T
        good = (0 < ltv) & (ltv <= lt) & (lt < 10_000) & (0 < lb) & (lt * (10_000 + lb) <= 10_000**2)
        expect("rows that break LTV <= LT or LT (1 + LB) <= 1", [], rounded[~good].tolist())


def run(model: bytes, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: row[None].astype(np.float32)})[0] for row in x])


def check(folder: Path) -> str:
    for path in folder.iterdir():
        expect(f"{path.name} under {FILE_LIMIT} bytes", True, path.stat().st_size < FILE_LIMIT)

    def read(name: str) -> dict:
        return json.loads((folder / name).read_text())

    config = read("model.json")
    domain = np.array(config["inputs"][0]["domain"])
    scales = check_schema((folder / "schema.json").read_bytes(), domain.tolist())

    raw = (folder / "risk.onnx").read_bytes()
    model = onnx.load_from_string(raw)
    onnx.checker.check_model(model, full_check=True)
    ops = [n.op_type for n in model.graph.node]
    expect("ops outside the allowed list", set(), set(ops) - ALLOWED_OPS)
    weights = [onnx.numpy_helper.to_array(t) for t in model.graph.initializer]
    expect("all weights finite", True, all(np.isfinite(w).all() for w in weights))

    calibration = np.array(read("calibration.json")["input_data"])
    observed = np.array([o["values"] for o in read("observations.json")["observations"]])
    check_values("calibration.json", calibration, scales, domain)
    check_values("observations.json", observed, scales, domain)

    reference = read("reference.json")
    expect("output names", [o["name"] for o in config["outputs"]], reference["names"])
    outputs = np.array(reference["outputs"])
    expect("rows of reference.json", len(observed), len(outputs))
    difference = float(np.abs(run(raw, observed) - outputs).max())
    expect(f"reference within {TOLERANCE_BP} bp (it is {difference})", True, difference <= TOLERANCE_BP)
    rng = np.random.default_rng(2)
    anywhere = rng.uniform(domain[:, 0], domain[:, 1], size=(2000, len(domain)))
    corners = np.where(rng.random(anywhere.shape) < 0.5, domain[:, 0], domain[:, 1])
    check_outputs(run(raw, np.concatenate([anywhere, corners, calibration, observed])))
    return f"ok: {', '.join(ops)}; {len(calibration)} calibration samples, {len(observed)} observations, reference within {difference:.4f} bp"


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "models/risk"
    try:
        print(check(folder))
    except (OSError, ValueError, KeyError) as error:
        print(f"{folder}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
