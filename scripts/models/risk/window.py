"""The same features from the raw window itself: 60 trading days × (open, high, low, close, volume), oldest day first.

`compute` is what the trainer uses, in float64; `nodes` is the same as ONNX nodes, so that a publisher signs prices and volumes
and the circuit proves the features. A window of 60 closes holds 59 returns: where the published features look back over 60 returns, these look
over 59. Everything else is the definition of `features`.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from . import dataset, features
from .builder import Graph

DAYS = 60
COLUMNS = ("open", "high", "low", "close", "volume")
OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)
UNITS = ("index points",) * 4 + ("million shares",)
# Units of the feed per index point and per million shares. With these domains every value has 20 bits, so that comparisons are exact.
SCALES = np.array([100, 100, 100, 100, 10])
DOMAIN = ((100.0, 10000.0),) * 4 + ((10.0, 100000.0),)

# Ratios are held in these ranges; no day of 1999 to 2018 reaches an end.
DAILY_RATIO = (0.8, 1.25)
RANGE_RATIO = (1.0, 1.25)
DAY_RANGE = (0.0, 0.25)

LONG = DAYS - 1
RENAMED = {"realised_vol_60d": f"realised_vol_{LONG}d", "trend_60d": f"trend_{LONG}d"}
FEATURES = tuple(
    replace(f, name=RENAMED.get(f.name, f.name), meaning=f.meaning.replace("60 days", f"{LONG} days") if f.name in RENAMED else f.meaning)
    for f in features.FEATURES
)


def compute(windows: np.ndarray) -> np.ndarray:
    """windows [n, 60, 5] in real units -> features [n, 16], float64."""
    high, low, close, volume = (windows[:, :, i].astype(np.float64) for i in (HIGH, LOW, CLOSE, VOLUME))
    ret = np.log(close[:, 1:] / close[:, :-1])
    squared_range = np.log(high / low) ** 2 / (4 * np.log(2))

    def annual_rms(squares: np.ndarray, days: int) -> np.ndarray:
        return np.sqrt(features.TRADING_DAYS * squares[:, -days:].mean(axis=1))

    falling = np.where(ret < 0, volume[:, 1:], 0.0)
    columns = [annual_rms(ret**2, n) for n in (5, 10, 20, LONG)]
    columns += [annual_rms(squared_range, n) for n in (10, 20)]
    columns.append(annual_rms(np.minimum(ret, 0) ** 2, 20))
    columns += [1 - close[:, -1] / close[:, -n:].max(axis=1) for n in (20, DAYS)]
    columns.append(-np.minimum(ret[:, -20:].min(axis=1), 0))
    columns.append(((high - low) / close)[:, -5:].mean(axis=1))
    columns += [np.log(close[:, -1] / close[:, -1 - n]) for n in (5, 20, LONG)]
    columns.append(np.log(volume[:, -5:].mean(axis=1) / volume.mean(axis=1)))
    columns.append(falling[:, -20:].sum(axis=1) / volume[:, -20:].sum(axis=1))
    return np.stack(columns, axis=1)


def series(frame: pd.DataFrame) -> np.ndarray:
    """[days, 5] at the feed's resolution. Days with no recorded volume take the last one known."""
    volume = frame["Volume"].astype(float).where(frame["Volume"] > 0).ffill() / 1e6
    table = np.stack([*(frame[c].to_numpy() for c in ("Open", "High", "Low", "Close")), volume.to_numpy()], axis=1)
    return np.rint(table * SCALES) / SCALES


def load() -> tuple[dataset.Samples, np.ndarray]:
    """All samples of both indices with the features of their windows, and the windows [n, 60, 5] themselves."""
    parts, windows = [], []
    for asset, loader in dataset.LOADERS.items():
        frame = loader()
        window = sliding_window_view(series(frame), DAYS, axis=0).transpose(0, 2, 1)
        y = dataset.future_drawdown(frame).to_numpy()[DAYS - 1 :]
        date = frame.index.values.astype("datetime64[D]")[DAYS - 1 :]
        parts.append((compute(window), y, date, [asset] * len(y)))
        windows.append(window)
    return dataset.Samples(*(np.concatenate(column) for column in zip(*parts))), np.concatenate(windows)


