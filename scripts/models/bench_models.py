#!/usr/bin/env python3
"""Make the benchmark's models, with inputs, calibration and onnxruntime's answers. Deterministic; about a minute.

    python3 -m venv /tmp/zoo-venv && /tmp/zoo-venv/bin/pip install -r scripts/models/requirements.txt
    /tmp/zoo-venv/bin/python scripts/models/bench_models.py [--out DIR] [NAME ...]

For each model, in `target/bench/models` unless told otherwise:

    NAME.onnx         the graph: batch 1, one input
    NAME.input.json   {"input_data": [[…]]}: one held-out sample
    NAME.calib.json   {"input_data": [[…], …]}: a row a sample, none of them held out
    NAME.test.json    {"inputs": [[…], …], "outputs": [[…], …], "labels": [… or null]}: held-out samples with float32 answers

and `models.json` with shapes, parameters, multiply-accumulates and a note on each.
"""

import argparse
import json
import zlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

import bench

ROOT = Path(__file__).resolve().parents[2]
CALIBRATION, HELD_OUT = 256, 1000


def rows(samples: np.ndarray) -> list[list]:
    """Samples as rows; reals at six decimals."""
    flat = samples.reshape(len(samples), -1)
    return (flat if np.issubdtype(flat.dtype, np.integer) else np.round(flat.astype(np.float64), 6)).tolist()


def answers(model: onnx.ModelProto, samples: list[list]) -> list[list[float]]:
    """onnxruntime's outputs for rows as they were written."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    kind = np.int64 if "int64" in given.type else np.float32
    run = lambda row: session.run(None, {given.name: np.array(row, kind).reshape(given.shape)})
    return [[float(v) for o in run(row) for v in np.ravel(o)] for row in samples]


def write(make, out: Path) -> dict:
    """Makes one model and writes its files; returns its entry of the index."""
    name = make.__name__
    made = make(np.random.default_rng(zlib.crc32(name.encode())))
    onnx.checker.check_model(made.graph)
    onnx.save(made.graph, out / f"{name}.onnx")
    held_out = rows(made.held_out[:HELD_OUT])
    labels = None if made.labels is None else [int(v) for v in made.labels[:HELD_OUT]]

    def put(kind: str, value) -> None:
        (out / f"{name}.{kind}.json").write_text(json.dumps(value, separators=(",", ":")) + "\n")

    put("input", {"input_data": held_out[:1]})
    put("calib", {"input_data": rows(made.calibration[:CALIBRATION])})
    put("test", {"inputs": held_out, "outputs": answers(made.graph, held_out), "labels": labels})
    params = sum(int(np.prod(t.dims)) for t in made.graph.graph.initializer if t.data_type == onnx.TensorProto.FLOAT)
    dims = [d.dim_value for d in made.graph.graph.input[0].type.tensor_type.shape.dim]
    ops = sorted({node.op_type for node in made.graph.graph.node})
    return {"input": dims, "params": params, "macs": made.macs, "held_out": len(held_out), "ops": ops, "note": made.note}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--out", type=Path, default=ROOT / "target" / "bench" / "models")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "models.json"
    index = json.loads(path.read_text()) if path.exists() else {}
    for make in bench.MODELS:
        name = make.__name__
        if arguments.names and name not in arguments.names:
            continue
        index[name] = write(make, arguments.out)
        print(f"{name:17} {index[name]['params']:8} weights, {index[name]['macs']:9} MACs: {index[name]['note']}", flush=True)
    path.write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
