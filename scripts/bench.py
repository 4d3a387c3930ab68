"""Runs every stage of a proof in a process of its own and writes target/bench/report.{json,md}. Called by scripts/bench."""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / "target/debug"
EZKL_VERSION = "23.0.5"


def run(command, **options):
    """Runs a command; returns (wall seconds, peak RSS in MiB, stdout). A failure raises with the command's last line."""
    start = time.monotonic()
    process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    out, err = process.stdout, process.stderr
    with tempfile.TemporaryFile() as errors:
        shutil.copyfileobj(err, errors)
        stdout = out.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        message = errors.read().decode(errors="replace").strip()
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit {process.returncode}: {message[-400:]}")
    return time.monotonic() - start, usage.ru_maxrss / 1024, stdout


def dodona(name, folder, cache, aggregate):
    """All stages of one model; seconds are those that the stage itself measured, without loading."""
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / name
        compile_s, _, _ = run(
            [BIN / "dodona", "model", "compile", folder / f"{name}.onnx", "-o", target]
            + ["--spec", folder / "model.json", "--calibration", folder / "calibration.json"]
        )
        report = json.loads((target / "report.json").read_text())
        manifest = json.loads((target / "manifest.json").read_text())
        stages = ["keys", "direct", "inner-keys", "inner"] + (["aggregation-keys", "aggregate"] if aggregate else [])
        rows = json.loads((folder / "calibration.json").read_text())["input_data"]
        inputs = Path(scratch) / "input.json"
        inputs.write_text(json.dumps({"input_data": rows[: manifest["slots"]]}))
        figures = {}
        for stage in stages:
            print(f"  {stage} …", file=sys.stderr, flush=True)
            _, rss, out = run([BIN / "examples/stages", stage, target, cache, inputs])
            figures[stage] = json.loads(out) | {"peak_rss_mib": round(rss, 1)}
        direct = figures["direct"]
        result = {
            "compile_s": round(compile_s, 3),
            "keygen_s": figures["keys"]["seconds"],
            "prove_s": direct["seconds"],
            "verify_s": direct["verify_s"],
            "peak_rss_mib": max(figures["keys"]["peak_rss_mib"], direct["peak_rss_mib"]),
            "k": manifest["direct"]["k"],
            "words": manifest["direct"]["words"],
            "proof_bytes": direct["proof_bytes"],
            "key_bytes": (target / "keys/direct.pk").stat().st_size,
            "rows": report["size"]["rows"],
            "max_abs_err": max(o["max_error"] for o in report["outputs"]),
            "output_range": max(o["max"] - o["min"] for o in report["outputs"]),
            "stages": figures,
            "predicted": report["costs"],
        }
        gas = ROOT / "target/e2e/gas.json"
        if gas.exists():
            result["gas"] = json.loads(gas.read_text())
            result["direct_gas"] = result["gas"]["direct"]["verify_gas"]
        return result


