"""`WrappedTokenizer`: a BPE vocabulary whose tokens have digits; the ids are those of the vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tokloom import saved
from tokloom.bpe import BPETokenizer
from tokloom.errors import ArgumentError, FormatError
from tokloom.learned import state as states
from tokloom.learned import tensors as files
from tokloom.learned.fsq.tokenizer import FSQTokenizer
from tokloom.learned.state import State
from tokloom.tokenizer import DecodeStream, Ids, Ragged, Special, Text

DIGITS = "digits"


class WrappedTokenizer(FSQTokenizer):
    """A BPE vocabulary with digits for its tokens; a subclass may say more of them.

    Attributes:
        kind: "fsq-lattice".
        inner: the vocabulary, which makes the ids.
        levels: how many digits there are in each dimension.
    """

    kind = "fsq-lattice"
    guarantees: Literal["bytes", "text", "none"] = "bytes"

    def __init__(
        self,
        inner: BPETokenizer,
        digits: NDArray[np.integer],
        levels: Sequence[int],
        *,
        description: Mapping[str, Any] | None = None,
        tensors: Mapping[str, NDArray[np.generic]] | None = None,
        name: str = "fsq-lattice",
    ) -> None:
        """A vocabulary with digits.

        Args:
            inner: the vocabulary.
            digits: of each id, shape (vocab_size, len(levels)); -1 where an id has none. Tokens of which all digits are
                known have different ones.
            levels: how many digits there are in each dimension.
            description: what else is to be said, as JSON takes it.
            tensors: what else is worth keeping; it changes nothing.
            name: what it is called.

        Raises:
            ArgumentError: a digit is out of range, two tokens have the same, or another shape.
        """
        self.inner = inner
        self.levels = tuple(int(level) for level in levels)
        self._digits = _checked(digits, inner.vocab_size, self.levels)
        self.name = self.requested = name
        self.substituted = False
        self._said = states.as_json({**(description or {}), "levels": list(self.levels)}, "description")
        self._more = dict(tensors or {})
        if DIGITS in self._more:
            raise ArgumentError(f"the tensor {DIGITS!r} is the table's own; give it another name")
        facts = {"levels": list(self.levels), "vocabulary": inner.fingerprint}
        self._fingerprint = states.fingerprint(self.kind, facts, {DIGITS: self._digits})

    # What it is

    @property
    def vocab_size(self) -> int:
        return self.inner.vocab_size

    @property
    def special_tokens(self) -> dict[str, int]:
        return self.inner.special_tokens

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def post_processor(self) -> str | None:
        return self.inner.post_processor

    @property
    def description(self) -> dict[str, Any]:
        """What `tokloom.json` says beside the vocabulary: a copy."""
        return states.as_json(self._said, "description")

    def tensors(self) -> files.Tensors:
        """What else is kept, by name."""
        return dict(self._more)

    def digits(self) -> NDArray[np.int32]:
        digits: NDArray[np.int32] = self._digits.copy()
        return digits

    @property
    def facts(self) -> dict[str, Any]:
        return {**super().facts, "pattern": self.inner.pattern}

    # All else is the vocabulary's

    def encode(self, text: Text, *, special: Special = "text", threads: int | None = None) -> list[int]:
        """The ids of a text, as the vocabulary gives them."""
        return self.inner.encode(text, special=special, threads=threads)

    def encode_to_numpy(
        self, text: Text, *, special: Special = "text", threads: int | None = None
    ) -> NDArray[np.uint32]:
        return self.inner.encode_to_numpy(text, special=special, threads=threads)

    def encode_batch(
        self, texts: Iterable[Text], *, special: Special = "text", threads: int | None = None
    ) -> list[list[int]]:
        return self.inner.encode_batch(texts, special=special, threads=threads)

    def encode_batch_to_numpy(
        self, texts: Iterable[Text], *, special: Special = "text", threads: int | None = None
    ) -> Ragged:
        return self.inner.encode_batch_to_numpy(texts, special=special, threads=threads)

    def encode_stream(
        self, chunks: Iterable[Text], *, special: Special = "text"
    ) -> Iterator[NDArray[np.uint32]]:
        return self.inner.encode_stream(chunks, special=special)

    def count_tokens(self, text: Text, *, special: Special = "text", threads: int | None = None) -> int:
        return self.inner.count_tokens(text, special=special, threads=threads)

    def spans(self, text: Text, *, special: Special = "text") -> list[tuple[int, int]]:
        return self.inner.spans(text, special=special)

    def decode_bytes(self, ids: Ids) -> bytes:
        return self.inner.decode_bytes(ids)

    def decode(self, ids: Ids, *, errors: str = "replace", skip_special_tokens: bool = False) -> str:
        return self.inner.decode(ids, errors=errors, skip_special_tokens=skip_special_tokens)

    def stream(self, *, skip_special_tokens: bool = False) -> DecodeStream:
        return self.inner.stream(skip_special_tokens=skip_special_tokens)

    def token_bytes(self, id: int) -> bytes:
        return self.inner.token_bytes(id)

    # Others made from it, and files

    def with_special_tokens(self, names: Iterable[str]) -> WrappedTokenizer:
        inner = self.inner.with_special_tokens(names)
        digits = np.full((inner.vocab_size, len(self.levels)), -1, np.int32)
        digits[: self.vocab_size] = self._digits
        return self._again(inner, digits)

    def _again(self, inner: BPETokenizer, digits: NDArray[np.int32]) -> WrappedTokenizer:
        return type(self)(
            inner, digits, self.levels, description=self._said, tensors=self._more, name=self.name
        )

    def save(self, directory: str | PathLike[str]) -> None:
        vocabulary, tokens, merges = saved.state(self.inner._vocabulary)
        more = {saved.TOKENS: tokens}
        if merges is not None:
            more[saved.MERGES] = merges.encode()
        facts = {
            "fingerprint": self.fingerprint,
            "vocab_size": self.vocab_size,
            "guarantees": self.guarantees,
            "vocabulary": vocabulary,
        }
        numbers = files.write({**self._more, DIGITS: self._digits})
        states.write(
            Path(directory), State(self.kind, self._said, numbers, self.name), facts=facts, more=more
        )

    def __reduce__(self) -> tuple[Any, ...]:
        parts = (self.inner, self._digits, self.levels, self._said, self._more)
        return _unpickle, (type(self), parts, self.name, self.requested, self.substituted)

    def __copy__(self) -> WrappedTokenizer:
        return self

    def __deepcopy__(self, memo: object) -> WrappedTokenizer:
        return self  # it never changes


def _unpickle(
    kind: type[WrappedTokenizer], parts: tuple[Any, ...], name: str, requested: str, substituted: bool
) -> WrappedTokenizer:
    inner, digits, levels, description, tensors = parts
    tokenizer = kind(inner, digits, levels, description=description, tensors=tensors, name=name)
    tokenizer.requested, tokenizer.substituted = requested, substituted
    return tokenizer


def _checked(digits: NDArray[np.integer], size: int, levels: tuple[int, ...]) -> NDArray[np.int32]:
    if not levels or any(not 2 <= level <= 2**20 for level in levels) or prod(levels) >= 2**62:
        raise ArgumentError(f"levels are {levels}; they must be whole numbers of 2 or more, one a dimension")
    array = np.asarray(digits)
    if array.shape != (size, len(levels)) or not np.issubdtype(array.dtype, np.integer):
        raise ArgumentError(
            f"digits are {array.dtype} of the shape {array.shape}; they must be whole numbers ({size}, {len(levels)})"
        )
    if (array < -1).any() or (array >= np.array(levels)).any():
        raise ArgumentError(f"a digit is out of range for the levels {levels}")
    array = np.ascontiguousarray(array, np.int32)
    whole = np.flatnonzero((array >= 0).all(axis=1))
    cells = array[whole].astype(np.int64) @ np.cumprod([1, *levels[:-1]], dtype=np.int64)
    _, first, which = np.unique(cells, return_index=True, return_inverse=True)
    repeated = np.flatnonzero(first[which] != np.arange(len(cells)))
    if len(repeated):
        one, other = whole[first[which[repeated[0]]]], whole[repeated[0]]
        raise ArgumentError(f"ids {one} and {other} have the same digits {array[other].tolist()}")
    return array


def open_saved(directory: Path, description: dict[str, Any]) -> WrappedTokenizer:
    """A folder that `save` wrote, `tokloom.json` already read."""
    origin = states.origin_of(directory)
    inner = description.get("vocabulary")
    if not isinstance(inner, dict):
        raise FormatError(f"{origin}: the field vocabulary must be a description of one")
    vocabulary = saved.load(directory, inner)
    state = states.read(directory, description)
    numbers = files.read(state.tensors, origin)
    digits = numbers.pop(DIGITS, None)
    levels = description.get("levels")
    if digits is None or not isinstance(levels, list) or any(type(level) is not int for level in levels):
        raise FormatError(
            f"{origin}: the tensor {DIGITS} or the field levels is missing, or not what it should be"
        )
    said = {key: value for key, value in state.description.items() if key != "vocabulary"}
    try:
        opened = WrappedTokenizer(
            BPETokenizer(vocabulary, name=state.name),
            digits.astype(np.int64) if np.issubdtype(digits.dtype, np.integer) else digits,  # type: ignore[arg-type]
            levels,
            description=said,
            tensors=numbers,
            name=state.name,
        )
    except ArgumentError as error:
        raise FormatError(f"{origin}: {error}") from None
    states.check(origin, description, opened.fingerprint, opened.vocab_size)
    return opened
