#!/usr/bin/env python3
"""Train the risk model, write `models/risk/` and the figures of `docs/models/risk.md`.

    python3 -m venv /tmp/risk-venv && /tmp/risk-venv/bin/pip install -r scripts/models/requirements.txt
    /tmp/risk-venv/bin/python scripts/models/train_risk.py

Takes about 15 s on two cores. Not needed to run the demo: its outputs are committed.
"""

import argparse
import re
import sys
from pathlib import Path

import numpy as np

from risk import baselines, dataset, export, features, mapping, network, scores

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE_BP = 0.02  # onnxruntime against the trainer's numpy forward pass, both fp32


def fit(samples: dataset.Samples, split: dataset.Split) -> tuple[network.Network, list[str]]:
    """Train every recipe, keep the best on validation, recalibrate it there. Returns it and a log."""
    train, validation = samples.between(split.train), samples.between(split.validation)
    log, best, best_score = [], None, np.inf
    for recipe in network.RECIPES:
        candidate, score = network.train(train.x, train.y, validation.x, validation.y, recipe)
        covered = scores.coverage(validation.y, candidate.quantile(validation.x))
        log.append(f"decay {recipe.decay:g}, augmented {recipe.augment}: validation pinball {10_000 * score:.2f} bp, coverage {covered:.2%}")
        if score < best_score:
            best, best_score = candidate, score
    if best is None:
        raise ValueError("no recipe gave a network")
    factor = scores.calibration_factor(lambda s: best.quantile(s.x), validation)
    log.append(f"recalibrated on validation by a factor {factor:.3f}")
    return best.scaled(factor), log


def compare(samples: dataset.Samples, split: dataset.Split, fitted: network.Network) -> dict[str, baselines.Estimate]:
    """The network beside each baseline as fitted, and recalibrated on validation like the network."""
    train, validation = samples.between(split.train), samples.between(split.validation)
    estimates: dict[str, baselines.Estimate] = {"network": lambda s: fitted.quantile(s.x)}
    for name, estimate in baselines.fit(train, split.train[1]).items():
        estimates[name] = estimate
        factor = scores.calibration_factor(estimate, validation)
        if factor > 1:
            estimates[f"{name} × {factor:.2f}"] = lambda s, e=estimate, f=factor: f * e(s)
    return estimates


def check_graph(model: bytes, fitted: network.Network, x: np.ndarray) -> float:
    """Largest difference in basis points between onnxruntime and the trainer; invariants over the
    domain's random points and corners. Raises if either fails."""
    difference = float(np.abs(export.run(model, x) - mapping.apply(fitted.quantile(x))).max())
    if difference > TOLERANCE_BP:
        raise ValueError(f"onnxruntime and trainer disagree: expected at most {TOLERANCE_BP} bp, got {difference}")
    rng = np.random.default_rng(1)
    low, high = fitted.domain.T
    inside = rng.uniform(low, high, size=(2000, len(low)))
    corners = np.where(rng.random((2000, len(low))) < 0.5, low, high)
    mapping.check_invariants(export.run(model, np.concatenate([inside, corners, x])))
    return difference


def feature_table(fitted: network.Network) -> str:
    rows = [
        f"| {i} | `{f.name}` | {f.unit} | {f.meaning} | {lo:g} to {hi:g} |"
        for i, (f, (lo, hi)) in enumerate(zip(features.FEATURES, fitted.domain))
    ]
    return "\n".join(["| # | name | unit | meaning | declared domain |", "|---:|---|---|---|---|", *rows])


def write_section(page: Path, name: str, text: str) -> None:
    """Replace what stands between `<!-- name -->` and `<!-- /name -->`."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    new, count = pattern.subn(lambda m: m[1] + text + "\n" + m[2], page.read_text(encoding="utf-8"))
    if count != 1:
        raise ValueError(f"{page}: expected one section '{name}', got {count}")
    page.write_text(new, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "models/risk")
    parser.add_argument("--page", type=Path, default=ROOT / "docs/models/risk.md")
    args = parser.parse_args()

    samples = dataset.load()
    fitted, log = fit(samples, dataset.SPLIT)
    test = samples.between(dataset.SPLIT.test)
    stretch = samples.between(export.STRETCH, with_target=False)
    stretch = stretch.where(np.argsort(stretch.asset != "SPX", kind="stable"))
    model = export.write(args.out, fitted, samples.between(dataset.SPLIT.train), stretch)
    difference = check_graph(model, fitted, samples.x)

    estimates = compare(samples, dataset.SPLIT, fitted)
    crisis, crisis_log = fit(samples, dataset.CRISIS_SPLIT)
    crisis_test = samples.between(dataset.CRISIS_SPLIT.test)
    crisis_estimates = compare(samples, dataset.CRISIS_SPLIT, crisis)
    reach = [f"{name}: {value:.1f}" for name, value in fitted.bounds()]
    sections = {
        "features": feature_table(fitted),
        "selection": "\n".join(f"- {line}" for line in log),
        "held-out": scores.by_model(test, estimates),
        "by-year": scores.by_year(test, {k: v for k, v in estimates.items() if "×" not in k}),
        "crisis-selection": "\n".join(f"- {line}" for line in crisis_log),
        "crisis": scores.by_model(crisis_test, crisis_estimates),
        "crisis-by-year": scores.by_year(crisis_test, {k: v for k, v in crisis_estimates.items() if "×" not in k}),
        "bounds": "\n".join(f"- {line}" for line in [*reach, f"largest difference of onnxruntime and the trainer over all history: {difference:.4f} bp"]),
    }
    for name, text in sections.items():
        write_section(args.page, name, text)
        print(f"## {name}\n{text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
