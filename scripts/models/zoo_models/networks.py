"""Whole small networks, written as PyTorch's exporter would."""

import numpy as np

from .graph import Case, image, integers, normal, uniform
from .recurrent import layer
from .reductions import layer_norm, rms_norm


def convolve(g, x, inputs, outputs, kernel=3, pads=1, activation="Relu", op="Conv", **attributes):
    fan = inputs // attributes.get("group", 1) * kernel**2
    shape = (inputs, outputs, kernel, kernel) if op == "ConvTranspose" else (outputs, inputs // attributes.get("group", 1), kernel, kernel)
    x = g.op(op, x, g.normal(*shape, scale=(2 / fan) ** 0.5), g.normal(outputs, scale=0.1), kernel_shape=[kernel] * 2, pads=[pads] * 4, **attributes)
    return g.op(activation, x) if activation else x


def pool(g, x):
    return g.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])


def gemm(g, x, inputs, outputs):
    return g.op("Gemm", x, g.normal(outputs, inputs, scale=(1.5 / inputs) ** 0.5), g.normal(outputs, scale=0.1), transB=1)


def mlp(activation):
    def build(g, x):
        h = g.op(activation, gemm(g, x, 10, 16))
        return gemm(g, g.op(activation, gemm(g, h, 16, 8)), 8, 3)

    return build


def mlp_softmax(g, x):
    return g.op("Softmax", gemm(g, g.op("Relu", gemm(g, x, 4, 12)), 12, 3), axis=-1)


def deep_mlp(g, x):
    for _ in range(8):
        x = g.op("Relu", gemm(g, x, 8, 8))
    return gemm(g, x, 8, 2)


def classifier_with_label(g, x):
    scores = gemm(g, g.op("Tanh", gemm(g, x, 4, 8)), 8, 3)
    return [g.op("Softmax", scores, axis=1), g.op("ArgMax", scores, axis=1, keepdims=0)]


def small_cnn(g, x):
    h = pool(g, convolve(g, x, 1, 4))
    h = pool(g, convolve(g, h, 4, 6))
    return gemm(g, g.op("Flatten", h), 24, 5)


def lenet(g, x):
    h = g.op("AveragePool", convolve(g, x, 1, 3, kernel=5, pads=2, activation="Tanh"), kernel_shape=[2, 2], strides=[2, 2])
    h = g.op("AveragePool", convolve(g, h, 3, 4, kernel=3, pads=0, activation="Tanh"), kernel_shape=[2, 2], strides=[2, 2])
    h = g.op("Tanh", gemm(g, g.op("Reshape", h, g.ints(1, -1)), 16, 12))
    return g.op("LogSoftmax", gemm(g, h, 12, 10), axis=1)


def autoencoder(g, x):
    h = g.op("Relu", gemm(g, x, 12, 6))
    h = g.op("Relu", gemm(g, g.op("Relu", gemm(g, h, 6, 2)), 2, 6))
    return g.op("Sigmoid", gemm(g, h, 6, 12))


def variational_encoder(g, x):
    """Mean and deviation; the noise is an input."""
    h = g.op("Relu", gemm(g, x, 8, 6))
    mean, logarithm = gemm(g, h, 6, 2), gemm(g, h, 6, 2)
    return [mean, g.op("Exp", g.op("Mul", logarithm, g.const(0.5)))]


def residual_block(g, x):
    h = convolve(g, x, 3, 3, activation=None)
    scale = [g.normal(3, scale=0.1, mean=1), g.normal(3, scale=0.1), g.normal(3, scale=0.1), g.const(g.rng.uniform(0.5, 1.5, 3))]
    h = g.op("Relu", g.op("BatchNormalization", h, *scale))
    h = convolve(g, h, 3, 3, activation=None)
    return g.op("Flatten", g.op("GlobalAveragePool", g.op("Relu", g.op("Add", h, x))))


def mobilenet_block(g, x):
    h = g.op("Clip", convolve(g, x, 3, 6, kernel=1, pads=0, activation=None), g.const(0.0), g.const(6.0))
    h = g.op("Clip", convolve(g, h, 6, 6, group=6, activation=None), g.const(0.0), g.const(6.0))
    return g.op("Add", convolve(g, h, 6, 3, kernel=1, pads=0, activation=None), x)


def squeeze_excite(g, x):
    h = g.op("Flatten", g.op("GlobalAveragePool", x))
    h = g.op("HardSigmoid", gemm(g, g.op("Relu", gemm(g, h, 4, 2)), 2, 4))
    return g.op("Mul", x, g.op("Reshape", h, g.ints(1, 4, 1, 1)))


def unet(g, x):
    first = convolve(g, x, 1, 3)
    deep = convolve(g, pool(g, first), 3, 4)
    up = convolve(g, deep, 4, 3, kernel=2, pads=0, activation=None, op="ConvTranspose", strides=[2, 2])
    return g.op("Sigmoid", convolve(g, g.op("Concat", up, first, axis=1), 6, 1, kernel=1, pads=0, activation=None))


