"""Writes ONNX nodes one after another: constants are named once, results are numbered unless they are given a name."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Graph:
    """Nodes and constants of a graph under construction, fp32."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}

    def op(self, kind: str, *inputs: str, out: str | None = None, **attributes) -> str:
        """Appends a node with one result and returns its name."""
        result = out or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [result], name=result, **attributes))
        return result

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants[name] = value
        return name

    def scalar(self, name: str | None, value: float) -> str:
        return self.constant(name or f"c_{np.float32(value):g}", np.array(value, dtype=np.float32))

    def indices(self, *values: int) -> str:
        return self.constant("i_" + "_".join(str(v) for v in values), np.array(values, dtype=np.int64))

    def cut(self, x: str, start: int, end: int, axis: int = 1) -> str:
        return self.op("Slice", x, self.indices(start), self.indices(end), self.indices(axis))

    def tail(self, x: str, have: int, days: int, out: str | None = None) -> str:
        """The last `days` of the `have` values that x [1, have] holds."""
        if days == have:
            return x
        return self.op("Slice", x, self.indices(have - days), self.indices(have), self.indices(1), out=out)

    def clip(self, x: str, low: float, high: float, out: str | None = None) -> str:
        return self.op("Clip", x, self.scalar(None, low), self.scalar(None, high), out=out)

    def mean(self, x: str) -> str:
        return self.op("ReduceMean", x, axes=[1], keepdims=1)

    def maximum(self, x: str) -> str:
        return self.op("ReduceMax", x, axes=[1], keepdims=1)

    def largest(self, x: str, place: int, axis: int = 1, out: str | None = None) -> str:
        """The value in the given place (1: the largest) along an axis, which keeps size 1."""
        result = out or f"topk_{len(self.nodes)}"
        sorted_values = result if place == 1 else f"{result}_sorted"
        self.nodes.append(
            helper.make_node("TopK", [x, self.indices(place)], [sorted_values, f"{result}_at"], name=sorted_values, axis=axis)
        )
        if place == 1:
            return result
        return self.op("Slice", sorted_values, self.indices(place - 1), self.indices(place), self.indices(axis), out=result)

    def total(self, x: str) -> str:
        return self.op("ReduceSum", x, self.indices(1), keepdims=1)

    def model(self, name: str, inputs: dict[str, list[int]], outputs: dict[str, list[int]], opset: int, ir_version: int) -> onnx.ModelProto:
        """The checked model."""

        def values(shapes: dict[str, list[int]]) -> list[onnx.ValueInfoProto]:
            return [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()]

        constants = [numpy_helper.from_array(np.array(v, order="C"), k) for k, v in self.constants.items()]
        built = helper.make_graph(self.nodes, name, values(inputs), values(outputs), constants)
        model = helper.make_model(built, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version, producer_name="dodona")
        onnx.checker.check_model(model, full_check=True)
        return model
