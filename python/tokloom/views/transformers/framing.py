"""The tokens that a vocabulary's own post-processor puts around a text or a pair of texts.

`Tokenizer.encode` never adds tokens; transformers does, with `add_special_tokens=True`, where the vocabulary's
`tokenizer.json` says so. This is what it says, in the JSON of `tokenizers`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from tokloom.errors import VocabularyError
from tokloom.tokenizer import Tokenizer

T = TypeVar("T")


class Piece(NamedTuple):
    """One of the texts ("A", "B"), or ids that are added; and the number that tells first from second."""

    content: str | tuple[int, ...]
    type_id: int

    @property
    def added(self) -> tuple[int, ...]:
        """The ids, if it is such."""
        return () if isinstance(self.content, str) else self.content


class Framing(NamedTuple):
    """What stands around one text and around a pair."""

    single: tuple[Piece, ...] = (Piece("A", 0),)
    pair: tuple[Piece, ...] = (Piece("A", 0), Piece("B", 1))

    def pieces(self, *, pair: bool) -> tuple[Piece, ...]:
        """What stands around a pair, or around one text."""
        return self.pair if pair else self.single

    def added(self, *, pair: bool) -> int:
        """How many tokens are added."""
        return sum(len(piece.added) for piece in self.pieces(pair=pair))

    def ids(self, first: Sequence[int], second: Sequence[int] | None) -> list[int]:
        """The ids with those that are added."""
        return self._filled(first, second, lambda added: added)

    def laid(self, first: Sequence[T], second: Sequence[T] | None, of_added: T) -> list[T]:
        """Values of tokens, with `of_added` for each that is added."""
        return self._filled(first, second, lambda added: [of_added] * len(added))

    def type_ids(
        self, first: Sequence[int], second: Sequence[int] | None, *, added: bool = True
    ) -> list[int]:
        """For each id, and if `added` for those that are added, the number that tells first from second."""
        texts = {"A": len(first), "B": len(second or ())}
        return [
            piece.type_id
            for piece in self.pieces(pair=second is not None)
            for _ in range(
                texts[piece.content] if isinstance(piece.content, str) else len(piece.content) * added
            )
        ]

    def _filled(self, first: Any, second: Any, of_added: Any) -> list[Any]:
        texts = {"A": first, "B": second if second is not None else ()}
        return [
            value
            for piece in self.pieces(pair=second is not None)
            for value in (texts[piece.content] if isinstance(piece.content, str) else of_added(piece.content))
        ]


class Trimming(NamedTuple):
    """Whether white space is left out of offsets, and whether one space before the text counts as added."""

    trims: bool = False
    prefix_space: bool = False


def post_processor(tokenizer: Tokenizer) -> tuple[Framing, Trimming]:
    """What the vocabulary's post-processor does; nothing, where it has none.

    Raises:
        VocabularyError: it adds tokens in more than one step.
    """
    kept = tokenizer.post_processor
    if kept is None:
        return Framing(), Trimming()
    steps = list(_steps(json.loads(kept)))
    framings = [framing for step in steps if (framing := _framing(step)) is not None]
    if len(framings) > 1:
        raise VocabularyError(
            "the vocabulary's post-processor adds tokens in more than one step, which the view doesn't do; give "
            "a tokenizer.json with one step"
        )
    trims = [step for step in steps if step.get("trim_offsets")]
    trimming = Trimming(bool(trims), any(step.get("add_prefix_space") for step in trims))
    return (framings[0] if framings else Framing()), trimming


def _steps(processor: dict[str, Any]) -> Iterable[dict[str, Any]]:
    if processor["type"] != "Sequence":
        yield processor
        return
    for step in processor["processors"]:
        yield from _steps(step)


def _framing(step: dict[str, Any]) -> Framing | None:
    if step["type"] == "ByteLevel":
        return None
    if step["type"] == "TemplateProcessing":
        tokens = step["special_tokens"]
        single, pair = (tuple(_piece(piece, tokens) for piece in step[part]) for part in ("single", "pair"))
        return Framing(single, pair)
    cls, sep = (Piece((step[name][1],), 0) for name in ("cls", "sep"))
    if step["type"] == "RobertaProcessing":
        return Framing((cls, Piece("A", 0), sep), (cls, Piece("A", 0), sep, sep, Piece("B", 0), sep))
    if step["type"] == "BertProcessing":
        return Framing(
            (cls, Piece("A", 0), sep), (cls, Piece("A", 0), sep, Piece("B", 1), Piece(sep.content, 1))
        )
    raise VocabularyError(f"the vocabulary's post-processor {step['type']!r} is not known to the view")


def _piece(piece: dict[str, Any], tokens: dict[str, Any]) -> Piece:
    if "Sequence" in piece:
        return Piece(piece["Sequence"]["id"], piece["Sequence"]["type_id"])
    token = piece["SpecialToken"]
    return Piece(tuple(tokens[token["id"]]["ids"]), token["type_id"])
