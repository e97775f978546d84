"""Tokenizers of rank tables, and the same ones as the reference and tiktoken have them."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import tiktoken

import samples
import tokloom
from tokloom import BPETokenizer, reference

# tiktoken ends the process where an expression matches nothing at all, and tokloom refuses it: a test of its own.
CUSTOM = [pattern for pattern in samples.CUSTOM_PATTERNS if pattern != "x*"]
# Every pattern that has both a name and a text in `samples`, and expressions of a user's own.
PATTERNS = [*samples.NAMED_PATTERNS, *CUSTOM]

CORPUS = [text for text in samples.NASTY_TEXTS if text] + [
    "How much is it? The low tide is lower than the lowest of the low, isn't it?\n" * 3,
    "Каждое утро пекарь несёт тёплый хлеб по узким улицам.\n" * 3,
    "def f(x):\n    return x + 1\n\n\ndef g(x):\n    return f(x) + 1\n" * 3,
]


def text_of(pattern: str) -> str:
    """The expression of a pattern, by name or as it is."""
    return samples.NAMED_PATTERNS.get(pattern, pattern)


def splits_of(pattern: str) -> reference.Splits:
    return [(text_of(pattern), "characters")]


def rank_file(ranks: Mapping[bytes, int]) -> bytes:
    """A rank file, in the order of the mapping."""
    return b"".join(base64.b64encode(token) + b" %d\n" % id for token, id in ranks.items())


def loaded(
    ranks: Mapping[bytes, int], pattern: str, special_tokens: Mapping[str, int] | None = None
) -> BPETokenizer:
    """What `tokloom.load` makes of a rank file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.tiktoken"
        path.write_bytes(rank_file(ranks))
        tokenizer = tokloom.load(path, pattern=pattern, special_tokens=special_tokens)
    assert isinstance(tokenizer, BPETokenizer)
    return tokenizer


def oracle(
    ranks: Mapping[bytes, int], splits: reference.Splits, added: Sequence[reference.Added] = ()
) -> reference.Tokenizer:
    """The reference's tokenizer of these ranks."""
    return reference.Tokenizer(splits, ranks, lambda pretoken: reference.encode(pretoken, ranks), added)


def oracle_of(tokenizer: BPETokenizer, splits: reference.Splits) -> reference.Tokenizer:
    """The reference's tokenizer of the same tokens, "bpe" or "words"; special tokens without flags."""
    ranks = {token: id for id, token in tokenizer.tokens().items()}
    added = [reference.Added(content, id) for content, id in tokenizer.special_tokens.items()]
    if tokenizer.kind == "bpe":
        return oracle(ranks, splits, added)

    def whole_or_bytes(pretoken: bytes) -> list[bytes]:
        return reference.encode_listed(pretoken, ranks, [], ignore_merges=True)

    return reference.Tokenizer(splits, ranks, whole_or_bytes, added)


def reference_ids(
    tokenizer: reference.Tokenizer, text: str | bytes, special: reference.Special = "text"
) -> list[int]:
    return [id for id, _ in reference.tokens(tokenizer, text, special)]


def in_tiktoken(ranks: Mapping[bytes, int], pattern: str) -> tiktoken.Encoding:
    """tiktoken's encoding of these ranks. It drops what lies between the matches, so the pattern matches that too."""
    return tiktoken.Encoding(
        "made", pat_str=rf"{text_of(pattern)}|[\s\S]", mergeable_ranks=dict(ranks), special_tokens={}
    )
