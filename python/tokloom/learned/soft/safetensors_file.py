"""One tensor out of a safetensors file, without reading the rest: a header of JSON, then plain numbers.

The format: https://github.com/huggingface/safetensors. Nothing in it runs; all sizes are checked before memory is taken.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import FormatError
from tokloom.storage import as_source_error

__all__ = ["Entry", "decode", "header", "read"]

LARGEST_HEADER = 1 << 26
LARGEST_TENSOR = 1 << 34  # bytes: 16 GB, four times the largest published embedding
WIDTHS = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}


class Entry(NamedTuple):
    """Where a tensor lies: its type as the file writes it, its shape, and its bytes [start, stop) in the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


def header(path: Path) -> dict[str, Entry]:
    """The tensors of a file by name.

    Raises:
        FormatError: it is no safetensors file, or was cut short.
        SourceError: the system refuses (also an OSError).
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            told = int.from_bytes(file.read(8), "little")
            if size < 10 or not 2 <= told <= min(LARGEST_HEADER, size - 8):
                raise FormatError(f"{path}: no safetensors file (its header would have {told:,} bytes)")
            read = file.read(told)
    except OSError as error:
        raise as_source_error(error, path) from None
    try:
        listed = json.loads(read)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: the header is not JSON ({str(error)[:80]})") from None
    if not isinstance(listed, dict):
        raise FormatError(f"{path}: the header is no table of tensors")
    return {
        name: _entry(path, name, told_of, 8 + told, size)
        for name, told_of in listed.items()
        if name != "__metadata__"
    }


def _entry(path: Path, name: str, told: Any, begins: int, size: int) -> Entry:  # noqa: ANN401 (whatever JSON holds)
    try:
        dtype, shape = told["dtype"], tuple(told["shape"])
        start, stop = (begins + offset for offset in told["data_offsets"])
    except (KeyError, TypeError, ValueError):
        raise FormatError(f"{path}: the header says nothing clear of {name!r}") from None
    numbers = (*shape, start, stop)
    if not isinstance(dtype, str) or not all(type(n) is int and n >= 0 for n in numbers):
        raise FormatError(f"{path}: the header says nothing clear of {name!r}")
    if not begins <= start <= stop <= size:
        raise FormatError(f"{path}: {name!r} would lie outside the file; it was cut short, or damaged")
    if dtype in WIDTHS and stop - start != math.prod(shape) * WIDTHS[dtype]:
        raise FormatError(f"{path}: {name!r} of {shape} {dtype} has {stop - start:,} bytes")
    return Entry(dtype, shape, start, stop)


def read(path: Path, name: str, entry: Entry) -> NDArray[np.float32]:
    """A tensor as float32, whatever of f64, f32, f16 and bf16 it is written in.

    Raises:
        FormatError: another type, or larger than 16 GB.
        SourceError: the system refuses (also an OSError).
    """
    if entry.dtype not in WIDTHS:
        raise FormatError(f"{path}: {name!r} is of type {entry.dtype}; read are {', '.join(WIDTHS)}")
    if entry.stop - entry.start > LARGEST_TENSOR:
        raise FormatError(f"{path}: {name!r} has {entry.stop - entry.start:,} bytes, more than is read")
    try:
        with path.open("rb") as file:
            file.seek(entry.start)
            data = file.read(entry.stop - entry.start)
    except OSError as error:
        raise as_source_error(error, path) from None
    return decode(data, entry.dtype).reshape(entry.shape)


def decode(data: bytes, dtype: str) -> NDArray[np.float32]:
    """Numbers of one type as float32.

    Example:
        >>> decode(bytes([0x80, 0x3F]), "BF16")
        array([1.], dtype=float32)
    """
    if dtype == "BF16":
        return (np.frombuffer(data, "<u2").astype(np.uint32) << np.uint32(16)).view(np.float32)
    kinds = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}
    return np.frombuffer(data, kinds[dtype]).astype(np.float32)
