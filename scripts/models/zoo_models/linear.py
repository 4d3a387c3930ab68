"""Layers that are linear in the input, and pooling."""

import numpy as np

from .graph import Case, image, normal, uniform


def conv(shape, weights, opset=13, bias=True, transpose=False, **attributes):
    """One (transposed) convolution with its attributes."""

    def build(g, x):
        fan = np.prod(weights[1:])
        inputs = [x, g.normal(*weights, scale=fan**-0.5)]
        if bias:
            outputs = weights[1] * attributes.get("group", 1) if transpose else weights[0]
            inputs.append(g.normal(outputs, scale=0.1))
        return g.op("ConvTranspose" if transpose else "Conv", *inputs, **attributes)

    return {"opset": opset, "build": build, "inputs": {"x": image(*shape) if len(shape) == 4 else normal(*shape)}}


CONVOLUTIONS = {
    "conv1d": conv((1, 3, 10), (4, 3, 3), pads=[1, 1]),
    "conv1d_dilated": conv((1, 2, 12), (3, 2, 3), opset=11, dilations=[2]),
    "conv1d_causal": conv((1, 2, 8), (3, 2, 3), pads=[2, 0]),
    "conv2d": conv((1, 2, 6, 6), (3, 2, 3, 3), opset=7, kernel_shape=[3, 3]),
    "conv2d_padded": conv((1, 1, 5, 5), (2, 1, 3, 3), pads=[1, 1, 1, 1]),
    "conv2d_strided": conv((1, 2, 7, 7), (3, 2, 3, 3), strides=[2, 2], pads=[0, 1, 1, 0]),
    "conv2d_grouped": conv((1, 4, 5, 5), (4, 2, 3, 3), group=2),
    "conv2d_depthwise": conv((1, 4, 5, 5), (4, 1, 3, 3), group=4, pads=[1, 1, 1, 1], bias=False),
    "conv2d_same": conv((1, 1, 6, 6), (2, 1, 3, 3), auto_pad="SAME_UPPER", strides=[2, 2]),
    "conv2d_pointwise": conv((1, 4, 4, 4), (3, 4, 1, 1)),
    "conv2d_dilated": conv((1, 1, 7, 7), (2, 1, 3, 3), dilations=[2, 2]),
    "conv3d": conv((1, 1, 4, 4, 4), (2, 1, 2, 2, 2)),
    "conv_transpose": conv((1, 3, 4, 4), (3, 2, 2, 2), transpose=True, strides=[2, 2]),
    "conv_transpose_padded": conv((1, 2, 4, 4), (2, 2, 3, 3), transpose=True, strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1]),
    "conv_transpose1d": conv((1, 2, 5), (2, 3, 3), transpose=True, opset=11),
    "conv_transpose_grouped": conv((1, 4, 3, 3), (4, 1, 2, 2), transpose=True, group=2, dilations=[2, 2]),
}

# name, opset, op, shape, attributes
POOLING = (
    ("max_pool", 12, "MaxPool", (1, 2, 6, 6), {"kernel_shape": [2, 2], "strides": [2, 2]}),
    ("max_pool_padded", 8, "MaxPool", (1, 1, 5, 5), {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    ("max_pool_ceil", 12, "MaxPool", (1, 1, 6, 6), {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
    ("max_pool1d", 12, "MaxPool", (1, 3, 8), {"kernel_shape": [2], "strides": [2]}),
    ("average_pool", 7, "AveragePool", (1, 2, 6, 6), {"kernel_shape": [2, 2], "strides": [2, 2]}),
    ("average_pool_padded", 11, "AveragePool", (1, 1, 5, 5), {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    ("average_pool_count_pad", 11, "AveragePool", (1, 1, 5, 5), {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}),
    ("global_average_pool", 7, "GlobalAveragePool", (1, 3, 4, 4), {}),
    ("global_max_pool", 7, "GlobalMaxPool", (1, 3, 3, 3), {}),
    ("lp_pool", 11, "LpPool", (1, 2, 4, 4), {"kernel_shape": [2, 2], "strides": [2, 2], "p": 2}),
    ("global_lp_pool", 7, "GlobalLpPool", (1, 3, 3, 3), {"p": 2}),
    ("lrn", 13, "LRN", (1, 4, 2, 2), {"size": 3, "alpha": 0.01, "beta": 0.75, "bias": 1.0}),
)


def batch_norm(channels):
    def build(g, x):
        scale, shift = g.normal(channels, scale=0.2, mean=1), g.normal(channels, scale=0.2)
        variance = g.const(g.rng.uniform(0.5, 2, channels))
        return g.op("BatchNormalization", x, scale, shift, g.normal(channels, scale=0.3), variance, epsilon=1e-5)

    return build


def pooled(op, attributes):
    return lambda g, x: g.op(op, x, **attributes)


def cases():
    yield Case("gemm", 13, lambda g, x: g.op("Gemm", x, g.normal(6, 4), g.normal(6)  , transB=1), {"x": normal(1, 4)})
    yield Case("gemm_scaled", 7, lambda g, x: g.op("Gemm", x, g.normal(3, 4), g.normal(1, 4), alpha=0.5, beta=2.0, transA=1), {"x": normal(3, 2)})
    yield Case("gemm_live", 13, lambda g, a, b, c: g.op("Gemm", a, b, c), {"a": normal(2, 3), "b": normal(3, 4), "c": normal(4)})
    yield Case("matmul", 9, lambda g, x: g.op("MatMul", x, g.normal(5, 3)), {"x": normal(2, 4, 5)})
    yield Case("matmul_left", 13, lambda g, x: g.op("MatMul", g.normal(3, 4), x), {"x": normal(2, 4, 2)})
    yield Case("matmul_live", 13, lambda g, a, b: g.op("MatMul", a, b), {"a": normal(2, 3, 4), "b": normal(4, 3)})
    yield Case("matmul_vector", 13, lambda g, a, b: g.op("MatMul", a, b), {"a": normal(5), "b": normal(5)})
    yield Case("einsum", 12, lambda g, x: g.op("Einsum", x, g.normal(4, 3, 2), equation="bi,ijk->bjk"), {"x": normal(2, 4)})
    yield Case("einsum_live", 12, lambda g, a, b: g.op("Einsum", a, b, equation="bhqd,bhkd->bhqk"), {"a": normal(1, 2, 3, 4), "b": normal(1, 2, 3, 4)})
    for name, parts in CONVOLUTIONS.items():
        yield Case(name, **parts)
    yield Case("batch_norm", 15, batch_norm(3), {"x": normal(1, 3, 4, 4)})
    yield Case("batch_norm1d", 7, batch_norm(5), {"x": normal(2, 5)})
    for name, opset, op, shape, attributes in POOLING:
        yield Case(name, opset, pooled(op, attributes), {"x": normal(*shape) if "lp" not in name else uniform(0.1, 2, *shape)})
