"""The 16 features of one index on one day, from the last 5 to 60 trading days of OHLCV.

All are known at the day's close. `Open` is not used: in the early years of the S&P 500 series it
repeats the previous close. Volatilities are annualised with 252 trading days.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

TRADING_DAYS = 252
LONGEST_WINDOW = 60
SCALE = 1_000_000  # integer units per 1.0 in the feed's schema


@dataclass(frozen=True)
class Feature:
    """One column of the feed.

    unit: text for the schema. scales: True if the value is proportional to the size of the
    returns (used by the training's augmentation). low, high: natural bounds, or None.
    """

    name: str
    unit: str
    scales: bool
    low: float | None
    high: float | None
    meaning: str


FEATURES = (
    Feature("realised_vol_5d", "fraction/sqrt(year)", True, 0.0, None, "root mean square of 5 daily log returns, annualised"),
    Feature("realised_vol_10d", "fraction/sqrt(year)", True, 0.0, None, "the same over 10 days"),
    Feature("realised_vol_20d", "fraction/sqrt(year)", True, 0.0, None, "the same over 20 days"),
    Feature("realised_vol_60d", "fraction/sqrt(year)", True, 0.0, None, "the same over 60 days"),
    Feature("range_vol_10d", "fraction/sqrt(year)", True, 0.0, None, "Parkinson volatility from ln(high/low), 10 days, annualised"),
    Feature("range_vol_20d", "fraction/sqrt(year)", True, 0.0, None, "the same over 20 days"),
    Feature("downside_vol_20d", "fraction/sqrt(year)", True, 0.0, None, "root mean square of min(return, 0), 20 days, annualised"),
    Feature("drawdown_20d", "fraction", True, 0.0, 1.0, "1 - close / highest close of 20 days"),
    Feature("drawdown_60d", "fraction", True, 0.0, 1.0, "1 - close / highest close of 60 days"),
    Feature("worst_day_20d", "log fraction", True, 0.0, None, "largest one-day loss of 20 days, -min(return, 0)"),
    Feature("day_range_5d", "fraction", True, 0.0, None, "mean of (high - low) / close, 5 days"),
    Feature("trend_5d", "log fraction", True, None, None, "log return over 5 days"),
    Feature("trend_20d", "log fraction", True, None, None, "log return over 20 days"),
    Feature("trend_60d", "log fraction", True, None, None, "log return over 60 days"),
    Feature("volume_ratio", "log ratio", False, None, None, "ln(mean volume of 5 days / mean volume of 60 days)"),
    Feature("down_volume_20d", "fraction", False, 0.0, 1.0, "share of 20 days' volume traded on falling days"),
)
NAMES = [f.name for f in FEATURES]
SCALES_WITH_RETURNS = np.array([f.scales for f in FEATURES])


def compute(frame: pd.DataFrame) -> pd.DataFrame:
    """Features of every day that has `LONGEST_WINDOW` returns behind it.

    frame: daily `High`, `Low`, `Close`, `Volume`, indexed by date. Days with no recorded volume
    take the last one known. Returns a frame with the columns `NAMES`, all finite.
    """
    close, high, low = frame["Close"], frame["High"], frame["Low"]
    volume = frame["Volume"].astype(float).where(frame["Volume"] > 0).ffill()
    ret = np.log(close / close.shift(1))
    squared_range = np.log(high / low) ** 2 / (4 * np.log(2))
    falling = volume.where(ret < 0, 0.0)

    def annual_rms(series: pd.Series, days: int) -> pd.Series:
        # A running mean of squares may go a rounding error below zero.
        return np.sqrt(TRADING_DAYS * series.rolling(days).mean().clip(lower=0))

    columns = {f"realised_vol_{n}d": annual_rms(ret**2, n) for n in (5, 10, 20, 60)}
    columns |= {f"range_vol_{n}d": annual_rms(squared_range, n) for n in (10, 20)}
    columns["downside_vol_20d"] = annual_rms(ret.clip(upper=0) ** 2, 20)
    columns |= {f"drawdown_{n}d": 1 - close / close.rolling(n).max() for n in (20, 60)}
    columns["worst_day_20d"] = -ret.rolling(20).min().clip(upper=0)
    columns["day_range_5d"] = ((high - low) / close).rolling(5).mean()
    columns |= {f"trend_{n}d": np.log(close / close.shift(n)) for n in (5, 20, 60)}
    columns["volume_ratio"] = np.log(volume.rolling(5).mean() / volume.rolling(60).mean())
    columns["down_volume_20d"] = falling.rolling(20).sum() / volume.rolling(20).sum()
    return pd.DataFrame(columns)[NAMES].dropna()


def to_units(values: np.ndarray) -> np.ndarray:
    """Real values -> the feed's integers, rounding half to even as publishers do."""
    return np.rint(np.asarray(values, dtype=np.float64) * SCALE).astype(np.int64)


def round_to_schema(values: np.ndarray) -> np.ndarray:
    """Real values -> the real values that the feed can carry."""
    return to_units(values) / SCALE


def declared_domain(train_x: np.ndarray, sigmas: float = 8.0, margin: float = 1.1) -> np.ndarray:
    """[16, 2] low and high of each feature, from the training samples [n, 16] alone: `sigmas` around
    the mean, and at least `margin` times the training extremes; cut at the natural bounds, rounded
    outwards to three decimals."""
    mean, std = train_x.mean(axis=0), train_x.std(axis=0)
    low = np.minimum(mean - sigmas * std, margin * train_x.min(axis=0))
    high = np.maximum(mean + sigmas * std, margin * train_x.max(axis=0))
    low, high = np.floor(low * 1000) / 1000, np.ceil(high * 1000) / 1000
    for i, f in enumerate(FEATURES):
        low[i] = low[i] if f.low is None else max(low[i], f.low)
        high[i] = high[i] if f.high is None else min(high[i], f.high)
    return np.stack([low, high], axis=1)
