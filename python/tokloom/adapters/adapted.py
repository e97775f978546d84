"""What all adapters share: texts and their checks, special tokens four ways, spans, streams, saving.

An adapter says what its library does in a few methods (`_encode`, `_first_special`, `_derived`); the rest is here.
"""

from __future__ import annotations

import codecs
import operator
import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from tokloom.adapters import state as files
from tokloom.adapters.pieces import Pieces
from tokloom.adapters.state import State
from tokloom.adapters.texts import (
    as_text,
    in_bytes,
    in_code_points,
    in_text_of_batch,
    names_to_parse,
    refusal,
    spans_of_bytes,
)
from tokloom.bpe import special_list
from tokloom.counts import default_threads
from tokloom.errors import ArgumentError, SpecialTokenError, TextError, UnknownIdError, VocabularyError
from tokloom.storage import write_file
from tokloom.tokenizer import DecodeStream, Ids, Ragged, Special, Text, Tokenizer

Guarantee = Literal["bytes", "text", "none"]
Spans = list[tuple[int, int]]
Self = TypeVar("Self", bound="AdaptedTokenizer")

SPACE = "▁"  # what SentencePiece writes for a space: U+2581


class Facts(NamedTuple):
    """What an adapter knows of its file.

    Attributes:
        tokens: each id's token as the library writes it, None for an id that stands for nothing; special ones by name.
        special: special tokens and their ids.
        pieces: how tokens become text; None where only the library knows.
        guarantees: what comes back.
        why: a sentence on what doesn't come back, and through what in the file; "" where all does.
        byte_ids: the ids of the 256 bytes, where the library has such tokens and writes spaces as U+2581.
    """

    tokens: Sequence[str | None]
    special: dict[str, int]
    pieces: Pieces | None
    guarantees: Guarantee
    why: str
    byte_ids: Sequence[int] | None


