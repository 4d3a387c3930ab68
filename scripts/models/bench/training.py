"""A small trainer in numpy: layers with forward and backward passes, and Adam."""

import math

import numpy as np


class Layer:
    """No parameters unless a subclass says so; `grads` answers `params`."""

    params: list[np.ndarray] = []
    grads: list[np.ndarray] = []


class Dense(Layer):
    def __init__(self, rng, inputs, outputs):
        self.params = [rng.normal(0, math.sqrt(2 / inputs), (inputs, outputs)), np.zeros(outputs)]

    def forward(self, x):
        self.x = x
        return x @ self.params[0] + self.params[1]

    def backward(self, g):
        self.grads = [self.x.T @ g, g.sum(0)]
        return g @ self.params[0].T


class Conv(Layer):
    """2-D, stride 1, by patches; `pad` is (top, left, bottom, right)."""

    def __init__(self, rng, inputs, outputs, height, width, pad=(0, 0, 0, 0)):
        scale = math.sqrt(2 / (inputs * height * width))
        self.params = [rng.normal(0, scale, (outputs, inputs, height, width)), np.zeros(outputs)]
        self.pad = pad

    def forward(self, x):
        top, left, bottom, right = self.pad
        outputs, inputs, kh, kw = self.params[0].shape
        padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
        self.size = height, width = padded.shape[2] - kh + 1, padded.shape[3] - kw + 1
        self.shape = padded.shape
        patches = [padded[:, :, a : a + height, b : b + width] for a in range(kh) for b in range(kw)]
        self.patches = np.stack(patches, 2)
        product = np.einsum("nikhw,oik->nohw", self.patches, self.params[0].reshape(outputs, inputs, -1), optimize=True)
        return product + self.params[1][None, :, None, None]

    def backward(self, g):
        outputs, inputs, kh, kw = self.params[0].shape
        height, width = self.size
        weights = np.einsum("nohw,nikhw->oik", g, self.patches, optimize=True).reshape(self.params[0].shape)
        self.grads = [weights, g.sum((0, 2, 3))]
        spread = np.einsum("nohw,oik->nikhw", g, self.params[0].reshape(outputs, inputs, -1), optimize=True)
        result = np.zeros(self.shape)
        for k in range(kh * kw):
            a, b = divmod(k, kw)
            result[:, :, a : a + height, b : b + width] += spread[:, :, k]
        top, left, bottom, right = self.pad
        return result[:, :, top : result.shape[2] - bottom, left : result.shape[3] - right]


class Relu(Layer):
    def forward(self, x):
        self.open = x > 0
        return x * self.open

    def backward(self, g):
        return g * self.open


class Sigmoid(Layer):
    def forward(self, x):
        self.y = 1 / (1 + np.exp(-x))
        return self.y

    def backward(self, g):
        return g * self.y * (1 - self.y)


class MaxPool(Layer):
    """2 × 2, stride 2."""

    def forward(self, x):
        n, c, h, w = self.shape = x.shape
        windows = x.reshape(n, c, h // 2, 2, w // 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h // 2, w // 2, 4)
        self.first = windows.argmax(-1)
        return windows.max(-1)

    def backward(self, g):
        n, c, h, w = self.shape
        windows = np.eye(4)[self.first] * g[..., None]
        return windows.reshape(n, c, h // 2, w // 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h, w)


class Flatten(Layer):
    def forward(self, x):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, g):
        return g.reshape(self.shape)


class Lstm(Layer):
    """One layer, its last hidden state; gates in ONNX's order i, o, f, c; x is (batch, time, feature)."""

    def __init__(self, rng, inputs, hidden):
        limit = 1 / math.sqrt(hidden)
        self.hidden = hidden
        shapes = ((inputs, 4 * hidden), (hidden, 4 * hidden))
        self.params = [*(rng.uniform(-limit, limit, s) for s in shapes), np.zeros(4 * hidden)]

    def forward(self, x):
        h, c, self.tape = np.zeros((len(x), self.hidden)), np.zeros((len(x), self.hidden)), []
        for t in range(x.shape[1]):
            z = x[:, t] @ self.params[0] + h @ self.params[1] + self.params[2]
            i, o, f = np.split(1 / (1 + np.exp(-z[:, : 3 * self.hidden])), 3, 1)
            g = np.tanh(z[:, 3 * self.hidden :])
            after = f * c + i * g
            self.tape.append((x[:, t], h, c, i, o, f, g, after))
            h, c = o * np.tanh(after), after
        return h

    def backward(self, gh):
        self.grads = [np.zeros_like(p) for p in self.params]
        gc = np.zeros_like(gh)
        for x, h, c, i, o, f, g, after in reversed(self.tape):
            th = np.tanh(after)
            gc = gc + gh * o * (1 - th * th)
            gates = (gc * g * i * (1 - i), gh * th * o * (1 - o), gc * c * f * (1 - f), gc * i * (1 - g * g))
            dz = np.concatenate(gates, 1)
            self.grads[0] += x.T @ dz
            self.grads[1] += h.T @ dz
            self.grads[2] += dz.sum(0)
            gh, gc = dz @ self.params[1].T, gc * f


def forward(layers, x):
    for layer in layers:
        x = layer.forward(x)
    return x


def train(layers, x, y, epochs, loss, rng, rate=2e-3, batch=32, decay=1e-4):
    """Adam. `loss` is `classes` (y holds integers) or `squares` (y holds targets)."""
    slots = [(layer, k) for layer in layers for k in range(len(layer.params))]
    first = [np.zeros_like(layer.params[k]) for layer, k in slots]
    second = [np.zeros_like(m) for m in first]
    step = 0
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch):
            chosen = order[start : start + batch]
            g = gradient(forward(layers, x[chosen]), y[chosen], loss)
            for layer in reversed(layers):
                g = layer.backward(g)
            step += 1
            for j, (layer, k) in enumerate(slots):
                d = layer.grads[k] + decay * layer.params[k]
                first[j] = 0.9 * first[j] + 0.1 * d
                second[j] = 0.999 * second[j] + 0.001 * d * d
                size = np.sqrt(second[j] / (1 - 0.999**step)) + 1e-8
                layer.params[k] -= rate * first[j] / (1 - 0.9**step) / size


def gradient(output, target, loss):
    """Of the mean loss with respect to the output."""
    if loss == "squares":
        return 2 * (output - target) / len(output)
    e = np.exp(output - output.max(1, keepdims=True))
    g = e / e.sum(1, keepdims=True)
    g[np.arange(len(g)), target] -= 1
    return g / len(output)
