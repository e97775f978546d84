"""`benchmarks/results.json` → the README's tables, between its two markers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import tables

BEGIN = "<!-- benchmarks: written by `python -m benchmarks --readme` -->"
END = "<!-- end of benchmarks -->"


def rewrite(
    path: Path, results: dict[str, Any], shown: Sequence[str] = tables.SHOWN, plot: str = "speed.svg"
) -> None:
    """Puts the tables between the markers.

    Raises:
        ValueError: a marker is missing.
    """
    text = path.read_text("utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path}: the markers {BEGIN!r} and {END!r} are missing")
    path.write_text(f"{before}{BEGIN}\n{tables.all_of(results, shown, plot)}\n{END}{after}", "utf-8")
