"""A builder of ONNX graphs, samplers of inputs, and the form of one model of the zoo."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

Sampler = Callable[[np.random.Generator], np.ndarray]


class Graph:
    """Each call adds one node and returns its output's name."""

    def __init__(self, name: str, opset: int):
        self.name, self.opset = name, opset
        self.rng = np.random.default_rng(zlib.crc32(name.encode()))
        self.nodes, self.constants, self.count = [], [], 0

    def fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}_{self.count}"

    def const(self, values, dtype=np.float32) -> str:
        name = self.fresh("c")
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype=dtype), name))
        return name

    def ints(self, *values) -> str:
        return self.const(values, np.int64)

    def normal(self, *shape, scale: float | None = None, mean: float = 0.0) -> str:
        """Random weights; the default scale keeps the variance of what they multiply."""
        fan = np.prod(shape[1:]) if len(shape) > 1 else 4 * shape[0]
        return self.const(self.rng.normal(mean, scale if scale is not None else fan**-0.5, shape))

    def op(self, kind: str, *inputs: str, outputs: int = 1, domain: str = "", **attributes):
        names = [self.fresh(kind.lower()) for _ in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=f"{kind}_{self.count}", domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def dense(self, x: str, inputs: int, outputs: int) -> str:
        """`x · W + b` by MatMul and Add, as PyTorch exports a Linear over tokens."""
        weights = self.const(self.rng.normal(0, inputs**-0.5, (inputs, outputs)))
        return self.op("Add", self.op("MatMul", x, weights), self.normal(outputs, scale=0.1))

    def axes(self, kind: str, x: str, axes, since: int, **attributes) -> str:
        """An op whose axes are an attribute before opset `since`, and an input from then on."""
        if self.opset >= since:
            return self.op(kind, x, self.ints(*axes), **attributes)
        return self.op(kind, x, axes=list(axes), **attributes)

    def finish(self, inputs: dict[str, np.ndarray], outputs: list[str]) -> onnx.ModelProto:
        """The checked model; types of the outputs are those that onnxruntime gives."""
        infos = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape) for n, a in inputs.items()]
        used = {name for node in self.nodes for name in node.input}
        constants = [c for c in self.constants if c.name in used]
        graph = helper.make_graph(self.nodes, self.name, infos, [onnx.ValueInfoProto(name=o) for o in outputs], constants)
        imports = [helper.make_opsetid("", self.opset)]
        if any(node.domain == "ai.onnx.ml" for node in self.nodes):
            imports.append(helper.make_opsetid("ai.onnx.ml", 3 if self.opset >= 13 else 1))
        model = helper.make_model(graph, opset_imports=imports, producer_name="dodona-zoo", ir_version=8 if self.opset < 19 else 10)
        results = run(model, inputs)
        for info, value in zip(model.graph.output, results, strict=True):
            info.CopyFrom(helper.make_tensor_value_info(info.name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape))
        onnx.checker.check_model(model)
        return model


@dataclass(frozen=True)
class Case:
    """A model of the zoo: how to build it, and what its inputs look like."""

    name: str
    opset: int
    build: Callable[..., str | list[str]]
    inputs: dict[str, Sampler] = field(default_factory=dict)

    def make(self, samples: int) -> tuple[onnx.ModelProto, list[dict[str, np.ndarray]]]:
        rng = np.random.default_rng(zlib.crc32(f"{self.name}/inputs".encode()))
        rows = [{name: sampler(rng) for name, sampler in self.inputs.items()} for _ in range(samples)]
        graph = Graph(self.name, self.opset)
        outputs = self.build(graph, *self.inputs)
        return graph.finish(rows[0], [outputs] if isinstance(outputs, str) else list(outputs)), rows


def run(model: onnx.ModelProto, inputs: dict[str, np.ndarray]) -> list:
    """onnxruntime's outputs."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def rounded(values) -> np.ndarray:
    """Four decimals: what a JSON file of inputs would say."""
    return np.round(np.asarray(values, np.float64), 4).astype(np.float32)


def normal(*shape, scale=1.0, mean=0.0) -> Sampler:
    return lambda rng: rounded(np.clip(rng.normal(mean, scale, shape), mean - 4 * scale, mean + 4 * scale))


def uniform(low, high, *shape) -> Sampler:
    return lambda rng: rounded(rng.uniform(low, high, shape))


def image(*shape) -> Sampler:
    """Values of [0, 1] in steps of 1/255."""
    return lambda rng: (rng.integers(0, 256, shape) / 255).astype(np.float32)


def steps(low, high, step, *shape) -> Sampler:
    """Multiples of `step`: ties and equal values do occur."""
    return lambda rng: (rng.integers(round(low / step), round(high / step) + 1, shape) * step).astype(np.float32)


def integers(low, high, *shape, dtype=np.int64) -> Sampler:
    return lambda rng: rng.integers(low, high, shape).astype(dtype)


def booleans(*shape) -> Sampler:
    return lambda rng: rng.integers(0, 2, shape).astype(bool)


def rows(table: np.ndarray, order: np.ndarray) -> Sampler:
    """Rows of a data set, one a sample, as `[1, features]`."""
    pending = iter([int(i) for i in order])
    return lambda rng: rounded(table[next(pending)][None])
