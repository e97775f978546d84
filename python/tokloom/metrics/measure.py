"""What a measure is, and the encoded sample that all of them read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError

if TYPE_CHECKING:
    from tokloom.tokenizer import Tokenizer

T = TypeVar("T")
Text = str | bytes

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
        self._parts: tuple[Sample, ...] = ()
        self._by_text: dict[Callable[..., Any], list[Any]] = {}
        if not any(self.texts):
            raise ArgumentError("nothing can be measured on texts that are all empty")

    @classmethod
    def together(cls, parts: Sequence[Sample]) -> Sample:
        """The texts of several samples of one tokenizer as one, which uses what they have computed."""
        joined = cls(parts[0].tokenizer, [text for part in parts for text in part.texts])
        joined._parts = tuple(parts)
        return joined

    @cached_property
    def encoded(self) -> list[NDArray[np.uint32]]:
        """The ids of each text; control tokens in them are ordinary text."""
        if self._parts:
            return [ids for part in self._parts for ids in part.encoded]
        return list(self.tokenizer.encode_batch_to_numpy(self.texts))

    @cached_property
    def tokens(self) -> int:
        """Ids of all texts."""
        return sum(len(ids) for ids in self.encoded)

    @cached_property
    def bytes(self) -> int:
        """In UTF-8."""
        return sum(len(text if isinstance(text, bytes) else text.encode()) for text in self.texts)

    def by_text(self, measure: Callable[[Tokenizer, Text], T]) -> list[T]:
        """What a function makes of each text; it is called once per text, however many samples the text is in."""
        if measure not in self._by_text:
            if self._parts:
                found = [value for part in self._parts for value in part.by_text(measure)]
            else:
                found = [measure(self.tokenizer, text) for text in self.texts]
            self._by_text[measure] = found
        return self._by_text[measure]


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
