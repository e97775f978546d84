"""How much of a text comes back from codes alone, with nothing put right; and the same for a table and for words.

A tokenizer of chunks is exact because it looks at what its decoder gives and patches it. These measures look at the
decoder alone, and then at what the patches cost. The two baselines have a vocabulary of the same size and no network.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CodeTokenizer",
    "Reconstruction",
    "StringTable",
    "Words",
    "bytes_of",
    "code_use",
    "frequent_strings",
    "nearest",
    "reconstruction",
    "shared_codes",
    "symbols_of",
]

END = 256
# Strings of up to so many bytes are counted as numbers.
LONGEST = 8


class CodeTokenizer(Protocol):
    """What is measured: a tokenizer of chunks, its networks open to be looked at."""

    codes_per_chunk: int
    chunk_size: int

    @property
    def codes(self) -> int:
        """How many codes there are."""

    def raw_encode(self, symbols: NDArray[np.integer]) -> NDArray[np.uint32]:
        """(n, chunk_size) symbols → (n, codes_per_chunk) codes, unverified."""

    def raw_decode(self, codes: NDArray[np.integer]) -> NDArray[np.uint32]:
        """Codes → symbols, unverified."""

    def encode_to_numpy(self, text: bytes) -> NDArray[np.uint32]:
        """Ids, patches and all."""


@dataclass(frozen=True)
class Reconstruction:
    """What comes back, and what exactness costs."""

    bytes: int
    """Of the text."""
    characters: float
    """Share of bytes that come back right at their place, without a patch."""
    tokens: float
    """Share of codes all of whose bytes come back right."""
    chunks: float
    """Share of chunks that come back whole."""
    bytes_per_token: float
    """Codes, patches and escaped bytes counted."""
    escaped: float
    """Share of chunks that are cheaper as bytes, or just as cheap."""
    codes_used: int | None = None
    """Different codes that occur."""
    codes_seen: int | None = None
    """How many codes were looked at."""
    entropy: float | None = None
    """Of the codes' use, in bits."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def reconstruction(tokenizer: CodeTokenizer, data: bytes | NDArray[np.uint8]) -> Reconstruction:
    """Looks at what a tokenizer's networks make of a text.

    Args:
        tokenizer: of chunks.
        data: the text; cut as `encode` cuts it.

    Raises:
        ArgumentError: the text is empty.
    """
    array = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else data
    symbols = symbols_of(array, tokenizer.chunk_size)
    codes = tokenizer.raw_encode(symbols)
    right = tokenizer.raw_decode(codes) == symbols
    counts = np.bincount(codes.ravel().astype(np.int64), minlength=tokenizer.codes)
    ids = int(tokenizer.encode_to_numpy(array.tobytes()).size)
    used = counts[counts > 0] / counts.sum()
    return Reconstruction(
        **_shares(right, symbols, tokenizer.codes_per_chunk),
        bytes_per_token=len(array) / ids,
        codes_used=len(used),
        codes_seen=int(counts.sum()),
        entropy=float(-(used * np.log2(used)).sum()),
    )


