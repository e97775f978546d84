"""Arrays in a file: safetensors' format, which numpy can read and write alone."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import FormatError

__all__ = ["read_tensors", "write_tensors"]

_TYPES = {"F32": "<f4", "I32": "<i4", "I8": "|i1", "U8": "|u1", "I64": "<i8"}
_LARGEST_HEADER = 1 << 24


def write_tensors(tensors: Mapping[str, NDArray[np.generic]]) -> bytes:
    """The arrays as a safetensors file: the same bytes for the same arrays, names in order.

    Example:
        >>> read_tensors(write_tensors({"x": np.arange(3, dtype=np.int32)}), "here")["x"].tolist()
        [0, 1, 2]
    """
    names = {np.dtype(type): name for name, type in _TYPES.items()}
    header, parts, at = {}, [], 0
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        header[name] = {
            "dtype": names[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [at, at + len(data)],
        }
        parts.append(data)
        at += len(data)
    told = json.dumps(header, separators=(",", ":")).encode()
    told += b" " * (-len(told) % 8)
    return b"".join([len(told).to_bytes(8, "little"), told, *parts])


def read_tensors(data: bytes, origin: str) -> dict[str, NDArray[np.generic]]:
    """The arrays of a safetensors file.

    Raises:
        FormatError: it is none, is cut short, or holds a type that isn't read here; the message names `origin`.
    """
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > min(_LARGEST_HEADER, len(data) - 8):
        raise FormatError(f"{origin}: not a safetensors file, or cut short")
    try:
        header = json.loads(data[8 : 8 + size])
        header.pop("__metadata__", None)
        return {str(name): _array(data[8 + size :], entry) for name, entry in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(f"{origin}: the table of arrays is damaged ({error})") from None


def _array(data: bytes, entry: Mapping[str, object]) -> NDArray[np.generic]:
    if entry["dtype"] not in _TYPES:
        raise ValueError(f"the type {entry['dtype']!r} is not read here")
    dtype = np.dtype(_TYPES[str(entry["dtype"])])
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not isinstance(shape, list) or not isinstance(offsets, list) or len(offsets) != 2:
        raise TypeError("a shape or a place is no list")
    if not all(type(number) is int and number >= 0 for number in (*shape, *offsets)):
        raise ValueError("a shape or a place is no whole number")
    start, end = offsets
    if end > len(data) or end - start != math.prod(shape) * dtype.itemsize:
        raise ValueError("an array is cut short, or not as long as its shape says")
    return np.frombuffer(data[start:end], dtype).reshape(shape)
