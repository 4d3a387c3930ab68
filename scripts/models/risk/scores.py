"""Held-out quality: coverage (share of losses not above the estimate) and pinball loss."""

import numpy as np

from .baselines import Estimate
from .dataset import LEVEL, Samples
from .network import pinball

BLOCK_DAYS = 20  # bootstrap blocks: longer than the horizon, over which losses overlap
RESAMPLES = 2000


def coverage(y: np.ndarray, q: np.ndarray) -> float:
    return float((y <= q).mean())


def coverage_interval(samples: Samples, q: np.ndarray) -> tuple[float, float]:
    """95 % interval of the coverage by a moving-block bootstrap over dates, both indices together
    (their falls come on the same days)."""
    days, index = np.unique(samples.date, return_inverse=True)
    count = np.bincount(index)
    covered = np.bincount(index, weights=samples.y <= q)
    rng = np.random.default_rng(0)
    blocks = -(-len(days) // BLOCK_DAYS)
    starts = rng.integers(0, len(days) - BLOCK_DAYS + 1, size=(RESAMPLES, blocks))
    picked = (starts[:, :, None] + np.arange(BLOCK_DAYS)).reshape(RESAMPLES, -1)
    shares = covered[picked].sum(axis=1) / count[picked].sum(axis=1)
    low, high = np.quantile(shares, [0.025, 0.975])
    return float(low), float(high)


def pinball_bp(y: np.ndarray, q: np.ndarray) -> float:
    """Mean pinball loss in basis points of the asset's value."""
    return 10_000 * float(pinball(y, np.asarray(q, dtype=np.float64), LEVEL))


def calibration_factor(estimate: Estimate, validation: Samples) -> float:
    """The factor by which an estimate must grow to cover `LEVEL` of the validation losses; at least
    1, so that it can only make an estimate more careful."""
    return max(1.0, float(np.quantile(validation.y / estimate(validation), LEVEL)))


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def by_model(samples: Samples, estimates: dict[str, Estimate]) -> str:
    """One row an estimate: coverage with its interval, breaches, pinball loss, mean estimate, and
    the coverage of each index."""
    rows = []
    for name, estimate in estimates.items():
        q = estimate(samples)
        low, high = coverage_interval(samples, q)
        per_asset = [f"{coverage(samples.y[m], q[m]):.2%}" for m in (samples.asset == a for a in ("SPX", "NDX"))]
        breaches = f"{int((samples.y > q).sum())} of {len(q)}"
        interval = f"{low:.1%} to {high:.1%}"
        rows.append([name, f"{coverage(samples.y, q):.2%}", interval, breaches, f"{pinball_bp(samples.y, q):.2f}", f"{q.mean():.2%}", *per_asset])
    return _table(["estimate", "coverage", "95 % interval", "breaches", "pinball, bp", "mean q", "SPX", "NDX"], rows)


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
