"""`AdaptiveTokenizer`: spans of up to sixteen bytes, each a cell of the lattice; a text is cut into the fewest.

ids: 0 to 255 the bytes; the spans in order; special tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokloom import _engine
from tokloom.errors import ArgumentError, FormatError
from tokloom.learned import tensors as files
from tokloom.learned.fsq.engine_tokenizer import EngineTokenizer

BYTES, LENGTHS, CODES = "spans.bytes", "spans.lengths", "spans.codes"


class AdaptiveTokenizer(EngineTokenizer):
    """Spans that a network carries exactly, as a table: a text is cut into the fewest, bytes where nothing fits.

    Of the ways to cut a text with the fewest tokens, the one is taken that at each place from the left has the longest.

    Attributes:
        kind: "fsq-adaptive".
        levels: the levels of the dimensions of a code.

    Example:
        >>> codes = np.array([[0, 1], [2, 0]])
        >>> tokenizer = AdaptiveTokenizer.from_spans([b"low ", b"lower"], codes, (3, 2))
        >>> tokenizer.encode("low lower!"), tokenizer.digits()[256:].tolist()
        ([256, 257, 33], [[0, 1], [2, 0]])
    """

    kind = "fsq-adaptive"
    _identity = ("levels",)
    _identity_tensors = ("spans.",)

    @classmethod
    def from_spans(
        cls,
        spans: Sequence[bytes],
        codes: NDArray[np.integer],
        levels: Sequence[int],
        *,
        tensors: Mapping[str, NDArray[np.generic]] | None = None,
        description: Mapping[str, Any] | None = None,
        special_tokens: Iterable[str] = (),
        name: str = "fsq-adaptive",
    ) -> AdaptiveTokenizer:
        """A tokenizer from its table.

        Args:
            spans: 2 to 16 bytes each, no two the same; their ids are 256 and so on, in this order.
            codes: the digits of each span, shape (n, len(levels)), no two rows the same.
            levels: how many digits there are in each dimension.
            tensors: what else is worth keeping, such as the network; it changes no id.
            description: what else is to be said, as JSON takes it.
            special_tokens: their ids follow the spans, in this order.
            name: what it is called.

        Raises:
            VocabularyError: a span is too short, too long, or there twice.
            ArgumentError: digits out of range, two spans with the same, or another shape.
            SpecialTokenError: a name is empty, given twice, or a token already.
        """
        if any(not isinstance(span, bytes) for span in spans):
            raise TypeError("spans are a list of bytes")
        if any(len(span) > 255 for span in spans):
            raise ArgumentError("a span has more than 255 bytes; spans have 2 to 16")
        own: files.Tensors = {
            BYTES: np.frombuffer(b"".join(spans), np.uint8),
            LENGTHS: np.array([len(span) for span in spans], np.uint8),
            CODES: _as_digits(codes),
        }
        if overlap := sorted(name for name in tensors or () if name.startswith("spans.")):
            raise ArgumentError(f"the tensor {overlap[0]} is the table's own; give it another name")
        said = {**(description or {}), "levels": [int(level) for level in levels]}
        return cls._make(said, {**(tensors or {}), **own}, special_tokens, name)

    def _open(self, origin: str, special_tokens: list[str]) -> _engine.LearnedVocabulary:
        self.levels = _checked_levels(self._state.description.get("levels"), origin)
        try:
            data, lengths, codes = (self._tensors[name] for name in (BYTES, LENGTHS, CODES))
        except KeyError as error:
            raise FormatError(f"{origin}: the tensor {error} is missing") from None
        if [array.dtype.name for array in (data, lengths, codes)] != ["uint8", "uint8", "int32"]:
            raise FormatError(f"{origin}: the tensors of the spans are of other types than they should be")
        shapes_fit = data.ndim == lengths.ndim == 1 and codes.shape == (len(lengths), len(self.levels))
        if not shapes_fit or lengths.sum(dtype=np.int64) != len(data):
            raise ArgumentError(
                f"the table doesn't fit together: {lengths.shape} lengths of {data.shape} bytes, codes {codes.shape} "
                f"for {len(self.levels)} levels"
            )
        self._codes = codes.astype(np.int32)
        _check_codes(self._codes, self.levels)
        ends = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).tolist()
        whole = data.tobytes()
        self._spans = [whole[start:end] for start, end in pairwise(ends)]
        return _engine.LearnedVocabulary.of_spans(self._spans, special_tokens)

    def spans_table(self) -> list[bytes]:
        """The spans in order; the first has id 256."""
        return list(self._spans)

    def codes(self) -> NDArray[np.int32]:
        """The digits of the spans, shape (n, len(levels))."""
        codes: NDArray[np.int32] = self._codes.copy()
        return codes

    def digits(self) -> NDArray[np.int32]:
        digits = np.full((self.vocab_size, len(self.levels)), -1, np.int32)
        digits[256 : 256 + len(self._codes)] = self._codes
        return digits

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "levels": " × ".join(map(str, self.levels)),
            "codes": prod(self.levels),
            "spans": len(self._spans),
            "network": "kept, to be asked" if "network" in self._state.description else "none",
        }


def _as_digits(codes: NDArray[np.integer]) -> NDArray[np.int32]:
    array = np.asarray(codes)
    if array.size == 0:
        return array.astype(np.int32)
    if not np.issubdtype(array.dtype, np.integer) or array.min() < 0 or array.max() >= 2**31:
        raise ArgumentError(f"codes are digits, whole numbers from 0 on; these are {array.dtype}")
    return np.ascontiguousarray(array, np.int32)


def _checked_levels(levels: object, origin: str) -> tuple[int, ...]:
    if (
        not isinstance(levels, list)
        or not levels
        or any(type(level) is not int or not 2 <= level <= 2**20 for level in levels)
        or prod(levels) >= 2**62
    ):
        raise FormatError(
            f"{origin}: levels are {levels!r:.80}; they must be whole numbers of 2 or more, one a dimension"
        )
    return tuple(levels)


def _check_codes(codes: NDArray[np.int32], levels: Sequence[int]) -> None:
    if (codes < 0).any() or (codes >= np.array(levels)).any():
        raise ArgumentError(f"a digit is out of range for the levels {tuple(levels)}")
    basis = np.cumprod([1, *levels[:-1]], dtype=np.int64)
    cells, counts = np.unique(codes.astype(np.int64) @ basis, return_counts=True)
    if len(cells) != len(codes):
        cell = cells[counts > 1][0]
        both = np.flatnonzero(codes.astype(np.int64) @ basis == cell)[:2].tolist()
        raise ArgumentError(f"spans {both[0]} and {both[1]} have the same digits {codes[both[0]].tolist()}")


def open_saved(directory: Path, description: dict[str, Any]) -> AdaptiveTokenizer:
    """A folder that `save` wrote, `tokloom.json` already read."""
    return AdaptiveTokenizer._open_saved(directory, description)
