"""Runs the benchmark and writes target/bench/report.{json,md}. Called by scripts/bench."""

import argparse
import json
import os
import platform
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from . import dodona, markdown, peer
from .models import MODELS, ROOT, Model
from .process import Limits, progress

OUT = ROOT / "target/bench"
# For EZKL's stages: seconds and MiB.
QUICK = Limits(300, 6 * 1024)
ALL_SECONDS = 3600


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    names = ", ".join(model.name for model in MODELS)
    parser.add_argument("--models", metavar="A,B", help=f"only these of {names}")
    parser.add_argument("--ezkl", choices=("no", "quick", "all"), default="quick", help="EZKL on no model, on those that take it about a minute, on all")
    parser.add_argument("--ezkl-seconds", type=float, help="limit of a stage of EZKL")
    parser.add_argument("--ezkl-mib", type=float, help="limit of the memory of a stage of EZKL")
    parser.add_argument("--runs", type=int, default=3, help="runs of each stage, of which the median counts")
    parser.add_argument("--no-aggregate", action="store_true", help="leave out aggregated mode of the model `risk`: minutes, 3.4 GiB")
    parser.add_argument("--cache", type=Path, required=True, help=argparse.SUPPRESS)
    found = parser.parse_args()
    wanted = found.models.split(",") if found.models else [model.name for model in MODELS]
    unknown = set(wanted) - {model.name for model in MODELS}
    if unknown:
        parser.error(f"no such model: {', '.join(sorted(unknown))}; there are {names}")
    if found.runs < 1:
        parser.error(f"--runs: at least 1, got {found.runs}")
    found.wanted = [model for model in MODELS if model.name in wanted]
    return found


def memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def machine() -> str:
    """This machine in a few words."""
    cpu = platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        named = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        cpu = named[0] if named else cpu
    return f"{os.cpu_count()} cores ({cpu}), {memory_gib():.0f} GiB, {platform.system()} {platform.machine()}"


def commit() -> str:
    """The commit, marked if the tree differs from it."""
    found = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=7"], cwd=ROOT, capture_output=True, text=True)
    return found.stdout.strip() or "unknown"


def other(model: Model, python: Path | None, work: Path, chosen: argparse.Namespace) -> dict:
    """EZKL's side of one row."""
    if chosen.ezkl == "no":
        return {"not_run": "--ezkl no"}
    if model.batch > 1:
        return {"not_run": "it proves one inference at a time"}
    if chosen.ezkl == "quick" and not model.quick:
        return {"not_run": "--ezkl all runs it"}
    if python is None:
        return {"error": "not installed: pip install -r scripts/models/requirements-bench.txt"}
    default = QUICK if chosen.ezkl == "quick" else Limits(ALL_SECONDS, 0.8 * memory_gib() * 1024)
    limits = Limits(chosen.ezkl_seconds or default.seconds, chosen.ezkl_mib or default.mib)
    return peer.measure(model, python, work, chosen.runs, limits)


def row(model: Model, python: Path | None, chosen: argparse.Namespace) -> dict:
    """One row; its files are gone afterwards."""
    progress(model.name)
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=OUT) as scratch:
        ours, theirs = Path(scratch) / "dodona", Path(scratch) / "ezkl"
        ours.mkdir()
        theirs.mkdir()
        aggregate = model.name == "risk" and not chosen.no_aggregate
        figures = dodona.measure(model, chosen.cache, ours, chosen.runs, aggregate)
        shutil.rmtree(ours)
        return {"name": model.name, "target": model.target, "dodona": figures, "ezkl": other(model, python, theirs, chosen)}


def main() -> None:
    chosen = options()
    python = None if chosen.ezkl == "no" else peer.find_python()
    report = {"machine": machine(), "commit": commit(), "date": time.strftime("%Y-%m-%d"), "runs": chosen.runs, "models": []}
    for model in chosen.wanted:
        report["models"].append(row(model, python, chosen))
        # After each model, so that a run that is cut short leaves what it has.
        (OUT / "report.json").write_text(json.dumps(report, indent=2) + "\n")
        (OUT / "report.md").write_text(markdown.page(report))
    print(markdown.page(report))


if __name__ == "__main__":
    main()
