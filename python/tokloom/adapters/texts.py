"""Texts as other libraries take them, and places in them: a str, checked; code points and bytes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from itertools import accumulate, pairwise

from tokloom.errors import ArgumentError, SpecialTokenError, TextError
from tokloom.tokenizer import Special, Text


def as_text(text: Text) -> str:
    """The text as a str.

    Raises:
        TextError: bytes that are not UTF-8, or a str with a lone surrogate; with the position.
    """
    if isinstance(text, str):
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise TextError(
                    f"the text has a lone surrogate at character {error.start}, which is no Unicode character"
                ) from None
        return text
    if not isinstance(text, bytes):
        raise TypeError(f"a text is a str or bytes, not {type(text).__name__}")
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise TextError(
            f"the text is not UTF-8 at byte {error.start}; this tokenizer carries text, not any bytes "
            "(a byte-level one does); bytes.decode('utf-8', 'replace') gives a text"
        ) from None


@contextmanager
def in_text_of_batch(index: int) -> Iterator[None]:
    """Errors about a text say which of a batch it is."""
    try:
        yield
    except (TextError, SpecialTokenError, TypeError) as error:
        raise type(error)(f"text {index}: {error}") from None


def names_to_parse(special: Special, known: Collection[str]) -> frozenset[str]:
    """The special tokens that `special` names: a collection of them.

    Raises:
        SpecialTokenError: one is no special token.
    """
    if isinstance(special, str):
        raise ArgumentError(
            f'special={special!r} is not known; it is "text" (special tokens in a text stay text), "parse" (they '
            'become ids), "raise" (they are refused), or a set of those to parse'
        )
    try:
        names = frozenset(special)
    except TypeError:
        raise TypeError(f"special is a str or a collection of str, not {type(special).__name__}") from None
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"a special token is a str, not {type(name).__name__}")
        if name not in known:
            raise SpecialTokenError(
                f"{name!r} is no special token of this vocabulary; it has {', '.join(map(repr, known)) or 'none'}"
            )
    return names


def refusal(name: str, position: int, text: Text) -> SpecialTokenError:
    """The error for a special token in a text that allows none; `position` counts code points."""
    unit, at = "character", position
    if isinstance(text, bytes):
        unit, at = "byte", len(text.decode()[:position].encode())
    return SpecialTokenError(
        f'the text contains the special token {name!r} at {unit} {at}; special="text" encodes it as ordinary text, '
        f"special={{{name!r}}} as its id"
    )


def spans_of_bytes(widths: Iterable[int]) -> list[tuple[int, int]]:
    """[start, end) of tokens of so many bytes, one after another."""
    ends = [0, *accumulate(widths)]
    return list(pairwise(ends))


def in_code_points(spans: list[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    """Spans of bytes as spans of code points: a token inside a character has the characters it touches.

    Example:
        >>> in_code_points([(0, 1), (1, 2), (2, 3)], "né")
        [(0, 1), (1, 2), (1, 2)]
    """
    if text.isascii():
        return spans
    begun = 0
    before = []  # for each byte, how many characters begin before it
    for byte in text.encode():
        before.append(begun)
        begun += byte & 0xC0 != 0x80
    data = text.encode()
    before.append(begun)
    return [
        (before[start] - (start < len(data) and data[start] & 0xC0 == 0x80), before[end])
        for start, end in spans
    ]


def in_bytes(spans: Iterable[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    """Spans of code points as spans of bytes.

    Example:
        >>> in_bytes([(0, 1), (1, 2)], "né")
        [(0, 1), (1, 3)]
    """
    ends = [0, *accumulate(len(character.encode()) for character in text)]
    return [(ends[start], ends[end]) for start, end in spans]