def tcn(g, x):
    """Dilated causal convolutions with residual connections."""
    for dilation in (1, 2):
        h = g.op("Pad", x, g.ints(0, 0, dilation, 0, 0, 0))
        h = g.op("Relu", g.op("Conv", h, g.normal(3, 3, 2), g.normal(3, scale=0.1), dilations=[dilation]))
        x = g.op("Relu", g.op("Add", h, x))
    last = g.op("Gather", x, g.const(-1, np.int64), axis=2)
    return gemm(g, last, 3, 1)


def lstm_classifier(g, x):
    steps = g.op("Transpose", x, perm=[1, 0, 2])
    hidden = layer(g, "LSTM", steps, 3, 6)[1]
    return gemm(g, g.op("Squeeze", hidden, g.ints(0)), 6, 2)


def gru_forecaster(g, x):
    hidden = layer(g, "GRU", g.op("Transpose", x, perm=[1, 0, 2]), 2, 5, linear_before_reset=1)[0]
    last = g.op("Slice", g.op("Squeeze", hidden, g.ints(1)), g.ints(-1), g.ints(2**62), g.ints(0))
    return gemm(g, g.op("Reshape", last, g.ints(1, 5)), 5, 2)


def heads(g, x, tokens, width, count):
    x = g.op("Reshape", x, g.ints(1, tokens, count, width // count))
    return g.op("Transpose", x, perm=[0, 2, 1, 3])


def attention(g, x, tokens, width, count, causal=False):
    q, k, v = (heads(g, g.dense(x, width, width), tokens, width, count) for _ in range(3))
    scores = g.op("MatMul", q, g.op("Transpose", k, perm=[0, 1, 3, 2]))
    scores = g.op("Mul", scores, g.const((width // count) ** -0.5))
    if causal:
        mask = np.triu(np.ones((1, 1, tokens, tokens), bool), 1)
        scores = g.op("Where", g.const(mask, bool), g.const(-np.inf), scores) if causal == "infinite" else g.op("Add", scores, g.const(mask * -1e9))
    mixed = g.op("MatMul", g.op("Softmax", scores, axis=-1), v)
    mixed = g.op("Reshape", g.op("Transpose", mixed, perm=[0, 2, 1, 3]), g.ints(1, tokens, width))
    return g.dense(mixed, width, width)


def attention_block(g, x):
    return layer_norm(g, g.op("Add", x, attention(g, x, 4, 8, 2)), 8)


def single_head(g, x):
    """Self-attention without projections of the output, as in small demonstrations."""
    q, k, v = (g.op("MatMul", x, g.normal(6, 6)) for _ in range(3))
    weights = g.op("Softmax", g.op("Div", g.op("MatMul", q, g.op("Transpose", k, perm=[0, 2, 1])), g.const(6**0.5)), axis=-1)
    return g.op("MatMul", weights, v)


def gelu_tanh(g, x):
    """GELU as GPT-2 writes it."""
    cubic = g.op("Mul", g.op("Pow", x, g.const(3.0)), g.const(0.044715))
    inner = g.op("Tanh", g.op("Mul", g.op("Add", x, cubic), g.const((2 / np.pi) ** 0.5)))
    return g.op("Mul", g.op("Mul", x, g.const(0.5)), g.op("Add", inner, g.const(1.0)))


def transformer_layers(g, x, tokens, width, count, layers, causal="infinite"):
    for _ in range(layers):
        x = g.op("Add", x, attention(g, layer_norm(g, x, width), tokens, width, count, causal))
        h = gelu_tanh(g, g.dense(layer_norm(g, x, width), width, 2 * width))
        x = g.op("Add", x, g.dense(h, 2 * width, width))
    return g.op("MatMul", layer_norm(g, x, width), g.normal(width, 12, scale=width**-0.5))


def nano_gpt(g, ids):
    """Token ids, an embedding table, positions, one layer, logits of all tokens."""
    x = g.op("Add", g.op("Gather", g.normal(12, 8, scale=1.0), ids), g.normal(4, 8, scale=0.3))
    return transformer_layers(g, x, 4, 8, 2, 1)


def nano_gpt_one_hot(g, x):
    """The same with one-hot tokens as floats."""
    x = g.op("Add", g.op("MatMul", x, g.normal(12, 8, scale=1.0)), g.normal(4, 8, scale=0.3))
    return transformer_layers(g, x, 4, 8, 2, 1, causal=True)


def llama_block(g, x):
    """RMS norm, and a gated feed-forward layer."""
    h = rms_norm(g, x, 8)
    gate = g.op("MatMul", h, g.normal(8, 12, scale=8**-0.5))
    gate = g.op("Mul", gate, g.op("Sigmoid", gate))
    return g.op("Add", x, g.op("MatMul", g.op("Mul", gate, g.op("MatMul", h, g.normal(8, 12, scale=8**-0.5))), g.normal(12, 8, scale=12**-0.5)))


def embedding_bag(g, ids, x):
    """Categories and numbers together: a recommender's front."""
    pooled = g.op("ReduceMean", g.op("Gather", g.normal(10, 4, scale=1.0), ids), axes=[0], keepdims=1)
    return g.op("Sigmoid", gemm(g, g.op("Relu", gemm(g, g.op("Concat", pooled, x, axis=1), 7, 8)), 8, 1))


def graph_convolution(g, x, adjacency):
    """Features times a normalised adjacency matrix, both inputs."""
    h = g.op("Relu", g.op("MatMul", adjacency, g.op("MatMul", x, g.normal(3, 6))))
    return g.op("ReduceMean", g.op("MatMul", adjacency, g.op("MatMul", h, g.normal(6, 2))), axes=[0], keepdims=1)


def kernel_distance(g, x):
    """Radial basis functions about constant centres."""
    difference = g.op("Sub", g.op("Unsqueeze", x, g.ints(1)), g.normal(1, 5, 3, scale=1.0))
    square = g.op("ReduceSum", g.op("Mul", difference, difference), g.ints(-1), keepdims=0)
    return gemm(g, g.op("Exp", g.op("Mul", square, g.const(-0.5))), 5, 2)


def mixture(g, x):
    """A gate that weighs three experts."""
    gate = g.op("Softmax", gemm(g, x, 4, 3), axis=-1)
    experts = g.op("Reshape", gemm(g, x, 4, 6), g.ints(1, 3, 2))
    return g.op("ReduceSum", g.op("Mul", experts, g.op("Unsqueeze", gate, g.ints(2))), g.ints(1), keepdims=0)


def one_hot_tokens(rng):
    return np.eye(12, dtype=np.float32)[rng.integers(0, 12, 4)][None]


def adjacency(rng):
    links = np.triu(rng.integers(0, 2, (5, 5)), 1)
    links = links + links.T + np.eye(5)
    degree = links.sum(1) ** -0.5
    return np.round(links * degree[:, None] * degree, 4).astype(np.float32)


def cases():
    yield Case("mlp_relu", 13, mlp("Relu"), {"x": normal(1, 10)})
    yield Case("mlp_tanh", 9, mlp("Tanh"), {"x": normal(1, 10)})
    yield Case("mlp_selu", 15, mlp("Selu"), {"x": normal(1, 10)})
    yield Case("mlp_softmax", 13, mlp_softmax, {"x": uniform(0, 8, 1, 4)})
    yield Case("deep_mlp", 13, deep_mlp, {"x": normal(1, 8)})
    yield Case("classifier_with_label", 13, classifier_with_label, {"x": normal(1, 4)})
    yield Case("small_cnn", 11, small_cnn, {"x": image(1, 1, 8, 8)})
    yield Case("lenet", 13, lenet, {"x": image(1, 1, 12, 12)})
    yield Case("autoencoder", 13, autoencoder, {"x": image(1, 12)})
    yield Case("variational_encoder", 13, variational_encoder, {"x": normal(1, 8)})
    yield Case("residual_block", 13, residual_block, {"x": normal(1, 3, 5, 5)})
    yield Case("mobilenet_block", 13, mobilenet_block, {"x": normal(1, 3, 5, 5)})
    yield Case("squeeze_excite", 14, squeeze_excite, {"x": normal(1, 4, 3, 3)})
    yield Case("unet", 13, unet, {"x": image(1, 1, 6, 6)})
    yield Case("tcn", 13, tcn, {"x": normal(1, 3, 8)})
    yield Case("lstm_classifier", 14, lstm_classifier, {"x": normal(1, 5, 3)})
    yield Case("gru_forecaster", 14, gru_forecaster, {"x": normal(1, 4, 2)})
    yield Case("attention_block", 13, attention_block, {"x": normal(1, 4, 8)})
    yield Case("single_head", 13, single_head, {"x": normal(1, 3, 6)})
    yield Case("nano_gpt", 17, nano_gpt, {"ids": integers(0, 12, 1, 4)})
    yield Case("nano_gpt_one_hot", 13, nano_gpt_one_hot, {"x": one_hot_tokens})
    yield Case("llama_block", 17, llama_block, {"x": normal(1, 2, 8)})
    yield Case("embedding_bag", 13, embedding_bag, {"ids": integers(0, 10, 3), "x": normal(1, 3)})
    yield Case("graph_convolution", 13, graph_convolution, {"x": normal(5, 3), "adjacency": adjacency})
    yield Case("kernel_distance", 13, kernel_distance, {"x": normal(1, 3)})
    yield Case("mixture", 13, mixture, {"x": normal(1, 4)})
