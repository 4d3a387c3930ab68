"""The quantile network: standardise, 16 -> 64 -> 64 -> 1 with ReLU, clip to [Q_MIN, Q_MAX].

In training two more heads predict the 90 % and 95 % quantiles from the same trunk; they steady the
99 % head, for which there are few distinct events, and are dropped afterwards. Training samples are
also shown at other sizes of return (`SCALE_RANGE`): most features and the loss grow in proportion
to it, so the network learns that a market twice as wild falls about twice as far.
"""

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import optax

from . import features, mapping

HIDDEN = 64
HEADS = (0.99, 0.95, 0.90)  # the first is the one that is kept
SCALE_RANGE = (0.6, 1.6)
BATCH = 512
EPOCHS = 120


@dataclass(frozen=True)
class Recipe:
    """What validation chooses. decay: decoupled weight decay; augment: show other return sizes."""

    decay: float
    augment: bool
    learning_rate: float = 1e-3
    seed: int = 20181231


RECIPES = tuple(Recipe(decay, augment) for augment in (True, False) for decay in (1.0, 3.0, 10.0))


@dataclass(frozen=True)
class Network:
    """Weights in fp32: `weights[i]` is [in, out], `biases[i]` is [out]. domain [16, 2] real units."""

    mean: np.ndarray
    inverse_std: np.ndarray
    weights: tuple[np.ndarray, np.ndarray, np.ndarray]
    biases: tuple[np.ndarray, np.ndarray, np.ndarray]
    domain: np.ndarray

    def quantile(self, x: np.ndarray) -> np.ndarray:
        """x [n, 16] real units -> q [n]: inputs clamped to the domain, all in fp32."""
        x = np.clip(x, self.domain[:, 0], self.domain[:, 1]).astype(np.float32)
        h = (x - self.mean) * self.inverse_std
        for w, b in zip(self.weights[:2], self.biases[:2]):
            h = np.maximum(h @ w + b, 0)
        q = (h @ self.weights[2] + self.biases[2])[:, 0]
        return np.clip(q, np.float32(mapping.Q_MIN), np.float32(mapping.Q_MAX))

    def scaled(self, factor: float) -> "Network":
        """The same network with its estimate multiplied by `factor` (before the clip)."""
        f = np.float32(factor)
        return replace(self, weights=(*self.weights[:2], self.weights[2] * f), biases=(*self.biases[:2], self.biases[2] * f))

    def bounds(self) -> list[tuple[str, float]]:
        """Interval analysis over the whole domain: the largest magnitude before each activation."""
        low, high = ((self.domain.T - self.mean) * self.inverse_std).astype(np.float64)
        found = [("standardised input", float(np.abs([low, high]).max()))]
        for name, w, b in zip(("hidden 1", "hidden 2", "q"), self.weights, self.biases):
            up, down = np.maximum(w, 0), np.minimum(w, 0)
            low, high = low @ up + high @ down + b, high @ up + low @ down + b
            found.append((name, float(np.abs([low, high]).max())))
            low, high = np.maximum(low, 0), np.maximum(high, 0)
        return found


def pinball(y, q, level):
    """Mean pinball loss of the estimates q of the `level` quantile. numpy or jax arrays."""
    gap = y - q
    return (gap * (level - (gap < 0))).mean()


def _initial(seed: int, y: np.ndarray) -> dict:
    keys = jax.random.split(jax.random.PRNGKey(seed), 3)
    sizes = [(len(features.NAMES), HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, len(HEADS))]
    weights = [jax.random.normal(k, s) * np.sqrt(0.5 / s[0]) for k, s in zip(keys, sizes)]
    weights[2] = weights[2] * 0.1
    biases = [jnp.zeros(HIDDEN), jnp.zeros(HIDDEN), jnp.asarray(np.quantile(y, HEADS))]
    return {"w": weights, "b": biases}


def _forward(params: dict, z: jax.Array) -> jax.Array:
    h = jax.nn.relu(z @ params["w"][0] + params["b"][0])
    h = jax.nn.relu(h @ params["w"][1] + params["b"][1])
    return h @ params["w"][2] + params["b"][2]


def _loss(params: dict, z: jax.Array, y: jax.Array) -> jax.Array:
    q = _forward(params, z)
    return sum(pinball(y, q[:, i], level) / (1 - level) for i, level in enumerate(HEADS)) / len(HEADS)


def _augmented(x: np.ndarray, y: np.ndarray, rng: np.random.Generator, domain: np.ndarray):
    """Each sample at a random size of return; the loss is scaled in logs, so it stays below 1."""
    size = np.exp(rng.uniform(*np.log(SCALE_RANGE), size=len(y)))
    grown = np.where(features.SCALES_WITH_RETURNS, x * size[:, None], x)
    return np.clip(grown, domain[:, 0], domain[:, 1]), 1 - (1 - y) ** size


def train(x: np.ndarray, y: np.ndarray, val_x: np.ndarray, val_y: np.ndarray, recipe: Recipe) -> tuple[Network, float]:
    """Fit on (x, y); keep the epoch with the least validation pinball loss at the kept level.

    Returns the network and that loss. Deterministic for one seed on one machine.
    """
    mean, std, domain = x.mean(axis=0), x.std(axis=0), features.declared_domain(x)
    rng = np.random.default_rng(recipe.seed)
    params = _initial(recipe.seed, y)
    steps = len(y) // BATCH
    schedule = optax.cosine_decay_schedule(recipe.learning_rate, EPOCHS * steps)
    decayed = {"w": [True] * 3, "b": [False] * 3}
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=recipe.decay, mask=decayed))
    state = optimiser.init(params)

    @jax.jit
    def step(params, state, z, y):
        updates, state = optimiser.update(jax.grad(_loss)(params, z, y), state, params)
        return optax.apply_updates(params, updates), state

    best: tuple[float, Network | None] = (np.inf, None)
    for _ in range(EPOCHS):
        seen_x, seen_y = _augmented(x, y, rng, domain) if recipe.augment else (x, y)
        z = ((seen_x - mean) / std).astype(np.float32)
        order = rng.permutation(len(y))
        for i in range(steps):
            pick = order[i * BATCH : (i + 1) * BATCH]
            params, state = step(params, state, z[pick], seen_y[pick].astype(np.float32))
        network = _kept(params, mean, std, domain)
        score = float(pinball(val_y, network.quantile(val_x).astype(np.float64), HEADS[0]))
        if score < best[0]:
            best = (score, network)
    if best[1] is None:
        raise ValueError("training gave no finite validation loss")
    return best[1], best[0]


def _kept(params: dict, mean: np.ndarray, std: np.ndarray, domain: np.ndarray) -> Network:
    w, b = [np.asarray(v) for v in params["w"]], [np.asarray(v) for v in params["b"]]
    return Network(mean.astype(np.float32), (1 / std).astype(np.float32), (w[0], w[1], w[2][:, :1]), (b[0], b[1], b[2][:1]), domain)
