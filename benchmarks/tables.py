"""Results → Markdown: a table for each part, peers as columns; what each table means stands above it."""

from collections.abc import Sequence
from typing import Any

_WHAT = {
    "first": "**The first question**: CPU seconds; less is better. Lines of code: not blank, not a comment alone, no tests.",
    "encode": "**Encoding**, MB/s of CPU time, one thread; more is better.",
    "calls": "**One call on a short text** encoded before, µs of CPU time; less is better.",
    "decode": "**Decoding** to str, MB/s of CPU time, one thread; more is better.",
    "train": "**Training**, CPU seconds, one thread, counting included; less is better.",
    "load": "**Opening** a vocabulary in a new process, not for the first time, ms of CPU time; less is better.",
    "threads": "**Two threads**, MB/s of wall time; times of one and of two by each other.",
    "memory": "**Memory**, MB that stay, or the peak of a training; less is better.",
    "hard": "**Hard texts**, ns of CPU time a byte; less is better.",
    "scaling": "**Scaling** of training: CPU seconds, and MB at the peak, texts included.",
}
# The README has the parts that people ask about; `results.json` has all.
SHOWN = ("first", "encode", "calls", "decode", "train", "load", "memory", "hard")
Records = list[dict[str, Any]]


def all_of(results: dict[str, Any], shown: Sequence[str] = SHOWN, plot: str = "speed.svg") -> str:
    """The tables of the parts `shown`, with a line on exactness before them, the corpora and the machine behind."""
    parts = results["parts"]
    blocks = [exactness(parts["exact"]["records"])] if "exact" in parts else []
    blocks += [
        f"{_WHAT[part]}\n\n{table(parts[part]['records'])}\n\n{taken(parts[part])}"
        for part in shown
        if part in parts
    ]
    if "encode" in parts:
        blocks.append(f"![Encoding speed by tiktoken's]({plot})")
    return "\n\n".join([*blocks, about(results)])


def table(records: Records) -> str:
    """Rows in their order, the peers in the order of their first figures, the best of a row in bold.

    A figure whose ids aren't tiktoken's is marked ✗; what didn't come to an end has its reason in the place.
    """
    peers = list(dict.fromkeys(record["peer"] for record in records))
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    for record in records:
        rows.setdefault(record["row"], {})[record["peer"]] = record
    lines = [f"| | {' | '.join(peers)} |", "|:--|" + "--:|" * len(peers)]
    for row, found in rows.items():
        best = _best(list(found.values()))
        cells = (cell(found.get(peer), best=best is not None and peer == best) for peer in peers)
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


def cell(record: dict[str, Any] | None, *, best: bool = False) -> str:
    """A figure in the table.

    >>> cell({"median": 1234.5, "exact": False})
    '1,234 ✗'
    >>> cell({"note": "died (SIGSEGV)"})
    'died (SIGSEGV)'
    """
    if record is None:
        return "–"
    if record.get("median") is None:
        return str(record.get("note") or "–")
    figure = number(record["median"])
    return (f"**{figure}**" if best else figure) + (" ✗" if record.get("exact") is False else "")


def number(value: float) -> str:
    """Three digits, or all before the point.

    >>> [number(each) for each in (0.1234, 1.5, 12.34, 123.4, 12345.6)]
    ['0.123', '1.50', '12.3', '123', '12,346']
    """
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def _best(records: Records) -> str | None:
    """The peer with the best right figure of a row with several; more is better where the unit is a speed."""
    right = [each for each in records if each.get("median") is not None and each.get("exact") is not False]
    if len(right) < 2 or not right[0].get("unit"):
        return None
    most = right[0]["unit"] in {"MB/s", "×", "tokens"}
    chosen = (max if most else min)(right, key=lambda each: each["median"])
    return str(chosen["peer"])


def exactness(records: Records) -> str:
    """One sentence if all was the same as tiktoken's, else what wasn't."""
    tokens = sum(int(record.get("median") or 0) for record in records)
    wrong = [record for record in records if record.get("exact") is not True]
    if not wrong:
        return f"**Exact**: {tokens:,} tokens in {len(records)} comparisons with tiktoken, no difference."
    lines = [f"- {record['row']}: {record.get('note') or 'not compared'}" for record in wrong]
    return f"**Not exact** in {len(wrong)} of {len(records)} comparisons with tiktoken:\n\n" + "\n".join(
        lines
    )


def taken(part: dict[str, Any]) -> str:
    """How the figures of a part were taken."""
    load = part["load"]
    return (
        f"{part['size'] / 1e6:g} MB of each corpus, medians of {part['rounds']} rounds in turns, load {load['start']} to "
        f"{load['end']}, {part['date']}: `{part['command']}`."
    )


def about(results: dict[str, Any]) -> str:
    """The corpora, the machine and the versions."""
    machine = results["machine"]
    lines = []
    for name, corpus in results["corpora"].items():
        missing = f", without {', '.join(corpus['missing'])}" if corpus["missing"] else ""
        lines.append(f"{name} {corpus['size']:,} bytes (sha256 {corpus['sha256'][:12]}…{missing})")
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"Corpora: {'; '.join(lines)}. Machine: {machine['processor']}, {machine['cores']} cores, {machine['system']}. "
        f"Versions: {versions}. ✗: the ids are not tiktoken's. Compare within a row; all figures with their extremes, "
        "checksums and first differences: `benchmarks/results.json`. Command: `make bench`."
    )
