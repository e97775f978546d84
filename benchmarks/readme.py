"""`benchmarks/results.json` → the README's table, between its two markers."""

from pathlib import Path
from typing import Any

BEGIN = "<!-- benchmarks: written by `python -m benchmarks --readme` -->"
END = "<!-- end of benchmarks -->"


def table(results: dict[str, Any]) -> str:
    """The table in Markdown, with the machine and the date below it."""
    training, encoding = results["training"], results["encoding"]
    peers = ("tokloom", "rustbpe", "tiktoken", "tokenizers")
    measured = {
        "train 32,768 tokens": training,
        **{f"encode {label}, one thread": figures for label, figures in encoding.items()},
    }
    lines = [f"| MB/s | {' | '.join(peers)} |", "|:--|" + "--:|" * len(peers)]
    for label, figures in measured.items():
        rates = (figures.get(f"{peer}_mb_per_second") for peer in peers)
        lines.append(f"| {label} | {' | '.join('–' if rate is None else f'{rate:.1f}' for rate in rates)} |")
    machine = results["machine"]
    note = (
        f"Python's standard library, {results['corpus']['training_mb']:.1f} MB to train on; {machine['cores']} cores, "
        f"load {machine['load'][0]} at the start, {results['date']}. Compare within a row. "
        "Command: `make bench`."
    )
    return "\n".join([*lines, "", note])


def rewrite(path: Path, results: dict[str, Any]) -> None:
    """Puts the table between the markers.

    Raises:
        ValueError: a marker is missing.
    """
    text = path.read_text("utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path}: the markers {BEGIN!r} and {END!r} are missing")
    path.write_text(f"{before}{BEGIN}\n{table(results)}\n{END}{after}", "utf-8")
