"""Dodona's stages on one model."""

import json
import statistics
from pathlib import Path

from . import chain
from .models import ROOT, Model
from .process import StageFailed, progress, run

BIN = ROOT / "target/debug"
AGGREGATED = ("inner-keys", "inner", "aggregation-keys", "aggregate")


def held_out(model: Model) -> dict:
    """Held-out samples; the calibration's inputs where a model has none."""
    test = model.path("test.json")
    if test.exists():
        return json.loads(test.read_text())
    return {"inputs": json.loads(model.path("calib.json").read_text())["input_data"]}


def compile_model(model: Model, target: Path) -> dict:
    """Compiles, and tells what that told."""
    progress("  dodona: compile")
    spec = ["--spec", model.spec] if model.spec else []
    command = [BIN / "dodona", "model", "compile", model.path("onnx"), "-o", target, "--calibration", model.path("calib.json")]
    ran = run([*command, *spec, "--batch", model.batch, "--json"])
    report = json.loads((target / "report.json").read_text())
    size = json.loads((target / "manifest.json").read_text())["direct"]
    told = report["costs"][0]
    return {
        "compile_s": round(ran.seconds, 3),
        "compile_peak_rss_mib": round(ran.peak_mib, 1),
        "rows": report["rows"]["used"],
        "k": size["k"],
        "shape": size["shape"],
        "words": size["words"],
        "slots": model.batch,
        "predicted": {key: told[key] for key in ("key_seconds", "proof_seconds", "peak_mib", "key_bytes", "proof_bytes", "gas")},
        "slowness": report["machine"]["slowness"],
    }


def accuracy(model: Model, target: Path) -> dict:
    """The program against float answers: on held-out samples, else as the compiler's report has it."""
    if model.path("test.json").exists():
        progress("  dodona: accuracy")
        flag = ["--classes"] if model.classes else []
        return json.loads(run([BIN / "examples/accuracy", target, model.path("test.json"), *flag]).output)
    report = json.loads((target / "report.json").read_text())
    outputs = [o for o in report["outputs"] if "max_error" in o]
    if not outputs:
        return {}
    return {
        "samples": report["samples"],
        "max_abs_err": max(o["max_error"] for o in outputs),
        "output_range": max(o["max"] - o["min"] for o in outputs),
        "relative_err": max(o.get("max_share", 0) for o in outputs),
    }


def stage(name: str, *arguments) -> dict:
    """One stage of `circuits/examples/stages.rs`."""
    progress(f"  dodona: {name}")
    ran = run([BIN / "examples/stages", name, *arguments])
    told = json.loads(ran.output)
    return told | {"peak_rss_mib": round(told.get("peak_mib", ran.peak_mib), 1)}


def gas(target: Path, home: Path, proof: Path, work: Path) -> dict:
    """Gas of the generated verifier in direct mode; why there is none, if so."""
    if not chain.anvil_path().exists():
        return {"gas_error": "anvil is not installed"}
    progress("  dodona: verifier and gas")
    try:
        run([BIN / "dodona", "--home", home, "verifier", target, "-o", work / "verifiers"])
        sent = json.loads(proof.read_text())
        calldata = b"".join(bytes(word) for word in sent["words"]) + bytes(sent["proof"])
        return chain.verification(work / "verifiers/direct.sol", calldata, optimized=False)
    except (StageFailed, OSError) as error:
        return {"gas_error": str(error)[-300:]}


def ratios(figures: dict) -> dict:
    """Measured over predicted."""
    told = figures["predicted"]
    pairs = {"keygen_s": "key_seconds", "prove_s": "proof_seconds", "prove_peak_rss_mib": "peak_mib", "direct_gas": "gas"}
    return {ours: round(figures[ours] / told[key], 3) for ours, key in pairs.items() if ours in figures and told[key]}


def measure(model: Model, home: Path, work: Path, runs: int, aggregate: bool) -> dict:
    """All figures of one model. A stage that fails ends them and is named under `error`."""
    target, inputs, proof = work / "model", work / "input.json", work / "proof.json"
    figures = {}
    try:
        figures |= compile_model(model, target)
        figures |= accuracy(model, target)
        inputs.write_text(json.dumps({"input_data": held_out(model)["inputs"][: model.batch]}))
        keys = [stage("keys", target, home) for _ in range(runs)]
        figures |= {
            "keygen_s": statistics.median(run["seconds"] for run in keys),
            "keygen_runs": [run["seconds"] for run in keys],
            "keygen_peak_rss_mib": max(run["peak_rss_mib"] for run in keys),
            "key_bytes": (target / "keys/direct.pk").stat().st_size,
        }
        proved = stage("prove", target, home, inputs, proof, runs)
        figures |= {
            "prove_s": proved["seconds"],
            "prove_runs": proved["runs"],
            "prove_peak_rss_mib": proved["peak_rss_mib"],
            "load_s": proved["load_s"],
            "proof_bytes": proved["proof_bytes"],
        }
        checked = stage("verify", target, home, proof, runs)
        figures |= {"verify_s": checked["seconds"], "verify_runs": checked["runs"], "verify_peak_rss_mib": checked["peak_rss_mib"]}
        figures["peak_rss_mib"] = max(figures["keygen_peak_rss_mib"], figures["prove_peak_rss_mib"])
        figures |= gas(target, home, proof, work)
        figures["measured_to_predicted"] = ratios(figures)
        if aggregate:
            figures["aggregated"] = {name: stage(name, target, home, inputs) for name in AGGREGATED}
    except (StageFailed, OSError) as error:
        figures["error"] = str(error)[-500:]
        progress(f"  dodona: failed: {figures['error']}")
    return figures
