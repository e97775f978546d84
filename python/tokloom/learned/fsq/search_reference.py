"""The search for better codes of a chunk, by the words of `docs/fsq.md`: the specification that the engine is held to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["searched", "wrong_symbols"]

END, BEHIND = 256, 255  # the symbol behind the end, and how strings have it


def wrong_symbols(symbols: NDArray[np.integer], guess: NDArray[np.integer]) -> int:
    """How many symbols of a chunk would be patched; what comes behind its end doesn't matter.

    Example:
        >>> wrong_symbols(np.array([97, 98, 256, 256]), np.array([97, 99, 256, 0]))
        1
    """
    ends = np.flatnonzero(symbols == END)
    size = ends[0] + 1 if len(ends) else len(symbols)
    return int((symbols[:size] != guess[:size]).sum())


def searched(
    codes: NDArray[np.integer],
    symbols: NDArray[np.integer],
    strings: NDArray[np.integer],
    decode: Callable[[NDArray[np.integer]], NDArray[np.integer]],
) -> NDArray[np.integer]:
    """The codes of one chunk, better ones in place of those that decode wrongly.

    Args:
        codes: the encoder's, shape (codes per chunk,).
        symbols: the chunk, shape (size,); 256 behind its end.
        strings: what each code stands for, shape (codes in all, size / codes per chunk), bytes; 255 for places behind the end.
        decode: codes → symbols.
    """
    codes, length = codes.copy(), strings.shape[1]
    guess = decode(codes)
    for place in range(len(codes)):
        part = slice(place * length, (place + 1) * length)
        right = int((guess[part] == symbols[part]).sum())
        if right == length:
            continue
        agreements = (strings == np.minimum(symbols[part], BEHIND)).sum(1)
        nearest = int(agreements.argmax())  # the lowest of equals
        if agreements[nearest] <= right:
            continue
        others = codes.copy()
        others[place] = nearest
        other_guess = decode(others)
        if wrong_symbols(symbols, other_guess) < wrong_symbols(symbols, guess):
            codes, guess = others, other_guess
    return codes
