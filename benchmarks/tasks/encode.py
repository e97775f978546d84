"""Encoding a corpus, one thread: first pass and second pass into arrays, lists, one large text.

A first pass is the first thing that a new process encodes (after one short word, which makes what is lazy): no text
is seen twice by a cache. Each round is a new process, and the peers take turns.
"""

from collections.abc import Iterator
from pathlib import Path

from benchmarks import jobs, truth
from benchmarks.checksum import flat
from benchmarks.clock import timed
from benchmarks.corpora.store import open_corpus
from benchmarks.jobs import Job, Result
from benchmarks.peers import named
from benchmarks.records import Record, summed
from benchmarks.setting import Setting, rotated
from benchmarks.vocabularies import VOCABULARIES

# One text of this size: some peers copy or box the whole of it.
_ONE = 20_000_000
_KINDS = {
    "arrays": "small documents, arrays",
    "lists": "small documents, lists",
    "one_array": "one large text, array",
}


def measure(setting: Setting) -> Iterator[Record]:
    """MB/s by CPU time."""
    for vocabulary in setting.vocabularies:
        for corpus in setting.corpora.values():
            for kind in _KINDS:
                yield from _measured(setting, vocabulary, corpus.name, kind)


def _measured(setting: Setting, vocabulary: str, name: str, kind: str) -> Iterator[Record]:
    corpus, one = setting.corpora[name], kind == "one_array"
    size = min(setting.size, _ONE) if one else setting.size
    right = truth.prepare(vocabulary, corpus, size, one=one)
    peers = [
        peer for peer in setting.peers if vocabulary in named(peer).vocabularies and named(peer).can(kind)
    ]
    results: dict[str, list[Result]] = {peer: [] for peer in peers}
    for round_ in range(setting.rounds):
        for peer in rotated(peers, round_):
            if named(peer).share < 1 and results[peer]:
                continue
            job = {"task": "encode", "peer": peer, "vocabulary": vocabulary, "corpus": corpus.path}
            job |= {"size": size, "kind": kind, "truth": str(right)}
            results[peer].append(jobs.run(job))
    row = f"{vocabulary}, {name}, {_KINDS[kind]}"
    for peer, found in results.items():
        for passed in ("first", "second") if kind == "arrays" else ("first",):
            values = [result["bytes"] / result[passed]["cpu"] / 1e6 for result in found if passed in result]
            yield summed("encode", f"{row}, {passed} pass", peer, "MB/s", values, found)


def run(job: Job) -> Iterator[Result]:
    """The times of both passes, and what became of the ids."""
    adapter = named(job["peer"])
    peer = adapter(VOCABULARIES[job["vocabulary"]])
    texts = open_corpus(Path(job["corpus"])).texts(0, int(job["size"] * adapter.share))
    given = "".join(texts) if job["kind"] == "one_array" else texts
    operation = getattr(peer, job["kind"])
    operation("a" if job["kind"] == "one_array" else ["a"])
    encoded, first = timed(lambda: operation(given))
    result = truth.compared(flat(encoded), job["truth"], whole=adapter.share == 1)
    del encoded
    result |= {"bytes": sum(len(text.encode()) for text in texts), "first": first.described()}
    if job["kind"] == "arrays":
        result["second"] = timed(lambda: operation(given))[1].described()
    yield result
