"""What a chunk network knows before it is trained: frequent byte strings, each with a cell of the FSQ lattice.

A table remembers better than a network learns (`docs/fsq.md` has the figures), so the commonest strings get a cell of
their own, in alphabetical order: neighbours on the lattice share their first bytes. Strings that are common too, but
find no cell of their own, get that of the string that has the most bytes in common with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError

if TYPE_CHECKING:
    from jaxtyping import Int64, UInt8

__all__ = ["Memory", "Remembered", "frequent_strings", "remember"]

# Windows that are counted; enough that a string at rank 65,536 is seen about ten times.
COUNTED = 24_000_000
LONGEST = 8


@dataclass(frozen=True)
class Remembered:
    """Strings and their codes.

    Attributes:
        keys: the strings, ascending.
        codes: the code of each key.
    """

    keys: UInt8[NDArray[np.uint8], "keys length"]
    codes: Int64[NDArray[np.int64], " keys"]


@dataclass(frozen=True)
class Memory(Remembered):
    """The strings of a text that have codes.

    Attributes:
        beginnings: strings one byte shorter, each with the code of the commonest string that begins so.
        entries: the string that each code stands for; with fewer strings than codes neighbours repeat it.
    """

    beginnings: Remembered
    entries: UInt8[NDArray[np.uint8], "codes length"]


def remember(data: NDArray[np.uint8], length: int, *, codes: int, keys: int) -> Memory:
    """Finds the commonest strings of a text and gives them codes.

    Args:
        data: the text's bytes, (n,).
        length: bytes of a string, 1 to 8.
        codes: how many cells there are.
        keys: how many strings are remembered in all; those beyond `codes` share a cell with the nearest.

    Raises:
        ArgumentError: the text is shorter than a string.

    Example:
        >>> text = np.frombuffer(b"the cat, the dog, the bat", np.uint8)
        >>> memory = remember(text, 4, codes=2, keys=4)
        >>> memory.entries.tobytes()
        b' the, th'
    """
    strings = frequent_strings(data, length, max(codes, keys))
    entries = np.sort(strings[:codes])  # alphabetical: the cells' order
    remembered = strings[: max(codes, keys)]
    ranks = np.empty(len(entries), np.int64)
    ranks[np.argsort(strings[:codes], kind="stable")] = np.arange(len(entries))
    found = _nearest(remembered, entries, ranks, length)
    order = np.argsort(remembered)
    whole = np.concatenate([entries, np.repeat(entries[-1:], codes - len(entries))])
    # A text with fewer strings than cells: spread them, so that no part of the lattice is empty.
    spread = np.arange(len(entries)) * (codes // len(entries))
    if len(entries) < codes:
        whole[: spread[-1] + codes // len(entries)] = np.repeat(entries, codes // len(entries))
    return Memory(
        _bytes(remembered[order], length),
        spread[found[order]],
        _beginnings(entries, ranks, spread, length),
        _bytes(whole, length),
    )


def _beginnings(
    entries: NDArray[np.uint64], ranks: NDArray[np.int64], codes: NDArray[np.int64], length: int
) -> Remembered:
    """Each string but its last byte (of one byte: the byte), with the code of the commonest that begins so."""
    begun = entries if length == 1 else entries >> np.uint64(8)
    order = np.lexsort((ranks, begun))
    keys, first = np.unique(begun[order], return_index=True)
    return Remembered(_bytes(keys, max(1, length - 1)), codes[order][first])


def frequent_strings(data: NDArray[np.uint8], length: int, count: int) -> NDArray[np.uint64]:
    """The commonest strings of a length, at every place of the text, as big-endian numbers; of equals the smaller first.

    Raises:
        ArgumentError: the text is shorter than a string.
    """
    if not 1 <= length <= LONGEST:
        raise ArgumentError(f"strings of {length} bytes; the memory holds those of 1 to {LONGEST}")
    places = len(data) - length + 1
    if places < 1:
        raise ArgumentError(f"the text has {len(data)} bytes, fewer than one string of {length}: train on more text")
    # Stretches of a long text from all of it: its documents may lie in an order.
    stretch = 1 << 16
    starts = np.arange(0, places, stretch)
    if places > COUNTED:
        starts = starts[np.linspace(0, len(starts) - 1, COUNTED // stretch).astype(np.int64)]
    parts = [_numbers(data[start : min(start + stretch, places) + length - 1], length) for start in starts.tolist()]
    strings, counts = np.unique(np.concatenate(parts), return_counts=True)
    return strings[np.lexsort((strings, -counts))[:count]]


def _numbers(data: NDArray[np.uint8], length: int) -> NDArray[np.uint64]:
    places = len(data) - length + 1
    numbers = np.zeros(places, np.uint64)
    for offset in range(length):
        numbers = (numbers << np.uint64(8)) | data[offset : offset + places].astype(np.uint64)
    return numbers


def _nearest(
    strings: NDArray[np.uint64], entries: NDArray[np.uint64], ranks: NDArray[np.int64], length: int
) -> NDArray[np.int64]:
    """For each string the place of the entry with the most bytes equal to its own; of equals the commonest."""
    found = np.full(len(strings), -1, np.int64)
    for equal in range(length, 0, -1):
        for places in combinations(range(length), equal):
            missing = np.flatnonzero(found < 0)
            if not len(missing):
                return found
            mask = np.uint64(sum(0xFF << 8 * (length - 1 - place) for place in places))
            masked = entries & mask
            order = np.lexsort((ranks, masked))
            place = np.searchsorted(masked[order], strings[missing] & mask)
            inside = place < len(order)
            candidates = order[np.where(inside, place, 0)]
            same = inside & (masked[candidates] == strings[missing] & mask)
            found[missing[same]] = candidates[same]
    found[found < 0] = int(np.argmin(ranks))
    return found


def _bytes(numbers: NDArray[np.uint64], length: int) -> NDArray[np.uint8]:
    return numbers.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - length :].copy()
