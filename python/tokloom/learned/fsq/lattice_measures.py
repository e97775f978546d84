"""What can be said of a lattice in numbers, each beside what chance gives."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokloom.corpus.sources import as_source
from tokloom.errors import ArgumentError
from tokloom.learned.fsq.lattice import LatticeTokenizer

__all__ = ["LatticeReport", "measure", "shared_leading_bytes"]

_PAIRS = 20_000


@dataclass(frozen=True)
class LatticeReport:
    """Measures of a lattice over a text.

    Attributes:
        tokens: ids that have a cell.
        unique_cells: how many different cells they have: as many.
        share_of_cells: tokens by cells of the lattice.
        neighbours_share_leading_bytes: how many leading bytes two tokens have in common whose digits differ by one in
            one place, on average.
        random_pairs_share_leading_bytes: the same of two tokens drawn by chance.
        looked_at: tokens of the text.
        ids_seen: the share of ids that occur in it. It grows with the text: read it beside `looked_at`.
        bytes_per_token: of the text.
    """

    tokens: int
    unique_cells: int
    share_of_cells: float
    neighbours_share_leading_bytes: float
    random_pairs_share_leading_bytes: float
    looked_at: int
    ids_seen: float
    bytes_per_token: float


def measure(tokenizer: LatticeTokenizer, source: object, *, seed: int = 0) -> LatticeReport:
    """The measures of a lattice over a source of held-out text.

    Raises:
        ArgumentError: the source has no text.
    """
    digits = tokenizer.digits()
    known = np.flatnonzero((digits >= 0).any(1))
    seen = np.zeros(tokenizer.vocab_size, np.int64)
    size = 0
    for text in as_source(source).documents():
        data = text.encode() if isinstance(text, str) else text
        seen += np.bincount(tokenizer.encode_to_numpy(data), minlength=len(seen))
        size += len(data)
    if not size:
        raise ArgumentError("the source has no text to measure on")
    return LatticeReport(
        tokens=len(known),
        unique_cells=len(np.unique(digits[known], axis=0)),
        share_of_cells=len(known) / math.prod(tokenizer.levels),
        neighbours_share_leading_bytes=shared_leading_bytes(tokenizer, _neighbours(tokenizer, known, seed)),
        random_pairs_share_leading_bytes=shared_leading_bytes(tokenizer, _random_pairs(known, seed)),
        looked_at=int(seen.sum()),
        ids_seen=float((seen[known] > 0).mean()),
        bytes_per_token=size / int(seen.sum()),
    )


def shared_leading_bytes(tokenizer: LatticeTokenizer, pairs: NDArray[np.int64]) -> float:
    """How many leading bytes the tokens of each pair have in common, on average; shape (n, 2)."""
    if not len(pairs):
        return 0.0
    return sum(_common(*map(tokenizer.token_bytes, pair)) for pair in pairs.tolist()) / len(pairs)


def _common(one: bytes, other: bytes) -> int:
    length = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        length += 1
    return length


def _neighbours(tokenizer: LatticeTokenizer, known: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Pairs whose digits differ by one in one place, at most so many, by chance."""
    codes = {
        tuple(row): id for id, row in zip(known.tolist(), tokenizer.digits()[known].tolist(), strict=True)
    }
    pairs = []
    for row, id in codes.items():
        for place in range(len(row)):
            beside = (*row[:place], row[place] + 1, *row[place + 1 :])
            if min(row) >= 0 and beside in codes:
                pairs.append((id, codes[beside]))
    chance = np.random.default_rng(seed)
    chosen = chance.permutation(len(pairs))[:_PAIRS]
    return np.array(pairs, np.int64).reshape(-1, 2)[chosen]


def _random_pairs(known: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    pairs = np.random.default_rng(seed).choice(known, (_PAIRS, 2))
    return pairs[pairs[:, 0] != pairs[:, 1]]
