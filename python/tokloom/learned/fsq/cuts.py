"""Where tokenizers cut a text, line under line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from tokloom.errors import ArgumentError
from tokloom.tokenizer import Tokenizer

__all__ = ["Cuts", "cuts", "show_cuts"]

_VISIBLE = str.maketrans({" ": "·", "\n": "⏎", "\t": "→", "\r": "↵"})


class Cuts(NamedTuple):
    """A text cut by one tokenizer.

    Attributes:
        name: whose.
        pieces: the text's parts, in order; a character that several tokens share is in the last of them.
        tokens: how many tokens there are: more than pieces where a character is cut.
        cut: how many characters several tokens share.
        shared: bytes that several tokens mean together, in a tokenizer of chunks; 0 where each has its own.
    """

    name: str
    pieces: list[str]
    tokens: int
    cut: int
    shared: int


def cuts(text: str, tokenizers: Mapping[str, Tokenizer]) -> list[Cuts]:
    """The text in the pieces that each tokenizer makes of it.

    Example:
        >>> import tokloom
        >>> [one[1:4] for one in cuts("né", {"bytes": tokloom.load("bytes")})]
        [(['n', 'é'], 3, 1)]
    """
    found = []
    for name, tokenizer in tokenizers.items():
        spans = tokenizer.spans(text)
        starts = sorted({start for start, _ in spans})
        several = sum(count > 1 for count in Counter(start for start, _ in spans).values())
        pieces = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=bool(text))]
        found.append(Cuts(name, pieces, len(spans), several, getattr(tokenizer, "chunk_size", 0)))
    return found


def show_cuts(text: str, tokenizers: Mapping[str, Tokenizer]) -> str:
    r"""The same as lines to read: `|` between pieces (`¦` where the text has that), blanks and ends of lines visible.

    Raises:
        ArgumentError: there is no text, or no tokenizer.

    Example:
        >>> import tokloom
        >>> corpus = ["in the end, in the beginning\n"] * 9
        >>> print(show_cuts("in the end", {"BPE": tokloom.train(corpus, 270)}))
        BPE  3 tokens, 3.3 bytes each  in|·the|·end
    """
    if not text or not tokenizers:
        raise ArgumentError("nothing to show: give a text and one tokenizer or more")
    found = cuts(text, tokenizers)
    width = max(len(one.name) for one in found)
    digits = len(str(max(one.tokens for one in found)))
    size = len(text.encode())
    separator = "¦" if "|" in text else "|"
    lines = [
        f"{one.name:<{width}}  {one.tokens:>{digits}} {_plural('token', one.tokens)}, {size / one.tokens:.1f} bytes each"
        f"{_characters(one.cut)}  " + separator.join(piece.translate(_VISIBLE) for piece in one.pieces)
        for one in found
    ]
    lines += [
        f"{one.name}: the tokens of a chunk mean its {one.shared} bytes together; here these are shared out evenly"
        for one in found
        if one.shared
    ]
    return "\n".join(lines)


def _plural(word: str, count: int) -> str:
    return word if count == 1 else word + "s"


def _characters(cut: int) -> str:
    return f", {cut} {_plural('character', cut)} cut" if cut else ""
