"""Texts cut so that they have at most so many tokens: whole characters, and as much as fits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tokloom.errors import ArgumentError

if TYPE_CHECKING:
    from tokloom.tokenizer import Tokenizer


def longest_beginning(tokenizer: Tokenizer, text: str, start: int, max_tokens: int) -> int:
    """The end of the longest stretch from `start` that ends with a token and has at most `max_tokens`."""
    window = 8 * max_tokens + 256
    while True:
        part = text[start : start + window]
        spans = tokenizer.spans(part)
        # Tokens near the end of a part may differ from those of the whole; some more than needed make that moot.
        if len(part) < window or len(spans) > 2 * max_tokens + 64:
            break
        window *= 2
    if len(spans) <= max_tokens:
        return start + len(part)
    keep, step = max_tokens, 1
    while keep > 0:
        end = spans[keep][0]
        if tokenizer.count_tokens(part[:end]) <= max_tokens:
            return start + end
        keep, step = keep - step, 2 * step
    # Tokens that depend on all of a stretch, as a network's chunks do, may be more for less of it; few characters fit.
    for end in range(min(len(part), max_tokens), 0, -1):
        if tokenizer.count_tokens(part[:end]) <= max_tokens:
            return start + end
    return start


def truncate(tokenizer: Tokenizer, text: str, max_tokens: int, side: str) -> str:
    """See `Tokenizer.truncate`."""
    if max_tokens < 0:
        raise ArgumentError(f"max_tokens is {max_tokens}; it must be 0 or more")
    if side == "right":
        return text[: longest_beginning(tokenizer, text, 0, max_tokens)]
    if side != "left":
        raise ArgumentError(f'side={side!r} is not known; it is "right" or "left"')
    spans = tokenizer.spans(text)
    if len(spans) <= max_tokens:
        return text
    keep, step = max_tokens, 1
    while keep > 0:
        # Where the token before ends, a character it only touches included.
        start = spans[len(spans) - keep - 1][1]
        if tokenizer.count_tokens(text[start:]) <= max_tokens:
            return text[start:]
        keep, step = keep - step, 2 * step
    for start in range(max(0, len(text) - max_tokens), len(text)):
        if tokenizer.count_tokens(text[start:]) <= max_tokens:
            return text[start:]
    return ""


def chunk(tokenizer: Tokenizer, text: str, max_tokens: int, overlap: int) -> Iterator[str]:
    """See `Tokenizer.chunk`."""
    if max_tokens < 1:
        raise ArgumentError(f"max_tokens is {max_tokens}; it must be 1 or more")
    if not 0 <= overlap < max_tokens:
        raise ArgumentError(f"overlap is {overlap}; it must be from 0 to below max_tokens ({max_tokens})")
    return _chunks(tokenizer, text, max_tokens, overlap)


def _chunks(tokenizer: Tokenizer, text: str, max_tokens: int, overlap: int) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = longest_beginning(tokenizer, text, start, max_tokens)
        if end == start:
            raise ArgumentError(
                f"character {start} ({text[start]!r}) has {tokenizer.count_tokens(text[start])} tokens; "
                f"max_tokens ({max_tokens}) must be at least that, or the text can't be cut between characters"
            )
        piece = text[start:end]
        yield piece
        if end == len(text):
            return
        spans = tokenizer.spans(piece) if overlap else []
        back = spans[-overlap][0] if 0 < overlap < len(spans) else len(piece)
        start += back if back > 0 else len(piece)
