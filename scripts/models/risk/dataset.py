"""Two indices as arrays, the target, and the split by time.

Data: the daily OHLCV of the S&P 500 and of the NASDAQ Composite, 1999 to 2018, as bundled with the
PyPI package `arch` (source: Yahoo Finance). `arch` also ships VIX, but only from 2014 on, which
lies outside the training period, and WTI without OHLCV; neither is used.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from arch.data import nasdaq, sp500

from . import features

HORIZON = 10  # trading days that a liquidator must survive
LEVEL = 0.99  # of the loss quantile

# Names by which the files call the two series. "NDX" is the NASDAQ Composite here.
LOADERS = {"SPX": sp500.load, "NDX": nasdaq.load}


@dataclass(frozen=True)
class Split:
    """Inclusive date bounds. Each gap is longer than the horizon (10 trading days), so no target
    of one part looks into the next; features of a part's first days may look back into the gap."""

    train: tuple[str, str]
    validation: tuple[str, str]
    test: tuple[str, str]


SPLIT = Split(("1999-01-01", "2010-11-30"), ("2011-01-03", "2012-11-30"), ("2013-01-02", "2018-12-31"))
# Same recipe with the 2008 crisis unseen: only to be reported, never shipped.
CRISIS_SPLIT = Split(("1999-01-01", "2005-11-30"), ("2006-01-03", "2007-04-30"), ("2007-06-01", "2018-12-31"))


@dataclass(frozen=True)
class Samples:
    """n samples: x [n, 16] real units at the schema's resolution, y [n] loss in [0, 1) (NaN where
    the future is not in the data), date [n], asset [n]."""

    x: np.ndarray
    y: np.ndarray
    date: np.ndarray
    asset: np.ndarray

    def where(self, mask: np.ndarray) -> "Samples":
        return Samples(self.x[mask], self.y[mask], self.date[mask], self.asset[mask])

    def between(self, bounds: tuple[str, str], with_target: bool = True) -> "Samples":
        mask = (self.date >= np.datetime64(bounds[0])) & (self.date <= np.datetime64(bounds[1]))
        return self.where(mask & np.isfinite(self.y)) if with_target else self.where(mask)


def future_drawdown(frame: pd.DataFrame, horizon: int = HORIZON) -> pd.Series:
    """Largest fall, as a fraction, from any close of days t..t+horizon-1 to a later day's low within
    t+1..t+horizon. At least 0. NaN for the last `horizon` days."""
    close, low = frame["Close"].to_numpy(), frame["Low"].to_numpy()
    n = len(close) - horizon
    worst = np.zeros(n)
    peak = close[:n].copy()
    for day in range(1, horizon + 1):
        worst = np.maximum(worst, 1 - low[day : n + day] / peak)
        peak = np.maximum(peak, close[day : n + day])
    return pd.Series(np.concatenate([worst, np.full(horizon, np.nan)]), index=frame.index)


def load() -> Samples:
    """All samples of both indices, index by index, in date order."""
    parts = []
    for asset, loader in LOADERS.items():
        frame = loader()
        x = features.compute(frame)
        y = future_drawdown(frame).loc[x.index]
        parts.append((features.round_to_schema(x.to_numpy()), y.to_numpy(), x.index.values.astype("datetime64[D]"), [asset] * len(x)))
    return Samples(*(np.concatenate(column) for column in zip(*parts)))


def returns(asset: str) -> pd.Series:
    """Daily log returns in percent (for the GARCH baseline)."""
    close = LOADERS[asset]()["Close"]
    return 100 * np.log(close / close.shift(1)).dropna()