class AdaptedTokenizer(Tokenizer):
    """A tokenizer of another library behind the contract.

    Attributes:
        kind: which adapter: "huggingface" or "sentencepiece".
        library: the library that runs it, and its version.
        why: what doesn't come back of a text, and through what in the file; "" where all does.
        reason: why tokloom's engine doesn't run it.
    """

    kind: ClassVar[str]
    exports: ClassVar[str]

    def __init__(self, state: State, facts: Facts) -> None:
        self._state, self._facts = state, facts
        self.name = self.requested = state.name
        self.substituted = False
        self.guarantees = facts.guarantees
        self.why, self.reason = facts.why, state.reason
        self._special_ids = frozenset(facts.special.values())
        self._fingerprint = state.fingerprint
        self._characters: frozenset[str] | None = None  # of the vocabulary; found when they are needed

    # What it is

    @property
    @abstractmethod
    def library(self) -> str:
        """The library that runs it, and its version."""

    @property
    def vocab_size(self) -> int:
        return len(self._facts.tokens)

    @property
    def special_tokens(self) -> dict[str, int]:
        return dict(self._facts.special)

    @property
    def token_names(self) -> Sequence[str | None]:
        return self._facts.tokens

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def runs(self) -> str:
        """Which library runs it and why, in a sentence."""
        reason = f": {self.reason}" if self.reason else ""
        return f"the library {self.library}{reason}"

    # Text to ids

    @abstractmethod
    def _encode(self, text: str, parsed: frozenset[str] | None) -> list[int]:
        """The ids, with these special tokens parsed; None: exactly as the library reads the text, all of them parsed."""

    @abstractmethod
    def _offsets(self, text: str, parsed: frozenset[str] | None) -> Spans:
        """Where the library says that the tokens of `_encode` are, in code points."""

    @abstractmethod
    def _first_special(self, text: str) -> tuple[str, int] | None:
        """The first special token that parsing would find, and where it begins, in code points."""

    def _parsed(self, text: str, special: Special, given: Text) -> frozenset[str] | None:
        if isinstance(special, str):
            if special == "parse":
                return None
            if special == "text":
                return frozenset()
            if special == "raise":
                found = self._first_special(text)
                if found is not None:
                    raise refusal(*found, given)
                return frozenset()
        return names_to_parse(special, self._facts.special)

    def _stand_in(self, text: str, parsed: frozenset[str] | None) -> str | None:
        """A character to stand in for each U+2581 of the text, that isn't a space; None where there is no need.

        The library would read it as a space, and the text wouldn't come back. Unknown to the vocabulary, the stand-in
        becomes its three bytes, for which those of U+2581 are then put.
        """
        if parsed is None or self._facts.byte_ids is None or SPACE not in text:
            return None
        if self._characters is None:
            self._characters = frozenset().union(*(token for token in self._facts.tokens if token))
        taken = self._characters.union(text)
        for point in (*range(0xFDD0, 0xFDF0), *range(0x800, 0xD800), *range(0xE000, 0x10000)):
            if chr(point) not in taken:
                return chr(point)
        raise TextError(
            f"the text has {SPACE!r}, and no character is left to stand in for it; encode it in parts"
        )

    def _ids(self, text: str, parsed: frozenset[str] | None) -> list[int]:
        stand_in = self._stand_in(text, parsed)
        if stand_in is None:
            return self._encode(text, parsed)
        ids = self._encode(_replaced(text, stand_in, parsed), parsed)
        byte_ids = self._facts.byte_ids or ()
        wanted, found = ([byte_ids[byte] for byte in char.encode()] for char in (SPACE, stand_in))
        for at in range(len(ids) - 2):
            if ids[at : at + 3] == found:
                ids[at : at + 3] = wanted
        return ids

    def encode(self, text: Text, *, special: Special = "text") -> list[int]:
        checked = as_text(text)
        return self._ids(checked, self._parsed(checked, special, text))

    def encode_to_numpy(self, text: Text, *, special: Special = "text") -> NDArray[np.uint32]:
        return np.array(self.encode(text, special=special), np.uint32)

    def encode_batch(
        self, texts: Iterable[Text], *, special: Special = "text", threads: int | None = None
    ) -> list[list[int]]:
        if isinstance(texts, (str, bytes)):
            raise TypeError("texts is a list of texts, not one text; use encode for one")
        threads = default_threads(threads)
        checked, parsed = [], []
        for index, text in enumerate(texts):
            with in_text_of_batch(index):
                checked.append(as_text(text))
                parsed.append(self._parsed(checked[-1], special, text))
        return self._encode_many(checked, parsed, threads)

    def _encode_many(
        self, texts: list[str], parsed: list[frozenset[str] | None], threads: int
    ) -> list[list[int]]:
        if threads == 1:
            return list(map(self._ids, texts, parsed))
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(self._ids, texts, parsed))

    def encode_batch_to_numpy(
        self, texts: Iterable[Text], *, special: Special = "text", threads: int | None = None
    ) -> Ragged:
        ids = self.encode_batch(texts, special=special, threads=threads)
        offsets = np.cumsum([0, *map(len, ids)], dtype=np.int64)
        return Ragged(np.fromiter(chain.from_iterable(ids), np.uint32, int(offsets[-1])), offsets)

    def encode_stream(
        self, chunks: Iterable[Text], *, special: Special = "text"
    ) -> Iterator[NDArray[np.uint32]]:
        whole = b"".join(as_text(chunk).encode() if isinstance(chunk, str) else chunk for chunk in chunks)
        ids = self.encode_to_numpy(whole, special=special)
        if len(ids):
            yield ids

    def count_tokens(self, text: Text, *, special: Special = "text") -> int:
        return len(self.encode(text, special=special))

    def spans(self, text: Text, *, special: Special = "text") -> Spans:
        checked = as_text(text)
        parsed = self._parsed(checked, special, text)
        ids = self._ids(checked, parsed)
        parts = self._parts(ids) if self.guarantees == "text" else None
        if parts is not None and b"".join(parts) == checked.encode():
            spans = spans_of_bytes(map(len, parts))
            return in_code_points(spans, checked) if isinstance(text, str) else spans
        # Where the tokens aren't the text itself (normalised, or parsed), the library says what of it each came from.
        stand_in = self._stand_in(checked, parsed)
        read = checked if stand_in is None else _replaced(checked, stand_in, parsed)
        offsets = self._offsets(read, parsed)
        return offsets if isinstance(text, str) else in_bytes(offsets, checked)

    # Ids to text

    def _token(self, id: object) -> str:
        number = operator.index(id)  # type: ignore[arg-type]
        token = self._facts.tokens[number] if 0 <= number < self.vocab_size else None
        if token is None:
            raise UnknownIdError(f"id {number} stands for no token of this vocabulary")
        return token

    def _parts(self, ids: Iterable[int]) -> list[bytes] | None:
        """Each token's bytes where it stands; None where only the library can put tokens together."""
        if self._facts.pieces is None:
            return None
        joiner = self._facts.pieces.joiner()
        return [joiner.feed(self._token(id)) for id in ids]

    @abstractmethod
    def _library_decode(self, ids: list[int]) -> str:
        """The library's own text of these ids, special tokens by their names."""

    def decode_bytes(self, ids: Ids) -> bytes:
        numbers = [operator.index(id) for id in ids]
        parts = self._parts(numbers)
        if parts is not None:
            return b"".join(parts)
        for id in numbers:
            self._token(id)
        return self._library_decode(numbers).encode()

    def token_bytes(self, id: int) -> bytes:
        token = self._token(id)
        pieces = self._facts.pieces
        return self._library_decode([operator.index(id)]).encode() if pieces is None else pieces.alone(token)

    def stream(self, *, skip_special_tokens: bool = False) -> DecodeStream:
        return AdaptedStream(self, skip_special_tokens=skip_special_tokens)

    # Others made from it, and files

    def _new_names(self, names: Iterable[str]) -> list[str]:
        new = special_list(names)
        known = set(self._facts.tokens)
        for number, name in enumerate(new):
            if not name:
                raise SpecialTokenError("a special token is empty; give it a name")
            if name in known or name in new[:number]:
                raise SpecialTokenError(f"{name!r} is a token already, or given twice; choose another name")
        return new

    @abstractmethod
    def _derived(self) -> dict[str, bytes]:
        """Files that other libraries read beside the saved ones."""

    def save(self, directory: str | PathLike[str]) -> None:
        facts = {
            "vocab_size": self.vocab_size,
            "guarantees": self.guarantees,
            "special_tokens": self._facts.special,
        }
        files.write(Path(directory), self._state, facts=facts, derived=self._derived())

    def export(self, path: str | PathLike[str], *, format: str) -> None:
        """Writes the library's own file.

        Args:
            path: the file to write.
            format: "huggingface" for a `tokenizer.json`, "sentencepiece" for a `.model`; each what it is.

        Raises:
            ArgumentError: the format is another.
            VocabularyError: special tokens were added that the file can't hold.
            SourceError: the system refuses (also an OSError); nothing half-written is left.
        """
        if format != self.exports:
            raise ArgumentError(
                f"{self.name} is run by {self.library}, and can be exported as {self.exports!r} only, not as {format!r}"
            )
        if self._state.added:
            names = ", ".join(map(repr, self._state.added))
            raise VocabularyError(
                f"the special tokens {names} were added here, and a file of {self.library} can't hold them; save() can"
            )
        write_file(Path(path), self._state.data)

    def checked(self: Self, vocab_size: object, origin: str) -> Self:
        """The same, if it is as large as `tokloom.json` says."""
        if vocab_size != self.vocab_size:
            from tokloom.errors import FormatError

            raise FormatError(f"{origin}: it has {self.vocab_size} ids, and tokloom.json says {vocab_size}")
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle, (tuple(self._state), self.name, self.requested, self.substituted)

    def __copy__(self: Self) -> Self:
        return self

    def __deepcopy__(self: Self, memo: object) -> Self:
        return self  # it never changes


