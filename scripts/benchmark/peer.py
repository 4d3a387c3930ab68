"""EZKL on the same ONNX file: input and output public, parameters in the circuit, calibrated for `resources`, otherwise as EZKL has it.

The SRS is made by EZKL and kept; making it is not counted. Loading keys is counted, since EZKL's calls load them.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from . import chain
from .dodona import held_out
from .models import ROOT, Model
from .process import Limits, StageFailed, progress, run

SCRIPT = Path(__file__).with_name("peer_stage.py")
# EZKL reads `~/.svm/0.8.20/solc-0.8.20` and downloads it if there is none; a stand-in around npm's solc lies in a home of our own.
HOME = ROOT / "target/bench/ezkl-home"
RUN_ARGS = {"input_visibility": "public", "output_visibility": "public", "param_visibility": "fixed"}
CALIBRATION, COMPARED = 8, 20


def version(python: Path) -> str | None:
    """EZKL's version as this Python has it."""
    probe = "from importlib.metadata import version; import ezkl; print(version('ezkl'))"
    found = subprocess.run([python, "-c", probe], capture_output=True, text=True)
    return found.stdout.strip() if found.returncode == 0 else None


def find_python() -> Path | None:
    """The PATH's Python if it has EZKL, else the one that `scripts/bench` set up."""
    candidates = (Path(sys.executable), ROOT / "target/bench/ezkl-venv/bin/python")
    return next((python for python in candidates if python.exists() and version(python)), None)


def home() -> Path:
    """EZKL's home, with the stand-in for solc."""
    solc = HOME / ".svm/0.8.20/solc-0.8.20"
    solc.parent.mkdir(parents=True, exist_ok=True)
    solc.write_text(f'#!/bin/sh\nexec node "{ROOT}/contracts/solc.js" "$@"\n')
    solc.chmod(0o755)
    return HOME


