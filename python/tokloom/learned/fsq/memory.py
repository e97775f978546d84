"""What a chunk network knows before it is trained: frequent byte strings, each with a cell of the FSQ lattice.

A table remembers better than a network learns (`docs/fsq.md` has the figures), so the commonest strings get a cell of
their own, in alphabetical order: neighbours on the lattice share their first bytes. Strings that are common too, but
find no cell of their own, get that of the string that has the most bytes in common with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tokloom.metrics.reconstruction import bytes_of, frequent_strings, nearest

if TYPE_CHECKING:
    from jaxtyping import Int64, UInt8

__all__ = ["Memory", "Remembered", "remember"]

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

    parts: Sequence[tuple[int, Remembered]]
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
        b' thethe '
    """
    strings = frequent_strings(data, length, max(codes, keys))
    own = strings[:codes]
    alphabetical = np.argsort(own)  # the order of the cells
    entries = own[alphabetical]
    cell = np.empty(len(own), np.int64)
    cell[alphabetical] = np.arange(len(own))
    remembered = strings[: max(codes, keys)]
    found = cell[nearest(remembered, own, length)]
    order = np.argsort(remembered)
    # A text with fewer strings than cells: they are spread, so that no part of the lattice is empty.
    spread = np.arange(len(entries)) * codes // len(entries)
    whole = np.repeat(entries, np.diff(np.append(spread, codes)))
    return Memory(
        bytes_of(remembered[order], length),
        spread[found[order]],
        _parts(own, spread[cell], length),
        bytes_of(whole, length),
    )


def _parts(ranked: NDArray[np.uint64], codes: NDArray[np.int64], length: int) -> list[tuple[int, Remembered]]:
    """Beginnings and ends of the strings, down to half their length."""
    strings = bytes_of(ranked, length)
    parts = []
    for size in range(length - 1, max(1, length // 2) - 1, -1):
        for offset in (0, length - size):
            keys, first = np.unique(strings[:, offset : offset + size], axis=0, return_index=True)
            parts.append((offset, Remembered(keys, codes[first])))
    return parts
