#!/usr/bin/env python3
"""Train the credit model of the private-score example and write `models/credit/` and the figures of `docs/models/credit.md`.

    python3 -m venv /tmp/models-venv && /tmp/models-venv/bin/pip install -r scripts/models/requirements.txt
    /tmp/models-venv/bin/python scripts/models/train_credit.py

The applicants are SYNTHETIC: drawn from the distributions below, with a default probability of our own making. The model shows how a
private score becomes a public verdict; it says nothing about real borrowers. Takes a few seconds. Not needed to run the demo.
"""

import json
import re
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "models" / "credit"
SCALE = 10_000
PERIOD = 60
# Approve at most this probability of default.
THRESHOLD = 0.10
# Name, unit, domain.
FIELDS = [
    ("income_log", "ln(EUR a year)", (7.0, 14.0)),
    ("debt_to_income", "fraction", (0.0, 3.0)),
    ("utilisation", "fraction of credit lines", (0.0, 1.5)),
    ("late_payments_24m", "number", (0.0, 24.0)),
    ("oldest_account_years", "years", (0.0, 60.0)),
    ("inquiries_6m", "number", (0.0, 20.0)),
    ("employment_years", "years", (0.0, 50.0)),
    ("savings_months", "months of expenses", (0.0, 60.0)),
]


def population(rng, count):
    """Features within their domains, and whether each applicant defaults."""
    x = np.column_stack([
        rng.normal(10.4, 0.6, count),
        rng.gamma(2.0, 0.18, count),
        rng.beta(1.4, 2.6, count),
        rng.poisson(rng.gamma(0.6, 1.2, count)),
        rng.gamma(2.2, 4.5, count),
        rng.poisson(1.1, count),
        rng.gamma(1.5, 4.0, count),
        rng.gamma(1.1, 4.0, count),
    ])
    low, high = np.array([field[2] for field in FIELDS]).T
    x = np.round(np.clip(x, low, high) * SCALE) / SCALE
    income, debt, used, late, oldest, inquiries, employed, saved = x.T
    logit = -2.6 - 0.9 * (income - 10.4) + 1.6 * debt + 1.9 * used**2 + 0.55 * np.minimum(late, 6) + 0.16 * inquiries
    logit += -0.045 * oldest - 0.05 * np.minimum(employed, 12) - 0.09 * np.minimum(saved, 10) + 0.8 * (debt > 0.6) * (used > 0.7)
    return x, rng.random(count) < 1 / (1 + np.exp(-logit))


def export(scaler, network):
    """Standardisation, two hidden layers, score as log-odds of default, verdict 1 iff it is at most the threshold's."""
    weights, biases = network.coefs_, network.intercepts_
    first = weights[0] / scaler.scale_[:, None]
    layers = [(first, biases[0] - scaler.mean_ @ first), *zip(weights[1:], biases[1:])]
    nodes, initializers, last = [], [], "features"
    for index, (weight, bias) in enumerate(layers):
        initializers += [numpy_helper.from_array(weight.astype(np.float32), f"w{index}"), numpy_helper.from_array(bias.astype(np.float32), f"b{index}")]
        out = f"h{index}" if index + 1 < len(layers) else "score"
        nodes.append(helper.make_node("Gemm", [last, f"w{index}", f"b{index}"], [out], name=f"gemm{index}"))
        if out != "score":
            nodes.append(helper.make_node("Relu", [out], [f"r{index}"], name=f"relu{index}"))
            last = f"r{index}"
    limit = np.array([np.log(THRESHOLD / (1 - THRESHOLD))], np.float32)
    initializers.append(numpy_helper.from_array(limit, "limit"))
    nodes.append(helper.make_node("LessOrEqual", ["score", "limit"], ["approved"], name="verdict"))
    nodes.append(helper.make_node("Cast", ["approved"], ["verdict"], to=TensorProto.FLOAT, name="cast"))
    graph = helper.make_graph(
        nodes,
        "credit",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, len(FIELDS)])],
        [helper.make_tensor_value_info("verdict", TensorProto.FLOAT, [1, 1])],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="dodona")
    model.ir_version = 9
    onnx.checker.check_model(model)
    return model.SerializeToString()


def rows(values):
    return "[\n" + ",\n".join(json.dumps([round(float(v), 4) for v in row]) for row in values) + "\n]"


def write(x, verdicts, model, rng):
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "credit.onnx").write_bytes(model)
    fields = [{"name": name, "unit": unit, "scale": SCALE} for name, unit, _ in FIELDS]
    schema = {"name": "synthetic-applicants", "version": 1, "period": PERIOD, "fields": fields}
    (OUT / "schema.json").write_text(json.dumps(schema, separators=(",", ":")) + "\n")
    source = {"schema": "schema.json", "kind": "committed", "domain": [list(field[2]) for field in FIELDS]}
    spec = {"name": "credit", "inputs": [source], "outputs": [{"name": "approved", "scale": 1}]}
    (OUT / "model.json").write_text(json.dumps(spec, indent=2) + "\n")
    (OUT / "calibration.json").write_text('{"input_data": ' + rows(x[:256]) + "}\n")
    approved, denied = np.flatnonzero(verdicts == 1)[:6], np.flatnonzero(verdicts == 0)[:6]
    chosen = np.concatenate([approved, denied])
    observations = [{"asset": f"applicant {i}", "date": "2026-01-01", "values": [round(float(v), 4) for v in x[at]]} for i, at in enumerate(chosen)]
    text = ",\n".join(json.dumps(row) for row in observations)
    (OUT / "observations.json").write_text('{"feed": "synthetic-applicants",\n"observations": [\n' + text + "\n]}\n")
    reference = {"names": ["approved"], "outputs": [[float(verdicts[at])] for at in chosen]}
    (OUT / "reference.json").write_text(json.dumps(reference) + "\n")


def write_section(page, name, text):
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- {name} -->)", re.S)
    page.write_text(pattern.sub(lambda found: found[1] + text + "\n" + found[2], page.read_text()))


def main():
    rng = np.random.default_rng(20_260_101)
    x, y = population(rng, 20_000)
    train, test = slice(0, 12_000), slice(12_000, 20_000)
    scaler = StandardScaler().fit(x[train])
    network = MLPClassifier((24, 12), alpha=1e-3, max_iter=400, early_stopping=True, random_state=7)
    network.fit(scaler.transform(x[train]), y[train])
    model = export(scaler, network)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    verdicts = np.array([session.run(None, {"features": row[None].astype(np.float32)})[0][0, 0] for row in x[test]])
    probability = network.predict_proba(scaler.transform(x[test]))[:, 1]
    disagree = np.count_nonzero(verdicts != (probability <= THRESHOLD))
    if disagree > 2:
        sys.exit(f"graph and trainer disagree on {disagree} of {len(verdicts)} applicants: expected at most 2")
    write(x[test], verdicts, model, rng)
    held, good = y[test], verdicts == 1
    table = "\n".join([
        "| held-out synthetic applicants | |",
        "|---|---|",
        f"| number | {len(held):,} |",
        f"| AUC of the score | {roc_auc_score(held, probability):.3f} |",
        f"| approved | {good.mean():.1%} |",
        f"| defaults among the approved | {held[good].mean():.1%} |",
        f"| defaults among the denied | {held[~good].mean():.1%} |",
        f"| verdicts on which graph and trainer differ | {disagree} |",
    ])
    write_section(ROOT / "docs" / "models" / "credit.md", "figures", table)
    print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
