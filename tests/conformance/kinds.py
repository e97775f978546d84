"""Every kind of tokenizer there is, a line each in `KINDS`: what is here is held to the whole contract."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import sentencepiece
import tiktoken
import tokenizers

import networks
import samples
import tokloom
from conformance import models
from property import making
from tokloom import Tokenizer
from tokloom.learned.fsq import AdaptiveTokenizer, ChunkTokenizer, LatticeTokenizer
from tokloom.learned.fsq.coordinates import Coordinates
from tokloom.learned.fsq.lattice import train_lattice

Guarantee = Literal["bytes", "text", "none"]


@dataclass(frozen=True)
class Kind:
    """A kind of tokenizer.

    Attributes:
        name: for the names of tests.
        make: makes one.
        guarantees: what it must promise.
        encode: the ids of the library that owns the format, special tokens parsed; None: there is no such library.
        decode: the text of that library, special tokens left out.
        loses: a text that doesn't come back, where nothing is promised.
        runs: "engine", or the library that must run it.
    """

    name: str
    make: Callable[[], Tokenizer]
    guarantees: Guarantee = "bytes"
    encode: Callable[[str], list[int]] | None = None
    decode: Callable[[list[int]], str] | None = None
    loses: str | None = None
    runs: str = "engine"

    @functools.cached_property
    def tokenizer(self) -> Tokenizer:
        return self.make()

    def __repr__(self) -> str:
        return self.name

    def __hash__(self) -> int:
        return hash(self.name)


def trained() -> Tokenizer:
    return tokloom.train(making.CORPUS, 400, special_tokens=["<|endoftext|>", "<|im_start|>"])


def words() -> Tokenizer:
    return tokloom.train(making.CORPUS, 400, special_tokens=["<|endoftext|>"], model="words")


SPECIAL = ["<|endoftext|>", "<|im_start|>"]


def chunks() -> Tokenizer:
    return ChunkTokenizer.from_network(*networks.letters(), special_tokens=SPECIAL)


def searching() -> Tokenizer:
    chunks = ChunkTokenizer.from_network(*networks.confused(), special_tokens=SPECIAL)
    return chunks.with_search()


def unlearned() -> Tokenizer:
    return ChunkTokenizer.from_network(*networks.at_random(3, chunk_size=10, codes_per_chunk=3))


def digits(count: int) -> np.ndarray:
    """As many digits, of three dimensions of seven levels."""
    return np.stack([np.arange(count) // 7**place % 7 for place in range(3)], axis=1)


def adaptive() -> Tokenizer:
    """Spans over words and inside of characters."""
    trained = tokloom.train(making.CORPUS, 450, pattern=r"[\s\S]+", max_token_length=16)
    spans = [token for token in trained.tokens().values() if len(token) > 1 and b"<|" not in token]
    return AdaptiveTokenizer.from_spans(spans, digits(len(spans)), (7, 7, 7), special_tokens=SPECIAL)


def lattice() -> Tokenizer:
    inner = tokloom.train(making.CORPUS, 300, special_tokens=SPECIAL)
    known = digits(inner.vocab_size)
    known[-2:] = -1
    return LatticeTokenizer(inner, Coordinates("random", "digits", (7, 7, 7), known, None))


def lattice_of_classes() -> Tokenizer:
    return train_lattice(making.CORPUS, tokenizer=trained())


def lattice_of_spans() -> Tokenizer:
    return train_lattice(making.CORPUS, tokenizer=adaptive(), layout="digits")


HOLES = {bytes([255 - byte]): 3 * byte for byte in range(256)} | {b"ab": 1_000, b"bc": 900, b"abc": 5_000}


def with_holes() -> Tokenizer:
    return making.loaded(HOLES, "gpt2", {"<|endoftext|>": 4_999})


@functools.cache
def encoding() -> tiktoken.Encoding:
    return tiktoken.Encoding(
        "holes",
        pat_str=samples.NAMED_PATTERNS["gpt4"],
        mergeable_ranks=HOLES,
        special_tokens={"<|endoftext|>": 4_999, "<|fim|>": 6_000},
    )


def from_file(data: bytes, name: str) -> Tokenizer:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        return tokloom.load(path)


def json_kind(name: str, make: Callable[[], str], guarantees: Guarantee, loses: str | None = None) -> Kind:
    """A `tokenizer.json`, beside the library that wrote it."""

    @functools.cache
    def library() -> tokenizers.Tokenizer:
        opened = tokenizers.Tokenizer.from_str(make())
        opened.no_truncation()
        opened.no_padding()
        return opened

    return Kind(
        name,
        lambda: from_file(make().encode(), "tokenizer.json"),
        guarantees,
        encode=lambda text: library().encode(text, add_special_tokens=False).ids,
        decode=lambda ids: library().decode(ids, skip_special_tokens=True),
        loses=loses,
        runs="tokenizers",
    )


def model_kind(name: str, make: Callable[[], bytes], guarantees: Guarantee, loses: str | None = None) -> Kind:
    """A `.model`, beside the library that trained it."""

    @functools.cache
    def library() -> sentencepiece.SentencePieceProcessor:
        return sentencepiece.SentencePieceProcessor(model_proto=make())

    return Kind(
        name,
        lambda: from_file(make(), "tokenizer.model"),
        guarantees,
        encode=lambda text: library().encode(text),
        decode=lambda ids: library().decode(ids),
        loses=loses,
        runs="sentencepiece",
    )


def llama2() -> str:
    return models.published("wordllama", "tokenizers/l2_supercat_tokenizer_config.json").read_text("utf-8")


def mistral(path: str) -> Callable[[], bytes]:
    return lambda: models.published("mistral_common", f"data/{path}").read_bytes()


KINDS = [
    Kind("bytes", lambda: tokloom.load("bytes")),
    Kind("trained", trained),
    Kind("words", words),
    Kind("rank file with holes", with_holes),
    Kind("FSQ chunks", chunks),
    Kind("FSQ chunks with a search", searching),
    Kind("FSQ chunks, nothing learned", unlearned),
    Kind("FSQ adaptive", adaptive),
    Kind("FSQ lattice", lattice),
    Kind("FSQ lattice, classes", lattice_of_classes),
    Kind("FSQ lattice over spans, digits", lattice_of_spans),
    Kind(
        "tiktoken.Encoding",
        lambda: tokloom.adapt(encoding()),
        encode=lambda text: encoding().encode(text, allowed_special="all"),
        decode=lambda ids: encoding().decode([id for id in ids if id not in {4_999, 6_000}]),
    ),
    json_kind("json, BPE with byte fallback", models.llama_like, "text"),
    json_kind("json, WordPiece", models.word_piece, "none", loses="Two  spaces"),
    json_kind("json, Unigram", models.unigram, "none", loses="½  "),
    json_kind("json, byte-level with another split", models.byte_level, "text"),
    json_kind("json, Llama 2", llama2, "text"),
    model_kind(
        "model, BPE",
        lambda: models.sentencepiece_model(model_type="bpe", vocab_size=600, **models.REVERSIBLE),
        "text",
    ),
    model_kind(
        "model, Unigram",
        lambda: models.sentencepiece_model(
            model_type="unigram", vocab_size=700, user_defined_symbols="<tool>", **models.REVERSIBLE
        ),
        "text",
    ),
    model_kind(
        "model, Unigram as it is by default",
        lambda: models.sentencepiece_model(model_type="unigram", vocab_size=400),
        "none",
        loses="½  ",
    ),
    model_kind(
        "model, BPE without a space before the text",
        lambda: models.sentencepiece_model(
            model_type="bpe", vocab_size=650, add_dummy_prefix=False, **models.REVERSIBLE
        ),
        "text",
    ),
    model_kind("model, Mistral v1", mistral("tokenizer.model.v1"), "text"),
    model_kind("model, Mistral v3", mistral("mistral_instruct_tokenizer_240323.model.v3"), "text"),
]
