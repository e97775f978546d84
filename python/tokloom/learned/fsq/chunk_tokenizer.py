"""`ChunkTokenizer`: sixteen bytes are a few codes of a network; what it gets wrong is put right by patches or bytes.

ids: 0 to 255 the bytes; the codes; the patches, (position, symbol), symbol 256 meaning that the chunk ends before that
position; special tokens. The text between special tokens is cut into chunks from its start.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokloom import _engine
from tokloom.decode_stream import DecodeStream
from tokloom.errors import ArgumentError
from tokloom.learned.fsq.engine_tokenizer import EngineTokenizer

SYMBOLS = 257  # bytes, and the end of a chunk
SEARCH, STRINGS = "nearest", "search.strings"


class ChunkTokenizer(EngineTokenizer):
    """Chunks of some bytes, each a few codes; exact for every byte string, whatever the network has learned.

    What the decoder gives for a chunk's codes is looked at before it is used: where it is wrong, patches follow the
    codes, and where these aren't fewer than the bytes, the bytes stand there themselves. With a search other codes are
    tried first (`with_search`).

    Attributes:
        kind: "fsq-chunks".
        levels: the levels of the dimensions of a code.
        codes_per_chunk: how many codes a chunk has.
        chunk_size: how many bytes.
    """

    kind = "fsq-chunks"
    _identity = ("levels", "codes_per_chunk", "chunk_size", "network")
    _identity_tensors = ("encoder.", "decoder.", "search.")
    _options = ("search",)

    @classmethod
    def from_network(
        cls,
        description: Mapping[str, Any],
        tensors: Mapping[str, NDArray[np.generic]],
        *,
        special_tokens: Iterable[str] = (),
        name: str = "fsq-chunks",
    ) -> ChunkTokenizer:
        """A tokenizer from its networks.

        Args:
            description: `levels`, `codes_per_chunk`, `chunk_size` (default 16) and `network`, the layers of `encoder`
                and `decoder`; further entries are kept, and saved.
            tensors: the numbers of the layers: `encoder.0.weight` and so on, int8 and int32.
            special_tokens: their ids follow the patches, in this order.
            name: what it is called.

        Raises:
            FormatError: a number is out of range, or the layers don't fit together; the message names the layer.
            SpecialTokenError: a name is empty, given twice, or a token already.
        """
        return cls._make({"chunk_size": 16, **description}, tensors, special_tokens, name)

    def _open(self, origin: str, special_tokens: list[str]) -> _engine.LearnedVocabulary:
        description = self._state.description
        known = (*self._identity, *self._options)
        said = json.dumps({key: description[key] for key in known if key in description})
        vocabulary = _engine.LearnedVocabulary.of_chunks(said, self._state.tensors, origin, special_tokens)
        self.levels = tuple(description["levels"])
        self.codes_per_chunk: int = description["codes_per_chunk"]
        self.chunk_size: int = description["chunk_size"]
        return vocabulary

    def with_search(self) -> ChunkTokenizer:
        """This tokenizer with a search for better codes: other ids, never more of them, and all texts come back as before.

        Beside the networks a table says what each code stands for: what the decoder gives, at the first place, for a chunk
        of this code alone. `search_reference.py` is the rule. Such tokenizers are saved with their table.

        Raises:
            FormatError: codes don't share a chunk's bytes evenly, or are more than a million.
        """
        length = self.chunk_size // self.codes_per_chunk
        chunks = np.repeat(np.arange(self.codes)[:, None], self.codes_per_chunk, axis=1)
        # A place behind the end is written as 255, which UTF-8 doesn't have.
        strings = np.minimum(self.raw_decode(chunks)[:, :length], 255).astype(np.uint8)
        description = {**self.description, "search": SEARCH}
        return self._make(description, {**self.tensors(), STRINGS: strings}, self.special_tokens, self.name)

    @property
    def search(self) -> str | None:
        """How encoding looks for better codes than the encoder's: "nearest"; None: not at all."""
        found: str | None = self._state.description.get("search")
        return found

    @property
    def network(self) -> dict[str, Any]:
        """The layers of the encoder and the decoder: a copy."""
        layers: dict[str, Any] = self.description["network"]
        return layers

    @property
    def codes(self) -> int:
        """How many codes there are; their ids are 256 to 255 + codes."""
        return prod(self.levels)

    def digits(self) -> NDArray[np.int32]:
        digits = np.full((self.vocab_size, len(self.levels)), -1, np.int32)
        codes = np.arange(self.codes)
        for dimension, level in enumerate(self.levels):
            digits[256 : 256 + self.codes, dimension] = codes % level
            codes //= level
        return digits

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "levels": " × ".join(map(str, self.levels)),
            "codes": self.codes,
            "chunk": f"{self.chunk_size} bytes, {self.codes_per_chunk} codes",
            "patches": self.chunk_size * SYMBOLS,
            "weights": self._vocabulary.weights,
            "search": self.search or "none",
        }

    @cached_property
    def _names(self) -> tuple[str, ...]:
        names = [f"<0x{byte:02X}>" for byte in range(256)]
        digits = self.digits()[256 : 256 + self.codes].tolist()
        names += [f"<code {','.join(map(str, code))}>" for code in digits]
        for position in range(self.chunk_size):
            names += [f"<patch {position} 0x{byte:02X}>" for byte in range(256)]
            names.append(f"<patch {position} end>")
        return (*names, *self.special_tokens)

    @property
    def token_names(self) -> Sequence[str]:
        """A name for each id: codes mean nothing alone, and several have the same bytes."""
        return self._names

    def raw_encode(self, symbols: NDArray[np.integer]) -> NDArray[np.uint32]:
        """The codes that encoding finds, nothing put right: the encoder's or, with a search, better ones.

        Args:
            symbols: shape (n, chunk_size), bytes and 256 for places behind the end.

        Returns:
            Codes, shape (n, codes_per_chunk).

        Raises:
            ArgumentError: another shape, or a symbol out of range.
        """
        flat = _rows(symbols, self.chunk_size, "symbols")
        return self._vocabulary.raw_encode(flat).reshape(-1, self.codes_per_chunk)

    def raw_decode(self, codes: NDArray[np.integer]) -> NDArray[np.uint32]:
        """The symbols that the decoder gives for codes, nothing put right.

        Args:
            codes: shape (n, codes_per_chunk).

        Returns:
            Symbols, shape (n, chunk_size).

        Raises:
            ArgumentError: another shape, or a code out of range.
        """
        flat = _rows(codes, self.codes_per_chunk, "codes")
        return self._vocabulary.raw_decode(flat).reshape(-1, self.chunk_size)

    def stream(self, *, skip_special_tokens: bool = False) -> DecodeStream:
        return ChunkStream(self, skip_special_tokens=skip_special_tokens)


