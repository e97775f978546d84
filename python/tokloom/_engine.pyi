"""Types of the extension module: the engine in Rust, seen from Python.

Not public: `tokloom.bpe` is its one user. Texts are `str` or `bytes`; a `str` with a lone surrogate is a `TextError`.
`special` is "text", "parse", "raise" or a collection of special tokens' names.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray

UNICODE_VERSION: str

Splits = list[tuple[str, str]]  # (regular expression, what becomes of gaps: "characters" | "whole")
Special = str | Collection[str]
# The text, the id, then whether: special, strips left, strips right, single word, normalized.
AddedToken = tuple[str, int, bool, bool, bool, bool, bool]

def pattern_names() -> list[str]: ...
def named_pattern(name: str) -> Splits | None: ...
def pattern_name(splits: Splits) -> str | None: ...

@final
class Pretokenizer:
    def __new__(cls, splits: Splits) -> Pretokenizer: ...
    def split(self, text: str | bytes) -> list[bytes]: ...

@final
class Counter:
    """Counts pretokens with worker threads. `progress(bytes)` is called some ten times a second."""

    def __new__(
        cls, splits: Splits, *, threads: int, memory: int | None, progress: Callable[[int], object] | None
    ) -> Counter: ...
    def add_documents(self, documents: Sequence[str | bytes]) -> None: ...
    def add_file(self, path: str, *, format: str, compression: str, field: str) -> None: ...
    def finish(self) -> PretokenCounts: ...

@final
class PretokenCounts:
    splits: Splits
    total_pretokens: int
    total_bytes: int
    def __len__(self) -> int: ...
    def most_common(self, limit: int | None = None) -> list[tuple[bytes, int]]: ...
    def merged(self, other: PretokenCounts) -> PretokenCounts: ...
    def to_bytes(self) -> bytes: ...
    @staticmethod
    def from_bytes(data: bytes, origin: str) -> PretokenCounts: ...
    def train(
        self,
        vocab_size: int,
        special_tokens: Sequence[str],
        *,
        model: Literal["bpe", "words"],
        min_count: int,
        max_token_length: int | None,
        progress: Callable[[int, int], object] | None,
    ) -> Vocabulary:
        """A vocabulary; it may be smaller than asked. `progress(merges made, merges wanted)`."""
    def train_more(
        self,
        vocabulary: Vocabulary,
        vocab_size: int,
        *,
        min_count: int,
        max_token_length: int | None,
        progress: Callable[[int, int], object] | None,
    ) -> Vocabulary: ...

@final
class Documents:
    """Batches of documents (bytes) from one file; `whole` texts, or blocks of them where `whole` is False."""

    def __new__(cls, path: str, *, format: str, compression: str, field: str) -> Documents: ...
    def __iter__(self) -> Documents: ...
    def __next__(self) -> list[bytes]: ...

@final
class StreamEncoder:
    def feed(self, chunk: str | bytes) -> NDArray[np.uint32]: ...
    def finish(self) -> NDArray[np.uint32]: ...

@final
class Vocabulary:
    size: int  # highest id + 1
    kind: Literal["bpe", "words"]
    splits: Splits
    fingerprint: str
    added_tokens: list[AddedToken]
    whole_pretoken_first: bool
    post_processor: str | None

    @staticmethod
    def from_parts(
        splits: Splits,
        tokens: Sequence[tuple[int, bytes]],
        *,
        kind: str,
        merges: Sequence[tuple[int, int, int]] | None,
        whole_pretoken_first: bool,
        added_tokens: Sequence[AddedToken],
        post_processor: str | None,
    ) -> Vocabulary:
        """`merges`: (left, right, merged), earliest first; None: by rank."""
    @staticmethod
    def from_ranks(
        data: bytes, origin: str, splits: Splits, added_tokens: Sequence[AddedToken]
    ) -> Vocabulary: ...
    @staticmethod
    def from_compiled(
        data: bytes, ranks: bytes, origin: str, splits: Splits, added_tokens: Sequence[AddedToken]
    ) -> Vocabulary: ...
    def compiled(self, ranks: bytes) -> bytes | None: ...  # the sha256 of the rank file
    @staticmethod
    def from_huggingface(data: bytes, origin: str) -> Vocabulary: ...
    def to_huggingface(self) -> bytes: ...
    def huggingface_config(
        self, *, bos: str | None, eos: str | None, pad: str | None, unk: str | None
    ) -> bytes: ...
    def to_tiktoken(self) -> bytes: ...
    def token_table(self) -> bytes: ...
    def opens_in_huggingface(self) -> bool: ...
    def tiktoken_pattern(self) -> str | None: ...
    def listed_merges(self) -> list[tuple[int, int, int]] | None:
        """Merges that ranks alone don't say, or None."""
    def tokens(self) -> list[tuple[int, bytes]]: ...
    def token_bytes(self, id: int) -> bytes: ...
    def token_id(self, token: bytes) -> int | None: ...
    def with_added_tokens(self, tokens: Sequence[AddedToken]) -> Vocabulary: ...
    def prune(self, keep: Sequence[int]) -> tuple[Vocabulary, dict[int, int]]: ...
    def encode(
        self, text: str | bytes, *, special: Special = ..., threads: int | None = ...
    ) -> list[int]: ...
    def encode_to_numpy(
        self, text: str | bytes, *, special: Special = ..., threads: int | None = ...
    ) -> NDArray[np.uint32]: ...
    def encode_batch(
        self, texts: Sequence[str | bytes], *, special: Special = ..., threads: int
    ) -> list[list[int]]: ...
    def encode_batch_to_numpy(
        self, texts: Sequence[str | bytes], *, special: Special = ..., threads: int
    ) -> tuple[NDArray[np.uint32], NDArray[np.int64]]: ...
    def count_tokens(
        self, text: str | bytes, *, special: Special = ..., threads: int | None = ...
    ) -> int: ...
    def byte_spans(self, text: str | bytes, *, special: Special = ...) -> NDArray[np.int64]:
        """Shape (tokens, 2): [start, end) of each token in the text's UTF-8."""
    def spans(self, text: str | bytes, *, special: Special = ...) -> list[tuple[int, int]]: ...
    def decode_bytes(self, ids: object, skip_special_tokens: bool = ...) -> bytes: ...
    def decode(self, ids: object, *, errors: str = ..., skip_special_tokens: bool = ...) -> str: ...
    def stream_encoder(self, *, special: Special = ...) -> StreamEncoder: ...