def symbols_of(data: NDArray[np.uint8], size: int) -> NDArray[np.int64]:
    """A text in chunks, (n, size); the last one is filled up with 256.

    Example:
        >>> symbols_of(np.frombuffer(b"abc", np.uint8), 2).tolist()
        [[97, 98], [99, 256]]
    """
    if not len(data):
        raise ArgumentError("nothing can be measured on an empty text")
    padded = np.full(-(-len(data) // size) * size, END, np.int64)
    padded[: len(data)] = data
    return padded.reshape(-1, size)


def _shares(right: NDArray[np.bool_], symbols: NDArray[np.int64], codes_per_chunk: int) -> dict[str, Any]:
    wrong = (~right).sum(axis=1)
    lengths = (symbols != END).sum(axis=1)
    return {
        "bytes": int(lengths.sum()),
        "characters": float(right[symbols != END].mean()),
        "tokens": float(right.reshape(len(right), codes_per_chunk, -1).all(axis=2).mean()),
        "chunks": float((wrong == 0).mean()),
        "escaped": float((codes_per_chunk + wrong >= lengths).mean()),
    }


def code_use(tokenizer: CodeTokenizer, data: bytes | NDArray[np.uint8]) -> NDArray[np.int64]:
    """How often each code occurs in a text, (codes,)."""
    array = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else data
    codes = tokenizer.raw_encode(symbols_of(array, tokenizer.chunk_size))
    return np.bincount(codes.ravel().astype(np.int64), minlength=tokenizer.codes)


def shared_codes(uses: Mapping[str, NDArray[np.int64]]) -> dict[str, dict[str, float]]:
    """How far texts share codes: by two names the overlap of how they use them, 0 none and 1 the same.

    The overlap is Σ min(p, q) over the codes' shares p and q; it needs texts of about one size.

    Example:
        >>> shared_codes({"a": np.array([1, 1, 0]), "b": np.array([0, 2, 2])})["a"]["b"]
        0.5
    """
    shares = {name: use / max(1, use.sum()) for name, use in uses.items()}
    return {
        one: {other: float(np.minimum(p, q).sum()) for other, q in shares.items()}
        for one, p in shares.items()
    }


class StringTable:
    """The baseline without a network: the commonest strings of one length, and the nearest of them for any other.

    Args:
        training: the text whose strings are counted.
        length: of a string; 16 bytes are as many codes as for a network that is compared.
        entries: how many strings.

    Example:
        >>> table = StringTable(np.frombuffer(b"abcdabcdabce", np.uint8), 4, 2)
        >>> table.reconstruction(b"abcdabcx").characters
        0.875
    """

    def __init__(self, training: NDArray[np.uint8], length: int, entries: int) -> None:
        self.length = length
        self.strings = frequent_strings(training, length, entries)

    def reconstruction(self, data: bytes | NDArray[np.uint8], chunk_size: int = 16) -> Reconstruction:
        """The same measures: each part of a chunk is the nearest entry, and what is wrong is patched."""
        array = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else data
        symbols = symbols_of(array, chunk_size)
        parts = np.where(symbols == END, 0, symbols).astype(np.uint8).reshape(-1, self.length)
        numbers = _numbers(parts.ravel(), self.length)[:: self.length]
        found = nearest(numbers, self.strings, self.length)
        right = (bytes_of(self.strings[found], self.length) == parts).reshape(symbols.shape) | (
            symbols == END
        )
        count = chunk_size // self.length
        wrong, lengths = (~right).sum(axis=1), (symbols != END).sum(axis=1)
        used = np.bincount(found, minlength=len(self.strings)) / len(found)
        used = used[used > 0]
        return Reconstruction(
            **_shares(right, symbols, count),
            bytes_per_token=len(array) / int(np.minimum(count + wrong, lengths).sum()),
            codes_used=len(used),
            codes_seen=len(found),
            entropy=float(-(used * np.log2(used)).sum()),
        )


class Words:
    """The baseline of words: the commonest ones of at most 16 bytes, each with the space before it, and bytes.

    Example:
        >>> words = Words(b"the cat and the dog and the bird", 2)
        >>> words.bytes_per_token(b" and the")
        4.0
    """

    PATTERN = re.compile(rb" ?[\w\x80-\xff]+| ?[^\w\s\x80-\xff]+|\s+")

    def __init__(self, training: bytes, entries: int) -> None:
        counted = Counter(word for word in self.PATTERN.findall(training) if len(word) <= 16)
        ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
        self.words = frozenset(word for word, _ in ranked[:entries])

    def bytes_per_token(self, data: bytes) -> float:
        """A known word is one token, any other as many as it has bytes."""
        tokens = sum(1 if word in self.words else len(word) for word in self.PATTERN.findall(data))
        return len(data) / max(1, tokens)

    def known(self, data: bytes) -> float:
        """Share of running words that are in the vocabulary."""
        found = self.PATTERN.findall(data)
        return sum(word in self.words for word in found) / max(1, len(found))


def frequent_strings(
    data: NDArray[np.uint8], length: int, count: int, *, most: int = 24_000_000
) -> NDArray[np.uint64]:
    """The commonest strings of a length, at every place of a text, as big-endian numbers; of equals the smaller first.

    Args:
        data: the text.
        length: 1 to 8 bytes.
        count: how many strings at most.
        most: windows that are counted; of a longer text stretches from all over it.

    Raises:
        ArgumentError: the text is shorter than a string.
    """
    if not 1 <= length <= LONGEST:
        raise ArgumentError(f"strings of {length} bytes; 1 to {LONGEST} can be counted")
    places = len(data) - length + 1
    if places < 1:
        raise ArgumentError(
            f"the text has {len(data)} bytes, fewer than one string of {length}: give more text"
        )
    stretch = 1 << 16
    starts = np.arange(0, places, stretch)
    if places > most:
        starts = starts[np.linspace(0, len(starts) - 1, max(1, most // stretch)).astype(np.int64)]
    parts = [
        _numbers(data[start : min(start + stretch, places) + length - 1], length) for start in starts.tolist()
    ]
    strings, counts = np.unique(np.concatenate(parts), return_counts=True)
    return strings[np.lexsort((strings, -counts))[:count]]


def nearest(strings: NDArray[np.uint64], ranked: NDArray[np.uint64], length: int) -> NDArray[np.int64]:
    """For each string the place of the entry with the most bytes equal to its own; of equals the first.

    Args:
        strings: any.
        ranked: the entries, the commonest first.
        length: of all of them, in bytes.
    """
    found = np.full(len(strings), -1, np.int64)
    for equal in range(length, 0, -1):
        for places in combinations(range(length), equal):
            missing = np.flatnonzero(found < 0)
            if not len(missing):
                return found
            mask = np.uint64(sum(0xFF << 8 * (length - 1 - place) for place in places))
            masked = ranked & mask
            order = np.argsort(masked, kind="stable")
            place = np.searchsorted(masked[order], strings[missing] & mask)
            inside = place < len(order)
            candidates = order[np.where(inside, place, 0)]
            same = inside & (masked[candidates] == strings[missing] & mask)
            found[missing[same]] = candidates[same]
    found[found < 0] = 0
    return found


def _numbers(data: NDArray[np.uint8], length: int) -> NDArray[np.uint64]:
    places = len(data) - length + 1
    numbers = np.zeros(places, np.uint64)
    for offset in range(length):
        numbers = (numbers << np.uint64(8)) | data[offset : offset + places].astype(np.uint64)
    return numbers


def bytes_of(numbers: NDArray[np.uint64], length: int) -> NDArray[np.uint8]:
    """Big-endian numbers → their bytes, (n, length)."""
    whole: NDArray[np.uint8] = numbers.astype(">u8").view(np.uint8).reshape(-1, 8)
    kept: NDArray[np.uint8] = whole[:, 8 - length :].copy()
    return kept
