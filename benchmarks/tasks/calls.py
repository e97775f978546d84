"""One call on a short text that was encoded before, into a list."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks import jobs
from benchmarks.clock import per_call
from benchmarks.corpora.store import open_corpus
from benchmarks.jobs import Job, Result
from benchmarks.peers import named
from benchmarks.records import Record, summed
from benchmarks.setting import Setting, rotated
from benchmarks.vocabularies import VOCABULARIES

_VOCABULARY = "cl100k_base"
_LENGTHS = (5, 60, 1_000)


def measure(setting: Setting) -> Iterator[Record]:
    """Microseconds of CPU time a call."""
    peers = [peer for peer in setting.peers if _VOCABULARY in named(peer).vocabularies]
    results: dict[str, list[Result]] = {peer: [] for peer in peers}
    corpus = setting.corpora["prose"]
    for round_ in range(setting.rounds):
        for peer in rotated(peers, round_):
            results[peer].append(jobs.run({"task": "calls", "peer": peer, "corpus": corpus.path}))
    for length in _LENGTHS:
        for peer, found in results.items():
            values = [result[str(length)] * 1e6 for result in found if str(length) in result]
            yield summed("calls", f"{_VOCABULARY}, {length:,} bytes, list", peer, "µs", values, found)


def run(job: Job) -> Iterator[Result]:
    """Seconds by length."""
    peer = named(job["peer"])(VOCABULARIES[_VOCABULARY])
    text = next(
        text
        for text in open_corpus(Path(job["corpus"])).texts(0, 10_000_000)
        if text.isascii() and len(text) > 5_000
    )
    cut = {length: text[2_000 : 2_000 + length] for length in _LENGTHS}
    yield {str(length): per_call(lambda short=short: peer.one_list(short)) for length, short in cut.items()}  # type: ignore[misc]
