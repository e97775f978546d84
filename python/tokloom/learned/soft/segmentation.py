"""The same text cut in many ways, so that a model of rows meets tokens that its vocabulary doesn't have.

The idea is ZeTT's (arXiv:2405.07883), which samples whole tokenizers; here a vocabulary's own segmentation is changed at
random, as BPE dropout does (arXiv:1910.13267), in both directions: tokens are cut, and neighbours within a word joined.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError
from tokloom.learned.soft.baselines import Pieces
from tokloom.tokenizer import Text, Tokenizer

__all__ = ["Segmenter", "Units", "units_of"]


class Units(NamedTuple):
    """Windows of a text as numbers of units.

    Attributes:
        tokens: the different units, as bytes.
        ids: each one's id in the vocabulary, shape (units,); -1 where it has none.
        windows: which unit stands where, shape (windows, length).
    """

    tokens: list[bytes]
    ids: NDArray[np.int64]
    windows: NDArray[np.int64]


class Segmenter:
    """Cuts texts into units.

    Args:
        tokenizer: whose segmentation is changed.
        tokens: the bytes of each of its ids.
        hidden: ids that may not appear: held-out tokens, cut into others wherever they stand.
        cut: the share of the tokens that is cut into two, anywhere.
        join: the share of the places inside words at which two neighbours become one unit.
        max_bytes: no unit that is joined gets longer.

    Raises:
        ArgumentError: a share is out of range.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        tokens: Sequence[bytes | None],
        *,
        hidden: Collection[int] = (),
        cut: float = 0.1,
        join: float = 0.2,
        max_bytes: int = 48,
    ) -> None:
        if not (0 <= cut <= 1 and 0 <= join <= 1):
            raise ArgumentError(f"cut={cut} and join={join} are shares, from 0 to 1")
        self._tokenizer, self._tokens = tokenizer, tokens
        self._cut, self._join, self._max_bytes = cut, join, max_bytes
        gone = set(hidden)
        self.pieces = Pieces.among(tokens, (id for id in range(len(tokens)) if id not in gone))
        self._parts = {id: self._known_parts(tokens[id] or b"") for id in gone if tokens[id] is not None}
        self._hidden = {tokens[id] or b"": parts for id, parts in self._parts.items()}

    def _known_parts(self, token: bytes) -> list[bytes]:
        """A token in others; byte by byte where these can't spell it."""
        ids = self.pieces.of(token)
        return [self._tokens[id] or b"" for id in ids] if ids else [bytes([byte]) for byte in token]

    def plain(self, text: Text) -> list[bytes]:
        """The vocabulary's own tokens, hidden ones included."""
        ids = self._tokenizer.encode(text)
        return [token for id in ids if (token := self._tokens[id]) is not None]

    def sample(self, text: Text, generator: np.random.Generator) -> list[bytes]:
        """The units of a text, cut at random; together they are the text."""
        units: list[bytes] = []
        for id in self._tokenizer.encode(text):
            token = self._tokens[id]
            if token is not None:
                units += self._parts.get(id, (token,))
        chances = generator.random((3, len(units)))
        found: list[bytes] = []
        for unit, (joins, cuts, where) in zip(units, chances.T.tolist(), strict=True):
            if found and joins < self._join and self._within_a_word(found[-1], unit):
                found[-1] += unit
            elif cuts < self._cut and len(unit) > 1:
                place = 1 + int(where * (len(unit) - 1))
                found += (unit[:place], unit[place:])
            else:
                found.append(unit)
        # What was joined may spell a hidden token again.
        return [part for unit in found for part in self._hidden.get(unit, (unit,))]

    def _within_a_word(self, before: bytes, after: bytes) -> bool:
        return (
            len(before) + len(after) <= self._max_bytes
            and (before[-1:].isalpha() or before[-1] >= 0x80)
            and (after[:1].isalpha() or after[0] >= 0x80)
        )


def units_of(windows: Sequence[Sequence[bytes]], known: dict[bytes, int]) -> Units:
    """Windows of one length, as numbers of their different units, in the order in which these come.

    Example:
        >>> units_of([[b"a", b"b"], [b"b", b"c"]], {b"a": 7, b"b": 9})
        Units(tokens=[b'a', b'b', b'c'], ids=array([ 7,  9, -1]), windows=array([[0, 1],
               [1, 2]]))
    """
    numbers: dict[bytes, int] = {}
    placed = [[numbers.setdefault(unit, len(numbers)) for unit in window] for window in windows]
    ids = np.array([known.get(unit, -1) for unit in numbers], np.int64)
    return Units(list(numbers), ids, np.array(placed, np.int64))
