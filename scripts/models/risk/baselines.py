"""Three simpler estimates of the same loss quantile. Each is `k` times a size known at the close,
with `k` the training period's empirical quantile of loss / size.

constant: size 1. rolling: 20-day realised volatility. garch: the root of the variance that a
GARCH(1,1) with Student t errors forecasts for the next `HORIZON` days; fitted on the training
period of each index, then run forward with fixed parameters.
"""

from collections.abc import Callable

import numpy as np
from arch import arch_model

from . import features
from .dataset import HORIZON, LEVEL, Samples, returns

VOL_COLUMN = features.NAMES.index("realised_vol_20d")
Estimate = Callable[[Samples], np.ndarray]


def garch_size(samples: Samples, train_end: str) -> np.ndarray:
    """Forecast standard deviation, as a fraction, of the `HORIZON`-day return after each sample."""
    size = np.full(len(samples.y), np.nan)
    for asset in np.unique(samples.asset):
        series = returns(asset)
        fitted = arch_model(series[:train_end], vol="GARCH", p=1, q=1, dist="t").fit(disp="off")
        omega, alpha, beta = (fitted.params[n] for n in ("omega", "alpha[1]", "beta[1]"))
        shocks = (series - fitted.params["mu"]).to_numpy()
        variance = np.empty(len(shocks) + 1)
        variance[0] = shocks[: len(series[:train_end])].var()
        for t, shock in enumerate(shocks):
            variance[t + 1] = omega + alpha * shock**2 + beta * variance[t]
        persistence = alpha + beta
        ahead = persistence ** np.arange(HORIZON)
        level = omega / (1 - persistence)
        total = HORIZON * level + ahead.sum() * (variance[1:] - level)
        mine = samples.asset == asset
        days = series.index.values.astype("datetime64[D]")
        size[mine] = np.sqrt(total[np.searchsorted(days, samples.date[mine])]) / 100
    return size


def fit(train: Samples, train_end: str) -> dict[str, Estimate]:
    """The three estimates, by name, as functions from samples to q [n]."""
    sizes: dict[str, Estimate] = {
        "constant": lambda s: np.ones(len(s.y)),
        "rolling volatility": lambda s: s.x[:, VOL_COLUMN],
        "GARCH(1,1)-t": lambda s: garch_size(s, train_end),
    }

    def scaled(size: Estimate) -> Estimate:
        k = float(np.quantile(train.y / size(train), LEVEL))
        return lambda s: k * size(s)

    return {name: scaled(size) for name, size in sizes.items()}
