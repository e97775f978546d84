"""Tensors by name ↔ the bytes of a safetensors file, by the engine: no other library is needed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tokloom import _engine
from tokloom.errors import ArgumentError, FormatError

Tensors = dict[str, NDArray[np.generic]]

_DTYPES = {
    "BOOL": "|b1",
    "U8": "|u1",
    "I8": "|i1",
    "U16": "<u2",
    "I16": "<i2",
    "U32": "<u4",
    "I32": "<i4",
    "U64": "<u8",
    "I64": "<i8",
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
}
_NAMES = {np.dtype(dtype): name for name, dtype in _DTYPES.items()}


def read(data: bytes, origin: str) -> Tensors:
    """The tensors in a safetensors file, not writable.

    Args:
        data: the file's bytes.
        origin: the file's name, for messages.

    Raises:
        FormatError: it is no such file, part of one, or has numbers that numpy doesn't know.

    Example:
        >>> read(write({"one": np.array([[1, 2]], np.int8)}), "file")
        {'one': array([[1, 2]], dtype=int8)}
    """
    tensors: Tensors = {}
    for name, dtype, shape, numbers in _engine.read_tensors(data, origin):
        if dtype not in _DTYPES:
            raise FormatError(
                f"{origin}: the tensor {name} has numbers of type {dtype}, which numpy doesn't know"
            )
        tensors[name] = np.frombuffer(numbers, _DTYPES[dtype]).reshape(shape)
    return tensors


def write(tensors: Mapping[str, NDArray[np.generic]]) -> bytes:
    """The bytes of a safetensors file; the same tensors give the same bytes.

    Raises:
        ArgumentError: a tensor holds something else than numbers.
    """
    entries = []
    for name, tensor in tensors.items():
        array = np.asarray(tensor)
        dtype = array.dtype.newbyteorder("<")
        if dtype not in _NAMES:
            raise ArgumentError(f"the tensor {name} has numbers of type {array.dtype}; choose another type")
        entries.append((name, _NAMES[dtype], list(array.shape), array.astype(dtype).tobytes()))
    return _engine.write_tensors(entries)
