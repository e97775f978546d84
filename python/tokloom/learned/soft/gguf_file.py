"""The embedding rows and the tokens of a GGUF file; quantised rows by the library `gguf` (the extra `gguf`).

The header is read here and not by the library, whose reader believes what a file says: an array said to have 2⁶⁰ members
would be walked to its end. The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError, FormatError, MissingDependencyError
from tokloom.learned.soft import safetensors_file
from tokloom.learned.soft.token_bytes import bytes_of_names
from tokloom.storage import as_source_error

__all__ = ["GGUFFile", "dequantised", "open_file", "read_embedding"]

EMBEDDING = "token_embd.weight"
LARGEST = 1 << 34  # bytes of a tensor as float32
LARGEST_HEADER = 1 << 28  # that of a vocabulary of 262,144 tokens has 15 MB
DEEPEST = 4  # arrays in arrays

_STRING, _ARRAY = 8, 9
_NUMBERS = "BbHhIifB"  # types 0 to 7, as `struct` writes them; 7 is a truth value
_WIDE = {10: "Q", 11: "q", 12: "d"}
_PLAIN = {0: "F32", 1: "F16", 30: "BF16"}


class Place(NamedTuple):
    """Where a tensor lies: its type's number, its shape as PyTorch writes it, its first byte in the file."""

    kind: int
    shape: tuple[int, ...]
    start: int


@dataclass(frozen=True)
class GGUFFile:
    """What the header of a file says.

    Attributes:
        path: the file.
        fields: its values by name.
        tensors: where each tensor lies, by name.
    """

    path: Path
    fields: dict[str, Any]
    tensors: dict[str, Place]


class _Reader:
    """Takes the header apart; what would lead beyond its end is refused."""

    def __init__(self, data: bytes, path: Path) -> None:
        self.data, self.path, self.at = data, path, 0

    def refuse(self, what: str) -> FormatError:
        return FormatError(f"{self.path}: damaged, or cut short ({what} at byte {self.at:,})")

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise self.refuse(f"{size:,} bytes are missing")
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, code: str) -> Any:  # noqa: ANN401 (an int, a float or a bool)
        return struct.unpack(f"<{code}", self.take(struct.calcsize(f"<{code}")))[0]

    def text(self) -> str:
        return self.take(self.number("Q")).decode("utf-8", "replace")

    def value(self, kind: int, depth: int = 0) -> Any:  # noqa: ANN401 (whatever the file has)
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY:
            return self._array(depth)
        code = _WIDE.get(kind) or (_NUMBERS[kind] if 0 <= kind < len(_NUMBERS) else None)
        if code is None:
            raise self.refuse(f"a value of type {kind}")
        return self.number(code)

    def _array(self, depth: int) -> list[Any]:
        kind, count = self.number("I"), self.number("Q")
        # Each member takes a byte at least, so that no more are made than the file is long.
        if depth >= DEEPEST or count > len(self.data) - self.at:
            raise self.refuse(f"an array of {count:,} members")
        return [self.value(kind, depth + 1) for _ in range(count)]


