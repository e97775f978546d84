"""Text for training: whole documents on one side of a split or the other, near-duplicates removed, windows by step."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tokloom.corpus.sources import as_source
from tokloom.errors import ArgumentError, SourceError
from tokloom.learned.near_duplicates import Sketch, near_duplicates_of
from tokloom.storage import as_source_error

Bytes = NDArray[np.uint8]


class Windows(Protocol):
    """What gives a batch of text: one text, or several mixed."""

    def windows(
        self,
        count: int,
        size: int,
        step: int,
        seed: int = 0,
        *,
        rank: int = 0,
        ranks: int = 1,
        across: bool = False,
    ) -> Bytes:
        """`count / ranks` windows of `size` bytes each, a pure function of the arguments."""


@dataclass(frozen=True)
class TextData:
    """Documents one after the other.

    Attributes:
        data: their bytes, (n,); it may lie on disk (`numpy.memmap`).
        offsets: where each begins, and at the end n: (documents + 1,).

    Example:
        >>> text = TextData.of(["one document", "another"])
        >>> len(text), text.size, bytes(text.document(1))
        (2, 19, b'another')
        >>> [bytes(window) for window in text.windows(2, 4, step=0, seed=1)] == [
        ...     bytes(window) for window in text.windows(2, 4, step=0, seed=1)
        ... ]
        True
    """

    data: Bytes
    offsets: NDArray[np.int64]
    removed: Mapping[str, int] = field(default_factory=dict)
    """How many documents were left out, by reason: "copies", "near-duplicates"."""

    @classmethod
    def of(cls, documents: Iterable[str | bytes]) -> TextData:
        """The documents, held in memory."""
        parts = [each.encode() if isinstance(each, str) else each for each in documents]
        return cls(np.frombuffer(b"".join(parts), np.uint8), _offsets([len(part) for part in parts]))

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> TextData:
        """The text in a file, and in the one beside it that ends in `.offsets` (unsigned 64-bit, little-endian).

        Raises:
            SourceError: one of the two isn't there, or they don't fit together (also an OSError).
        """
        path = Path(path)
        try:
            offsets = np.fromfile(path.with_suffix(".offsets"), "<u8").astype(np.int64)
            data: Bytes = np.memmap(path, np.uint8, "r") if path.stat().st_size else np.zeros(0, np.uint8)
        except OSError as error:
            raise as_source_error(error, path) from None
        if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(data) or np.any(np.diff(offsets) < 0):
            raise SourceError(
                f"{path}: the file .offsets beside it belongs to another text, or was cut short"
            )
        return cls(data, offsets)

    def __len__(self) -> int:
        """How many documents."""
        return len(self.offsets) - 1

    @property
    def size(self) -> int:
        """Bytes of all documents."""
        return int(self.offsets[-1])

    def document(self, index: int) -> Bytes:
        """The bytes of one document."""
        return self.data[self.offsets[index] : self.offsets[index + 1]]

    def documents(self) -> Iterator[bytes]:
        """Each document, in order."""
        for start, end in pairwise(self.offsets.tolist()):
            yield self.data[start:end].tobytes()

    def take(self, indices: Sequence[int] | NDArray[np.int64]) -> TextData:
        """These documents, in this order, in memory."""
        parts = [self.document(int(index)) for index in indices]
        data = np.concatenate(parts) if parts else np.zeros(0, np.uint8)
        return TextData(data, _offsets([len(part) for part in parts]))

    def windows(
        self,
        count: int,
        size: int,
        step: int,
        seed: int = 0,
        *,
        rank: int = 0,
        ranks: int = 1,
        across: bool = False,
        whole_characters: bool = False,
    ) -> Bytes:
        """Windows of text, each place as likely as any other: a pure function of the arguments.

        Args:
            count: of all processes together; each gets `count / ranks` of the same draw.
            size: bytes of a window.
            step: of the run; another step, other windows.
            seed: of the run.
            rank: which process this is.
            ranks: of how many.
            across: windows may begin in one document and end in a later one. Without it documents shorter than a
                window are never seen.
            whole_characters: a window that would begin inside a UTF-8 character begins at its start.

        Returns:
            (count / ranks, size) bytes.

        Raises:
            ArgumentError: no document is as long as a window, or `count` doesn't divide.
        """
        if size < 1 or count < 1 or count % ranks:
            raise ArgumentError(
                f"{count} windows of {size} bytes on {ranks} devices: there must be at least one byte and window, and as "
                "many windows on each device"
            )
        share = count // ranks
        drawn = np.random.Philox(key=[seed, step]).random_raw(count)[rank * share : (rank + 1) * share]
        starts = self._starts(drawn, size, across=across)
        if whole_characters:
            for _ in range(3):
                starts -= (self.data[starts] & 0xC0 == 0x80) & (starts > 0)
        return np.asarray(self.data[starts[:, None] + np.arange(size)])

    def _starts(self, drawn: NDArray[np.uint64], size: int, *, across: bool) -> NDArray[np.int64]:
        if across:
            if self.size < size:
                raise ArgumentError(
                    f"the text has {self.size} bytes, and a window {size}: train on more text"
                )
            return (drawn % np.uint64(self.size - size + 1)).astype(np.int64)
        places = self._places(size)
        if not places[-1]:
            longest = int(np.diff(self.offsets).max(initial=0))
            raise ArgumentError(
                f"no document is as long as a window of {size} bytes (the longest of {len(self):,} has {longest}): take "
                "shorter windows, longer documents, or across=True for windows over several documents"
            )
        positions = (drawn % np.uint64(places[-1])).astype(np.int64)
        documents = np.searchsorted(places, positions, "right") - 1
        return self.offsets[documents] + positions - places[documents]

    def _places(self, size: int) -> NDArray[np.int64]:
        """How many windows begin before each document; kept for the sizes that were asked for."""
        if size not in self._known_places:
            self._known_places[size] = _offsets(np.maximum(0, np.diff(self.offsets) - size + 1))
        return self._known_places[size]

    @cached_property
    def _known_places(self) -> dict[int, NDArray[np.int64]]:
        return {}


@dataclass(frozen=True)
class Mixture:
    """Several texts, such as languages, each with its share of the windows.

    Args:
        texts: by name.
        weights: by name, of any sum; None for the same share each.

    Example:
        >>> mixture = Mixture(
        ...     {"de": TextData.of(["Wasser" * 9]), "fr": TextData.of(["eau, " * 9])}, {"de": 3, "fr": 1}
        ... )
        >>> mixture.windows(8, 4, step=0).shape
        (8, 4)
    """

    texts: Mapping[str, TextData]
    weights: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if not self.texts:
            raise ArgumentError("a mixture needs at least one text")
        weights = self.weights or dict.fromkeys(self.texts, 1.0)
        if set(weights) != set(self.texts):
            raise ArgumentError(f"weights are of {', '.join(weights)}, and texts of {', '.join(self.texts)}")
        if (
            not all(0 <= weight < float("inf") for weight in weights.values())
            or not sum(weights.values()) > 0
        ):
            raise ArgumentError(f"weights must be 0 or more, one of them more than 0: {dict(weights)}")

    def windows(
        self,
        count: int,
        size: int,
        step: int,
        seed: int = 0,
        *,
        rank: int = 0,
        ranks: int = 1,
        **choices: bool,
    ) -> Bytes:
        """Windows of all texts mixed; see `TextData.windows`. Each window's text is drawn by its weight."""
        if count < 1 or count % ranks:
            raise ArgumentError(
                f"{count} windows don't divide into the same number on each of {ranks} devices"
            )
        names = list(self.texts)
        weights = np.array([(self.weights or {}).get(name, 1.0) for name in names], np.float64)
        borders = np.cumsum(weights / weights.sum())
        # Another key than the windows' own: which text it is tells nothing about the place in it.
        drawn = np.random.Philox(key=[seed ^ 0x6D69786564, step]).random_raw(count) / 2.0**64
        which = np.minimum(np.searchsorted(borders, drawn, "right"), len(names) - 1)
        found = np.empty((count, size), np.uint8)
        for index, name in enumerate(names):
            chosen = which == index
            if chosen.any():
                own = (seed * len(names) + index) & 0xFFFFFFFFFFFFFFFF
                found[chosen] = self.texts[name].windows(int(chosen.sum()), size, step, own, **choices)
        share = count // ranks
        return found[rank * share : (rank + 1) * share]


