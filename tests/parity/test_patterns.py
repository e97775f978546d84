"""The texts that stand for a named pattern in a tokenizer.json mean the same to Oniguruma as to our scanners.

Every code point is tried between neighbours of every class. The whole proof takes some ten minutes:
`TOKLOOM_EVERY_CODE_POINT=1 pytest tests/parity/test_patterns.py`; without, only the characters at the edges of the
classes are tried. Code points that the two libraries' versions of Unicode class differently are left out, and counted:
they may only be such as this Python, whose Unicode is older, doesn't know yet. With tokenizers 0.23 there are none:
its Oniguruma has Unicode 16 too.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

tokenizers = pytest.importorskip("tokenizers")

ROOT = Path(__file__).parents[2]
EVERY = bool(os.environ.get("TOKLOOM_EVERY_CODE_POINT"))

CLASSES = [rf"\p{{{name}}}" for name in ("L", "N", "M", "Lu", "Ll", "Lt", "Lm", "Lo", "P", "S")] + [r"\s"]
NAMES = ["gpt2", "gpt4", "o200k", "nanochat", "llama3", "qwen2", "deepseek-v3"]
# Texts of published files that are known to mean a named pattern.
PUBLISHED = [
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
]
# "@" is the code point.
CONTEXTS = ["@", "a@a", " @ x", "A@A", "1@1", "!@!", "'@x", "a's@", "\n@b", "  @@\n", "\u0301@A", " !@\r\n"]
MORE_CONTEXTS = [
    *(" @a", "b@", "  @ x", "ʰ@Z", "漢@漢", "ア@@ア", "\0@\0", "@'s", "Zz@/@\n/", "\t@"),
    *("'l@x", "x'l@x", "'r@x", "'@e", "'@lx", "'R@'v"),
    *("\xa0@", "\r@\r", "12@34", "aA@", "Aa@", "Ǆ@", "\u0301@", "\u0301@'s", " \u0301@", "'s@", "'@s", "\n@"),
]


@functools.cache
def example() -> str:
    """The path of the Rust example that splits texts, built if need be."""
    if shutil.which("cargo") is None:
        pytest.skip("the comparison needs cargo")
    command = [
        "cargo",
        "build",
        "--release",
        "-p",
        "tokloom",
        "--example",
        "pretokens",
        "--message-format=json",
    ]
    built = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    return str(next(message["executable"] for message in messages if message.get("executable")))


def ours(arguments: list[str], texts: Iterable[str]) -> tuple[list[str] | None, list[list[int]]]:
    """The pattern's texts for Hugging Face, and the lengths of the pretokens of each text."""
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    done = subprocess.run([example(), *arguments], input=lines, check=True, capture_output=True, text=True)
    first, *rest = done.stdout.splitlines()
    return json.loads(first), [json.loads(line) for line in rest]


def theirs(regexes: list[str], texts: Iterable[str]) -> Iterator[list[int]]:
    """The same by isolated splits of Hugging Face's tokenizers."""
    splits = [tokenizers.pre_tokenizers.Split(tokenizers.Regex(regex), "isolated") for regex in regexes]
    sequence = tokenizers.pre_tokenizers.Sequence(splits)
    for text in texts:
        yield [end - start for _, (start, end) in sequence.pre_tokenize_str(text)]


def characters() -> Iterator[str]:
    return (chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000)


@functools.cache
def differing() -> dict[str, list[str]]:
    """The code points of which the libraries disagree, with the classes in question."""
    found: dict[str, list[str]] = {}
    every = list(characters()) if EVERY else telling()
    texts = [character + "\0" for character in every]
    for name in CLASSES:
        for character, mine, other in zip(
            every, ours(["splits", name], texts)[1], theirs([name], texts), strict=True
        ):
            if mine != other:
                found.setdefault(character, []).append(name)
    return found


@functools.cache
def telling() -> list[str]:
    """The characters at the edges of the classes, and all below U+3400."""
    category = {character: unicodedata.category(character) for character in characters()}
    edges = {
        neighbour
        for character, after in zip(category, list(category)[1:], strict=False)
        if category[character] != category[after]
        for neighbour in (character, after)
    }
    return sorted(edges | {chr(point) for point in range(0x3400)})


def assert_same(arguments: list[str], regexes: list[str], contexts: list[str], tried: list[str]) -> None:
    left_out = differing()
    kept = [character for character in tried if character not in left_out]
    # Behind a newline, the next context begins with a pretoken.
    texts = ["\n".join(contexts).replace("@", character) + character for character in kept]
    for start in range(0, len(texts), 20_000):
        some = texts[start : start + 20_000]
        for text, mine, other in zip(some, ours(arguments, some)[1], theirs(regexes, some), strict=True):
            assert mine == other, f"{text!r}"


def test_only_new_characters_are_classed_differently() -> None:
    known = {
        character: classes
        for character, classes in differing().items()
        if unicodedata.category(character) not in ("Cn", "Co")
    }
    assert not known


@pytest.mark.parametrize("name", NAMES)
def test_our_texts_for_hugging_face(name: str) -> None:
    regexes, _ = ours(["named", name], [])
    assert regexes is not None
    assert_same(["named", name], regexes, CONTEXTS + MORE_CONTEXTS, telling())
    if EVERY:
        assert_same(["named", name], regexes, CONTEXTS, list(characters()))


@pytest.mark.parametrize("regex", PUBLISHED)
def test_published_texts(regex: str) -> None:
    assert_same(["huggingface", regex], [regex], CONTEXTS + MORE_CONTEXTS, telling())
    if EVERY:
        assert_same(["huggingface", regex], [regex], CONTEXTS, list(characters()))
