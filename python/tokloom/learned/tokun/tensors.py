"""Numpy arrays in a safetensors file, without the library of that name: a header in JSON, then the numbers.

https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import FormatError

__all__ = ["read_tensors", "write_tensors"]

_TYPES = {"I8": "<i1", "U8": "<u1", "I32": "<i4", "F32": "<f4"}
_NAMES = {np.dtype(value): key for key, value in _TYPES.items()}
_LARGEST_HEADER = 1 << 20


def write_tensors(tensors: Mapping[str, NDArray[Any]]) -> bytes:
    """The bytes of a file; the same for the same arrays, in whatever order.

    Example:
        >>> data = write_tensors({"a": np.arange(3, dtype=np.int32)})
        >>> read_tensors(data, "example")["a"].tolist()
        [0, 1, 2]
    """
    header: dict[str, Any] = {}
    parts, place = [], 0
    for name in sorted(tensors):
        data = np.ascontiguousarray(tensors[name]).astype(tensors[name].dtype.newbyteorder("<")).tobytes()
        header[name] = {
            "dtype": _NAMES[tensors[name].dtype],
            "shape": list(tensors[name].shape),
            "data_offsets": [place, place + len(data)],
        }
        parts.append(data)
        place += len(data)
    told = json.dumps(header, separators=(",", ":")).encode()
    told += b" " * (-len(told) % 8)
    return len(told).to_bytes(8, "little") + told + b"".join(parts)


def read_tensors(data: bytes, origin: str) -> dict[str, NDArray[Any]]:
    """The arrays in a file's bytes, by name.

    Raises:
        FormatError: it is no such file, was cut short, or holds other types; the message names `origin`.
    """
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > _LARGEST_HEADER or 8 + size > len(data):
        raise FormatError(f"{origin}: not a safetensors file, or cut short")
    try:
        header = json.loads(data[8 : 8 + size])
        body = data[8 + size :]
        return {name: _tensor(body, told, name) for name, told in header.items() if name != "__metadata__"}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(f"{origin}: the file was changed or cut short ({error})") from None


def _tensor(body: bytes, told: Mapping[str, Any], name: str) -> NDArray[Any]:
    if told["dtype"] not in _TYPES:
        raise ValueError(f"{name} is of type {told['dtype']}")
    kind = np.dtype(_TYPES[told["dtype"]])
    begin, end = told["data_offsets"]
    shape = told["shape"]
    if any(type(side) is not int or side < 0 for side in [begin, end, *shape]) or len(shape) > 4:
        raise ValueError(f"{name} has no shape")
    if end > len(body) or end - begin != prod(shape) * kind.itemsize:
        raise ValueError(f"{name} doesn't fit its place")
    return np.frombuffer(body[begin:end], kind).reshape(shape).astype(kind.newbyteorder("="))
