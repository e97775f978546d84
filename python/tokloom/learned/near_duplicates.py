"""Near-duplicate documents: MinHash of their shingles, found by locality-sensitive hashing, in numpy.

A shingle is 16 bytes in a row. Each shingle's hash falls into one of 126 bins, and the least of each bin is the
document's sketch (one-permutation hashing; an empty bin borrows from the next one that isn't, as Shrivastava and Li
2014, arXiv:1406.4784). Two documents with the share J of their shingles in common (Jaccard) agree in a share J of the
bins. Documents that agree in all three bins of one of 42 bands are compared: at J = 0.5 that misses 0.4 % of the pairs.
What agrees in at least half its bins is a near-duplicate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SHINGLE = 16
BANDS, ROWS = 42, 3
BINS = BANDS * ROWS
SHARE = 0.5

_NONE = np.uint64(2**64 - 1)
_BASE = 0x9E3779B97F4A7C15
_BLOCK = 1 << 20


class Sketch:
    """The sketch of one document, made block by block.

    Example:
        >>> whole, parts = Sketch(), Sketch()
        >>> whole.add(b"to be, or not to be, that is the question")
        >>> for part in (b"to be, or not ", b"to be, that is the question"):
        ...     parts.add(part)
        >>> bool((whole.values() == parts.values()).all())
        True
    """

    def __init__(self) -> None:
        self._least = np.full(BINS, _NONE)
        self._rest = b""
        self._is_short = True

    def add(self, block: bytes) -> None:
        """Goes on with the next bytes of the document."""
        for start in range(0, len(block), _BLOCK):
            self._add(self._rest + block[start : start + _BLOCK])

    def _add(self, data: bytes) -> None:
        if len(data) >= SHINGLE:
            self._is_short = False
            hashes = shingle_hashes(np.frombuffer(data, np.uint8), SHINGLE)
            np.minimum.at(self._least, _bins(hashes), hashes)
            self._rest = data[1 - SHINGLE :]
        else:
            self._rest = data

    def values(self) -> NDArray[np.uint64]:
        """(126,): the least hash of each bin."""
        least = self._least.copy()
        if self._is_short:  # shorter than a shingle: it is one itself, filled up with zeros
            hashes = shingle_hashes(np.frombuffer(self._rest.ljust(SHINGLE, b"\0"), np.uint8), SHINGLE)
            np.minimum.at(least, _bins(hashes), hashes)
        return _filled(least)


def shingle_hashes(symbols: NDArray[np.uint8] | NDArray[np.uint32], size: int) -> NDArray[np.uint64]:
    """A hash of every run of `size` symbols (a power of two): (n - size + 1,), for n at least `size`."""
    hashes, width = symbols.astype(np.uint64) + np.uint64(1), 1
    while width < size:
        # The hash of a run from those of its halves: a polynomial, modulo 2^64.
        factor = np.uint64(pow(_BASE, width, 2**64))
        hashes = hashes[:-width] * factor + hashes[width:]
        width *= 2
    return _mixed(hashes)


def near_duplicates_of(sketches: NDArray[np.uint64], share: float = SHARE) -> NDArray[np.bool_]:
    """For each document whether an earlier one is like it.

    Args:
        sketches: (documents, 126).
        share: of bins that must agree.

    Returns:
        (documents,): True where an earlier document agrees in at least that share.
    """
    count = len(sketches)
    found = np.zeros(count, bool)
    for band in range(BANDS):
        keys = _mixed(_combined(sketches[:, band * ROWS : (band + 1) * ROWS]))
        order = np.argsort(keys, kind="stable")
        same = np.flatnonzero(keys[order][1:] == keys[order][:-1])
        if not len(same):
            continue
        later, previous = order[same + 1], order[same]
        starts = np.flatnonzero(np.concatenate([[True], keys[order][1:] != keys[order][:-1]]))
        first = order[starts[np.searchsorted(starts, same + 1, "right") - 1]]
        # Against the one before it and the first of its band: linear, and a group of n copies loses n - 1 of them.
        for earlier in (previous, first):
            _mark(found, sketches, earlier, later, share)
    return found


def _mark(
    found: NDArray[np.bool_],
    sketches: NDArray[np.uint64],
    earlier: NDArray[np.int64],
    later: NDArray[np.int64],
    share: float,
) -> None:
    open_ = ~found[later]
    earlier, later = earlier[open_], later[open_]
    for start in range(0, len(later), 1 << 14):
        part = slice(start, start + (1 << 14))
        agree = (sketches[earlier[part]] == sketches[later[part]]).mean(axis=1)
        found[later[part][agree >= share]] = True


def _bins(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    # Not the high bits alone: the least hashes of a bin would all lie at its lower end, which is what is wanted of
    # them; but the bins of a short document's few hashes must be independent of their order.
    return (hashes % np.uint64(BINS)).astype(np.int64)


def _filled(least: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Empty bins take the next full one's hash, mixed with the distance, so that it agrees only with its like."""
    full = np.flatnonzero(least != _NONE)
    if len(full) == BINS:
        return least
    empty = np.flatnonzero(least == _NONE)
    next_full = full[np.searchsorted(full, empty) % len(full)]
    distance = ((next_full - empty) % BINS).astype(np.uint64)
    least[empty] = _mixed(least[next_full] + distance * np.uint64(_BASE))
    return least


def _combined(columns: NDArray[np.uint64]) -> NDArray[np.uint64]:
    total = np.zeros(len(columns), np.uint64)
    for column in range(columns.shape[1]):
        total = total * np.uint64(_BASE) + columns[:, column]
    return total


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A bijection that spreads each bit over all (the finaliser of SplitMix64, Steele et al. 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
