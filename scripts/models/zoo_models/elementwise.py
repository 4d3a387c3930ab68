"""One op of one variable, or of two with broadcasting, a model; activations."""

import numpy as np
from onnx import TensorProto

from .graph import Case, booleans, integers, normal, steps, uniform

# op, opset, input, attributes
UNARY = (
    ("Abs", 13, normal(2, 5), {}), ("Neg", 13, normal(2, 5), {}), ("Sqrt", 13, uniform(0, 9, 2, 5), {}),
    ("Reciprocal", 13, uniform(0.2, 5, 2, 5), {}), ("Floor", 13, steps(-6, 6, 0.125, 2, 6), {}),
    ("Ceil", 13, steps(-6, 6, 0.125, 2, 6), {}), ("Round", 11, steps(-6, 6, 0.125, 2, 6), {}),
    ("Sign", 13, steps(-1, 1, 0.25, 2, 6), {}), ("Erf", 13, normal(2, 5), {}), ("Exp", 13, normal(2, 5), {}),
    ("Log", 13, uniform(0.1, 10, 2, 5), {}), ("Sin", 7, normal(2, 5, scale=2), {}), ("Cos", 7, normal(2, 5, scale=2), {}),
    ("Tan", 7, uniform(-1.2, 1.2, 2, 5), {}), ("Asin", 7, uniform(-1, 1, 2, 5), {}), ("Acos", 7, uniform(-1, 1, 2, 5), {}),
    ("Atan", 7, normal(2, 5, scale=2), {}), ("Sinh", 9, normal(2, 5), {}), ("Cosh", 9, normal(2, 5), {}),
    ("Asinh", 9, normal(2, 5, scale=2), {}), ("Acosh", 9, uniform(1, 8, 2, 5), {}), ("Atanh", 9, uniform(-0.9, 0.9, 2, 5), {}),
    ("Relu", 7, normal(2, 6), {}), ("LeakyRelu", 16, normal(2, 6), {"alpha": 0.1}), ("ThresholdedRelu", 10, normal(2, 6), {"alpha": 0.5}),
    ("Elu", 7, normal(2, 6), {"alpha": 1.5}), ("Selu", 7, normal(2, 6), {}), ("Celu", 12, normal(2, 6), {"alpha": 2.0}),
    ("Sigmoid", 13, normal(2, 6, scale=3), {}), ("HardSigmoid", 7, normal(2, 6, scale=3), {}), ("HardSwish", 14, normal(2, 6, scale=3), {}),
    ("Tanh", 13, normal(2, 6, scale=2), {}), ("Softplus", 7, normal(2, 6, scale=3), {}), ("Softsign", 7, normal(2, 6, scale=3), {}),
    ("Mish", 18, normal(2, 6, scale=2), {}), ("Softmax", 7, normal(2, 6), {"axis": 1}), ("LogSoftmax", 13, normal(2, 6), {"axis": -1}),
    ("Hardmax", 13, normal(3, 5), {"axis": -1}),
)

# op, opset, left, right
BINARY = (
    ("Add", 7, normal(2, 3, 4), normal(3, 1)), ("Sub", 14, normal(2, 4), normal(4)), ("Mul", 13, normal(2, 1, 4), normal(3, 4)),
    ("Div", 14, normal(2, 5), uniform(0.5, 4, 5)), ("Pow", 15, uniform(0.2, 3, 6), uniform(-1, 2, 6)),
    ("Min", 13, normal(2, 5), normal(5)), ("Max", 8, normal(2, 5), normal(5)), ("PRelu", 16, normal(2, 6), uniform(0, 0.5, 6)),
    ("Greater", 13, steps(-2, 2, 0.25, 3, 4), steps(-2, 2, 0.25, 4)), ("Less", 9, steps(-2, 2, 0.25, 3, 4), steps(-2, 2, 0.25, 4)),
    ("GreaterOrEqual", 16, steps(-2, 2, 0.25, 3, 4), steps(-2, 2, 0.25, 4)), ("LessOrEqual", 12, steps(-2, 2, 0.25, 3, 4), steps(-2, 2, 0.25, 4)),
    ("Equal", 13, steps(-1, 1, 0.5, 3, 4), steps(-1, 1, 0.5, 4)),
    ("And", 7, booleans(2, 4), booleans(4)), ("Or", 7, booleans(2, 4), booleans(4)), ("Xor", 7, booleans(2, 4), booleans(4)),
    ("BitwiseAnd", 18, integers(0, 64, 5), integers(0, 64, 5)), ("BitwiseOr", 18, integers(0, 64, 5), integers(0, 64, 5)),
    ("BitwiseXor", 18, integers(0, 64, 5), integers(0, 64, 5)),
)


def snake(op: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in op).lstrip("_").replace("_p_relu", "prelu")


