"""Whatever a peer gives → flat ids, their checksum, and where they first differ from tiktoken's."""

import hashlib
import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.uint32]


def flat(result: Any) -> Ids:  # noqa: ANN401
    """All ids in one array: of a buffer, an array, a ragged array, or a list of arrays, of buffers or of lists."""
    if hasattr(result, "offsets") and hasattr(result, "ids"):  # tokloom's Ragged
        result = result.ids
    if isinstance(result, (bytes, bytearray, memoryview)):
        return np.frombuffer(result, "<u4")
    if isinstance(result, np.ndarray):
        return result.astype(np.uint32, copy=False)
    if type(result).__module__.partition(".")[0] == "awkward":
        import awkward

        return np.asarray(awkward.flatten(result, axis=None), np.uint32)
    if isinstance(result, list) and result and isinstance(result[0], int):
        return np.array(result, np.uint32)
    if isinstance(result, list) and result and isinstance(result[0], list):
        return np.fromiter(itertools.chain.from_iterable(result), np.uint32, sum(map(len, result)))
    return np.concatenate([flat(each) for each in result]) if len(result) else np.empty(0, np.uint32)


def checksum(ids: Ids) -> str:
    """The first 16 digits of the sha256 of the ids as little-endian 32-bit numbers.

    >>> checksum(np.array([1, 2], np.uint32))
    '34fb5c825de7ca4a'
    """
    return hashlib.sha256(np.ascontiguousarray(ids, "<u4").tobytes()).hexdigest()[:16]


def first_difference(ids: Ids, right: Ids) -> int | None:
    """The first position at which they differ, the end of the shorter one included; None if they are the same.

    >>> first_difference(np.array([1, 2, 3], np.uint32), np.array([1, 5, 3], np.uint32))
    1
    >>> first_difference(np.array([1], np.uint32), np.array([1, 5], np.uint32))
    1
    """
    common = min(len(ids), len(right))
    unequal = np.flatnonzero(ids[:common] != right[:common])
    if len(unequal):
        return int(unequal[0])
    return None if len(ids) == len(right) else common
