"""What is written into `results.json`: a record for each peer in each row."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Record:
    """A figure. `low` and `high`: the extremes over the rounds; `exact`: None where ids weren't compared."""

    part: str
    row: str
    peer: str
    unit: str
    median: float | None
    low: float | None = None
    high: float | None = None
    rounds: int = 0
    exact: bool | None = None
    checksum: str | None = None
    note: str = ""

    def described(self) -> dict[str, Any]:
        """As JSON: what isn't known is left out."""
        return {key: value for key, value in asdict(self).items() if value is not None and value != ""}


def summed(  # noqa: PLR0917
    part: str, row: str, peer: str, unit: str, values: Sequence[float], results: Sequence[dict[str, Any]]
) -> Record:
    """The median of the rounds, and what their results say of the ids. A round that failed leaves its reason."""
    notes = [result[key] for result in results for key in ("failed", "differs") if result.get(key)]
    exact = [result["exact"] for result in results if result.get("exact") is not None]
    return Record(
        part, row, peer, unit,
        median=round_to(statistics.median(values)) if values else None,
        low=round_to(min(values)) if values else None,
        high=round_to(max(values)) if values else None,
        rounds=len(values),
        exact=all(exact) if exact else None,
        checksum=next((result["checksum"] for result in results if result.get("checksum")), None),
        note=notes[0] if notes else "",
    )  # fmt: skip


def round_to(value: float, digits: int = 4) -> float:
    """Four significant digits, more than the noise leaves; of what was counted, all.

    >>> round_to(123.4567)
    123.5
    """
    return value if isinstance(value, int) else float(f"{value:.{digits}g}")
