"""Candidates take turns on one core; what counts is the processor's time, of which the median round is told."""

import statistics
import time
from collections.abc import Callable, Mapping


def take_turns(candidates: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median milliseconds of processor time of each, after a round that isn't counted."""
    found: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(rounds + 1):
        for name, run in candidates.items():
            begun = time.process_time()
            run()
            if number:
                found[name].append(1e3 * (time.process_time() - begun))
    return {name: statistics.median(times) for name, times in found.items()}


def told(times: Mapping[str, float], ours: str) -> str:
    """A line of a table: each candidate's time, and how many times ours it is."""
    cells = [
        f"{name} {value:.2f} ms" + ("" if name == ours else f" ({value / times[ours]:.1f} ×)")
        for name, value in times.items()
    ]
    return ", ".join(cells)
