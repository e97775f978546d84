"""What the kinds share that the engine runs: texts to ids and back, saving, sending to other processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from tokloom import _engine
from tokloom.bpe import special_list
from tokloom.counts import default_threads
from tokloom.errors import ArgumentError, FormatError, SpecialTokenError, VocabularyError
from tokloom.learned import state as states
from tokloom.learned import tensors as files
from tokloom.learned.fsq.tokenizer import FSQTokenizer
from tokloom.learned.state import State
from tokloom.learned.tensors import Tensors
from tokloom.tokenizer import Ids, Ragged, Special, Text

Self = TypeVar("Self", bound="EngineTokenizer")


class EngineTokenizer(FSQTokenizer):
    """A learned tokenizer that tokloom's engine runs. Made by training, by `tokloom.load`, and from its parts."""

    guarantees: Literal["bytes", "text", "none"] = "bytes"
    # What of a description can change an id or a byte, and of the tensors those that begin so.
    _identity: ClassVar[tuple[str, ...]]
    _identity_tensors: ClassVar[tuple[str, ...]]
    # What a description may have besides: without it the fingerprint is as if there were no such thing.
    _options: ClassVar[tuple[str, ...]] = ()

    def __init__(self, state: State, origin: str = "the network") -> None:
        self._state = state
        self.name = self.requested = state.name
        self.substituted = False
        self._tensors = files.read(state.tensors, origin)
        special_tokens = state.description.get("special_tokens", [])
        if not isinstance(special_tokens, list):
            raise FormatError(f"{origin}: the field special_tokens must be a list of names")
        self._vocabulary = self._open(origin, special_list(special_tokens))
        facts = {key: state.description.get(key) for key in (*self._identity, "special_tokens")}
        facts |= {key: state.description[key] for key in self._options if key in state.description}
        numbers = {
            name: tensor for name, tensor in self._tensors.items() if name.startswith(self._identity_tensors)
        }
        self._fingerprint = states.fingerprint(state.kind, facts, numbers)

    def _open(self, origin: str, special_tokens: list[str]) -> _engine.LearnedVocabulary:
        """Makes the engine's vocabulary, and looks at the rest of the state."""
        raise NotImplementedError

    @classmethod
    def _make(
        cls: type[Self],
        description: Mapping[str, Any],
        tensors: Mapping[str, NDArray[np.generic]],
        special_tokens: Iterable[str],
        name: str,
    ) -> Self:
        known = states.as_json(description, "description")
        known["special_tokens"] = special_list(special_tokens)
        return cls(State(cls.kind, known, files.write(tensors), name))

    # What it is

    @property
    def vocab_size(self) -> int:
        return self._vocabulary.size

    @property
    def special_tokens(self) -> dict[str, int]:
        return dict(self._vocabulary.special_tokens)

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def description(self) -> dict[str, Any]:
        """All that `tokloom.json` says of it: a copy."""
        return states.as_json(self._state.description, "description")

    def tensors(self) -> Tensors:
        """All numbers by name; not writable."""
        return dict(self._tensors)

    # Text to ids

    def encode(self, text: Text, *, special: Special = "text", threads: int | None = None) -> list[int]:
        """The ids of a text, as the contract says.

        Args:
            text: a str, or bytes that need not be UTF-8.
            special: as the contract says.
            threads: for a large text, which is cut where that changes nothing (default: one a processor).
        """
        return self._vocabulary.encode(text, special=special, threads=threads)

    def encode_to_numpy(
        self, text: Text, *, special: Special = "text", threads: int | None = None
    ) -> NDArray[np.uint32]:
        return self._vocabulary.encode_to_numpy(text, special=special, threads=threads)

    def encode_batch(
        self, texts: Iterable[Text], *, special: Special = "text", threads: int | None = None
    ) -> list[list[int]]:
        return self._vocabulary.encode_batch(
            _as_list(texts), special=special, threads=default_threads(threads)
        )

    def encode_batch_to_numpy(
        self, texts: Iterable[Text], *, special: Special = "text", threads: int | None = None
    ) -> Ragged:
        return Ragged(
            *self._vocabulary.encode_batch_to_numpy(
                _as_list(texts), special=special, threads=default_threads(threads)
            )
        )

    def encode_stream(
        self, chunks: Iterable[Text], *, special: Special = "text"
    ) -> Iterator[NDArray[np.uint32]]:
        encoder = self._vocabulary.stream_encoder(special=special)
        return _encode_parts(encoder, chunks)

    def count_tokens(self, text: Text, *, special: Special = "text", threads: int | None = None) -> int:
        return self._vocabulary.count_tokens(text, special=special, threads=threads)

    def spans(self, text: Text, *, special: Special = "text") -> list[tuple[int, int]]:
        return self._vocabulary.spans(text, special=special)

    # Ids to text

    def decode_bytes(self, ids: Ids) -> bytes:
        return self._vocabulary.decode_bytes(ids)

    def decode(self, ids: Ids, *, errors: str = "replace", skip_special_tokens: bool = False) -> str:
        return self._vocabulary.decode_bytes(ids, skip_special_tokens).decode("utf-8", errors)

    def token_bytes(self, id: int) -> bytes:
        return self._vocabulary.token_bytes(id)

    # Others made from it, and files

    def with_special_tokens(self: Self, names: Iterable[str]) -> Self:
        if isinstance(names, str):
            raise TypeError("names is a list of str, not one str")
        special_tokens = [*self.special_tokens, *special_list(names)]
        description = {**self._state.description, "special_tokens": special_tokens}
        return type(self)(self._state._replace(description=description))

    def save(self, directory: str | PathLike[str]) -> None:
        facts = {
            "fingerprint": self.fingerprint,
            "vocab_size": self.vocab_size,
            "guarantees": self.guarantees,
        }
        states.write(Path(directory), self._state, facts=facts)

    @classmethod
    def _open_saved(cls: type[Self], directory: Path, description: dict[str, Any]) -> Self:
        origin = states.origin_of(directory)
        try:
            opened = cls(states.read(directory, description), origin)
        except (SpecialTokenError, ArgumentError, VocabularyError, TypeError, UnicodeError) as error:
            raise FormatError(f"{origin}: {error}") from None
        states.check(origin, description, opened.fingerprint, opened.vocab_size)
        return opened

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle, (type(self), tuple(self._state), self.name, self.requested, self.substituted)

    def __copy__(self: Self) -> Self:
        return self

    def __deepcopy__(self: Self, memo: object) -> Self:
        return self  # it never changes


def _unpickle(
    kind: type[EngineTokenizer], state: tuple[Any, ...], name: str, requested: str, substituted: bool
) -> EngineTokenizer:
    tokenizer = kind(State(*state))
    tokenizer.name, tokenizer.requested, tokenizer.substituted = name, requested, substituted
    return tokenizer


def _encode_parts(encoder: _engine.LearnedStream, chunks: Iterable[Text]) -> Iterator[NDArray[np.uint32]]:
    for chunk in chunks:
        ids = encoder.feed(chunk)
        if len(ids):
            yield ids
    ids = encoder.finish()
    if len(ids):
        yield ids


def _as_list(texts: Iterable[Text]) -> list[Text]:
    if isinstance(texts, (str, bytes)):
        raise TypeError("texts is a list of texts, not one text; use encode for one")
    return texts if isinstance(texts, list) else list(texts)
