"""Models that are quantised already: QuantizeLinear, DequantizeLinear and the QLinear ops."""

import numpy as np

from .graph import Case, image, integers, normal

INPUT_SCALE = 4 / 127


def quantised_weights(g, *shape):
    """Symmetric 8-bit weights with their scale."""
    values = g.rng.normal(0, float(np.prod(shape[1:])) ** -0.5, shape)
    scale = np.abs(values).max() / 127
    return g.const(np.round(values / scale), np.int8), g.const(scale)


def fake_quantised(g, x):
    """Quantisation-aware training's pair, with a zero point."""
    scale, zero = g.const(0.05), g.const(20, np.uint8)
    return g.op("DequantizeLinear", g.op("QuantizeLinear", x, scale, zero), scale, zero)


def dequantised_weights(g, x):
    """Weights as int8, arithmetic in floats: how many exporters ship a small model."""
    weights, scale = quantised_weights(g, 3, 5)
    return g.op("Gemm", x, g.op("DequantizeLinear", weights, scale), g.normal(3, scale=0.1), transB=1)


def per_channel(g, x):
    weights = g.const(g.rng.integers(-127, 128, (3, 5)), np.int8)
    scales = g.const(g.rng.uniform(0.002, 0.01, 3))
    zeros = g.const([0, 0, 0], np.int8)
    return g.op("MatMul", x, g.op("Transpose", g.op("DequantizeLinear", weights, scales, zeros, axis=0), perm=[1, 0]))


def qlinear_matmul(g, x):
    weights, scale = quantised_weights(g, 5, 3)
    input_scale, zero = g.const(INPUT_SCALE), g.const(0, np.int8)
    output_scale = g.const(0.04)
    whole = g.op("QuantizeLinear", x, input_scale, zero)
    product = g.op("QLinearMatMul", whole, input_scale, zero, weights, scale, zero, output_scale, zero)
    return g.op("DequantizeLinear", product, output_scale, zero)


def qlinear_conv(g, x):
    weights, scale = quantised_weights(g, 2, 1, 3, 3)
    input_scale, zero, output_scale = g.const(1 / 255), g.const(0, np.uint8), g.const(0.02)
    middle, weights_zero = g.const(128, np.uint8), g.const(0, np.int8)
    bias = g.const([12, -30], np.int32)
    whole = g.op("QuantizeLinear", x, input_scale, zero)
    out = g.op("QLinearConv", whole, input_scale, zero, weights, scale, weights_zero, output_scale, middle, bias)
    return g.op("DequantizeLinear", out, output_scale, middle)


def matmul_integer(g, x):
    return g.op("MatMulInteger", x, g.const(g.rng.integers(-5, 6, (4, 3)), np.int8))


def dynamic_range(g, x):
    """Integers in, integers out."""
    return g.op("QuantizeLinear", x, g.const(1 / 16), g.const(0, np.int8))


def quantised_mlp(g, x):
    """Two layers between QDQ pairs, as static quantisation writes them."""
    for inputs, outputs, scale in ((6, 8, 0.03), (8, 3, 0.03)):
        zero = g.const(0, np.int8)
        s = g.const(scale)
        x = g.op("DequantizeLinear", g.op("QuantizeLinear", x, s, zero), s, zero)
        weights, weight_scale = quantised_weights(g, inputs, outputs)
        x = g.op("Add", g.op("MatMul", x, g.op("DequantizeLinear", weights, weight_scale, zero)), g.normal(outputs, scale=0.1))
        if outputs == 8:
            x = g.op("Relu", x)
    return x


def cases():
    yield Case("quantize_dequantize", 13, fake_quantised, {"x": normal(2, 5)})
    yield Case("quantize", 13, dynamic_range, {"x": normal(2, 5)})
    yield Case("dequantized_weights", 13, dequantised_weights, {"x": normal(1, 5)})
    yield Case("dequantized_per_channel", 13, per_channel, {"x": normal(1, 5)})
    yield Case("qlinear_matmul", 10, qlinear_matmul, {"x": normal(1, 5)})
    yield Case("qlinear_conv", 10, qlinear_conv, {"x": image(1, 1, 5, 5)})
    yield Case("matmul_integer", 10, matmul_integer, {"x": integers(-20, 20, 2, 4, dtype=np.int8)})
    yield Case("quantised_mlp", 13, quantised_mlp, {"x": normal(1, 6)})
