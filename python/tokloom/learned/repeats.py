"""How much of a held-out text stands in the training text word for word: a split that leaks flatters every figure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tokloom.learned.near_duplicates import shingle_hashes
from tokloom.learned.text_data import Bytes, TextData

WINDOW = 64
_TABLE_BITS = 22
_BLOCK = 1 << 20


def repeated_shares(held_out: TextData, training: TextData, *, every: int = 7) -> NDArray[np.float64]:
    """For each held-out document, the share of its windows of 64 characters that stand somewhere in the training text.

    Args:
        held_out: its windows are looked for.
        training: where they are looked for, at every position.
        every: one window of so many is taken, the first of each document among them.

    Returns:
        (documents,), from 0 to 1; 0 for a document shorter than a window.

    Example:
        >>> text = TextData.of(["0123456789" * 7, "short"])
        >>> repeated_shares(text, text), repeated_shares(text, TextData.of(["other text " * 9]))
        (array([1., 0.]), array([0., 0.]))
    """
    found, lengths = _found(held_out, training, every)
    documents = np.repeat(np.arange(len(lengths)), lengths)
    return np.bincount(documents, found, len(lengths)) / np.maximum(lengths, 1)


def repeated_share(held_out: TextData, training: TextData, *, every: int = 7) -> float:
    """The same for the held-out text as a whole: of all its windows the share that stands in the training text.

    Example:
        >>> text = TextData.of(["0123456789" * 7])
        >>> repeated_share(text, text)
        1.0
    """
    found, _ = _found(held_out, training, every)
    return float(found.mean()) if len(found) else 0.0


def _found(held_out: TextData, training: TextData, every: int) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """For each of the windows whether it stands in the training text; and how many each document has."""
    parts, lengths = [np.zeros(0, np.uint64)], []
    for index in range(len(held_out)):
        parts += (blocks := [hashes[::every] for hashes in _windows(held_out.document(index))])
        lengths.append(sum(map(len, blocks)))
    wanted = np.concatenate(parts)
    known = np.unique(wanted)
    if not len(known):
        return np.zeros(0, bool), np.array(lengths, np.int64)
    shift = np.uint64(64 - _TABLE_BITS)
    # Nearly all windows of the training text are told apart by their first bits; only the others are searched for.
    table = np.zeros(1 << _TABLE_BITS, bool)
    table[known >> shift] = True
    stands = np.zeros(len(known), bool)
    for index in range(len(training)):
        for hashes in _windows(training.document(index)):
            likely = hashes[table[hashes >> shift]]
            places = np.minimum(np.searchsorted(known, likely), len(known) - 1)
            stands[places[known[places] == likely]] = True
    return stands[np.searchsorted(known, wanted)], np.array(lengths, np.int64)


def _windows(document: Bytes) -> Iterator[NDArray[np.uint64]]:
    """The hashes of a document's windows, about a million characters at a time."""
    for start in range(0, len(document), _BLOCK):
        # What a window that begins in this block may need of the next one: 64 characters of at most four bytes.
        part = document[start : start + _BLOCK + 4 * WINDOW].tobytes()
        points = np.frombuffer(part.decode(errors="replace").encode("utf-32-le"), "<u4")
        if len(points) >= WINDOW:
            yield shingle_hashes(points, WINDOW)
