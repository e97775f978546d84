"""Text into the fewest spans: the rule in plain Python, and counts over much text by numpy.

The rule: of all ways to cut a text into spans of the vocabulary and single bytes, one with the fewest pieces; of these
the one whose first piece is longest, then the second, and so on. `segment` is its specification; the engine does the
same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tokloom.learned.fsq.adaptive_text import LONGEST, SpanText, hash_of, hashes

__all__ = ["Segmenter", "segment"]

_WINDOW = 2_048  # bytes: text is cut there when uses are counted, which costs half a token each
_WINDOWS = 512
_MOST_BUCKET_BITS = 22


def segment(text: bytes, spans: Collection[bytes]) -> list[bytes]:
    """The text in the fewest pieces, spans or single bytes; of equals the one whose earlier pieces are longer.

    Example:
        >>> segment(b"abcde", {b"ab", b"abc", b"cde"})
        [b'ab', b'cde']
        >>> segment(b"abcd", {b"ab", b"abc", b"cd", b"bcd"})
        [b'abc', b'd']
    """
    longest = max(map(len, spans), default=1)
    fewest = [0] * (len(text) + 1)
    piece = [1] * (len(text) + 1)
    for start in range(len(text) - 1, -1, -1):
        fewest[start] = fewest[start + 1] + 1
        for length in range(2, min(longest, len(text) - start) + 1):
            # At least as few, and longer than what was found before.
            if text[start : start + length] in spans and fewest[start + length] + 1 <= fewest[start]:
                fewest[start], piece[start] = fewest[start + length] + 1, length
    pieces, start = [], 0
    while start < len(text):
        pieces.append(text[start : start + piece[start]])
        start += piece[start]
    return pieces


class Segmenter:
    """Counts how often each span is used when a text is cut into the fewest pieces, by numpy.

    Args:
        spans: 2 to 16 bytes each.
        costs: what a piece costs, near 1; shape (spans,). Among almost equal ways the cheaper is taken, so that uses
            gather on fewer spans. None: 1 each.
        whole: whether a span may be used for a text that is this span and nothing more.
    """

    def __init__(
        self, spans: Sequence[bytes], costs: NDArray[np.float32] | None = None, *, whole: bool = True
    ) -> None:
        found = hash_of(spans) if spans else np.empty(0, np.uint64)
        self._order = np.argsort(found, kind="stable")
        self._keys = found[self._order]
        # Where in the keys those begin whose first bits are these: some eight buckets a key.
        bits = min(_MOST_BUCKET_BITS, len(spans).bit_length() + 3)
        self._shift = np.uint64(64 - bits)
        edges = np.arange(1 << bits, dtype=np.uint64) << self._shift
        self._buckets = np.searchsorted(self._keys, edges).astype(np.int32)
        sizes = np.diff(np.append(self._buckets, len(self._keys)))
        self._deepest = int(sizes.max(initial=0))
        self._costs = np.ones(len(spans), np.float32) if costs is None else costs.astype(np.float32)
        self._whole = whole

    def uses(self, text: SpanText) -> tuple[NDArray[np.int64], int]:
        """How often each span is used, shape (spans,), and how many single bytes are."""
        uses, single = np.zeros(len(self._costs), np.int64), 0
        for block, room in _blocks(text):
            ids, costs = self._matches(block, room)
            _, chosen = _fewest(costs)
            lengths = _walk(chosen, room > 0)
            taken = [ids[length - 2][lengths == length] for length in range(2, LONGEST + 1)]
            uses += np.bincount(np.concatenate(taken), minlength=len(uses))
            single += int(((lengths == 1) & (room > 0)).sum())
        return uses, single

    def fewest(self, spans: Sequence[bytes]) -> NDArray[np.float32]:
        """What each of these short texts costs, shape (spans,)."""
        result = np.empty(len(spans), np.float32)
        size = 1 << 16
        for start in range(0, len(spans), size):
            part = spans[start : start + size]
            block = np.frombuffer(b"".join(span.ljust(LONGEST, b"\0") for span in part), np.uint8)
            lengths = np.array([len(span) for span in part])
            room = np.maximum(lengths[:, None] - np.arange(LONGEST), 0).astype(np.uint8)
            _, costs = self._matches(block.reshape(-1, LONGEST).T, room.T)
            result[start : start + size] = _fewest(costs, room.T)[0][0]
        return result

    def _matches(
        self, block: NDArray[np.uint8], room: NDArray[np.uint8]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """For each length from 2, place and window: the span that stands there, and its cost (infinite: none)."""
        places, windows = block.shape
        ids = np.full((LONGEST - 1, places, windows), -1, np.int32)
        costs = np.full(ids.shape, np.inf, np.float32)
        flat = np.ascontiguousarray(block.T).reshape(-1)
        for length, values in enumerate(hashes(flat), 1):
            if length < 2:
                continue
            padded = np.zeros(len(flat), np.uint64)
            padded[: len(values)] = values
            here = room >= length
            if not self._whole:
                here[0] &= room[0] != length
            rows, columns = np.nonzero(here)
            wanted = padded.reshape(windows, places).T[rows, columns]
            where, which = self._find(wanted)
            ids[length - 2, rows[where], columns[where]] = which
            costs[length - 2, rows[where], columns[where]] = self._costs[which]
        return ids, costs

    def _find(self, wanted: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which of these hashes are spans', and whose."""
        if not len(self._keys):
            return (np.empty(0, np.int64),) * 2
        at = self._buckets[wanted >> self._shift].astype(np.int64)
        left = np.arange(len(wanted))
        places, found = [], []
        for _ in range(self._deepest):
            inside = at < len(self._keys)
            left, at = left[inside], at[inside]
            keys = self._keys[at]
            same = keys == wanted[left]
            places.append(left[same])
            found.append(self._order[at[same]])
            # Keys ascend: one that is greater ends the search.
            on = keys < wanted[left]
            left, at = left[on], at[on] + 1
        return np.concatenate(places), np.concatenate(found)


