"""Larger networks with random weights of a trained network's size: they measure speed and accuracy of quantisation, not skill."""

import numpy as np

from zoo_models.graph import Graph

from . import data
from .model import Benchmark
from .networks import OPSET, convolution, finish


def he(rng, *shape, fan):
    return rng.normal(0, (2 / fan) ** 0.5, shape)


def bias(rng, count):
    return rng.normal(0, 0.05, count)


class Net(Graph):
    """A graph that counts multiply-accumulates."""

    def __init__(self, name, rng, opset=OPSET):
        super().__init__(name, opset)
        self.rng, self.macs = rng, 0

    def gemm(self, x, inputs, outputs, gain=1.0):
        self.macs += inputs * outputs
        return self.op("Gemm", x, self.const(gain * he(self.rng, inputs, outputs, fan=inputs)), self.const(bias(self.rng, outputs)))

    def conv(self, x, inputs, outputs, kernel, size, pads):
        self.macs += inputs * outputs * kernel**2 * size**2
        weights = he(self.rng, outputs, inputs, kernel, kernel, fan=inputs * kernel**2)
        return self.op("Relu", convolution(self, x, weights, bias(self.rng, outputs), pads=[pads] * 4))

    def halved(self, x):
        return self.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])

    def linear(self, x, inputs, outputs, rows):
        self.macs += rows * inputs * outputs
        product = self.op("MatMul", x, self.const(self.rng.normal(0, inputs**-0.5, (inputs, outputs))))
        return self.op("Add", product, self.const(bias(self.rng, outputs)))

    def attention(self, x, tokens, width, heads, mask=None):
        def split(y):
            y = self.op("Reshape", y, self.ints(1, tokens, heads, width // heads))
            return self.op("Transpose", y, perm=[0, 2, 1, 3])

        q, k, v = (split(self.linear(x, width, width, tokens)) for _ in range(3))
        scores = self.op("MatMul", q, self.op("Transpose", k, perm=[0, 1, 3, 2]))
        scores = self.op("Mul", scores, self.const((width // heads) ** -0.5))
        if mask is not None:
            scores = self.op("Where", self.const(mask, bool), scores, self.const(-np.inf))
        mixed = self.op("MatMul", self.op("Softmax", scores, axis=-1), v)
        self.macs += 2 * tokens * tokens * width
        mixed = self.op("Reshape", self.op("Transpose", mixed, perm=[0, 2, 1, 3]), self.ints(1, tokens, width))
        return self.linear(mixed, width, width, tokens)

    def norm(self, x, width):
        """Written out: its own op is of opset 17."""
        centred = self.op("Sub", x, self.op("ReduceMean", x, axes=[-1], keepdims=1))
        variance = self.op("ReduceMean", self.op("Mul", centred, centred), axes=[-1], keepdims=1)
        unit = self.op("Div", centred, self.op("Sqrt", self.op("Add", variance, self.const(1e-3))))
        return self.op("Add", self.op("Mul", unit, self.const(self.rng.normal(1, 0.05, width))), self.const(bias(self.rng, width)))

    def layer_norm(self, x, width):
        scale, shift = self.const(self.rng.normal(1, 0.05, width)), self.const(bias(self.rng, width))
        return self.op("LayerNormalization", x, scale, shift, axis=-1, epsilon=1e-5)

    def gelu(self, x):
        erf = self.op("Erf", self.op("Mul", x, self.const(2**-0.5)))
        return self.op("Mul", self.op("Mul", x, self.const(0.5)), self.op("Add", erf, self.const(1.0)))


def mnist_lenet(rng):
    g = Net("mnist_lenet", rng)
    h = g.halved(g.conv("input", 1, 6, 5, 28, 2))
    h = g.halved(g.conv(h, 6, 16, 5, 10, 0))
    h = g.op("Relu", g.gemm(g.op("Flatten", h, axis=1), 400, 120))
    h = g.op("Relu", g.gemm(h, 120, 84))
    x = data.enlarged_digits(564)
    return Benchmark(finish(g, g.gemm(h, 84, 10, 0.5**0.5), x[:1]), x[:64], x[64:], "LeNet-5 on digits enlarged to 28 × 28; random weights", g.macs)


def mlp_1m(rng):
    g = Net("mlp_1m", rng)
    h = g.op("Relu", g.gemm("input", 512, 1024))
    h = g.op("Relu", g.gemm(h, 1024, 512))
    x = rng.uniform(-1, 1, (264, 512))
    return Benchmark(finish(g, g.gemm(h, 512, 10, 0.5**0.5), x[:1]), x[:64], x[64:], "512 → 1024 → 512 → 10; random weights", g.macs)


def cnn_cifar(rng):
    g = Net("cnn_cifar", rng)
    h, channels, size = "input", 3, 32
    for outputs, pooled in ((32, True), (64, True), (64, False), (128, True), (128, False)):
        h, channels = g.conv(h, channels, outputs, 3, size, 1), outputs
        if pooled:
            h, size = g.halved(h), size // 2
    h = g.op("Relu", g.gemm(g.op("Flatten", h, axis=1), 128 * size * size, 112))
    x = rng.uniform(-1, 1, (66, 3, 32, 32))
    return Benchmark(finish(g, g.gemm(h, 112, 10, 0.5**0.5), x[:1]), x[:16], x[16:], "VGG-like, five convolutions; random weights", g.macs)


def encoder(name, rng, tokens, width, heads, inner):
    """One post-norm encoder block, mean pooling, a head of two classes."""
    g = Net(name, rng)
    x = g.norm(g.op("Add", "input", g.attention("input", tokens, width, heads)), width)
    h = g.linear(g.gelu(g.linear(x, width, inner, tokens)), inner, width, tokens)
    pooled = g.op("ReduceMean", g.norm(g.op("Add", x, h), width), axes=[1], keepdims=0)
    samples = rng.normal(0, 1, (564, tokens, width)).clip(-3, 3)
    graph = finish(g, g.gemm(pooled, width, 2), samples[:1])
    note = f"encoder block, {tokens} tokens of {width}, {heads} heads, erf GELU; random weights"
    return Benchmark(graph, samples[:64], samples[64:], note, g.macs)


def micro_transformer(rng):
    return encoder("micro_transformer", rng, 8, 32, 4, 64)


def tiny_transformer(rng):
    return encoder("tiny_transformer", rng, 16, 64, 4, 256)


def nano_gpt(rng):
    """Bytes in, logits of the next byte out: four pre-norm layers of width 64, four heads, a block of 32 tokens."""
    tokens, width, heads, layers, vocabulary = 32, 64, 4, 4, 256
    g = Net("nano_gpt", rng, opset=17)
    mask = np.tril(np.ones((1, 1, tokens, tokens), bool))
    table, places = g.const(rng.normal(0, 0.5, (vocabulary, width))), g.const(rng.normal(0, 0.2, (tokens, width)))
    x = g.op("Add", g.op("Gather", table, "input"), places)
    for _ in range(layers):
        x = g.op("Add", x, g.attention(g.layer_norm(x, width), tokens, width, heads, mask))
        h = g.gelu(g.linear(g.layer_norm(x, width), width, 4 * width, tokens))
        x = g.op("Add", x, g.linear(h, 4 * width, width, tokens))
    last = g.op("Gather", g.layer_norm(x, width), g.const(-1, np.int64), axis=1)
    g.macs += width * vocabulary
    logits = g.op("MatMul", last, g.const(rng.normal(0, width**-0.5, (width, vocabulary))))
    samples = rng.integers(0, vocabulary, (216, tokens))
    graph = g.finish({"input": samples[:1]}, [logits])
    note = f"GPT, {layers} layers of {width}, {heads} heads, {tokens} tokens of {vocabulary}, logits of the last token; random weights"
    return Benchmark(graph, samples[:16], samples[16:], note, g.macs)


MODELS = (mnist_lenet, mlp_1m, cnn_cifar, micro_transformer, tiny_transformer, nano_gpt)