def open_file(path: Path) -> GGUFFile:
    """Reads the header of a file, and nothing else.

    Raises:
        FormatError: it is no GGUF file of version 2 or 3, or was cut short.
        SourceError: the system refuses (also an OSError).
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_HEADER)
    except OSError as error:
        raise as_source_error(error, path) from None
    reader = _Reader(data, path)
    if data[:4] != b"GGUF":
        raise FormatError(f"{path}: no GGUF file (it begins with {data[:4]!r})")
    reader.at = 4
    version = reader.number("I")
    if version not in {2, 3}:
        raise FormatError(f"{path}: GGUF of version {version}; read are 2 and 3, little-endian")
    tensors, fields = reader.number("Q"), reader.number("Q")
    found: dict[str, Any] = {}
    for _ in range(fields):
        name = reader.text()
        found[name] = reader.value(reader.number("I"))
    places = dict(_place(reader) for _ in range(tensors))
    alignment = found.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 1 <= alignment <= 1 << 20:
        raise reader.refuse(f"an alignment of {alignment!r}")
    begins = -(-reader.at // alignment) * alignment
    moved = {name: place._replace(start=begins + place.start) for name, place in places.items()}
    return GGUFFile(path, found, moved)


def _place(reader: _Reader) -> tuple[str, Place]:
    name, axes = reader.text(), reader.number("I")
    if axes > 4:
        raise reader.refuse(f"a tensor of {axes} axes")
    sides = [reader.number("Q") for _ in range(axes)]
    return name, Place(reader.number("I"), tuple(reversed(sides)), reader.number("Q"))


def dequantised(file: GGUFFile, name: str) -> NDArray[np.float32]:
    """A tensor as float32, its axes as PyTorch has them.

    Raises:
        ArgumentError: there is none of that name.
        FormatError: it lies outside the file, is too large, or of a type that isn't known.
        MissingDependencyError: it is quantised, and `gguf` isn't installed.
    """
    if name not in file.tensors:
        raise ArgumentError(f"{file.path}: no tensor {name!r}; it has {', '.join(sorted(file.tensors)[:8])}")
    place = file.tensors[name]
    count = math.prod(place.shape)
    if 4 * count > LARGEST:
        raise FormatError(f"{file.path}: {name!r} has {count:,} numbers, more than is read")
    if place.kind in _PLAIN:
        kind = _PLAIN[place.kind]
        data = _bytes(file, name, count * safetensors_file.WIDTHS[kind])
        return safetensors_file.decode(data, kind).reshape(place.shape)
    return _by_library(file, name, place, count)


def _by_library(file: GGUFFile, name: str, place: Place, count: int) -> NDArray[np.float32]:
    try:
        import gguf
    except ImportError:
        raise MissingDependencyError(
            f"{file.path}: {name!r} is quantised, which the library gguf reads, and it isn't installed: "
            "pip install tokloom[gguf]"
        ) from None
    try:
        kind = gguf.GGMLQuantizationType(place.kind)
        block, width = gguf.GGML_QUANT_SIZES[kind]
    except (ValueError, KeyError):
        raise FormatError(f"{file.path}: {name!r} is of type {place.kind}, which isn't known") from None
    if not place.shape or place.shape[-1] % block:
        raise FormatError(f"{file.path}: {name!r} of {place.shape} doesn't divide into blocks of {block}")
    data = np.frombuffer(_bytes(file, name, count // block * width), np.uint8)
    try:
        numbers = gguf.quants.dequantize(data.reshape(*place.shape[:-1], -1), kind)
    except NotImplementedError:
        raise FormatError(f"{file.path}: {name!r} is quantised as {kind.name}, which isn't read") from None
    return np.asarray(numbers, np.float32).reshape(place.shape)


def _bytes(file: GGUFFile, name: str, size: int) -> bytes:
    start = file.tensors[name].start
    try:
        if start + size > file.path.stat().st_size:
            raise FormatError(
                f"{file.path}: {name!r} would lie outside the file; it was cut short, or damaged"
            )
        with file.path.open("rb") as opened:
            opened.seek(start)
            return opened.read(size)
    except OSError as error:
        raise as_source_error(error, file.path) from None


def read_embedding(
    files: Sequence[Path], tensor: str | None
) -> tuple[NDArray[np.float32], list[bytes | None], str]:
    """Rows, the bytes of their tokens, and where they were; of a model in several files, from the one that has them."""
    from tokloom.learned.soft.matrix import check_shape

    name = tensor or EMBEDDING
    opened = [open_file(path) for path in files]
    tokens = next((found for file in opened if (found := _tokens(file)) is not None), None)
    if tokens is None:
        raise FormatError(f"{files[0]}: the file lists no tokens (tokenizer.ggml.tokens)")
    for file in opened:
        if name in file.tensors:
            check_shape(file.tensors[name].shape, f"{file.path}: {name!r}")
            return dequantised(file, name), tokens, f"{file.path} ({name})"
    raise ArgumentError(f"{files[0]}: no tensor {name!r}; name the one that holds the rows (tensor=)")


def _tokens(file: GGUFFile) -> list[bytes | None] | None:
    names = file.fields.get("tokenizer.ggml.tokens")
    if names is None:
        return None
    kinds = file.fields.get("tokenizer.ggml.token_type")
    fits = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if not fits or not (kinds is None or (isinstance(kinds, list) and len(kinds) == len(names))):
        raise FormatError(f"{file.path}: its list of tokens is damaged")
    return bytes_of_names(names, kinds, model=str(file.fields.get("tokenizer.ggml.model")))