def split(
    source: object,
    *,
    held_out: float = 0.02,
    seed: int = 0,
    near_duplicates: bool = True,
    piece: int | None = None,
) -> tuple[TextData, TextData]:
    """Text to train on, and text that training never sees: whole documents, near-duplicates removed.

    The hash of a document and the seed decide on its side, and its place: the order of documents, files and processes
    doesn't matter. Of documents that are copies or near-duplicates of each other (see `near_duplicates`) one is kept,
    whichever side it is on. Documents are streamed into a file without a name and mapped from there: memory holds a
    kilobyte of each.

    Args:
        source: as everywhere: a path, paths, `tokloom.files(…)`, or documents.
        held_out: the share of documents that is held out; 0 for none.
        seed: another one, another split.
        near_duplicates: False leaves them in; copies are always removed.
        piece: cut documents at the first line that ends after so many bytes, and treat the pieces as documents: for a
            source that is one or few long texts. Its halves are then on both sides.

    Returns:
        (training, held out).

    Raises:
        ArgumentError: there is no text, or a single document and something to hold out.
        SourceError, FormatError, TextError: as `tokloom.train`; the disk is full (a SourceError).

    Example:
        >>> training, held_out = split(
        ...     [f"document {number} says {number**7}" for number in range(200)], held_out=0.1
        ... )
        >>> len(training) + len(held_out), 5 < len(held_out) < 40
        (200, True)
    """
    if not 0 <= held_out < 1:
        raise ArgumentError(f"held_out is a share from 0 to below 1, not {held_out}")
    if piece is not None and piece < 1:
        raise ArgumentError(f"piece must be at least 1 byte, not {piece}")
    documents = _spooled(source, seed, piece, near_duplicates=near_duplicates)
    kept, removed = _unlike(documents, near_duplicates=near_duplicates)
    if not len(kept):
        raise ArgumentError("there is no text: all documents are empty")
    border = int(held_out * 2.0**64)
    is_held_out = documents.keys[kept] < np.uint64(border)
    if held_out and not is_held_out.any():
        is_held_out[0] = True  # the lowest hash: with few documents chance may hold out none
    if is_held_out.all():
        raise ArgumentError(
            f"{len(kept)} document can't be split into training and held-out text: give more documents (several files, "
            "jsonl), piece=65536 to cut a long one, or held_out=0"
        )
    text = documents.text
    return _side(text, kept[~is_held_out], removed), _side(text, kept[is_held_out], removed)


