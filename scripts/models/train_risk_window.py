#!/usr/bin/env python3
"""Train the risk model on raw windows; write `models/risk_window/`, `models/risk_median/` and the figures of their pages.

    /tmp/risk-venv/bin/python scripts/models/train_risk_window.py     # environment as for train_risk.py

Data, target, split, network and selection are those of `train_risk.py`; only the features come from the window itself, and the graph
computes them. Both models share one network. Takes about 30 s on two cores. Its outputs are committed.

    … train_risk_window.py --samples /tmp/windows

also writes every eighth day of all history, for one and for three publishers, with onnxruntime's answers: see docs/models/risk_window.md.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from risk import baselines, dataset, export, features, mapping, scores, window, window_export
from train_risk import ROOT, compare, fit, write_section

TOLERANCE_BP = 0.05  # onnxruntime in fp32 against the trainer's features in fp64 and its network in fp32
EVERY = 8


def check_graph(model: bytes, expected: np.ndarray, feeds: np.ndarray, tolerance: float) -> float:
    """Largest difference in basis points between onnxruntime and `expected`; the answers' invariants. Raises if either fails."""
    got = window_export.run(model, feeds)
    mapping.check_invariants(got)
    difference = float(np.abs(got - expected).max())
    if difference > tolerance:
        raise ValueError(f"onnxruntime and trainer disagree: expected at most {tolerance} bp, got {difference}")
    return difference


def feature_table(domain: np.ndarray) -> str:
    rows = [f"| {i} | `{f.name}` | {f.meaning} | {lo:g} to {hi:g} |" for i, (f, (lo, hi)) in enumerate(zip(window.FEATURES, domain))]
    return "\n".join(["| # | name | meaning | held in |", "|---:|---|---|---|", *rows])


def by_volatility(samples: dataset.Samples, indices: np.ndarray, count: int) -> np.ndarray:
    """`count` of `indices`, evenly spaced by rank of 20-day volatility, both ends included."""
    order = indices[np.argsort(samples.x[indices, baselines.VOL_COLUMN], kind="stable")]
    return order[np.linspace(0, len(order) - 1, count).round().astype(int)]


def within(samples: dataset.Samples, bounds: tuple[str, str]) -> np.ndarray:
    return np.flatnonzero((samples.date >= np.datetime64(bounds[0])) & (samples.date <= np.datetime64(bounds[1])))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=ROOT / "models")
    parser.add_argument("--pages", type=Path, default=ROOT / "docs/models")
    parser.add_argument("--samples", type=Path)
    args = parser.parse_args()

    exact, windows = window.load()
    samples = dataset.Samples(features.round_to_schema(exact.x), exact.y, exact.date, exact.asset)
    fitted, log = fit(samples, dataset.SPLIT)
    expected = mapping.apply(fitted.quantile(exact.x))
    differences = {}
    for publishers in (1, window_export.PUBLISHERS):
        name = "risk_window" if publishers == 1 else "risk_median"
        feeds = window.feeds(windows, publishers, window_export.NOISE_SEED)
        chosen = by_volatility(samples, within(samples, dataset.SPLIT.train), window_export.CALIBRATION_SAMPLES[publishers])
        days = window_export.DAYS_SHOWN[publishers]
        stretch = within(samples, export.STRETCH)
        shown = np.concatenate([stretch[samples.asset[stretch] == asset][:days] for asset in ("SPX", "NDX")])
        model = window_export.write(args.models / name, fitted, feeds[:, chosen], samples.date[shown], samples.asset[shown], feeds[:, shown])
        middle = expected if publishers == 1 else mapping.apply(fitted.quantile(window.compute(np.median(feeds, axis=0))))
        differences[name] = check_graph(model, middle, feeds, TOLERANCE_BP)
        if args.samples:
            picked = feeds[:, ::EVERY]
            args.samples.mkdir(parents=True, exist_ok=True)
            held = {"samples": window_export.rows(picked.swapaxes(0, 1)), "outputs": window_export.run(model, picked).tolist()}
            (args.samples / f"{name}.json").write_text(json.dumps(held))

    test = samples.between(dataset.SPLIT.test)
    reach = [f"{name}: {value:.1f}" for name, value in fitted.bounds()]
    sections = {
        "features": feature_table(fitted.domain),
        "selection": "\n".join(f"- {line}" for line in log),
        "held-out": scores.by_model(test, compare(samples, dataset.SPLIT, fitted)),
        "bounds": "\n".join(f"- {line}" for line in [*reach, f"largest difference of onnxruntime and the trainer over all history: {differences['risk_window']:.4f} bp"]),
    }
    moved = np.abs(mapping.apply(fitted.quantile(window.compute(np.median(window.feeds(windows, 3, window_export.NOISE_SEED), axis=0)))) - expected).max(axis=1)
    spread = [
        f"largest difference of onnxruntime and the trainer over all history: {differences['risk_median']:.4f} bp",
        f"the answer of the median against that of the first publisher alone, over all history: median {np.median(moved):.1f} bp, largest {moved.max():.1f} bp",
    ]
    for page, texts in (("risk_window.md", sections), ("risk_median.md", {"spread": "\n".join(f"- {line}" for line in spread)})):
        for name, text in texts.items():
            print(f"## {name}\n{text}\n")
            if (args.pages / page).exists():
                write_section(args.pages / page, name, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
