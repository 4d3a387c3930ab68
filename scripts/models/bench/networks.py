"""Trained networks: credit and risk MLPs, a digits CNN, volatility forecasters."""

import numpy as np
from sklearn.metrics import r2_score

from zoo_models.graph import Graph

from . import data
from .model import Benchmark
from .training import Conv, Dense, Flatten, Lstm, MaxPool, Relu, Sigmoid, forward, train

OPSET = 13


def gemm(g, x, layer):
    return g.op("Gemm", x, g.const(layer.params[0]), g.const(layer.params[1]))


def convolution(g, x, weights, bias, **attributes):
    """Attributes written out: some tools refuse a Conv without them."""
    n = weights.ndim - 2
    given = {"strides": [1] * n, "dilations": [1] * n, "pads": [0] * 2 * n, "group": 1, **attributes}
    return g.op("Conv", x, g.const(weights), g.const(bias), kernel_shape=list(weights.shape[2:]), **given)


def finish(g, output, sample):
    return g.finish({"input": sample.astype(np.float32)}, [output])


def dense_macs(layers):
    return sum(layer.params[0].size for layer in layers if isinstance(layer, Dense))


def credit_mlp(rng):
    xa, xb, ya, yb = data.credit()
    layers = [Dense(rng, 30, 64), Relu(), Dense(rng, 64, 32), Relu(), Dense(rng, 32, 2)]
    train(layers, xa, ya, 25, "classes", rng)
    g = Graph("credit_mlp", OPSET)
    h = g.op("Relu", gemm(g, "input", layers[0]))
    h = g.op("Relu", gemm(g, h, layers[2]))
    accuracy = (forward(layers, xb).argmax(1) == yb).mean()
    graph = finish(g, gemm(g, h, layers[4]), xb[:1])
    return Benchmark(graph, xa, xb, f"30 → 64 → 32 → 2; held-out accuracy {accuracy:.3f}", dense_macs(layers), yb)


def risk_mlp(rng):
    x, y = data.lending(rng)
    layers = [Dense(rng, 16, 64), Relu(), Dense(rng, 64, 64), Relu(), Dense(rng, 64, 3), Sigmoid()]
    train(layers, x[:5000], y[:5000], 30, "squares", rng, decay=0)
    g = Graph("risk_mlp", OPSET)
    h = g.op("Relu", gemm(g, "input", layers[0]))
    h = g.op("Relu", gemm(g, h, layers[2]))
    graph = finish(g, g.op("Sigmoid", gemm(g, h, layers[4])), x[:1])
    r2 = r2_score(y[5000:], forward(layers, x[5000:]))
    return Benchmark(graph, x[:5000], x[5000:], f"16 → 64 → 64 → 3, sigmoid; held-out R² {r2:.3f}", dense_macs(layers))


def digits_cnn(rng):
    xa, xb, ya, yb = data.digits()
    layers = [Conv(rng, 1, 8, 3, 3, (1, 1, 1, 1)), Relu(), MaxPool(), Conv(rng, 8, 16, 3, 3), Relu(), Flatten(), Dense(rng, 64, 10)]
    train(layers, xa, ya, 40, "classes", rng)
    g = Graph("digits_cnn", OPSET)
    h = g.op("Relu", convolution(g, "input", *layers[0].params, pads=[1, 1, 1, 1]))
    h = g.op("MaxPool", h, kernel_shape=[2, 2], strides=[2, 2])
    h = g.op("Relu", convolution(g, h, *layers[3].params))
    graph = finish(g, gemm(g, g.op("Flatten", h, axis=1), layers[6]), xb[:1])
    accuracy = (forward(layers, xb).argmax(1) == yb).mean()
    macs = 8 * 9 * 64 + 16 * 8 * 9 * 4 + 640
    return Benchmark(graph, xa, xb, f"two convolutions on 8 × 8; held-out accuracy {accuracy:.3f}", macs, yb)


def vol_tcn(rng):
    xa, ya, xb, yb = data.volatility(rng)
    width = 16

    def columns(x):
        return x.transpose(0, 2, 1)[:, :, :, None]

    layers = [Conv(rng, i, width, 5, 1) if i else Relu() for i in (4, 0, width, 0, width, 0)]
    layers += [Flatten(), Dense(rng, width * 20, 1)]
    train(layers, columns(xa), ya, 6, "squares", rng, rate=5e-4, decay=1e-3)
    g = Graph("vol_tcn", OPSET)
    h = g.op("Transpose", "input", perm=[0, 2, 1])
    for at in (0, 2, 4):
        weights, bias = layers[at].params
        h = g.op("Relu", convolution(g, h, weights[:, :, :, 0], bias))
    graph = finish(g, gemm(g, g.op("Flatten", h, axis=1), layers[7]), xb[:1])
    correlation = np.corrcoef(forward(layers, columns(xb))[:, 0], yb[:, 0])[0, 1]
    macs = 4 * width * 5 * 28 + width * width * 5 * (24 + 20) + width * 20
    return Benchmark(graph, xa, xb, f"three convolutions over 32 steps; held-out correlation {correlation:.3f}", macs)


def vol_lstm(rng):
    xa, ya, xb, yb = data.volatility(rng)
    hidden = 16
    layers = [Lstm(rng, 4, hidden), Dense(rng, hidden, 1)]
    train(layers, xa, ya, 6, "squares", rng, decay=0)
    inner, outer, bias = layers[0].params
    g = Graph("vol_lstm", OPSET)
    x = g.op("Transpose", "input", perm=[1, 0, 2])
    weights = (g.const(inner.T[None]), g.const(outer.T[None]), g.const(np.concatenate([bias, 0 * bias])[None]))
    last = g.op("LSTM", x, *weights, outputs=2, hidden_size=hidden)[1]
    graph = finish(g, gemm(g, g.op("Reshape", last, g.ints(1, hidden)), layers[1]), xb[:1])
    correlation = np.corrcoef(forward(layers, xb)[:, 0], yb[:, 0])[0, 1]
    macs = 32 * (4 + hidden) * 4 * hidden + hidden
    return Benchmark(graph, xa, xb, f"32 steps, 16 hidden; held-out correlation {correlation:.3f}", macs)


MODELS = (credit_mlp, risk_mlp, digits_cnn, vol_tcn, vol_lstm)
