"""Where each token of a vocabulary lies in a lattice: by context, spelling, frequency, or at random."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError
from tokloom.learned.fsq.cells import as_digits, check_levels
from tokloom.learned.fsq.coordinates_classes import ROOM, SHORTLIST, shortlist_and_classes
from tokloom.learned.fsq.coordinates_statistics import Statistics
from tokloom.learned.fsq.coordinates_tree import frequency_then_context
from tokloom.learned.fsq.coordinates_vectors import context_vectors
from tokloom.tokenizer import Tokenizer

__all__ = ["Coordinates", "Kind", "Layout", "assign", "default_levels", "token_list"]

Kind = Literal["context", "spelling", "frequency", "random"]
Layout = Literal["classes", "digits"]


@dataclass(frozen=True)
class Coordinates:
    """A cell for each token.

    Attributes:
        kind: what the digits come from.
        layout: "digits": cells of a lattice; "classes": a shortlist and classes, two unequal digits.
        levels: values of each digit.
        digits: shape (vocab_size, len(levels)); -1 where an id has none in that place. No two tokens have the same.
        vectors: a vector for each id (float32, shape (vocab_size, k)), where context made one; else None.
    """

    kind: Kind
    layout: Layout
    levels: tuple[int, ...]
    digits: NDArray[np.int32]
    vectors: NDArray[np.float32] | None


def token_list(tokenizer: Tokenizer) -> dict[int, bytes]:
    """The bytes of all ids that stand for something, special tokens by their names, in ascending order of id."""
    from tokloom.errors import UnknownIdError

    def bytes_of(id: int) -> bytes | None:
        try:
            return tokenizer.token_bytes(id)
        except UnknownIdError:  # a hole
            return None

    every = ((id, bytes_of(id)) for id in range(tokenizer.vocab_size))
    return {id: token for id, token in every if token is not None}


def default_levels(tokens: int) -> tuple[int, ...]:
    """Digits of eight values: five of them for up to 32,768 tokens, more for more.

    Example:
        >>> default_levels(32_768), default_levels(50_257)
        ((8, 8, 8, 8, 8), (8, 8, 8, 8, 8, 8))
    """
    count = 5
    while 8**count < tokens:
        count += 1
    return (8,) * count


def assign(
    tokenizer: Tokenizer,
    found: Statistics,
    kind: Kind = "context",
    *,
    layout: Layout = "classes",
    levels: Sequence[int] | None = None,
    shortlist: int | None = None,
    room: int = ROOM,
    seed: int = 0,
) -> Coordinates:
    """A cell for each token of a vocabulary, each its own.

    Args:
        tokenizer: whose tokens.
        found: counts from training text (`statistics`).
        kind: "context": by frequency and by what stands beside a token; "frequency": the rank, in digits; "random".
            ("spelling" needs a network: `coordinates_spelling.spell`.)
        layout: for "context": "classes" or "digits".
        levels: for digits: values of each; default: as many eights as it takes, at least five.
        shortlist: for classes: how many tokens are their own first digit; default: a sixteenth of the vocabulary, at
            most 2,048.
        room: for classes: how many tokens a class takes.
        seed: of what is drawn by chance.

    Raises:
        ArgumentError: more tokens than cells, a level under 2, or a choice that isn't known.
    """
    _check(kind, layout, levels)
    known = np.array(list(token_list(tokenizer)), np.int64)
    order = _specials_first(tokenizer, found, known)
    if kind == "context" and layout == "classes":
        vectors = context_vectors(found, seed=seed)
        count = min(SHORTLIST, len(known) // 16) if shortlist is None else shortlist
        if not 0 <= count <= len(known):
            raise ArgumentError(
                f"shortlist is {count}; it must be from 0 to the {len(known):,} tokens there are"
            )
        if room < 2:
            raise ArgumentError(f"room is {room}; a class takes 2 tokens or more")
        digits, sizes = shortlist_and_classes(found, vectors, order, shortlist=count, room=room, seed=seed)
        return Coordinates(kind, layout, sizes, digits, vectors.astype(np.float32))

    checked = check_levels(default_levels(len(known)) if levels is None else levels)
    require_room(len(known), checked)
    digits = np.full((tokenizer.vocab_size, len(checked)), -1, np.int32)
    found_vectors = None
    if kind == "context":
        vectors = context_vectors(found, seed=seed)
        found_vectors = vectors.astype(np.float32)
        by_frequency = np.array(sorted(range(len(known)), key=lambda row: _rank(found, int(known[row]))))
        digits[known] = frequency_then_context(by_frequency, vectors[known], checked)
    else:
        digits[known] = _without_looking(kind, found, known, checked, seed)
    return Coordinates(kind, "digits", checked, digits, found_vectors)


def _rank(found: Statistics, id: int) -> tuple[int, int]:
    return -int(found.counts[id]), int(id)


def _specials_first(tokenizer: Tokenizer, found: Statistics, known: NDArray[np.int64]) -> NDArray[np.int64]:
    """Tokens by frequency; special ones before all, since a text's counts say nothing of them."""
    special = set(tokenizer.special_tokens.values())
    return np.array(sorted(known.tolist(), key=lambda id: (id not in special, *_rank(found, id))), np.int64)


def _without_looking(
    kind: Kind, found: Statistics, known: NDArray[np.int64], levels: tuple[int, ...], seed: int
) -> NDArray[np.int32]:
    """Digits that need no vectors: of the rank, or of cells drawn by chance."""
    cells = math.prod(levels)
    if kind == "random":
        codes = np.random.default_rng(seed).choice(cells, len(known), replace=False)
        return as_digits(codes, levels)
    order = np.array(sorted(range(len(known)), key=lambda row: _rank(found, int(known[row]))))
    codes = np.empty(len(known), np.int64)
    codes[order] = np.arange(len(known)) * cells // len(known)
    # The first digit says most: the commonest tokens share it.
    return np.ascontiguousarray(as_digits(codes, levels[::-1])[:, ::-1])


def require_room(tokens: int, levels: tuple[int, ...]) -> None:
    """Raises an error where there are more tokens than cells."""
    if tokens > math.prod(levels):
        raise ArgumentError(
            f"{tokens:,} tokens don't fit into {math.prod(levels):,} cells of levels {levels}; give more or larger "
            f"levels, for instance {default_levels(tokens)}"
        )


def _check(kind: str, layout: str, levels: Sequence[int] | None) -> None:
    if kind == "spelling":
        raise ArgumentError(
            "coordinates by spelling are made by coordinates_spelling.spell, which trains a network"
        )
    if kind not in get_args(Kind):
        raise ArgumentError(
            f"coordinates {kind!r} are not known; they are one of {', '.join(get_args(Kind))}"
        )
    if layout not in get_args(Layout):
        raise ArgumentError(f"layout {layout!r} is not known; it is one of {', '.join(get_args(Layout))}")
    if levels is not None and kind == "context" and layout == "classes":
        raise ArgumentError(
            "levels= goes with layout='digits'; the layout of classes has shortlist= and room="
        )
