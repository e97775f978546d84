"""Where tokenizers cut a text, line under line."""

from __future__ import annotations

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
    """

    name: str
    pieces: list[str]
    tokens: int


def cuts(text: str, tokenizers: Mapping[str, Tokenizer]) -> list[Cuts]:
    """The text in the pieces that each tokenizer makes of it.

    Example:
        >>> import tokloom
        >>> [(one.pieces, one.tokens) for one in cuts("né", {"bytes": tokloom.load("bytes")})]
        [(['n', 'é'], 3)]
    """
    found = []
    for name, tokenizer in tokenizers.items():
        spans = tokenizer.spans(text)
        starts = sorted({start for start, _ in spans})
        pieces = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=bool(text))]
        found.append(Cuts(name, pieces, len(spans)))
    return found


def show_cuts(text: str, tokenizers: Mapping[str, Tokenizer]) -> str:
    r"""The same as lines to read: `|` between pieces, blanks and ends of lines visible.

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
    return "\n".join(
        f"{one.name:<{width}}  {one.tokens:>{digits}} tokens, {size / one.tokens:.1f} bytes each  "
        + "|".join(piece.translate(_VISIBLE) for piece in one.pieces)
        for one in found
    )
