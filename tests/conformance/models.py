"""Small real models, trained by the libraries themselves, and the published ones where they lie on this machine."""

from __future__ import annotations

import functools
import importlib.util
import io
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import tokenizers
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, trainers

import samples

CORPUS = [text for text in samples.NASTY_TEXTS if text] + [
    "How much is it? The low tide is lower than the lowest of the low, isn't it?\n" * 3,
    "def f(x):\n    return x + 1\n\n\ndef g(x):\n    return f(x) + 1\n" * 3,
]


@functools.cache
def sentencepiece_model(**choices: Any) -> bytes:
    """The bytes of a trained `.model`."""
    lines = [line for text in CORPUS for line in text.splitlines() if line.strip() and "\0" not in line]
    file = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines * 3),
        model_writer=file,
        hard_vocab_limit=False,
        minloglevel=2,
        num_threads=1,
        **choices,
    )
    return file.getvalue()


# As Llama 2's: nothing normalised, a space put before the text, bytes for what isn't in the vocabulary.
REVERSIBLE = {
    "byte_fallback": True,
    "normalization_rule_name": "identity",
    "remove_extra_whitespaces": False,
}


def byte_vocabulary(first: list[str]) -> dict[str, int]:
    return {token: id for id, token in enumerate([*first, *(f"<0x{byte:02X}>" for byte in range(256))])}


@functools.cache
def llama_like() -> str:
    """SentencePiece's BPE as a `tokenizer.json`: the shape of Llama 2's, merges trained by `tokenizers`."""
    trained = tokenizers.Tokenizer(models.BPE())
    trained.normalizer = normalizers.Replace(" ", "▁")
    trained.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    trained.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=700, show_progress=False))
    return _as_llama(trained)


def _as_llama(trained: tokenizers.Tokenizer) -> str:
    import json

    model = json.loads(trained.to_str())["model"]
    vocabulary = byte_vocabulary(["<unk>", "<s>", "</s>"])
    for token in model["vocab"]:
        vocabulary.setdefault(token, len(vocabulary))
    made = tokenizers.Tokenizer(
        models.BPE(
            vocabulary,
            [tuple(pair) for pair in model["merges"]],
            byte_fallback=True,
            unk_token="<unk>",
            fuse_unk=True,
        )
    )
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    made.add_special_tokens(["<unk>", "<s>", "</s>"])
    text: str = made.to_str()
    return text


@functools.cache
def word_piece() -> str:
    """BERT's shape."""
    made = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece(prefix="##")
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=500, special_tokens=special, show_progress=False)
    made.train_from_iterator(CORPUS, trainer)
    # As published: the class and separator tokens around a text, and lengths for a model.
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.enable_truncation(8)
    made.enable_padding(length=8)
    text: str = made.to_str()
    return text


@functools.cache
def unigram() -> str:
    """T5's shape."""
    made = tokenizers.Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=400, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False
    )
    made.train_from_iterator(CORPUS, trainer)
    text: str = made.to_str()
    return text


@functools.cache
def byte_level(regex: str = r"[a-z]+|[^a-z]") -> str:
    """Byte-level BPE, split by an expression that isn't proven to mean the same in the engine."""
    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(tokenizers.Regex(regex), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(CORPUS, trainer)
    made.add_tokens([AddedToken("<tool>", normalized=False)])
    text: str = made.to_str()
    return text


def published(package: str, path: str) -> Path:
    """A file of an installed package, or a skip that says what to install."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        pytest.skip(f"the package {package} isn't installed (pip install --no-deps {package})")
    file = Path(found.origin).parent / path
    if not file.exists():
        pytest.skip(f"this version of the package {package} has no {path}")
    return file
