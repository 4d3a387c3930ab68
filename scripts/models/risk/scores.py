"""Held-out quality: coverage (share of losses not above the estimate) and pinball loss."""

import numpy as np

from .baselines import Estimate
from .dataset import LEVEL, Samples

BLOCK_DAYS = 20  # bootstrap blocks: longer than the horizon, over which losses overlap
RESAMPLES = 2000


def coverage(y: np.ndarray, q: np.ndarray) -> float:
    return float((y <= q).mean())


def interval(samples: Samples, values: np.ndarray) -> tuple[float, float]:
    """95 % interval of the mean of values [n] by a moving-block bootstrap over dates, both indices
    together (their falls come on the same days). Zero width if all values are equal: a bootstrap
    cannot know of events that are not in the data."""
    days, index = np.unique(samples.date, return_inverse=True)
    count, total = np.bincount(index), np.bincount(index, weights=values)
    rng = np.random.default_rng(0)
    blocks = -(-len(days) // BLOCK_DAYS)
    starts = rng.integers(0, len(days) - BLOCK_DAYS + 1, size=(RESAMPLES, blocks))
    picked = (starts[:, :, None] + np.arange(BLOCK_DAYS)).reshape(RESAMPLES, -1)
    means = total[picked].sum(axis=1) / count[picked].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def pinball_each(y: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Pinball loss of every sample, in basis points of the asset's value."""
    gap = y - np.asarray(q, dtype=np.float64)
    return 10_000 * gap * (LEVEL - (gap < 0))


def pinball_bp(y: np.ndarray, q: np.ndarray) -> float:
    """Mean pinball loss in basis points."""
    return float(pinball_each(y, q).mean())


def calibration_factor(estimate: Estimate, validation: Samples) -> float:
    """The factor by which an estimate must grow to cover `LEVEL` of the validation losses; at least
    1, so that it can only make an estimate more careful."""
    return max(1.0, float(np.quantile(validation.y / estimate(validation), LEVEL)))


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def by_model(samples: Samples, estimates: dict[str, Estimate]) -> str:
    """One row an estimate: coverage with its interval, breaches, pinball loss, by how much it exceeds
    that of the first estimate (interval of the paired difference), mean estimate, each index's coverage."""
    rows, first = [], None
    for name, estimate in estimates.items():
        q = estimate(samples)
        covered, loss = samples.y <= q, pinball_each(samples.y, q)
        low, high = interval(samples, covered)
        more = "" if first is None else "{:+.1f} to {:+.1f}".format(*interval(samples, loss - first))
        first = loss if first is None else first
        per_asset = [f"{covered[samples.asset == a].mean():.2%}" for a in ("SPX", "NDX")]
        breaches = f"{int((~covered).sum())} of {len(q)}"
        rows.append([name, f"{covered.mean():.2%}", f"{low:.1%} to {high:.1%}", breaches, f"{loss.mean():.2f}", more, f"{q.mean():.2%}", *per_asset])
    return _table(["estimate", "coverage", "95 % interval", "breaches", "pinball, bp", "more than network's", "mean q", "SPX", "NDX"], rows)


def by_year(samples: Samples, estimates: dict[str, Estimate]) -> str:
    """Coverage and pinball loss of every estimate, index by index and year by year."""
    years = samples.date.astype("datetime64[Y]").astype(int) + 1970
    values = {name: estimate(samples) for name, estimate in estimates.items()}
    rows = []
    for asset in ("SPX", "NDX"):
        for year in np.unique(years):
            mask = (samples.asset == asset) & (years == year)
            part = samples.where(mask)
            cells = [f"{coverage(part.y, q[mask]):.1%} / {pinball_bp(part.y, q[mask]):.1f}" for q in values.values()]
            rows.append([f"{asset} {year}", str(mask.sum()), f"{part.y.max():.1%}", *cells])
    return _table(["", "days", "worst loss", *values], rows)
