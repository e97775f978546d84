"""Times that can be compared on a busy machine: the candidates take turns, and the medians stand."""

import statistics
import time
from collections.abc import Callable, Mapping


def medians(
    candidates: Mapping[str, Callable[[], object]], *, runs: int, warm: bool = True
) -> dict[str, float]:
    """Median seconds of each, every round calling all of them once."""
    if warm:
        for call in candidates.values():
            call()
    rounds = [{name: _seconds(call) for name, call in candidates.items()} for _ in range(runs)]
    return {name: statistics.median(each[name] for each in rounds) for name in candidates}


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