def _unpickle(state: tuple[Any, ...], name: str, requested: str, substituted: bool) -> AdaptedTokenizer:
    from tokloom.adapters import restore

    tokenizer = restore(State(*state), name)
    tokenizer.name, tokenizer.requested, tokenizer.substituted = name, requested, substituted
    return tokenizer


def _replaced(text: str, stand_in: str, parsed: frozenset[str] | None) -> str:
    """The text with the stand-in for each U+2581, but not in the names of special tokens that are parsed."""
    names = sorted((name for name in parsed or () if SPACE in name), key=len, reverse=True)
    if not names:
        return text.replace(SPACE, stand_in)
    pattern = "|".join(map(re.escape, [*names, SPACE]))
    return re.sub(pattern, lambda match: stand_in if match[0] == SPACE else match[0], text)


class AdaptedStream(DecodeStream):
    """A stream whose tokens depend on those before: a space that only stands within a text, and the like.

    Where only the library can put tokens together, all of the text comes with `flush`.
    """

    def __init__(self, tokenizer: AdaptedTokenizer, *, skip_special_tokens: bool) -> None:
        super().__init__(tokenizer, skip_special_tokens=skip_special_tokens)
        self._adapted = tokenizer
        self._begin()

    def _begin(self) -> None:
        pieces = self._adapted._facts.pieces
        self._joiner = None if pieces is None else pieces.joiner()
        self._held: list[int] = []
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, id: int) -> str:
        token = self._adapted._token(id)
        if id in self._skipped:
            return ""
        if self._joiner is None:
            self._held.append(operator.index(id))
            return ""
        return self._decoder.decode(self._joiner.feed(token))

    def flush(self) -> str:
        rest = self._decoder.decode(b"", True)
        if self._held:
            rest += self._adapted._library_decode(self._held)
        self._begin()
        return rest