def ezkl(onnx, calibration):
    """EZKL on the same file: public input and output, parameters in the circuit; each stage in a process of its own."""
    script = """
import asyncio, json, sys, time, ezkl
stage, onnx, data, work = sys.argv[1:]
p = lambda name: f"{work}/{name}"
def done(value):
    return asyncio.run(value) if asyncio.iscoroutine(value) else value
start = time.monotonic()
if stage == "settings":
    args = ezkl.PyRunArgs()
    args.input_visibility, args.output_visibility, args.param_visibility = "public", "public", "fixed"
    done(ezkl.gen_settings(onnx, p("settings.json"), py_run_args=args))
    async def calibrate():
        value = ezkl.calibrate_settings(data, onnx, p("settings.json"), "resources")
        return await value if hasattr(value, "__await__") else value
    asyncio.run(calibrate())
    ezkl.compile_circuit(onnx, p("model.ezkl"), p("settings.json"))
    ezkl.gen_srs(p("srs"), json.load(open(p("settings.json")))["run_args"]["logrows"])
    start = time.monotonic()
if stage == "setup":
    ezkl.setup(p("model.ezkl"), p("vk"), p("pk"), p("srs"))
if stage == "prove":
    async def witness():
        value = ezkl.gen_witness(data, p("model.ezkl"), p("witness.json"))
        return await value if hasattr(value, "__await__") else value
    asyncio.run(witness())
    start = time.monotonic()
    ezkl.prove(p("witness.json"), p("model.ezkl"), p("pk"), p("proof.json"), p("srs"))
if stage == "verify":
    assert ezkl.verify(p("proof.json"), p("settings.json"), p("vk"), p("srs"))
print(json.dumps(time.monotonic() - start))
"""
    with tempfile.TemporaryDirectory() as work:
        samples = json.loads(calibration.read_text())["input_data"]
        data = Path(work) / "input.json"
        data.write_text(json.dumps({"input_data": [samples[0]]}))

        def stage(name):
            print(f"  ezkl {name} …", file=sys.stderr, flush=True)
            _, rss, out = run([sys.executable, "-c", script, name, onnx, data, work])
            return json.loads(out.strip().splitlines()[-1]), rss

        stage("settings")
        keygen_s, keygen_rss = stage("setup")
        proves = [stage("prove") for _ in range(3)]
        verify_s, _ = stage("verify")
        settings = json.loads((Path(work) / "settings.json").read_text())
        return {
            "keygen_s": round(keygen_s, 3),
            "prove_s": round(statistics.median(s for s, _ in proves), 3),
            "verify_s": round(verify_s, 3),
            "peak_rss_mib": round(max([keygen_rss] + [r for _, r in proves]), 1),
            "k": settings["run_args"]["logrows"],
        }


def ezkl_or_reason(onnx, calibration):
    try:
        import ezkl as module
    except ImportError:
        return {"error": f"not installed: pip install ezkl=={EZKL_VERSION}"}
    found = getattr(module, "__version__", "unknown")
    try:
        return {"version": found} | ezkl(onnx, calibration)
    except RuntimeError as error:
        return {"version": found, "error": str(error)[-300:]}


def markdown(report):
    lines = [f"# Benchmark\n\n{report['machine']}; commit {report['commit']}; {report['date']}\n"]
    lines.append("| model | | keygen s | prove s | verify s | peak MiB | k |\n|---|---|---|---|---|---|---|")
    for model in report["models"]:
        for side in ("dodona", "ezkl"):
            f = model[side]
            if "error" in f:
                lines.append(f"| {model['name']} | {side} | {f['error']} | | | | |")
                continue
            cells = [f"{f[c]:.3f}" for c in ("keygen_s", "prove_s", "verify_s")]
            lines.append(f"| {model['name']} | {side} | {' | '.join(cells)} | {f['peak_rss_mib']:.0f} | {f['k']} |")
        lines.append("")
        lines.append("| stage of Dodona | seconds | peak MiB |\n|---|---|---|")
        for name, figures in model["dodona"]["stages"].items():
            lines.append(f"| {name} | {figures['seconds']:.3f} | {figures['peak_rss_mib']:.0f} |")
        told = model["dodona"]["predicted"][0]
        lines.append(
            f"\nPredicted before keygen: key {told['key_seconds']:.3f} s, proof {told['proof_seconds']:.3f} s, "
            f"{told['peak_mib']:.0f} MiB, {told['gas']} gas (direct)."
        )
        lines.append(f"\nLargest error against float: {model['dodona']['max_abs_err']:.3f} (outputs span {model['dodona']['output_range']:.0f}).")
        if "gas" in model["dodona"]:
            lines.append(f"Gas, by the end-to-end tests: `{json.dumps(model['dodona']['gas'])}`")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--no-aggregate", action="store_true")
    options = parser.parse_args()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    models = []
    for name in ("risk",):
        folder = ROOT / "models" / name
        print(f"{name}", file=sys.stderr, flush=True)
        ours = dodona(name, folder, options.cache, not options.no_aggregate)
        peer = ezkl_or_reason(folder / f"{name}.onnx", folder / "calibration.json")
        models.append({"name": name, "dodona": ours, "ezkl": peer})
    report = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "commit": commit,
        "date": time.strftime("%Y-%m-%d"),
        "models": models,
    }
    out = ROOT / "target/bench"
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    (out / "report.md").write_text(markdown(report))
    print(markdown(report))


if __name__ == "__main__":
    main()
