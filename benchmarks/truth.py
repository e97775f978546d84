"""tiktoken's ids of a corpus, computed once and kept: what every peer's ids are held against."""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import jobs
from benchmarks.checksum import Ids, checksum, first_difference
from benchmarks.corpora.store import Corpus, cache


def path(vocabulary: str, corpus: Corpus, size: int, *, one: bool = False) -> Path:
    """Where they lie: of the documents in the first `size` bytes, each by itself, or of all of them as one text."""
    kind = "one" if one else "documents"
    return cache() / "ids" / f"{vocabulary}-{corpus.sha256[:16]}-{kind}-{size}.npy"


def prepare(vocabulary: str, corpus: Corpus, size: int, *, one: bool = False) -> Path:
    """Computes them, unless they are there."""
    target = path(vocabulary, corpus, size, one=one)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        job = {"task": "truth", "vocabulary": vocabulary, "corpus": corpus.path, "size": size, "one": one}
        result = jobs.run({**job, "target": str(target)}, limit=1800)
        if "failed" in result:
            raise SystemExit(f"benchmarks: tiktoken gives no ids for {corpus.name}: {result['failed']}")
    return target


def compared(ids: Ids, truth: Path | str, *, whole: bool = True) -> dict[str, Any]:
    """The checksum, whether the ids are tiktoken's (their beginning, if not `whole`), and where they aren't."""
    right = np.load(truth, mmap_mode="r")
    at = first_difference(ids, right if whole else right[: len(ids)])
    result: dict[str, Any] = {"checksum": checksum(ids), "exact": at is None, "tokens": len(ids)}
    if at is not None:
        result["differs"] = (
            f"token {at:,} of {len(right):,}: {_around(ids, at)}, tiktoken has {_around(right, at)}"
        )
    return result


def _around(ids: Ids, at: int) -> str:
    return "…" + " ".join(map(str, ids[max(0, at - 1) : at + 3])) + "…"
