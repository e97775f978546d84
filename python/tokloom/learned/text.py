"""Text for training and text that is only measured on: whole documents on one side or the other, no near-duplicates."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tokloom.corpus.sources import as_source
from tokloom.errors import ArgumentError, SourceError
from tokloom.learned.near_duplicates import Sketch, near_duplicates_of
from tokloom.learned.repeats import repeated_shares
from tokloom.learned.text_data import Bytes, Mixture, TextData, offsets_of
from tokloom.storage import as_source_error

__all__ = ["Mixture", "TextData", "split"]

# A held-out document of which more than this share stands in the training text is left out of both.
REPEATED = 0.2


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
    doesn't matter. Of documents that are copies or near-duplicates of each other (see `near_duplicates.py`) one is kept,
    whichever side it is on. What they share in passages stays, but a held-out document of which more than a fifth stands
    in the training text (windows of 64 characters) is left out of both sides. Documents are streamed into a file without a name and mapped from there: memory holds a
    kilobyte of each.

    Args:
        source: as everywhere: a path, paths, `tokloom.files(…)`, or documents.
        held_out: the share of documents that is held out; 0 for none.
        seed: another one, another split.
        near_duplicates: False leaves these in, and held-out documents that repeat the training text; copies are
            always removed.
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
    training, others = _side(documents.text, kept[~is_held_out]), _side(documents.text, kept[is_held_out])
    if near_duplicates and len(others):
        fresh = repeated_shares(others, training) <= REPEATED
        removed["repeat the training text"] = int((~fresh).sum())
        if not fresh.any():
            raise ArgumentError(
                f"more than a fifth of each of the {len(others)} held-out documents stands in the training text word for "
                "word; give more documents, or near_duplicates=False to measure on them all the same"
            )
        others = _side(others, np.flatnonzero(fresh))
    return replace(training, removed=removed), replace(others, removed=removed)


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
        TextData(data, offsets_of(lengths)),
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


def _side(text: TextData, indices: NDArray[np.int64]) -> TextData:
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
    return TextData(data, offsets_of(lengths))