def _rows(numbers: NDArray[np.integer], width: int, what: str) -> NDArray[np.uint32]:
    array = np.asarray(numbers)
    if array.ndim != 2 or array.shape[1] != width:
        raise ArgumentError(f"{what} have the shape {array.shape}; it must be (n, {width})")
    if array.size and (array.min() < 0 or array.max() >= 2**32):
        raise ArgumentError(f"{what} are from {array.min()} to {array.max()}, out of range")
    return np.ascontiguousarray(array, np.uint32).reshape(-1)


class ChunkStream(DecodeStream):
    """A stream that waits for a chunk's codes and patches: its text comes when the next id is none of them."""

    def __init__(self, tokenizer: ChunkTokenizer, *, skip_special_tokens: bool) -> None:
        super().__init__(tokenizer, skip_special_tokens=skip_special_tokens)
        self._first_patch = 256 + tokenizer.codes
        self._first_special = self._first_patch + tokenizer.chunk_size * SYMBOLS
        self._codes_per_chunk = tokenizer.codes_per_chunk
        self._chunk: list[int] = []  # codes, then patches

    def feed(self, id: int) -> str:
        token = self._tokenizer.token_bytes(id)
        is_code = 256 <= id < self._first_patch
        is_patch = self._first_patch <= id < self._first_special
        before = b""
        takes_codes = len(self._chunk) < self._codes_per_chunk and (
            not self._chunk or self._chunk[-1] < self._first_patch
        )
        if self._chunk and not (is_patch or (is_code and takes_codes)):
            before = self._end_chunk()
        if is_code or (is_patch and self._chunk):
            self._chunk.append(int(id))
            token = b""
        elif id in self._skipped:
            token = b""
        return self._decoder.decode(before + token)

    def _end_chunk(self) -> bytes:
        data = self._tokenizer.decode_bytes(self._chunk)
        self._chunk = []
        return data

    def flush(self) -> str:
        return self._decoder.decode(self._end_chunk()) + super().flush()


def open_saved(directory: Path, description: dict[str, Any]) -> ChunkTokenizer:
    """A folder that `save` wrote, `tokloom.json` already read."""
    return ChunkTokenizer._open_saved(directory, description)
