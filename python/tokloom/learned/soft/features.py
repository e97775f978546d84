"""A token's bytes as the two models read them: a padded row of symbols, and the numbers of its hashed n-grams."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError

__all__ = ["END", "PAD", "START", "SYMBOLS", "ngrams", "symbols"]

START, END, PAD = 256, 257, 258
SYMBOLS = 259

_PRIME = np.uint64(0x100000001B3)  # FNV-1a's
_BASIS = 0xCBF29CE484222325


def symbols(tokens: Sequence[bytes], max_bytes: int) -> NDArray[np.int64]:
    """Start, the bytes, end, and padding: shape (tokens, longest + 2).

    A token of more than `max_bytes` bytes is read up to there.

    Example:
        >>> symbols([b"ab", b"c"], 48).tolist()
        [[256, 97, 98, 257], [256, 99, 257, 258]]
    """
    for token in tokens:
        if not isinstance(token, (bytes, bytearray)):
            raise TypeError(f"tokens are bytes, not {type(token).__name__}: 'word'.encode() makes them")
    cut = [token[:max_bytes] for token in tokens]
    width = max(map(len, cut), default=0) + 2
    found = np.full((len(cut), width), PAD, np.int64)
    for row, token in zip(found, cut, strict=True):
        row[0] = START
        row[1 : len(token) + 1] = np.frombuffer(token, np.uint8)
        row[len(token) + 1] = END
    return found


def ngrams(
    tokens: Sequence[bytes], *, longest: int, buckets: int, max_bytes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The buckets of all n-grams of 1 to `longest` symbols (start and end among them), one token after the other.

    Returns:
        The buckets, shape (n-grams,), and where each token's begin, shape (tokens,).

    Raises:
        ArgumentError: `longest` or `buckets` is below 1.

    Example:
        >>> hashed, offsets = ngrams([b"ab", b"c"], longest=2, buckets=1000, max_bytes=48)
        >>> len(hashed), offsets.tolist()
        (12, [0, 7])
    """
    if longest < 1 or buckets < 1:
        raise ArgumentError(f"n-grams of up to {longest} symbols in {buckets} buckets: both are 1 or more")
    read = symbols(tokens, max_bytes)
    count, width = read.shape
    lengths = (read != PAD).sum(axis=1)
    hashes = np.full((count, width), _BASIS, np.uint64)
    parts, owners = [], []
    for size in range(1, min(longest, width) + 1):
        # A window of `size` symbols that begins at each place; those that reach into the padding are left out.
        places = width - size + 1
        hashes = (hashes[:, :places] ^ read[:, size - 1 :].astype(np.uint64)) * _PRIME
        inside = np.arange(places)[None, :] + size <= lengths[:, None]
        mixed = hashes ^ (hashes >> np.uint64(29))
        parts.append((mixed % np.uint64(buckets)).astype(np.int64)[inside])
        owners.append(np.nonzero(inside)[0])
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    counts = np.bincount(owner, minlength=count)
    return np.concatenate(parts)[order], np.cumsum(counts) - counts
