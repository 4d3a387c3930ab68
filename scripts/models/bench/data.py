"""Data: sets that scikit-learn ships, and two made-up markets."""

import math

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split


def standardised(x, of):
    return np.clip((x - of.mean(0)) / (of.std(0) + 1e-9), -4, 4)


def credit():
    """Breast cancer in the role of a credit table: 30 features, two classes."""
    d = datasets.load_breast_cancer()
    xa, xb, ya, yb = train_test_split(d.data, d.target, test_size=0.25, random_state=0, stratify=d.target)
    return standardised(xa, xa), standardised(xb, xa), ya, yb


def digits():
    d = datasets.load_digits()
    return train_test_split((d.images / 16.0)[:, None], d.target, test_size=0.25, random_state=0, stratify=d.target)


def enlarged_digits(count):
    """Digits of 8 × 8 as 24 × 24 in a border of 2."""
    x = np.zeros((count, 1, 28, 28))
    x[:, 0, 2:26, 2:26] = np.kron(datasets.load_digits().images[:count] / 16.0, np.ones((3, 3)))
    return x


def lending(rng, count=6000):
    """A made-up lending market: 16 features of [-1, 1], and three parameters that a smooth rule would set, with noise."""
    f = rng.beta(2, 2.5, (count, 16))
    vol, depth, util, conc, corr, skew, age, oracle = f[:, :8].T
    stress = 1.6 * vol + 0.9 * conc + 0.7 * util + 0.5 * corr + 0.4 * skew * vol - 1.1 * depth
    stress = stress - 0.4 * age - 0.3 * oracle + 0.15 * (f[:, 8:] @ np.linspace(-1, 1, 8))
    s = 1 / (1 + np.exp(-1.8 * (stress - stress.mean())))
    value = 0.30 + 0.55 * (1 - s)
    y = np.stack([value, value + 0.03 + 0.05 * s, 0.03 + 0.12 * s * (1 - 0.4 * depth)], 1)
    return f * 2 - 1, np.clip(y + rng.normal(0, 0.004, (count, 3)), 0.01, 0.99)


def volatility(rng, count=7000, steps=32):
    """GARCH(1,1) returns: four features a step; target: realised volatility of the next 8 steps."""
    n = count + steps + 8 + 200
    e, h, r = rng.standard_t(6, n) / math.sqrt(1.5), np.ones(n), np.zeros(n)
    for t in range(1, n):
        h[t] = 0.05 + 0.12 * r[t - 1] ** 2 + 0.83 * h[t - 1]
        r[t] = math.sqrt(h[t]) * e[t]
    volume = np.exp(0.4 * np.log(h) + 0.3 * rng.normal(size=n))
    features = (r / 3, np.abs(r) / 3, np.log(volume) / 2, np.log(np.abs(r) + 0.1) / 3)
    table = np.clip(np.stack(features, 1), -3, 3)
    starts = np.arange(200, 200 + count)
    x = np.stack([table[i : i + steps] for i in starts])
    y = np.array([math.sqrt((r[i + steps : i + steps + 8] ** 2).mean()) for i in starts])[:, None]
    return x[:6000], y[:6000], x[6000:], y[6000:]