def feeds(windows: np.ndarray, publishers: int, seed: int) -> np.ndarray:
    """[publishers, n, 60, 5]: what several publishers see of the same days. The first sees the data; the others differ from it by about a
    basis point in every price and half a percent in every volume, as vendors do. High and low still bound open and close."""
    rng = np.random.default_rng(seed)
    seen = [windows]
    for _ in range(publishers - 1):
        noise = rng.normal(size=windows.shape) * np.where(np.arange(len(COLUMNS)) == VOLUME, 5e-3, 1e-4)
        other = windows * (1 + noise)
        body = other[:, :, [OPEN, CLOSE]]
        other[:, :, HIGH] = np.maximum(other[:, :, HIGH], body.max(axis=2))
        other[:, :, LOW] = np.minimum(other[:, :, LOW], body.min(axis=2))
        seen.append(np.rint(other * SCALES) / SCALES)
    return np.stack(seen)


def nodes(g: Graph, series_of, domain: np.ndarray) -> str:
    """The 16 features [1, 16], each held in its domain as in training. `series_of(column, days)` names the last `days` values of a
    column, [1, days]."""
    close, volume = series_of(CLOSE, DAYS), series_of(VOLUME, DAYS)
    high, low = series_of(HIGH, 20), series_of(LOW, 20)
    last = g.tail(close, DAYS, 1, out="last_close")

    def log_ratio(name: str, now: str, before: str, limits: tuple[float, float]) -> str:
        # The quotient of the difference keeps more bits than that of the prices.
        change = g.op("Div", g.op("Sub", now, before), before)
        return g.op("Log", g.clip(g.op("Add", change, g.scalar("one", 1.0)), *limits), out=name)

    def annual_rms(squares: str, have: int, days: int, factor: float = features.TRADING_DAYS) -> str:
        mean = g.mean(g.tail(squares, have, days))
        return g.op("Sqrt", g.op("Mul", mean, g.scalar(None, factor)))

    ret = log_ratio("returns", g.cut(close, 1, DAYS), g.cut(close, 0, DAYS - 1), DAILY_RATIO)
    squares = g.op("Mul", ret, ret, out="squared_returns")
    spread = log_ratio("ranges", high, low, RANGE_RATIO)
    squared_range = g.op("Mul", spread, spread, out="squared_ranges")
    losses = g.op("Relu", g.op("Neg", g.tail(ret, LONG, 20)), out="losses")

    columns = [annual_rms(squares, LONG, n) for n in (5, 10, 20, LONG)]
    columns += [annual_rms(squared_range, 20, n, features.TRADING_DAYS / (4 * np.log(2))) for n in (10, 20)]
    columns.append(annual_rms(g.op("Mul", losses, losses), 20, 20))
    for n in (20, DAYS):
        highest = g.largest(g.tail(close, DAYS, n), 1)
        columns.append(g.op("Div", g.op("Sub", highest, last), highest))
    columns.append(g.maximum(losses))
    recent = [g.tail(s, n, 5) for s, n in ((high, 20), (low, 20), (close, DAYS))]
    columns.append(g.mean(g.clip(g.op("Div", g.op("Sub", recent[0], recent[1]), recent[2]), *DAY_RANGE)))
    columns += [g.total(g.tail(ret, LONG, n)) for n in (5, 20, LONG)]
    usual = g.mean(volume)
    columns.append(log_ratio("log_volume", g.mean(g.tail(volume, DAYS, 5)), usual, tuple(np.exp(domain[14]))))
    fell = g.op("Less", g.tail(close, DAYS, 20), g.cut(close, DAYS - 21, DAYS - 1))
    traded = g.tail(volume, DAYS, 20)
    falling = g.op("Where", fell, traded, g.scalar("nothing", 0.0))
    columns.append(g.op("Div", g.total(falling), g.total(traded)))

    held = [g.clip(c, *limits, out=f.name) for c, limits, f in zip(columns, domain, FEATURES)]
    return g.op("Concat", *held, out="features", axis=1)
