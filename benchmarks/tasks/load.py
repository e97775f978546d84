"""Opening o200k_base in a new process until a word is encoded; what can be kept from earlier openings is kept."""

import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks import jobs
from benchmarks.jobs import Job, Result
from benchmarks.peers import named
from benchmarks.records import Record, summed
from benchmarks.setting import Setting, rotated
from benchmarks.vocabularies import VOCABULARIES

_VOCABULARY = "o200k_base"


def measure(setting: Setting) -> Iterator[Record]:
    """Milliseconds of CPU time, after the import and with it. The round before the first one isn't counted."""
    peers = [peer for peer in setting.peers if _VOCABULARY in named(peer).vocabularies]
    results: dict[str, list[Result]] = {peer: [] for peer in peers}
    for round_ in range(-1, max(3, setting.rounds)):
        for peer in rotated(peers, round_ + 1):
            result = jobs.run({"task": "load", "peer": peer})
            if round_ >= 0:
                results[peer].append(result)
    yield from _imports()
    for key, label in {"load": "load and encode a word", "all": "the same with the import"}.items():
        for peer, found in results.items():
            values = [result[key] * 1e3 for result in found if key in result]
            yield summed("load", f"{_VOCABULARY}, {label}", peer, "ms", values, found)


def _imports() -> Iterator[Record]:
    """What `import tokloom` takes, beside Python's own start and numpy's import, which it needs: wall time."""
    seconds: dict[str, list[float]] = {"": [], "numpy": [], "tokloom": []}
    for _ in range(7):
        for name, found in seconds.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", f"import {name}" if name else ""], check=True)
            found.append((time.perf_counter() - started) * 1e3)
    for name, found in seconds.items():
        yield summed("load", "start Python and import", name or "nothing", "ms", found, [])


def run(job: Job) -> Iterator[Result]:
    """CPU seconds of the import and of the opening."""
    started = time.process_time()
    adapter = named(job["peer"])
    imported = time.process_time()
    adapter(VOCABULARIES[_VOCABULARY]).one_list("word")
    ended = time.process_time()
    yield {"load": ended - imported, "all": ended - started}
