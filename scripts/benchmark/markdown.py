"""The report for people."""

from .chain import CODE_LIMIT


def number(value, digits: int = 3) -> str:
    """A figure with so many significant digits, whole numbers in full."""
    if value is None:
        return "–"
    if value == 0 or abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def seconds(value) -> str:
    return "–" if value is None else f"{value:,.0f} s" if value >= 100 else f"{number(value)} s"


def memory(mib) -> str:
    return "–" if mib is None else f"{mib / 1024:.2g} GiB" if mib >= 1024 else f"{mib:.0f} MiB"


def error_cell(figures: dict) -> str:
    """Error against float, the span of the answers, flagged answers, and classes that differ."""
    if "max_abs_err" not in figures:
        return "–"
    text = f"{number(figures['max_abs_err'], 2)} of {number(figures['output_range'], 2)}"
    if figures.get("flagged"):
        text += f" ({number(figures['max_abs_err_unflagged'], 2)} without the {figures['flagged']} of {figures['samples']} flagged)"
    differ = figures.get("class_disagreements")
    return text if differ is None else f"{text}; {differ} of {figures['samples']} classes differ"


def gas_cell(figures: dict) -> str:
    """Gas, and whether the verifier is too long to be deployed."""
    if "direct_gas" not in figures:
        return "–"
    over = f" (code {figures['code_bytes']:,} > {CODE_LIMIT:,} bytes)" if figures["over_code_limit"] else ""
    return f"{figures['direct_gas']:,}{over}"


def peer_cell(figures: dict) -> str:
    """EZKL in a few words."""
    if "not_run" in figures:
        return f"not run ({figures['not_run']})"
    if "error" in figures:
        return "fails: " + figures["error"].replace("\n", " ").replace("|", "\\|")[-160:]
    parts = [seconds(figures["prove_s"]), memory(figures["prove_peak_rss_mib"])]
    parts += [f"{figures['direct_gas']:,} gas"] if "direct_gas" in figures else []
    return ", ".join(parts)


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A table; the first column is text."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines] + [""]


def summary(models: list[dict]) -> list[str]:
    """The table to start with."""
    rows = []
    for model in models:
        ours = model["dodona"]
        name = model["name"]
        told = model["target"] or "–"
        if "error" in ours:
            reason = ours["error"].replace("\n", " ").replace("|", "\\|")[-160:]
            rows.append([name, peer_cell(model["ezkl"]), f"fails: {reason}", "–", "–", error_cell(ours), told])
            continue
        cells = [seconds(ours["prove_s"]), memory(ours["prove_peak_rss_mib"]), gas_cell(ours), error_cell(ours)]
        rows.append([name, peer_cell(model["ezkl"]), *cells, told])
    return table(["model", "EZKL in this run", "Dodona proves in", "memory", "gas, direct", "error against float", "target"], rows)


def stages(models: list[dict]) -> list[str]:
    """Both sides, stage by stage."""
    rows = []
    for model in models:
        for side in ("dodona", "ezkl"):
            f = model[side]
            if "prove_s" not in f:
                continue
            times = [seconds(f.get(key)) for key in ("compile_s", "keygen_s", "prove_s", "verify_s")]
            peaks = [memory(f.get(key)) for key in ("keygen_peak_rss_mib", "prove_peak_rss_mib")]
            sizes = [number(f.get("rows")), str(f["k"]), memory(f["key_bytes"] / 2**20), f"{f['proof_bytes']:,}", gas_cell(f)]
            rows.append([f"{model['name']}, {side}", *times, *peaks, *sizes, error_cell(f)])
    if not rows:
        return []
    head = ["", "compile", "keys", "prove", "verify", "keys, memory", "prove, memory", "rows", "k", "key", "proof, bytes", "gas", "error"]
    return ["## Stages", "", *table(head, rows)]


def predictions(models: list[dict]) -> list[str]:
    """How good Dodona's predictions were."""
    rows = []
    for model in models:
        f = model["dodona"]
        ratio = f.get("measured_to_predicted")
        if ratio:
            told = f["predicted"]
            figures = [seconds(told["key_seconds"]), seconds(told["proof_seconds"]), memory(told["peak_mib"]), f"{told['gas']:,}"]
            measured = [number(ratio.get(key)) for key in ("keygen_s", "prove_s", "prove_peak_rss_mib", "direct_gas")]
            rows.append([model["name"], f["shape"], *[f"{a} (× {b})" for a, b in zip(figures, measured)]])
    if not rows:
        return []
    return ["## Predicted before keygen (× measured / predicted)", "", *table(["model", "shape", "keys", "proof", "memory", "gas"], rows)]


def aggregated(models: list[dict]) -> list[str]:
    """Aggregated mode, where it was measured."""
    rows = [
        [f"{model['name']}, {name}", seconds(f["seconds"]), memory(f["peak_rss_mib"])]
        for model in models
        for name, f in model["dodona"].get("aggregated", {}).items()
    ]
    return ["## Aggregated mode", "", *table(["stage", "seconds", "memory"], rows)] if rows else []


def page(report: dict) -> str:
    """All of it."""
    lines = [f"# Benchmark\n\n{report['machine']}; commit {report['commit']}; {report['date']}; medians of {report['runs']}.\n"]
    models = report["models"]
    failed = [f"- {m['name']}: {m['dodona']['gas_error']}" for m in models if "gas_error" in m["dodona"]]
    lines += summary(models) + stages(models) + predictions(models) + aggregated(models)
    return "\n".join(lines + (["## No gas", "", *failed, ""] if failed else []))
