"""Shards as sequences of one length for a model: documents packed one after another, each place with its document's number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokloom.corpus.shards import Shards
from tokloom.errors import ArgumentError

__all__ = ["PADDING", "Sequences"]

PADDING = -1


@dataclass(frozen=True)
class Packed:
    """Rows of units, (B, T) or, for chunks, (B, T, unit); where there is none, -1.

    Attributes:
        units: int64.
        documents: int64, (B, T): a number for each place; padding is the document -1.
        counted: bool, (B, T): which units the loss counts.
    """

    units: NDArray[np.int64]
    documents: NDArray[np.int64]
    counted: NDArray[np.bool_]


@dataclass(frozen=True)
class Sequences:
    """The sequences of some shards: every unit is in exactly one; only the last may end in padding.

    Args:
        shards: of ids.
        length: T, units to a sequence. A unit is an id, or a chunk of `shards.unit` of them.

    Raises:
        ArgumentError: there is less text than one sequence.

    Example:
        >>> import tempfile, tokloom
        >>> from tokloom.corpus.packing import write_shards
        >>> shards = write_shards(["one", "two!"], tokloom.load("bytes"), tempfile.mkdtemp())
        >>> packed = Sequences(shards, 4).rows([0, 1])
        >>> packed.units.tolist()
        [[111, 110, 101, 116], [119, 111, 33, -1]]
        >>> packed.documents.tolist()
        [[0, 0, 0, 1], [1, 1, 1, -1]]
    """

    shards: Shards
    length: int

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ArgumentError(f"sequences of {self.length} units hold nothing")
        if self.units < self.length:
            raise ArgumentError(
                f"{self.shards.directory}: {self.units:,} units in all are less than one sequence of {self.length:,}: give "
                f"more text, or sequence_length={max(1, self.units)} (--sequence-length) at most"
            )

    @property
    def units(self) -> int:
        """How many there are in all."""
        return self.shards.size // self.shards.unit

    def __len__(self) -> int:
        """How many sequences."""
        return (self.units + self.length - 1) // self.length

    def rows(self, indices: Any) -> Packed:  # noqa: ANN401 (numbers, in whatever numpy takes)
        """These sequences."""
        numbers = np.asarray(indices, np.int64)
        size = self.length * self.shards.unit
        units = np.full((len(numbers), size), PADDING, np.int64)
        documents = np.full((len(numbers), size), PADDING, np.int64)
        counted = np.zeros((len(numbers), size), np.bool_)
        for row, number in enumerate(numbers.tolist()):
            if not 0 <= number < len(self):
                raise IndexError(f"sequence {number} of {len(self)}")
            start = number * size
            end = min(start + size, self.shards.size)
            units[row, : end - start] = self.shards.read(start, end)
            documents[row, : end - start] = self._documents(start, end)
            counted[row, : end - start] = self.shards.read_trained(start, end)
        if self.shards.unit == 1:
            return Packed(units, documents, counted)
        chunks = (len(numbers), self.length, self.shards.unit)
        return Packed(
            units.reshape(chunks), documents.reshape(chunks)[:, :, 0], counted.reshape(chunks)[:, :, 0]
        )

    def batch(self, step: int, size: int, seed: int) -> NDArray[np.int64]:
        """Which sequences are in the batch of a step: all once before any comes again, in another order each time."""
        places = step * size + np.arange(size)
        epochs = places // len(self)
        found = np.empty(size, np.int64)
        for epoch in np.unique(epochs).tolist():
            here = epochs == epoch
            found[here] = self._order(seed, epoch)[places[here] % len(self)]
        return found

    def _order(self, seed: int, epoch: int) -> NDArray[np.int64]:
        # The last one that was asked for is kept: batches go through an epoch one after another.
        known: dict[tuple[int, int], NDArray[np.int64]] = self.__dict__.setdefault("_known", {})
        if (seed, epoch) not in known:
            drawn = np.random.Philox(key=[seed, epoch]).random_raw(len(self))
            known.clear()
            known[seed, epoch] = np.argsort(drawn, kind="stable")
        return known[seed, epoch]

    def _documents(self, start: int, end: int) -> NDArray[np.int64]:
        ends = self.shards.ends
        first = int(np.searchsorted(ends, start, "right"))
        last = int(np.searchsorted(ends, end, "left"))
        lengths = np.diff(np.clip(np.concatenate([[start], ends[first : last + 1]]), start, end))
        return np.repeat(np.arange(first, first + len(lengths)), lengths)
