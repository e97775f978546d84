"""What a measure is, and the encoded sample that all of them read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError

if TYPE_CHECKING:
    from tokloom.tokenizer import Tokenizer

Unit = Literal["count", "ratio", "share", "bytes per second"]


@dataclass(frozen=True)
class Measure:
    """One figure about a tokenizer on some texts, with the words to show it."""

    name: str
    title: str
    unit: Unit
    meaning: str
    compute: Callable[[Sample], float | None]
    """None where the figure has no meaning, such as words in a text that has none."""
    timed: bool = False
    """Whether it differs from run to run."""


class Sample:
    """Texts, and what one tokenizer makes of them; each thing is computed once, when it is first asked for.

    Args:
        tokenizer: anything behind the contract.
        texts: at least one text that isn't empty. Bytes that are UTF-8 are taken as text.

    Raises:
        ArgumentError: all texts are empty, or there are none.
    """

    def __init__(self, tokenizer: Tokenizer, texts: Sequence[str | bytes]) -> None:
        self.tokenizer = tokenizer
        self.texts = [as_text(text) for text in texts]
        if not any(self.texts):
            raise ArgumentError("nothing can be measured on texts that are all empty")

    @cached_property
    def encoded(self) -> list[NDArray[np.uint32]]:
        """The ids of each text; control tokens in them are ordinary text."""
        ragged = self.tokenizer.encode_batch_to_numpy(self.texts)
        return np.split(ragged.ids, ragged.offsets[1:-1])

    @cached_property
    def tokens(self) -> int:
        """Ids of all texts."""
        return sum(len(ids) for ids in self.encoded)

    @cached_property
    def bytes(self) -> int:
        """In UTF-8."""
        return sum(len(text if isinstance(text, bytes) else text.encode()) for text in self.texts)

    @cached_property
    def words(self) -> list[NDArray[np.int64]]:
        """Per text the [start, end) of its words, shape (words, 2): the longest runs without white space.

        In code points of a str, in bytes of bytes (there only ASCII white space counts).
        """
        return [_runs_without_space(text) for text in self.texts]

    @cached_property
    def spans(self) -> list[NDArray[np.int64]]:
        """Per text the [start, end) of its tokens, shape (tokens, 2), in the units of `words`."""
        return [np.array(self.tokenizer.spans(text), dtype=np.int64).reshape(-1, 2) for text in self.texts]


def as_text(text: str | bytes) -> str | bytes:
    r"""Bytes as the str they stand for, or as they are where they aren't UTF-8.

    Example:
        >>> as_text(b"caf\xc3\xa9"), as_text(b"\xff")
        ('café', b'\xff')
    """
    if isinstance(text, bytes):
        try:
            return text.decode()
        except UnicodeDecodeError:
            return text
    return text


def _runs_without_space(text: str | bytes) -> NDArray[np.int64]:
    if isinstance(text, bytes):
        found = [match.span() for match in re.finditer(rb"\S+", text)]
    else:
        found = [match.span() for match in re.finditer(r"\S+", text)]
    return np.array(found, dtype=np.int64).reshape(-1, 2)
