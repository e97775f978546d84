"""What is known of tokens from a text: how often each occurs, and beside which others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokloom.corpus.sources import as_source
from tokloom.errors import ArgumentError
from tokloom.tokenizer import Tokenizer

__all__ = ["Statistics", "statistics"]

COLUMNS = 4_096
DISTANCES = (1, 2)
# Pairs are counted by sorting them: so many at a time.
_TOKENS_AT_A_TIME = 1 << 21


@dataclass(frozen=True)
class Statistics:
    """Counts of tokens and of neighbours, from training text.

    Attributes:
        counts: how often each id occurs, shape (vocab_size,).
        columns: the ids whose neighbourhood is counted, the commonest first, shape (c,).
        pairs: id * c + column for each pair that occurs, ascending, shape (p,).
        pair_counts: how often, shape (p,).
        tokens: how many tokens were looked at.
        bytes: how many bytes of text.
    """

    counts: NDArray[np.int64]
    columns: NDArray[np.int64]
    pairs: NDArray[np.int64]
    pair_counts: NDArray[np.int64]
    tokens: int
    bytes: int

    @property
    def by_frequency(self) -> NDArray[np.int64]:
        """All ids, the commonest first; of equals the lower id first."""
        return np.argsort(-self.counts, kind="stable")


def statistics(
    tokenizer: Tokenizer, source: object, *, columns: int = COLUMNS, pairs: bool = True
) -> Statistics:
    """Counts tokens of a source, and which of the commonest stand one or two places beside each.

    Special tokens in the text are ordinary text. Neighbours in different documents are none.

    Args:
        tokenizer: any whose ids are counted.
        source: as for `tokloom.train`; training text only.
        columns: how many of the commonest tokens count as neighbours.
        pairs: whether neighbours are counted.

    Raises:
        ArgumentError: the source has no text.

    Example:
        >>> import tokloom
        >>> found = statistics(tokloom.load("bytes"), ["abab"], columns=2)
        >>> int(found.counts[97]), found.columns.tolist(), found.pair_counts.tolist()
        (2, [97, 98], [2, 3, 3, 2])
    """
    documents = [tokenizer.encode_to_numpy(text) for text in as_source(source).documents()]
    counts = np.zeros(tokenizer.vocab_size, np.int64)
    for ids in documents:
        counts += np.bincount(ids, minlength=len(counts))
    if not counts.any():
        raise ArgumentError("the source has no text: coordinates come from how tokens occur in training text")
    size = sum(len(tokenizer.token_bytes(int(id))) * int(counts[id]) for id in np.flatnonzero(counts))
    common = np.argsort(-counts, kind="stable")[: min(columns, int((counts > 0).sum()))]
    found = _pairs(documents, len(counts), common) if pairs else (np.empty(0, np.int64),) * 2
    return Statistics(counts, common, *found, tokens=int(counts.sum()), bytes=size)


def _pairs(
    documents: Iterable[NDArray[np.uint32]], vocab_size: int, columns: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    column_of = np.full(vocab_size, -1, np.int64)
    column_of[columns] = np.arange(len(columns))
    pairs, counts = np.empty(0, np.int64), np.empty(0, np.int64)
    for ids, document in _blocks(documents):
        keys = []
        for distance in DISTANCES:
            left, right = ids[:-distance], ids[distance:]
            together = document[:-distance] == document[distance:]
            for one, other in ((left, right), (right, left)):
                column = column_of[other]
                kept = together & (column >= 0)
                keys.append(one[kept] * len(columns) + column[kept])
        new, number = np.unique(np.concatenate(keys), return_counts=True)
        pairs, where = np.unique(np.concatenate([pairs, new]), return_inverse=True)
        added = np.concatenate([counts, number])
        # Whole numbers below 2^53: exact as the float64 that bincount sums in.
        counts = np.bincount(where, added, len(pairs)).astype(np.int64)
    return pairs, counts


def _blocks(
    documents: Iterable[NDArray[np.uint32]],
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Ids of several documents in a row, with the number of the document each is from."""
    held: list[NDArray[np.int64]] = []
    size = 0
    for ids in documents:
        for start in range(0, len(ids), _TOKENS_AT_A_TIME):
            held.append(ids[start : start + _TOKENS_AT_A_TIME].astype(np.int64))
            size += len(held[-1])
            if size >= _TOKENS_AT_A_TIME:
                yield _joined(held)
                held, size = [], 0
    if held:
        yield _joined(held)


def _joined(parts: list[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.concatenate(parts), np.repeat(np.arange(len(parts)), [len(part) for part in parts])