def _blocks(text: SpanText) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Windows side by side: bytes and room to the window's and the document's end, both of shape (places, windows)."""
    room = text.room()
    size = _WINDOW * _WINDOWS
    for start in range(0, len(text.data), size):
        data, left = text.data[start : start + size], room[start : start + size]
        windows = -(-len(data) // _WINDOW)
        block = np.zeros(windows * _WINDOW, np.uint8)
        block[: len(data)] = data
        inside = np.zeros(windows * _WINDOW, np.uint8)
        inside[: len(data)] = left
        to_end = np.minimum(np.arange(_WINDOW, 0, -1), LONGEST).astype(np.uint8)
        inside = np.minimum(inside.reshape(windows, _WINDOW), to_end)
        yield block.reshape(windows, _WINDOW).T, np.ascontiguousarray(inside.T)


def _fewest(
    costs: NDArray[np.float32], room: NDArray[np.uint8] | None = None
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """From the end backwards: what the rest of each window costs, and the length of the piece at each place."""
    _, places, windows = costs.shape
    rest = np.zeros((places + LONGEST, windows), np.float32)
    lengths = np.ones((places, windows), np.uint8)
    for place in range(places - 1, -1, -1):
        ways = costs[:, place] + rest[place + 2 : place + 1 + LONGEST]
        # Of equals the longest piece: the last one.
        best = LONGEST - 2 - ways[::-1].argmin(0)
        cost = ways[best, np.arange(windows)]
        one = rest[place + 1] + 1
        if room is not None:
            one = np.where(room[place] > 0, one, 0)
        longer = cost <= one
        lengths[place] = np.where(longer, best + 2, 1)
        rest[place] = np.where(longer, cost, one)
    return rest, lengths


def _walk(lengths: NDArray[np.uint8], inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The length of the piece that begins at each place, 0 where none does."""
    places, windows = lengths.shape
    begins = np.zeros((places + LONGEST, windows), bool)
    begins[0] = True
    columns = np.arange(windows)
    for place in range(places):
        here = begins[place]
        begins[place + lengths[place][here].astype(np.int64), columns[here]] = True
    return np.where(begins[:places] & inside, lengths, 0).astype(np.uint8)
