"""Units as short strings of digits: which digits may follow which, and which unit a whole string is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError

__all__ = ["DigitTree", "Kind", "kinds_of"]

NOTHING = -1


@dataclass(frozen=True)
class Kind:
    """Units of one kind and their digits.

    Attributes:
        name: what they are, "codes" or "bytes", say.
        ids: the units, (n,).
        digits: (n, places), each string another one, and none the beginning of another; −1 where a string has ended.
        levels: how many digits there are in each place.
    """

    name: str
    ids: NDArray[np.int64]
    digits: NDArray[np.int32]
    levels: tuple[int, ...]


def kinds_of(
    digits: NDArray[np.int32], levels: Sequence[int], *, special_tokens: Sequence[int] = ()
) -> list[Kind]:
    """The kinds of a tokenizer's units, by what its `digits()` says.

    Units without digits are those before the first that has some ("bytes"), special tokens, and the others
    ("patches"); as (position, symbol) pairs patches have two digits, where their number is a multiple of 257.

    Args:
        digits: (vocab_size, places), −1 where a unit has no digit in that place.
        levels: how many digits there are in each place.
        special_tokens: their units.

    Example:
        >>> import numpy as np
        >>> digits = np.array([[-1, -1], [0, 0], [0, 1], [1, 0], [1, 1], [-1, -1]], np.int32)
        >>> [(kind.name, kind.ids.tolist()) for kind in kinds_of(digits, (2, 2), special_tokens=[5])]
        [('codes', [1, 2, 3, 4]), ('bytes', [0]), ('special tokens', [5])]
    """
    if digits.ndim != 2 or digits.shape[1] != len(levels):
        raise ArgumentError(f"digits of shape {digits.shape} don't go with {len(levels)} levels")
    ids = np.arange(len(digits))
    coded = digits[:, 0] >= 0
    if not coded.any():
        raise ArgumentError("no unit has a digit: a token table is what this vocabulary needs")
    special = np.isin(ids, np.asarray(special_tokens, np.int64)) & ~coded
    early = ~coded & ~special & (ids < np.argmax(coded))
    late = ~coded & ~special & ~early
    kinds = [Kind("codes", ids[coded], digits[coded], tuple(map(int, levels)))]
    for name, which in (("bytes", early), ("patches", late), ("special tokens", special)):
        count = int(which.sum())
        if name == "patches" and count and count % 257 == 0:
            pairs = np.stack(np.divmod(np.arange(count), 257), axis=1).astype(np.int32)
            kinds.append(Kind(name, ids[which], pairs, (count // 257, 257)))
        elif count:
            kinds.append(Kind(name, ids[which], np.arange(count, dtype=np.int32)[:, None], (count,)))
    return kinds


class DigitTree:
    """The strings of a kind as a tree.

    Attributes:
        children: per place (nodes, levels) int64: the node or, at −2 − u, the unit u that a digit leads to; −1: nothing.
        nodes: per place the node from which each unit's digit there is taken, (n,) int64; −1: its string has ended.
    """

    def __init__(self, kind: Kind) -> None:
        digits, levels = kind.digits, kind.levels
        for place, level in enumerate(levels):
            worst = int(digits[:, place].max(initial=-1))
            if level < 1 or worst >= level or int(digits[:, place].min(initial=0)) < -1:
                raise ArgumentError(
                    f"{kind.name}: digits in place {place} are not all below its {level} levels"
                )
        ended = digits < 0
        if ended[:, 0].any() or (ended[:, :-1] & ~ended[:, 1:]).any():
            raise ArgumentError(f"{kind.name}: a string of digits has none at its start, or a gap in it")
        self.children: list[NDArray[np.int64]] = []
        self.nodes: list[NDArray[np.int64]] = []
        node = np.zeros(len(digits), np.int64)
        for place, level in enumerate(levels):
            self.nodes.append(node)
            table = np.full((int(node.max(initial=-1)) + 1, level), NOTHING, np.int64)
            here = np.flatnonzero(node >= 0)
            last = ended[here, place + 1] if place + 1 < len(levels) else np.ones(len(here), bool)
            at, digit = node[here], digits[here, place]
            if len(np.unique(at[last] * level + digit[last])) < int(last.sum()):
                raise ArgumentError(f"{kind.name}: two units have the same digits")
            table[at[last], digit[last]] = -2 - here[last]
            if (table[at[~last], digit[~last]] != NOTHING).any():
                raise ArgumentError(f"{kind.name}: a unit's digits are the beginning of another's")
            _, below = np.unique(at[~last] * level + digit[~last], return_inverse=True)
            table[at[~last], digit[~last]] = below
            self.children.append(table)
            node = np.full(len(digits), -1, np.int64)
            node[here[~last]] = below
