"""Text to train on: documents one after the other, and windows of them as a pure function of seed and step."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError, SourceError
from tokloom.storage import as_source_error

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class TextData:
    """Documents one after the other.

    Attributes:
        data: their bytes, (n,); it may lie on disk (`numpy.memmap`).
        offsets: where each begins, and at the end n: (documents + 1,).
        removed: how many documents a split left out, by reason.

    Example:
        >>> text = TextData.of(["one document", "another"])
        >>> len(text), text.size, bytes(text.document(1))
        (2, 19, b'another')
        >>> [bytes(window) for window in text.windows(2, 4, step=0, seed=1)] == [
        ...     bytes(window) for window in text.windows(2, 4, step=0, seed=1)
        ... ]
        True
    """

    data: Bytes
    offsets: NDArray[np.int64]
    removed: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, documents: Iterable[str | bytes]) -> TextData:
        """The documents, held in memory."""
        parts = [each.encode() if isinstance(each, str) else each for each in documents]
        return cls(np.frombuffer(b"".join(parts), np.uint8), offsets_of([len(part) for part in parts]))

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> TextData:
        """The text in a file, and in the one beside it that ends in `.offsets` (unsigned 64-bit, little-endian).

        Raises:
            SourceError: one of the two isn't there, or they don't fit together (also an OSError).
        """
        path = Path(path)
        try:
            offsets = np.fromfile(path.with_suffix(".offsets"), "<u8").astype(np.int64)
            data: Bytes = np.memmap(path, np.uint8, "r") if path.stat().st_size else np.zeros(0, np.uint8)
        except OSError as error:
            raise as_source_error(error, path) from None
        if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(data) or np.any(np.diff(offsets) < 0):
            raise SourceError(
                f"{path}: the file .offsets beside it belongs to another text, or was cut short"
            )
        return cls(data, offsets)

    def __len__(self) -> int:
        """How many documents."""
        return len(self.offsets) - 1

    @property
    def size(self) -> int:
        """Bytes of all documents."""
        return int(self.offsets[-1])

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the text and its borders, in hexadecimal: for a task's `description`."""
        digest = hashlib.sha256(self.offsets.astype("<i8").tobytes())
        for start in range(0, self.size, 1 << 24):
            digest.update(self.data[start : start + (1 << 24)].tobytes())
        return digest.hexdigest()

    def document(self, index: int) -> Bytes:
        """The bytes of one document."""
        return self.data[self.offsets[index] : self.offsets[index + 1]]

    def documents(self) -> Iterator[bytes]:
        """Each document, in order."""
        for start, end in pairwise(self.offsets.tolist()):
            yield self.data[start:end].tobytes()

    def take(self, indices: Sequence[int] | NDArray[np.int64]) -> TextData:
        """These documents, in this order, in memory."""
        parts = [self.document(int(index)) for index in indices]
        data = np.concatenate(parts) if parts else np.zeros(0, np.uint8)
        return TextData(data, offsets_of([len(part) for part in parts]))

    def windows(
        self,
        count: int,
        size: int,
        step: int,
        seed: int = 0,
        *,
        rank: int = 0,
        ranks: int = 1,
        across: bool = False,
        whole_characters: bool = False,
    ) -> Bytes:
        """Windows of text, each place as likely as any other: a pure function of the arguments.

        Args:
            count: of all processes together; each gets `count / ranks` of the same draw.
            size: bytes of a window.
            step: of the run; another step, other windows.
            seed: of the run.
            rank: which process this is.
            ranks: of how many.
            across: windows may begin in one document and end in a later one. Without it documents shorter than a
                window are never seen.
            whole_characters: a window that would begin inside a UTF-8 character begins at its start.

        Returns:
            (count / ranks, size) bytes.

        Raises:
            ArgumentError: no document is as long as a window, or `count` doesn't divide.
        """
        if size < 1 or count < 1 or count % ranks:
            raise ArgumentError(
                f"{count} windows of {size} bytes on {ranks} devices: there must be at least one byte and window, and as "
                "many windows on each device"
            )
        share = count // ranks
        drawn = np.random.Philox(key=[seed, step]).random_raw(count)[rank * share : (rank + 1) * share]
        starts = self._starts(drawn, size, across=across)
        if whole_characters:
            for _ in range(3):
                starts -= (self.data[starts] & 0xC0 == 0x80) & (starts > 0)
        return np.asarray(self.data[starts[:, None] + np.arange(size)])

    def _starts(self, drawn: NDArray[np.uint64], size: int, *, across: bool) -> NDArray[np.int64]:
        if across:
            if self.size < size:
                raise ArgumentError(
                    f"the text has {self.size} bytes, and a window {size}: train on more text"
                )
            return (drawn % np.uint64(self.size - size + 1)).astype(np.int64)
        places = self._places(size)
        if not places[-1]:
            longest = int(np.diff(self.offsets).max(initial=0))
            raise ArgumentError(
                f"no document is as long as a window of {size} bytes (the longest of {len(self):,} has {longest}): take "
                "shorter windows, longer documents, or across=True for windows over several documents"
            )
        positions = (drawn % np.uint64(places[-1])).astype(np.int64)
        documents = np.searchsorted(places, positions, "right") - 1
        return self.offsets[documents] + positions - places[documents]

    def _places(self, size: int) -> NDArray[np.int64]:
        """How many windows begin before each document; kept for the sizes that were asked for."""
        if size not in self._known_places:
            self._known_places[size] = offsets_of(np.maximum(0, np.diff(self.offsets) - size + 1))
        return self._known_places[size]

    @cached_property
    def _known_places(self) -> dict[int, NDArray[np.int64]]:
        return {}