class Ezkl:
    """EZKL's stages on one model, in a folder of its own."""

    def __init__(self, python: Path, work: Path, limits: Limits):
        self.python, self.work, self.limits = python, work, limits
        self.env = os.environ | {"HOME": str(home())}

    def path(self, name: str) -> str:
        """A file of this model."""
        return str(self.work / name)

    def stage(self, function: str, **arguments) -> tuple[float, float]:
        """Seconds of the call and peak MiB of its process."""
        progress(f"  ezkl: {function}")
        file = self.work / f"{function}.arguments.json"
        file.write_text(json.dumps(arguments))
        try:
            ran = run([self.python, SCRIPT, function, file], self.limits, self.env)
        except StageFailed as error:
            raise StageFailed(f"{function}: {error}") from error
        told = json.loads(ran.output.splitlines()[-1])
        return told["seconds"], told["peak_mib"] or ran.peak_mib

    def front(self, model: Model, samples: dict) -> dict:
        """From the ONNX file to witnesses of the first samples."""
        calibration = json.loads(model.path("calib.json").read_text())["input_data"][:CALIBRATION]
        # EZKL wants all samples of a file in one row.
        (self.work / "calib.json").write_text(json.dumps({"input_data": [[v for row in calibration for v in row]]}))
        onnx, settings, circuit = str(model.path("onnx")), self.path("settings.json"), self.path("model.ezkl")
        stages = [
            self.stage("gen_settings", model=onnx, output=settings, run_args=RUN_ARGS),
            self.stage("calibrate_settings", data=self.path("calib.json"), model=onnx, settings=settings, target="resources"),
            self.stage("compile_circuit", model=onnx, compiled_circuit=circuit, settings_path=settings),
        ]
        inputs = [self.path(f"input{i}.json") for i in range(min(COMPARED, len(samples["inputs"])))]
        for file, row in zip(inputs, samples["inputs"]):
            Path(file).write_text(json.dumps({"input_data": [row]}))
        self.stage("gen_witness", data=inputs, model=circuit, output=self.path("witness{}.json"))
        told = json.loads(Path(settings).read_text())
        figures = {"compile_s": sum(s for s, _ in stages), "k": told["run_args"]["logrows"], "rows": told["num_rows"]}
        return figures | self.accuracy(samples, len(inputs))

    def accuracy(self, samples: dict, count: int) -> dict:
        """Witnesses against float answers."""
        errors, wanted = [], []
        for i, floats in enumerate(samples.get("outputs", [])[:count]):
            witness = json.loads(Path(self.path(f"witness{i}.json")).read_text())
            got = [float(v) for output in witness["pretty_elements"]["rescaled_outputs"] for v in output]
            if len(got) != len(floats):
                return {}
            errors += [abs(a - b) for a, b in zip(got, floats)]
            wanted += floats
        if not errors:
            return {}
        return {"samples": count, "max_abs_err": max(errors), "output_range": max(wanted) - min(wanted)}

    def srs(self, k: int) -> str:
        """An SRS of EZKL's own, made once."""
        file = HOME / f"kzg{k}.srs"
        if not file.exists():
            partial = file.with_suffix(".partial")
            self.stage("gen_srs", srs_path=str(partial), logrows=k)
            partial.rename(file)
        return str(file)

    def back(self, k: int, runs: int) -> dict:
        """Keys, proofs, verification: medians of `runs`, each in a process of its own."""
        srs, circuit, pk, vk, proof = self.srs(k), self.path("model.ezkl"), self.path("pk"), self.path("vk"), self.path("proof.json")

        def repeated(function: str, **arguments) -> tuple[list[float], float]:
            found = [self.stage(function, srs_path=srs, **arguments) for _ in range(runs)]
            return [s for s, _ in found], max(mib for _, mib in found)

        keys, keys_mib = repeated("setup", model=circuit, vk_path=vk, pk_path=pk)
        proofs, proofs_mib = repeated("prove", witness=self.path("witness0.json"), model=circuit, pk_path=pk, proof_path=proof)
        checks, checks_mib = repeated("verify", proof_path=proof, settings_path=self.path("settings.json"), vk_path=vk)
        return {
            "keygen_s": statistics.median(keys),
            "keygen_runs": keys,
            "keygen_peak_rss_mib": round(keys_mib, 1),
            "prove_s": statistics.median(proofs),
            "prove_runs": proofs,
            "prove_peak_rss_mib": round(proofs_mib, 1),
            "verify_s": statistics.median(checks),
            "verify_runs": checks,
            "verify_peak_rss_mib": round(checks_mib, 1),
            "peak_rss_mib": round(max(keys_mib, proofs_mib), 1),
            "key_bytes": os.path.getsize(pk),
            "proof_bytes": proof_bytes(json.loads(Path(proof).read_text())["proof"]),
        }

    def gas(self, k: int) -> dict:
        """Gas of EZKL's verifier; why there is none, if so."""
        if not chain.anvil_path().exists():
            return {"gas_error": "anvil is not installed"}
        try:
            source = self.path("verifier.sol")
            files = {"vk_path": self.path("vk"), "settings_path": self.path("settings.json")}
            self.stage("create_evm_verifier", sol_code_path=source, abi_path=self.path("verifier.abi"), srs_path=self.srs(k), **files)
            self.stage("encode_evm_calldata", proof=self.path("proof.json"), calldata=self.path("calldata"))
            progress("  ezkl: gas")
            return chain.verification(Path(source), Path(self.path("calldata")).read_bytes(), optimized=True)
        except (StageFailed, OSError) as error:
            return {"gas_error": str(error)[-300:]}


def proof_bytes(proof: str | list) -> int:
    """Length of a proof in hex or as numbers."""
    return (len(proof) - 2) // 2 if isinstance(proof, str) else len(proof)


def measure(model: Model, python: Path, work: Path, runs: int, limits: Limits) -> dict:
    """All figures of one model. A stage that fails ends them and is named under `error`, with what EZKL said."""
    figures = {"version": version(python)}
    peer = Ezkl(python, work, limits)
    try:
        figures |= peer.front(model, held_out(model))
        figures |= peer.back(figures["k"], runs)
        figures |= peer.gas(figures["k"])
    except (StageFailed, OSError, KeyError, ValueError) as error:
        figures["error"] = str(error)[-500:]
        progress(f"  ezkl: failed: {figures['error']}")
    return figures