def single(op, opset, x, attributes):
    return Case(snake(op), opset, lambda g, x: g.op(op, x, **attributes), {"x": x})


def pair(op, opset, a, b):
    return Case("prelu" if op == "PRelu" else snake(op), opset, lambda g, a, b: g.op(op, a, b), {"a": a, "b": b})


def shift(g, x):
    """Bit shifts exist for unsigned integers only."""
    whole = g.op("Cast", x, to=TensorProto.UINT32)
    shifted = g.op("BitShift", whole, g.const([1, 2, 3, 0], np.uint32), direction="LEFT")
    back = g.op("BitShift", shifted, g.const([2], np.uint32), direction="RIGHT")
    return g.op("Cast", back, to=TensorProto.INT64)


def clip_attribute(g, x):
    return g.op("Clip", x, min=-0.5, max=0.75)


def cases():
    yield from (single(*row) for row in UNARY)
    yield from (pair(*row) for row in BINARY)
    yield Case("not", 7, lambda g, x: g.op("Not", x), {"x": booleans(6)})
    yield Case("bitwise_not", 18, lambda g, x: g.op("BitwiseNot", x), {"x": integers(-32, 32, 6)})
    yield Case("bit_shift", 13, shift, {"x": integers(0, 32, 4)})
    yield Case("clip_attribute", 7, clip_attribute, {"x": normal(2, 5)})
    yield Case("clip", 13, lambda g, x: g.op("Clip", x, g.const(0.0), g.const(6.0)), {"x": normal(2, 5, scale=4)})
    yield Case("clip_low", 12, lambda g, x: g.op("Clip", x, g.const(-1.0)), {"x": normal(2, 5)})
    yield Case("square", 13, lambda g, x: g.op("Pow", x, g.const(2.0)), {"x": normal(2, 5)})
    yield Case("cube", 13, lambda g, x: g.op("Pow", x, g.const(3.0)), {"x": normal(2, 5)})
    yield Case("div_constant", 7, lambda g, x: g.op("Div", g.const(2.0), x), {"x": uniform(0.5, 8, 2, 4)})
    yield Case("div_signed", 13, lambda g, a, b: g.op("Div", a, b), {"a": normal(6), "b": lambda rng: uniform(0.5, 3, 6)(rng) * rng.choice([-1, 1], 6).astype(np.float32)})
    yield Case("mod_float", 13, lambda g, x: g.op("Mod", x, g.const(1.5), fmod=1), {"x": steps(-6, 6, 0.125, 8)})
    yield Case("mod_integer", 13, lambda g, x: g.op("Mod", x, g.ints(5)), {"x": integers(-30, 30, 8)})
    yield Case("where", 9, lambda g, c, a, b: g.op("Where", c, a, b), {"c": booleans(2, 4), "a": normal(2, 4), "b": normal(4)})
    yield Case("where_compared", 16, lambda g, a, b: g.op("Where", g.op("Greater", a, b), a, g.op("Mul", b, g.const(0.5))), {"a": normal(2, 4), "b": normal(2, 4)})
    yield Case("gelu", 20, lambda g, x: g.op("Gelu", x), {"x": normal(2, 6, scale=2)})
    yield Case("gelu_tanh", 20, lambda g, x: g.op("Gelu", x, approximate="tanh"), {"x": normal(2, 6, scale=2)})
    yield Case("gelu_decomposed", 13, gelu_decomposed, {"x": normal(2, 6, scale=2)})
    yield Case("silu", 13, lambda g, x: g.op("Mul", x, g.op("Sigmoid", x)), {"x": normal(2, 6, scale=2)})
    yield Case("softmax_axis", 13, lambda g, x: g.op("Softmax", x, axis=1), {"x": normal(1, 4, 3, scale=2)})
    yield Case("sum_of_three", 8, lambda g, a, b, c: g.op("Sum", a, b, c), {"a": normal(2, 3), "b": normal(3), "c": normal(2, 1)})
    yield Case("mean_of_two", 8, lambda g, a, b: g.op("Mean", a, b), {"a": normal(2, 3), "b": normal(3)})
    yield Case("integer_arithmetic", 14, integer_arithmetic, {"a": integers(-20, 20, 6), "b": integers(1, 6, 6)})


def gelu_decomposed(g, x):
    """As PyTorch exports `nn.GELU` before opset 20."""
    erf = g.op("Erf", g.op("Div", x, g.const(2**0.5)))
    return g.op("Mul", g.op("Mul", x, g.op("Add", erf, g.const(1.0))), g.const(0.5))


def integer_arithmetic(g, a, b):
    """Integers stay integers; Div truncates."""
    return [g.op("Sub", g.op("Mul", a, g.ints(3)), b), g.op("Div", a, g.ints(4)), g.op("Max", a, b)]
