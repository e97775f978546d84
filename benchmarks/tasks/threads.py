"""tokloom with one thread and with two: wall time, and the CPU time of both."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import tokloom
from benchmarks import jobs
from benchmarks.checksum import checksum, flat
from benchmarks.clock import timed
from benchmarks.corpora.store import open_corpus
from benchmarks.jobs import Job, Result
from benchmarks.peers import named
from benchmarks.records import Record, summed
from benchmarks.setting import Setting
from benchmarks.vocabularies import VOCABULARIES

_VOCABULARY = "cl100k_base"
_KINDS = {
    "arrays": "encode a batch, arrays",
    "lists": "encode a batch, lists",
    "one_array": "encode one large document",
    "count": "count for training",
}


def measure(setting: Setting) -> Iterator[Record]:
    """MB/s by wall time with either; CPU seconds of two threads by those of one."""
    if "tokloom" not in setting.peers:
        return
    for corpus in setting.corpora.values():
        for kind, label in _KINDS.items():
            found: dict[int, list[Result]] = {1: [], 2: []}
            for _ in range(setting.rounds):
                for threads, results in found.items():
                    job = {"task": "threads", "kind": kind, "corpus": corpus.path, "size": setting.size}
                    results.append(jobs.run({**job, "threads": threads}))
            yield from _records(f"{corpus.name}, {label}", found)


def _records(row: str, found: dict[int, list[Result]]) -> Iterator[Record]:
    same = len({result.get("checksum") for results in found.values() for result in results}) == 1
    for threads, results in found.items():
        whole = [result for result in results if "wall" in result]
        checked: list[Result] = [{**result, "exact": same} for result in results]
        values = [result["bytes"] / result["wall"] / 1e6 for result in whole]
        yield summed("threads", f"{row}, {threads} threads", "tokloom", "MB/s", values, checked)
    pairs = [pair for pair in zip(found[1], found[2], strict=True) if all("wall" in each for each in pair)]
    for key, label in {"wall": "one's wall time by two's", "cpu": "two's CPU time by one's"}.items():
        ratios = [(one[key] / two[key]) if key == "wall" else two[key] / one[key] for one, two in pairs]
        yield summed("threads", f"{row}, {label}", "tokloom", "×", ratios, [])


def run(job: Job) -> Iterator[Result]:
    """The times of a first pass, the checksum of what came out."""
    threads = job["threads"]
    texts = open_corpus(Path(job["corpus"])).texts(0, job["size"])
    peer: Any = named("tokloom")(VOCABULARIES[_VOCABULARY])
    one = "".join(texts)
    calls: dict[str, Callable[[], Any]] = {
        "arrays": lambda: peer.arrays(texts, threads=threads),
        "lists": lambda: peer.lists(texts, threads=threads),
        "one_array": lambda: peer.one_array(one, threads=threads),
        "count": lambda: tokloom.count_pretokens(texts, threads=threads),
    }
    peer.arrays(["a"], threads=threads)
    result, time = timed(calls[job["kind"]])
    if job["kind"] == "count":
        found = {"checksum": f"{len(result)} {result.total_pretokens}"}
    else:
        found = {"checksum": checksum(flat(result))}
    yield {**time.described(), **found, "bytes": len(one.encode())}
