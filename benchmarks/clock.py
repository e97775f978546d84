"""CPU and wall time of a call, the collector of Python's garbage off while it runs."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Time:
    """Seconds. `cpu`: of all threads of the process."""

    cpu: float
    wall: float

    def described(self) -> dict[str, float]:
        """For a result that goes to the parent."""
        return {"cpu": self.cpu, "wall": self.wall}


def timed(call: Callable[[], Any]) -> tuple[Any, Time]:
    """What it returned, and its time."""
    gc.collect()
    gc.disable()
    try:
        wall, cpu = time.perf_counter(), time.process_time()
        result = call()
        return result, Time(time.process_time() - cpu, time.perf_counter() - wall)
    finally:
        gc.enable()


def per_call(call: Callable[[], Any], *, seconds: float = 0.05, repeats: int = 7) -> float:
    """CPU seconds of one call of a short function: the median of several loops that take `seconds` each."""
    number = 1
    while _loop(call, number) < seconds:
        number *= 2
    return sorted(_loop(call, number) / number for _ in range(repeats))[repeats // 2]


def _loop(call: Callable[[], Any], number: int) -> float:
    gc.disable()
    try:
        started = time.process_time()
        for _ in range(number):
            call()
        return time.process_time() - started
    finally:
        gc.enable()