@dataclass(frozen=True)
class Mixture:
    """Several texts, such as languages, each with its share of the windows.

    Args:
        texts: by name.
        weights: by name, of any sum; None for the same share each.

    Example:
        >>> mixture = Mixture(
        ...     {"de": TextData.of(["Wasser" * 9]), "fr": TextData.of(["eau, " * 9])}, {"de": 3, "fr": 1}
        ... )
        >>> mixture.windows(8, 4, step=0).shape
        (8, 4)
    """

    texts: Mapping[str, TextData]
    weights: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if not self.texts:
            raise ArgumentError("a mixture needs at least one text")
        weights = self.weights or dict.fromkeys(self.texts, 1.0)
        if set(weights) != set(self.texts):
            raise ArgumentError(f"weights are of {', '.join(weights)}, and texts of {', '.join(self.texts)}")
        if (
            not all(0 <= weight < float("inf") for weight in weights.values())
            or not sum(weights.values()) > 0
        ):
            raise ArgumentError(f"weights must be 0 or more, one of them more than 0: {dict(weights)}")

    def windows(
        self,
        count: int,
        size: int,
        step: int,
        seed: int = 0,
        *,
        rank: int = 0,
        ranks: int = 1,
        **choices: bool,
    ) -> Bytes:
        """Windows of all texts mixed; see `TextData.windows`. Each window's text is drawn by its weight."""
        if count < 1 or count % ranks:
            raise ArgumentError(
                f"{count} windows don't divide into the same number on each of {ranks} devices"
            )
        names = list(self.texts)
        weights = np.array([(self.weights or {}).get(name, 1.0) for name in names], np.float64)
        borders = np.cumsum(weights / weights.sum())
        # Another key than the windows' own: which text it is tells nothing about the place in it.
        drawn = np.random.Philox(key=[seed ^ 0x6D69786564, step]).random_raw(count) / 2.0**64
        which = np.minimum(np.searchsorted(borders, drawn, "right"), len(names) - 1)
        found = np.empty((count, size), np.uint8)
        for index, name in enumerate(names):
            chosen = which == index
            if chosen.any():
                own = (seed * len(names) + index) & 0xFFFFFFFFFFFFFFFF
                found[chosen] = self.texts[name].windows(int(chosen.sum()), size, step, own, **choices)
        share = count // ranks
        return found[rank * share : (rank + 1) * share]


def offsets_of(lengths: Any) -> NDArray[np.int64]:  # noqa: ANN401 (what numpy takes)
    """Where documents of these lengths begin, and at the end their sum."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