def check_training(vocab_size: int, special_tokens: Sequence[str], max_token_length: int | None) -> None: ...
def read_ranks(data: bytes, origin: str) -> list[tuple[int, bytes]]: ...

@final
class LearnedStream:
    def feed(self, chunk: str | bytes) -> NDArray[np.uint32]: ...
    def finish(self) -> NDArray[np.uint32]: ...

@final
class LearnedVocabulary:
    """Chunks of codes, or a table of spans. Never changes."""

    size: int  # highest id + 1
    special_tokens: list[tuple[str, int]]
    weights: int  # of the networks, numbers of their tables too; 0 without networks

    @staticmethod
    def of_chunks(
        description: str, tensors: bytes, origin: str, special_tokens: Sequence[str]
    ) -> LearnedVocabulary:
        """`description`: JSON with levels, codes_per_chunk, chunk_size and network. `tensors`: a safetensors file."""
    @staticmethod
    def of_spans(spans: Sequence[bytes], special_tokens: Sequence[str]) -> LearnedVocabulary: ...
    def with_special_tokens(self, special_tokens: Sequence[str]) -> LearnedVocabulary: ...
    def encode(
        self, text: str | bytes, *, special: Special = ..., threads: int | None = ...
    ) -> list[int]: ...
    def encode_to_numpy(
        self, text: str | bytes, *, special: Special = ..., threads: int | None = ...
    ) -> NDArray[np.uint32]: ...
    def encode_batch(
        self, texts: Sequence[str | bytes], *, special: Special = ..., threads: int
    ) -> list[list[int]]: ...
    def encode_batch_to_numpy(
        self, texts: Sequence[str | bytes], *, special: Special = ..., threads: int
    ) -> tuple[NDArray[np.uint32], NDArray[np.int64]]: ...
    def count_tokens(
        self, text: str | bytes, *, special: Special = ..., threads: int | None = ...
    ) -> int: ...
    def spans(self, text: str | bytes, *, special: Special = ...) -> list[tuple[int, int]]: ...
    def decode_bytes(self, ids: object, skip_special_tokens: bool = ...) -> bytes: ...
    def token_bytes(self, id: int) -> bytes: ...
    def raw_encode(self, symbols: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Symbols of whole chunks one after another → their codes, nothing put right."""
    def raw_decode(self, codes: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Codes of whole chunks one after another → the decoder's symbols, nothing put right."""
    def stream_encoder(self, *, special: Special = ...) -> LearnedStream: ...

@final
class Network:
    """A network of whole numbers."""

    output: tuple[int, int, Literal["symbols", "activations", "sums"]]  # rows, values in a row, of one input
    weights: int

    def __new__(
        cls, layers: str, tensors: bytes, *, origin: str, prefix: str, width: int, symbols: int | None
    ) -> Network:
        """`layers`: JSON. `symbols`: what the symbols of an input are below; None: it takes activations."""
    def run(
        self, inputs: NDArray[np.uint32] | NDArray[np.uint8]
    ) -> NDArray[np.uint32] | NDArray[np.uint8] | NDArray[np.int32]:
        """Inputs one after another, flat: uint32 symbols or uint8 activations → outputs: symbols, activations, sums."""

def read_tensors(data: bytes, origin: str) -> list[tuple[str, str, list[int], bytes]]:
    """(name, type by name, shape, bytes) of a safetensors file, by name."""

def write_tensors(tensors: Sequence[tuple[str, str, Sequence[int], bytes]]) -> bytes: ...
