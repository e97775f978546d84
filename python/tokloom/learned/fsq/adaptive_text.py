"""Training text for spans: bytes in one array, where each document begins, and hashes of its substrings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokloom.corpus.sources import as_source
from tokloom.errors import ArgumentError

__all__ = ["LONGEST", "SpanText", "hashes", "read_text"]

LONGEST = 16  # bytes in a span
_MULTIPLIER = 0x9E37_79B9_7F4A_7C15
_MIX = (0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB)

Bytes = NDArray[np.uint8]
Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class SpanText:
    """Documents in a row.

    Attributes:
        data: the bytes, shape (n,).
        offsets: where each document begins, and n, shape (documents + 1,).
    """

    data: Bytes
    offsets: NDArray[np.int64]

    def room(self) -> Bytes:
        """How many bytes from each place to the end of its document, at most 16, shape (n,)."""
        left = np.full(len(self.data), LONGEST, np.uint8)
        for end in self.offsets[1:]:
            last = min(LONGEST, len(self.data))
            start = max(int(end) - last, 0)
            left[start:end] = np.minimum(left[start:end], np.arange(int(end) - start, 0, -1))
        return left


def read_text(source: object, most: int) -> SpanText:
    """Documents of a source, at most so many bytes: where there are more, parts from all over the source.

    Args:
        source: as for `tokloom.train`.
        most: how many bytes are held.

    Raises:
        ArgumentError: the source has no text.
    """
    documents = [
        document.encode() if isinstance(document, str) else document
        for document in as_source(source).documents()
    ]
    documents = [document for document in documents if document]
    total = sum(map(len, documents))
    if not total:
        raise ArgumentError("the source has no text, so there are no spans to choose from")
    if total > most:
        documents = list(_spread(documents, most, total))
    offsets = np.cumsum([0, *map(len, documents)], dtype=np.int64)
    return SpanText(np.frombuffer(b"".join(documents), np.uint8), offsets)


def _spread(documents: Sequence[bytes], most: int, total: int) -> Iterator[bytes]:
    """Of each million bytes of text the first ones, so that every part of the source has its share."""
    piece = 1 << 20
    share = int(piece * most / total)
    at = 0
    for document in documents:
        for start in range(-(at % piece), len(document), piece):
            part = document[max(start, 0) : max(start + share, 0)]
            if part:
                yield part
        at += len(document)


def hashes(data: Bytes) -> Iterator[Hashes]:
    """For each length from 1 to 16: a hash of the bytes from each place, shape (n - length + 1,).

    Equal substrings have equal hashes wherever they stand.
    """
    values = data.astype(np.uint64) + np.uint64(1)
    sums = np.zeros(len(data), np.uint64)
    power = 1
    for length in range(1, min(LONGEST, len(data)) + 1):
        sums = sums[: len(data) - length + 1] + values[length - 1 :] * np.uint64(power)
        power = power * _MULTIPLIER % 2**64
        yield _mixed(sums + np.uint64(length))


def hash_of(spans: Sequence[bytes]) -> Hashes:
    """The hash that `hashes` gives where each span stands, shape (spans,); spans of 1 to 16 bytes."""
    lengths = np.array([len(span) for span in spans], np.int64)
    padded = np.frombuffer(b"".join(span.ljust(LONGEST, b"\0") for span in spans), np.uint8)
    values = padded.reshape(-1, LONGEST).astype(np.uint64) + np.uint64(1)
    powers = np.array([pow(_MULTIPLIER, place, 2**64) for place in range(LONGEST)], np.uint64)
    inside = np.arange(LONGEST) < lengths[:, None]
    return _mixed((values * powers * inside).sum(1, dtype=np.uint64) + lengths.astype(np.uint64))


def _mixed(values: Hashes) -> Hashes:
    """Every bit of the sum into every bit of the hash (splitmix64's last steps)."""
    mixed = values
    for shift, factor in zip((30, 27), _MIX, strict=True):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))
