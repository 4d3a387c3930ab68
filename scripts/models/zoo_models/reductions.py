"""Reductions, arg-reductions and normalisations."""

import numpy as np

from .graph import Case, normal, uniform

# name, opset, op, axes became an input in opset, sampler
REDUCTIONS = (
    ("sum", 13, "ReduceSum", 13, normal(2, 3, 4)), ("mean", 13, "ReduceMean", 18, normal(2, 3, 4)),
    ("max", 18, "ReduceMax", 18, normal(2, 6)), ("min", 12, "ReduceMin", 18, normal(2, 6)),
    ("prod", 13, "ReduceProd", 18, uniform(0.5, 1.5, 2, 4)), ("l1", 13, "ReduceL1", 18, normal(2, 6)),
    ("l2", 18, "ReduceL2", 18, normal(2, 6)), ("log_sum", 13, "ReduceLogSum", 18, uniform(0.2, 3, 2, 6)),
    ("log_sum_exp", 18, "ReduceLogSumExp", 18, normal(2, 5)), ("sum_square", 13, "ReduceSumSquare", 18, normal(2, 6)),
)


def reduce(op, since):
    return lambda g, x: g.axes(op, x, [-1], since, keepdims=0)


def layer_norm(g, x, width, epsilon=1e-5, axis_input=18):
    """Written out, as exporters do before opset 17."""
    centred = g.op("Sub", x, g.axes("ReduceMean", x, [-1], axis_input, keepdims=1))
    square = g.op("Pow", centred, g.const(2.0))
    variance = g.axes("ReduceMean", square, [-1], axis_input, keepdims=1)
    unit = g.op("Div", centred, g.op("Sqrt", g.op("Add", variance, g.const(epsilon))))
    return g.op("Add", g.op("Mul", unit, g.normal(width, scale=0.1, mean=1)), g.normal(width, scale=0.1))


def rms_norm(g, x, width):
    mean = g.axes("ReduceMean", g.op("Mul", x, x), [-1], 18, keepdims=1)
    inverse = g.op("Reciprocal", g.op("Sqrt", g.op("Add", mean, g.const(1e-5))))
    return g.op("Mul", g.op("Mul", x, inverse), g.normal(width, scale=0.1, mean=1))


def variance(g, x):
    centred = g.op("Sub", x, g.axes("ReduceMean", x, [-1], 18, keepdims=1))
    return g.axes("ReduceMean", g.op("Mul", centred, centred), [-1], 18, keepdims=0)


def scaled(op, channels, **attributes):
    return lambda g, x: g.op(op, x, g.normal(channels, scale=0.1, mean=1), g.normal(channels, scale=0.1), **attributes)


def group_norm(g, x):
    """GroupNormalization of opset 21: scale and bias a channel."""
    return g.op("GroupNormalization", x, g.normal(4, scale=0.1, mean=1), g.normal(4, scale=0.1), num_groups=2)


def top_k(g, x):
    values, indices = g.op("TopK", x, g.ints(2), outputs=2, axis=-1)
    return [values, indices]


def cases():
    for name, opset, op, since, sampler in REDUCTIONS:
        yield Case(f"reduce_{name}", opset, reduce(op, since), {"x": sampler})
    yield Case("reduce_all", 13, lambda g, x: g.op("ReduceSum", x, keepdims=0), {"x": normal(2, 3)})
    yield Case("reduce_two_axes", 11, lambda g, x: g.op("ReduceMean", x, axes=[2, 3], keepdims=1), {"x": normal(1, 2, 3, 3)})
    yield Case("reduce_max_axis", 13, lambda g, x: g.op("ReduceMax", x, axes=[0], keepdims=1), {"x": normal(3, 4)})
    yield Case("variance", 13, variance, {"x": normal(2, 6)})
    yield Case("arg_max", 13, lambda g, x: g.op("ArgMax", x, axis=1, keepdims=0), {"x": normal(3, 5)})
    yield Case("arg_min", 7, lambda g, x: g.op("ArgMin", x, axis=0), {"x": normal(4, 3)})
    yield Case("top_k", 11, top_k, {"x": normal(2, 5)})
    yield Case("cumsum", 11, lambda g, x: g.op("CumSum", x, g.const(1, np.int64)), {"x": normal(2, 5)})
    yield Case("layer_norm", 17, scaled("LayerNormalization", 8, axis=-1), {"x": normal(2, 8)})
    yield Case("layer_norm_decomposed", 13, lambda g, x: layer_norm(g, x, 8), {"x": normal(2, 8)})
    yield Case("layer_norm_wide", 17, scaled("LayerNormalization", 6), {"x": normal(2, 6, scale=3, mean=4)})
    yield Case("instance_norm", 7, scaled("InstanceNormalization", 2), {"x": normal(1, 2, 3, 3)})
    yield Case("group_norm", 21, group_norm, {"x": normal(1, 4, 2, 2)})
    yield Case("rms_norm", 13, lambda g, x: rms_norm(g, x, 8), {"x": normal(2, 8)})
    yield Case("lp_normalization", 13, lambda g, x: g.op("LpNormalization", x, axis=-1, p=2), {"x": normal(2, 5)})
