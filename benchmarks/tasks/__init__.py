"""What is measured, a file each: `measure` runs in the parent and gives records, `run` in a job's process."""

from collections.abc import Callable, Iterator

from benchmarks.records import Record
from benchmarks.setting import Setting
from benchmarks.tasks import calls, decode, encode, exact, first, hard, load, memory, scaling, threads, train

Measure = Callable[[Setting], Iterator[Record]]

PARTS: dict[str, Measure] = {
    "first": first.measure,
    "exact": exact.measure,
    "encode": encode.measure,
    "calls": calls.measure,
    "decode": decode.measure,
    "train": train.measure,
    "load": load.measure,
    "threads": threads.measure,
    "memory": memory.measure,
    "hard": hard.measure,
    "scaling": scaling.measure,
}
# Only on request: it takes as long as all the others.
EXTRA = {"scaling"}
