#!/usr/bin/env python3
"""Write `models/zoo/`: small ONNX models of every kind, each with samples and onnxruntime's answers.

    python3 -m venv /tmp/zoo-venv && /tmp/zoo-venv/bin/pip install -r scripts/models/requirements.txt
    /tmp/zoo-venv/bin/python scripts/models/zoo.py [--out DIR] [NAME ...]

Beside NAME.onnx lies NAME.json: `inputs`, one row a sample (all graph inputs concatenated, row-major); `outputs`, likewise;
`tensors`, `[elements, "real" or "integer"]` of each output. Deterministic. Not needed to run the tests: its outputs are committed.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx

import zoo_models
from zoo_models.graph import run

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = 3


def flat(value) -> np.ndarray:
    """A tensor's elements, or the values of a ZipMap's maps."""
    if isinstance(value, list):
        return np.array([row[key] for row in value for key in sorted(row)], np.float32)
    return np.asarray(value).ravel()


def number(value):
    """As short as float32 allows."""
    if isinstance(value, np.floating):
        return float(np.format_float_scientific(np.float32(value), unique=True))
    return int(value)


def write(case, out: Path) -> int:
    """Writes one model; returns its size in bytes."""
    model, rows = case.make(SAMPLES)
    answers = [[flat(v) for v in run(model, row)] for row in rows]
    finite = all(np.isfinite(v).all() for answer in answers for v in answer)
    if not finite:
        raise ValueError(f"{case.name}: a reference output is not finite")
    tensors = [[len(v), "real" if np.issubdtype(v.dtype, np.floating) else "integer"] for v in answers[0]]
    sample = {
        "inputs": [[number(x) for v in row.values() for x in v.ravel()] for row in rows],
        "outputs": [[number(x) for v in answer for x in v] for answer in answers],
        "tensors": tensors,
    }
    text = json.dumps(sample, separators=(",", ":")) + "\n"
    (out / f"{case.name}.json").write_text(text)
    onnx.save(model, out / f"{case.name}.onnx")
    return len(text) + len(model.SerializeToString())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--out", type=Path, default=ROOT / "models" / "zoo")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    sizes = {}
    for case in zoo_models.cases():
        if arguments.names and case.name not in arguments.names:
            continue
        if case.name in sizes:
            raise ValueError(f"two models are named {case.name}")
        try:
            sizes[case.name] = write(case, arguments.out)
        except Exception as error:
            raise RuntimeError(f"{case.name}: {error}") from error
    print(f"{len(sizes)} models, {sum(sizes.values())} bytes, largest {max(sizes, key=sizes.get)}")


if __name__ == "__main__":
    main()