@dataclass(frozen=True)
class _Documents:
    """All documents with content, as they came."""

    text: TextData
    keys: NDArray[np.uint64]  # by content and seed: order and side
    sketches: NDArray[np.uint64]


def _spooled(source: object, seed: int, piece: int | None, *, near_duplicates: bool) -> _Documents:
    lengths, keys, sketches = [], [], []
    try:
        # It has no name, and is gone with the last array that shows it.
        with tempfile.TemporaryFile(prefix="tokloom-") as file:
            for blocks in _documents(source, piece):
                key, sketch, length = hashlib.blake2b(str(seed).encode(), digest_size=8), Sketch(), 0
                for block in blocks:
                    length += file.write(block)
                    key.update(block)
                    if near_duplicates:
                        sketch.add(block)
                if length:
                    lengths.append(length)
                    keys.append(int.from_bytes(key.digest(), "big"))
                    sketches.append(sketch.values())
            file.flush()
            data: Bytes = np.memmap(file, np.uint8, "r") if lengths else np.zeros(0, np.uint8)
    except OSError as error:
        if isinstance(error, SourceError):
            raise
        raise as_source_error(error, Path(tempfile.gettempdir())) from None
    return _Documents(
        TextData(data, _offsets(lengths)),
        np.array(keys, np.uint64),
        np.array(sketches, np.uint64).reshape(len(keys), -1),
    )


def _documents(source: object, piece: int | None) -> Iterator[Iterator[bytes]]:
    for stream in as_source(source).streams():
        blocks = (block.encode() if isinstance(block, str) else block for block in stream)
        if piece is None:
            yield blocks
        else:
            yield from (iter([part]) for part in _pieces(blocks, piece))


def _pieces(blocks: Iterator[bytes], size: int) -> Iterator[bytes]:
    r"""A document cut after the first line that ends at `size` bytes or later.

    >>> list(_pieces(iter([b"a\nbb", b"\nccc\nd"]), 3))
    [b'a\nbb\n', b'ccc\n', b'd']
    """
    rest = b""
    for block in blocks:
        rest += block
        start = 0
        while (end := rest.find(b"\n", start + size - 1)) >= 0:
            yield rest[start : end + 1]
            start = end + 1
        rest = rest[start:]
    if rest:
        yield rest


def _unlike(documents: _Documents, *, near_duplicates: bool) -> tuple[NDArray[np.int64], dict[str, int]]:
    """The documents that stay, in the order of their keys, and how many don't."""
    order = np.argsort(documents.keys, kind="stable")
    keys = documents.keys[order]
    # Of two documents with the same 64 bits of hash one is a copy: one pair in 10^19 isn't.
    first = np.concatenate([[True], keys[1:] != keys[:-1]]) if len(keys) else np.zeros(0, bool)
    kept = order[first]
    removed = {"copies": len(order) - len(kept)}
    if near_duplicates and len(kept):
        like_an_earlier = near_duplicates_of(documents.sketches[kept])
        removed["near-duplicates"] = int(like_an_earlier.sum())
        kept = kept[~like_an_earlier]
    return kept, removed


def _side(text: TextData, indices: NDArray[np.int64], removed: Mapping[str, int]) -> TextData:
    """These documents in a file without a name of their own, in the order of their hashes."""
    lengths = np.diff(text.offsets)[indices]
    try:
        with tempfile.TemporaryFile(prefix="tokloom-") as file:
            for index in indices.tolist():
                file.write(text.document(index).data)
            file.flush()
            data: Bytes = np.memmap(file, np.uint8, "r") if lengths.sum() else np.zeros(0, np.uint8)
    except OSError as error:
        raise as_source_error(error, Path(tempfile.gettempdir())) from None
    return TextData(data, _offsets(lengths), removed)


def _offsets(lengths: Any) -> NDArray[np.int64]:  # noqa: ANN401 (what numpy takes)
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
