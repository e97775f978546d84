"""Decoding tiktoken's ids of the documents to str, one thread, from lists and from arrays."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import jobs, truth
from benchmarks.clock import timed
from benchmarks.corpora.store import open_corpus
from benchmarks.jobs import Job, Result
from benchmarks.peers import named
from benchmarks.records import Record, summed
from benchmarks.setting import Setting, rotated
from benchmarks.vocabularies import VOCABULARIES

_VOCABULARY = "cl100k_base"
_SIZE = 10_000_000
_KINDS = {"decode": "from lists", "decode_array": "from arrays"}


def measure(setting: Setting) -> Iterator[Record]:
    """MB/s of text by CPU time."""
    size = min(_SIZE, setting.size)
    for corpus in setting.corpora.values():
        right = truth.prepare(_VOCABULARY, corpus, size)
        for kind, label in _KINDS.items():
            able = [peer for peer in setting.peers if _able(peer, kind)]
            results: dict[str, list[Result]] = {peer: [] for peer in able}
            for round_ in range(setting.rounds):
                for peer in rotated(able, round_):
                    job = {"task": "decode", "peer": peer, "kind": kind, "corpus": corpus.path, "size": size}
                    results[peer].append(jobs.run({**job, "truth": str(right)}))
            for peer, found in results.items():
                values = [result["bytes"] / result["cpu"] / 1e6 for result in found if "cpu" in result]
                yield summed("decode", f"{_VOCABULARY}, {corpus.name}, {label}", peer, "MB/s", values, found)


def _able(peer: str, kind: str) -> bool:
    return _VOCABULARY in named(peer).vocabularies and named(peer).can(kind)


def run(job: Job) -> Iterator[Result]:
    """The time of all documents; exact if every one is the text."""
    peer = named(job["peer"])(VOCABULARIES[_VOCABULARY])
    texts = open_corpus(Path(job["corpus"])).texts(0, job["size"])
    ids, offsets = np.load(job["truth"]), np.load(Path(job["truth"]).with_suffix(".offsets.npy"))
    arrays = [ids[start:end].copy() for start, end in itertools.pairwise(offsets)]
    given = arrays if job["kind"] == "decode_array" else [array.tolist() for array in arrays]
    operation = getattr(peer, job["kind"])
    operation(given[0])
    decoded, time = timed(lambda: [operation(each) for each in given])
    wrong = next((at for at, text in enumerate(texts) if decoded[at] != text), None)
    result = {"bytes": sum(len(text.encode()) for text in texts), "exact": wrong is None, **time.described()}
    if wrong is not None:
        result["differs"] = f"document {wrong:,} of {len(texts):,}"
    yield result
