"""tiktoken's ids of a corpus, into a file, with the offsets of its documents beside them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.corpora.store import open_corpus
from benchmarks.jobs import Job, Result
from benchmarks.peers import named
from benchmarks.vocabularies import VOCABULARIES


def run(job: Job) -> Iterator[Result]:
    """Writes `target` and `target.offsets.npy`."""
    texts = open_corpus(Path(job["corpus"])).texts(0, job["size"])
    texts = ["".join(texts)] if job["one"] else texts
    arrays = named("tiktoken")(VOCABULARIES[job["vocabulary"]]).arrays(texts)
    offsets = np.cumsum([0, *map(len, arrays)], dtype=np.int64)
    target = Path(job["target"])
    np.save(target.with_suffix(".offsets.npy"), offsets)
    beside = target.with_suffix(".part.npy")
    np.save(beside, np.concatenate(arrays).astype(np.uint32))
    beside.replace(target)
    yield {"tokens": int(offsets[-1])}
