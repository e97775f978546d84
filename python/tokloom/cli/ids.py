"""Ids out of files: numbers in lines, or numpy's own format."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tokloom.cli.inputs import standard_input
from tokloom.errors import FormatError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BETWEEN = re.compile(rb"[\s,\[\]]+")
_NUMBER = re.compile(rb"[0-9]{1,19}")


def read_lines(name: str) -> Iterator[list[int]]:
    """The ids of each line: numbers with white space or commas between them, brackets or not.

    Raises:
        FormatError: a line holds something else; the message has its number.
        OSError: the file can't be read.
    """
    if name == "-":
        yield from _parsed(standard_input(), "standard input")
        return
    with Path(name).open("rb") as file:
        yield from _parsed(file, name)


def read_numpy(name: str) -> NDArray[np.integer]:
    """The ids of a `.npy` file: one dimension, whole numbers. Nothing pickled is read.

    Raises:
        FormatError: it is something else.
        OSError: the file can't be read.
    """
    import numpy as np

    if name == "-":
        data = standard_input().read()
    else:
        with Path(name).open("rb") as file:
            data = file.read()
    shown = "standard input" if name == "-" else name
    try:
        ids = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise FormatError(f"{shown}: no .npy file of numbers: {error}") from error
    if not isinstance(ids, np.ndarray) or ids.ndim != 1 or not np.issubdtype(ids.dtype, np.integer):
        raise FormatError(
            f"{shown}: ids are whole numbers in one dimension, as `tokloom encode --format numpy` has them"
        )
    return ids


def _parsed(file: BinaryIO, name: str) -> Iterator[list[int]]:
    for number, line in enumerate(file, start=1):
        words = [word for word in _BETWEEN.split(line) if word]
        for word in words:
            if not _NUMBER.fullmatch(word):
                shown = word[:40].decode(errors="replace")
                raise FormatError(f"{name}, line {number}: {shown!r} is no id; ids are whole numbers")
        yield [int(word) for word in words]
