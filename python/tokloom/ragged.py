"""Sequences of different lengths in two arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ragged"]


@dataclass(frozen=True, slots=True, eq=False)
class Ragged:
    """Sequences of different lengths in two arrays: sequence `i` is `ids[offsets[i]:offsets[i + 1]]`.

    Attributes:
        ids: all ids one after another, shape (n,).
        offsets: where each sequence begins, and where the last one ends, shape (len + 1,).

    Example:
        >>> import numpy as np
        >>> ragged = Ragged(np.array([5, 6, 7], np.uint32), np.array([0, 2, 2, 3], np.int64))
        >>> len(ragged), ragged[0].tolist(), ragged.tolist()
        (3, [5, 6], [[5, 6], [], [7]])
    """

    ids: NDArray[np.uint32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> NDArray[np.uint32]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"sequence {index} of {len(self)}")
        index %= len(self)
        return self.ids[self.offsets[index] : self.offsets[index + 1]]

    def __iter__(self) -> Iterator[NDArray[np.uint32]]:
        return (self[index] for index in range(len(self)))

    def tolist(self) -> list[list[int]]:
        """The sequences as lists."""
        return [ids.tolist() for ids in self]
