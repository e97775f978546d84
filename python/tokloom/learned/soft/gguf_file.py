"""The embedding rows and the tokens of a GGUF file, dequantised by the library `gguf` (the extra `gguf`)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError, FormatError, MissingDependencyError
from tokloom.learned.soft.token_bytes import bytes_of_names

if TYPE_CHECKING:
    from gguf import GGUFReader

__all__ = ["dequantised", "open_file", "read_embedding", "value"]

EMBEDDING = "token_embd.weight"
LARGEST = 1 << 34  # bytes of a tensor as float32


def open_file(path: Path) -> GGUFReader:
    """The library's reader of a file, which maps it and reads what is asked for.

    Raises:
        MissingDependencyError: `gguf` isn't installed.
        FormatError: it is no GGUF file, or was cut short.
    """
    try:
        import gguf
    except ImportError:
        raise MissingDependencyError(
            f"{path} is a GGUF file, which the library gguf reads, and it isn't installed: pip install tokloom[gguf]"
        ) from None
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise FormatError(f"{path}: can't be read ({error.strerror})") from None
    if magic != b"GGUF":
        raise FormatError(f"{path}: no GGUF file (it begins with {magic!r})")
    try:
        return gguf.GGUFReader(path)
    except (
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        OverflowError,
        RecursionError,
        struct.error,
    ) as error:
        # The library checks nothing: what doesn't fit together ends in whatever numpy says of it.
        raise FormatError(
            f"{path}: damaged, or cut short ({type(error).__name__}: {str(error)[:80]})"
        ) from None


def value(reader: GGUFReader, name: str) -> Any:  # noqa: ANN401 (a str, a number or a list of them)
    """What a field of the header says, or None where it isn't there."""
    field = reader.fields.get(name)
    return None if field is None else field.contents()


def dequantised(reader: GGUFReader, name: str, path: Path) -> NDArray[np.float32]:
    """A tensor as float32, in the order of axes that PyTorch has.

    Raises:
        ArgumentError: there is none of that name.
        FormatError: it is of a type that `gguf` can't dequantise, or too large.
    """
    import gguf

    found = next((tensor for tensor in reader.tensors if tensor.name == name), None)
    if found is None:
        held = ", ".join(tensor.name for tensor in reader.tensors[:8])
        raise ArgumentError(f"{path}: no tensor {name!r}; it begins with {held}")
    if 4 * int(found.n_elements) > LARGEST:
        raise FormatError(f"{path}: {name!r} has {int(found.n_elements):,} numbers, more than is read")
    try:
        numbers = gguf.quants.dequantize(found.data, found.tensor_type)
    except NotImplementedError:
        raise FormatError(
            f"{path}: {name!r} is quantised as {found.tensor_type.name}, which isn't read"
        ) from None
    shape = tuple(int(side) for side in reversed(found.shape.tolist()))
    return np.asarray(numbers, np.float32).reshape(shape)


def read_embedding(
    files: Sequence[Path], tensor: str | None
) -> tuple[NDArray[np.float32], list[bytes | None], str]:
    """Rows, the bytes of their tokens, and where they were; of a model in several files, from the one that has them."""
    from tokloom.learned.soft.matrix import check_shape

    name = tensor or EMBEDDING
    readers = [(path, open_file(path)) for path in files]
    tokens = next((found for path, reader in readers if (found := _tokens(reader, path)) is not None), None)
    if tokens is None:
        raise FormatError(f"{files[0]}: the file lists no tokens (tokenizer.ggml.tokens)")
    for path, reader in readers:
        if any(held.name == name for held in reader.tensors):
            rows = dequantised(reader, name, path)
            check_shape(rows.shape, f"{path}: {name!r}")
            return rows, tokens, f"{path} ({name})"
    raise ArgumentError(f"{files[0]}: no tensor {name!r}; name the one that holds the rows (tensor=)")


def _tokens(reader: GGUFReader, path: Path) -> list[bytes | None] | None:
    try:
        names = value(reader, "tokenizer.ggml.tokens")
        if names is None:
            return None
        kinds = value(reader, "tokenizer.ggml.token_type")
        return bytes_of_names(names, kinds, model=str(value(reader, "tokenizer.ggml.model")))
    except (ValueError, TypeError) as error:
        raise FormatError(f"{path}: its list of tokens is damaged ({str(error)[:80]})") from None
