"""Token shards: documents as ids, tokenised once, in files that are mapped into memory.

A folder has `index.json` (kind, the tokenizer's fingerprint, counts, sha256 of every file) and for each shard

- `tokens-00000.bin`: ids one after the other, little-endian, 16 bits where the vocabulary allows it, else 32;
- `ends-00000.bin`: where in the shard each document ends, 64 bits;
- `bytes-00000.bin`: how many bytes of text each document is, 64 bits;
- `trained-00000.bin`: of conversations, one byte an id: 1 where the loss counts it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError, FormatError, SourceError
from tokloom.storage import as_source_error, read_file

if TYPE_CHECKING:
    from tokloom.tokenizer import Tokenizer

__all__ = ["Document", "Shards", "open_shards"]

VERSION = 1
KIND = "token shards"
INDEX = "index.json"
LARGEST_INDEX = 1 << 26
KINDS = {"tokens": None, "ends": "<u8", "bytes": "<u8", "trained": "u1"}


@dataclass(frozen=True)
class Document:
    """A document's ids, the bytes of text they stand for, and which ids the loss counts (None: all)."""

    ids: NDArray[Any]
    text_bytes: int
    trained: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Shards:
    """Tokenised documents on disk. Made by `open_shards`.

    Attributes:
        directory: where they lie.
        fingerprint: of the tokenizer.
        vocab_size: of the tokenizer, and of padding where there is any.
        unit: documents have a multiple of so many ids: 1, or the bytes of a chunk.
        about: what the index says beside: the source, counts, sha256.
    """

    directory: Path
    fingerprint: str
    vocab_size: int
    unit: int
    tokens: Sequence[NDArray[Any]] = field(repr=False)
    document_ends: Sequence[NDArray[np.uint64]] = field(repr=False)
    document_bytes: Sequence[NDArray[np.uint64]] = field(repr=False)
    trained: Sequence[NDArray[np.uint8]] | None = field(repr=False)
    about: Mapping[str, Any] = field(repr=False)

    def __len__(self) -> int:
        """How many documents."""
        return sum(map(len, self.document_ends))

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where each shard begins in the ids of all, and at the end how many there are."""
        return np.concatenate([[0], np.cumsum([len(part) for part in self.tokens])]).astype(np.int64)

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """Where each document ends in the ids of all."""
        parts = [
            ends.astype(np.int64) + start
            for ends, start in zip(self.document_ends, self.starts, strict=False)
        ]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)

    @property
    def size(self) -> int:
        """How many ids."""
        return int(self.starts[-1])

    @cached_property
    def text_bytes(self) -> int:
        """Bytes of the text of all documents."""
        return int(sum(int(part.sum()) for part in self.document_bytes))

    @property
    def digest(self) -> str:
        """sha256 over the sha256 of every file: another text or tokenizer, another digest."""
        return hashlib.sha256(json.dumps(self.about["sha256"], sort_keys=True).encode()).hexdigest()

    def read(self, start: int, end: int) -> NDArray[Any]:
        """The ids from `start` to before `end`, whichever shards they are in."""
        return self._read(self.tokens, start, end)

    def read_trained(self, start: int, end: int) -> NDArray[np.bool_]:
        """Which of these ids the loss counts."""
        if self.trained is None:
            return np.ones(end - start, np.bool_)
        return self._read(self.trained, start, end).astype(np.bool_)

    def documents(self) -> Iterator[Document]:
        """Each document, in order."""
        borders = pairwise([0, *self.ends.tolist()])
        sizes = (int(size) for part in self.document_bytes for size in part)
        for (start, end), size in zip(borders, sizes, strict=True):
            trained = None if self.trained is None else self.read_trained(start, end)
            yield Document(self.read(start, end), size, trained)

    def check(self, tokenizer: Tokenizer) -> None:
        """Refuses shards of another tokenizer.

        Raises:
            ArgumentError: they are.
        """
        if self.fingerprint != tokenizer.fingerprint:
            raise ArgumentError(
                f"{self.directory} holds ids of another tokenizer (fingerprint {self.fingerprint[:12]}…, and that of "
                f"{tokenizer.name} is {tokenizer.fingerprint[:12]}…): its ids mean other bytes. Give the text itself, which "
                "is tokenised anew, or the tokenizer that the shards were made with"
            )

    def _read(self, parts: Sequence[NDArray[Any]], start: int, end: int) -> NDArray[Any]:
        if not 0 <= start <= end <= self.size:
            raise ArgumentError(f"ids {start} to {end} of {self.size:,}")
        first = int(np.searchsorted(self.starts, start, "right")) - 1
        found = []
        for number in range(first, len(parts)):
            begin = int(self.starts[number])
            if begin >= end:
                break
            found.append(parts[number][max(0, start - begin) : end - begin])
        return np.concatenate(found) if len(found) != 1 else np.asarray(found[0]) if found else np.zeros(0)


def open_shards(directory: Path, *, verify: bool = False) -> Shards:
    """The shards of a folder; the files are mapped, not read.

    Args:
        directory: the folder.
        verify: whether to read all of it, and compare with its sha256.

    Raises:
        FormatError: the index is no index of ours, or a file is of another size than it says: changed, or cut short.
        SourceError: a file isn't there or can't be read.
    """
    index = _index(directory / INDEX)
    shards = Shards(
        directory,
        index["fingerprint"],
        index["vocab_size"],
        index["unit"],
        tokens=[_mapped(directory, index, "tokens", number) for number in range(index["shards"])],
        document_ends=[_mapped(directory, index, "ends", number) for number in range(index["shards"])],
        document_bytes=[_mapped(directory, index, "bytes", number) for number in range(index["shards"])],
        trained=[_mapped(directory, index, "trained", number) for number in range(index["shards"])]
        if index["trained"]
        else None,
        about=index,
    )
    for number, ends in enumerate(shards.document_ends):
        whole = len(ends) == len(shards.document_bytes[number]) and (
            not len(ends) or int(ends[-1]) == len(shards.tokens[number])
        )
        if not whole or np.any(ends[1:] < ends[:-1]):
            raise FormatError(f"{directory}: the files of shard {number} don't fit together; one was changed")
    if verify:
        for name, digest in index["sha256"].items():
            if _digest(directory / name) != digest:
                raise FormatError(f"{directory / name}: other bytes than {INDEX} says: it was changed")
    return shards


def dtype_of(vocab_size: int) -> str:
    """The smallest type that holds every id.

    Example:
        >>> dtype_of(65_536), dtype_of(65_537)
        ('<u2', '<u4')
    """
    return "<u2" if vocab_size <= 1 << 16 else "<u4"


def file_name(kind: str, number: int) -> str:
    """What a file of a shard is called."""
    return f"{kind}-{number:05}.bin"


def _index(path: Path) -> dict[str, Any]:
    try:
        index = json.loads(read_file(path, at_most=LARGEST_INDEX))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: no JSON ({error}); the file was changed or cut short") from None
    if not isinstance(index, dict) or index.get("kind") != KIND:
        raise FormatError(f"{path}: not of token shards that tokloom wrote (its kind isn't {KIND!r})")
    if index.get("tokloom") != VERSION:
        raise FormatError(
            f"{path}: of version {index.get('tokloom')!r}; this tokloom reads version {VERSION}"
        )
    expected = {
        "fingerprint": str,
        "vocab_size": int,
        "unit": int,
        "shards": int,
        "trained": bool,
        "sha256": dict,
    }
    for name, kind in expected.items():
        if type(index.get(name)) is not kind:
            raise FormatError(f"{path}: {name} is missing or no {kind.__name__}; the file was changed")
    if index["vocab_size"] < 1 or index["unit"] < 1 or not 0 <= index["shards"] <= 99_999:
        raise FormatError(f"{path}: a number is out of its range; the file was changed")
    return index


def _mapped(directory: Path, index: dict[str, Any], kind: str, number: int) -> NDArray[Any]:
    name = file_name(kind, number)
    path = directory / name
    dtype = np.dtype(KINDS[kind] or dtype_of(index["vocab_size"]))
    sizes = index.get("sizes")
    size = sizes.get(name) if isinstance(sizes, dict) else None
    try:
        found = path.stat().st_size
        if type(size) is not int or found != size or found % dtype.itemsize:
            raise FormatError(
                f"{path}: {found:,} bytes, and {INDEX} says {size}: changed, or cut short. Make it anew"
            )
        return np.memmap(path, dtype, "r") if found else np.zeros(0, dtype)
    except OSError as error:
        if isinstance(error, SourceError):
            raise
        raise as_source_error(error, path) from None


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise as_source_error(error, path) from None
    return digest.hexdigest()
