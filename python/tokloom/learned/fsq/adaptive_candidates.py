"""Spans worth a token: byte strings that text repeats, cut at the borders of characters, across words or not."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokloom.learned.fsq.adaptive_text import LONGEST, SpanText, hashes

__all__ = ["candidates"]

# A span is left out if one that is a byte longer occurs nearly as often: that one will be used in its place.
_NEARLY = 0.95


class _Level(NamedTuple):
    """Substrings of one length that occur often enough: hashes ascending, where one stands, how often."""

    hashes: NDArray[np.uint64]
    places: NDArray[np.int64]
    counts: NDArray[np.int64]


def candidates(text: SpanText, limit: int, *, min_count: int = 8) -> tuple[list[bytes], NDArray[np.int64]]:
    """The spans of 2 to 16 bytes that would save most if each stood alone: count · (length - 1).

    A longer substring can't occur oftener than its parts, so only what extends frequent ones is counted: memory is
    some 40 bytes for each byte of text.

    Args:
        text: training text.
        limit: how many spans at most.
        min_count: what occurs less often is no candidate.

    Returns:
        The spans, those that save most first, and how often each occurs (overlaps included).
    """
    room = text.room()
    alive = np.arange(len(text.data))
    found: list[tuple[bytes, int]] = []
    before: _Level | None = None
    worth = np.zeros(0, bool)
    for length, values in enumerate(hashes(text.data), 1):
        alive = alive[(alive < len(values)) & (room[np.minimum(alive, len(room) - 1)] >= length)]
        level, alive = _frequent(values, alive, min_count)
        if before is not None:
            worth = _not_overshadowed(text, before, level, length - 1)
            found += _spans(text, before, worth, length - 1)
        before = level
        if not len(level.hashes):
            break
        # What begins a byte further on must be frequent, too.
        lives = np.zeros(len(values) + 1, bool)
        lives[alive] = True
        alive = alive[lives[np.minimum(alive + 1, len(values))] | (length == 1)]
    if before is not None and len(before.hashes):
        found += _spans(text, before, np.ones(len(before.hashes), bool), LONGEST)
    found.sort(key=lambda span: (-span[1] * (len(span[0]) - 1), span[0]))
    return [span for span, _ in found[:limit]], np.array([count for _, count in found[:limit]], np.int64)


def _frequent(
    values: NDArray[np.uint64], alive: NDArray[np.int64], min_count: int
) -> tuple[_Level, NDArray[np.int64]]:
    """The substrings at these places that occur often enough, and the places where they do."""
    here = values[alive]
    order = np.argsort(here, kind="stable")
    ordered = here[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if len(ordered) else order[:0]
    counts = np.diff(np.append(starts, len(ordered)))
    often = counts >= min_count
    level = _Level(ordered[starts[often]], alive[order[starts[often]]], counts[often])
    return level, np.sort(alive[order[np.repeat(often, counts)]])


def _not_overshadowed(text: SpanText, short: _Level, long: _Level, length: int) -> NDArray[np.bool_]:
    """Which of the shorter spans have no longer one, whole characters, that occurs nearly as often."""
    most = np.zeros(len(short.hashes), np.int64)
    if len(long.hashes) and len(short.hashes):
        whole = np.array(
            [_is_text(text.data[place : place + length + 1].tobytes()) for place in long.places], bool
        )
        for shift in (0, 1):
            parts = _hash_at(text, long.places[whole] + shift, length)
            where = np.minimum(np.searchsorted(short.hashes, parts), len(short.hashes) - 1)
            same = short.hashes[where] == parts
            np.maximum.at(most, where[same], long.counts[whole][same])
    return most < _NEARLY * short.counts


def _hash_at(text: SpanText, places: NDArray[np.int64], length: int) -> NDArray[np.uint64]:
    from tokloom.learned.fsq.adaptive_text import hash_of

    return hash_of([text.data[place : place + length].tobytes() for place in places.tolist()])


def _spans(text: SpanText, level: _Level, worth: NDArray[np.bool_], length: int) -> list[tuple[bytes, int]]:
    if length < 2:
        return []
    spans = [
        (text.data[place : place + length].tobytes(), count)
        for place, count in zip(level.places[worth].tolist(), level.counts[worth].tolist(), strict=True)
    ]
    return [span for span in spans if _is_text(span[0])]


def _is_text(span: bytes) -> bool:
    try:
        span.decode()
    except UnicodeDecodeError:
        return False
    return True
