"""RNN, GRU and LSTM, in one direction and in both."""

from .graph import Case, normal

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def layer(g, op, x, features, hidden, directions=1, bias=True, state=None, outputs=2, **attributes):
    """One recurrent layer over `x` of [time, batch, features]; returns its outputs."""
    rows = GATES[op] * hidden
    inputs = [x, g.normal(directions, rows, features, scale=features**-0.5), g.normal(directions, rows, hidden, scale=hidden**-0.5)]
    if bias or state:
        inputs.append(g.normal(directions, 2 * rows, scale=0.1) if bias else "")
    if state:
        inputs += ["", *state]
    return g.op(op, *inputs, outputs=outputs, hidden_size=hidden, **attributes)


def sequence(op, **attributes):
    """All hidden states and the last one."""
    return lambda g, x: layer(g, op, x, 3, 4, **attributes)


def last_only(op, **attributes):
    return lambda g, x: layer(g, op, x, 3, 4, **attributes)[1]


def lstm_with_state(g, x, h, c):
    return layer(g, "LSTM", x, 3, 3, state=(h, c), outputs=3)


def gru_with_state(g, x, h):
    return layer(g, "GRU", x, 3, 3, state=(h,), linear_before_reset=1)


def cases():
    yield Case("rnn", 14, sequence("RNN"), {"x": normal(4, 1, 3)})
    yield Case("rnn_relu", 7, sequence("RNN", activations=["Relu"]), {"x": normal(3, 1, 3)})
    yield Case("rnn_reverse", 14, last_only("RNN", direction="reverse", bias=False), {"x": normal(3, 1, 3)})
    yield Case("gru", 14, sequence("GRU"), {"x": normal(4, 1, 3)})
    yield Case("gru_pytorch", 14, sequence("GRU", linear_before_reset=1), {"x": normal(3, 1, 3)})
    yield Case("gru_bidirectional", 7, sequence("GRU", directions=2, direction="bidirectional"), {"x": normal(3, 1, 3)})
    yield Case("gru_with_state", 14, gru_with_state, {"x": normal(2, 1, 3), "h": normal(1, 1, 3)})
    yield Case("lstm", 14, sequence("LSTM"), {"x": normal(4, 1, 3)})
    yield Case("lstm_batch", 14, last_only("LSTM"), {"x": normal(2, 2, 3)})
    yield Case("lstm_bidirectional", 7, sequence("LSTM", directions=2, direction="bidirectional"), {"x": normal(3, 1, 3)})
    yield Case("lstm_with_state", 14, lstm_with_state, {"x": normal(2, 1, 3), "h": normal(1, 1, 3, scale=0.5), "c": normal(1, 1, 3)})
