"""The shape of an auto-encoder: how many bytes a block merges, and what follows from that.

Groups are counted as tokun's author counts them, in bytes of UTF-32, four to a character: `[4, 16]` merges four bytes to
a character and sixteen characters to a vector; `[16, 4]` four characters at once, and four of those. The zero byte on
top is dropped here, so a character has three bytes, and a first group of 4 reads three.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from math import prod

from tokloom.errors import ArgumentError

__all__ = ["BITS", "BYTES", "NOTHING", "PLANES", "Shape"]

BYTES = 3
BITS = 21
# The first code point that Unicode hasn't: it fills a chunk that is not full, and no text has it.
NOTHING = 0x110000
# Of the highest byte: 17 planes, and the one of NOTHING.
PLANES = 18
LARGEST_CHUNK = 256
LARGEST_WIDTH = 65_536


@dataclass(frozen=True)
class Shape:
    """What the blocks merge, and how wide they are.

    Args:
        groups: units that each block merges; the first in bytes of UTF-32, so a multiple of 4.
        vector: numbers in a vector.
        character: width of a character's activations; a unit of several characters has `character` for each, up to
            four times that.

    Raises:
        ArgumentError: a group of no character, or sizes out of range.

    Example:
        >>> shape = Shape.named("4x16")
        >>> shape.groups, shape.characters, shape.units, shape.widths
        ((4, 16), 16, (1, 16), (128,))
        >>> Shape((4, 4, 4)).characters, Shape((64,)).characters, Shape((16, 4)).name
        (16, 16, '16x4')
    """

    groups: tuple[int, ...] = (4, 16)
    vector: int = 256
    character: int = 128

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", tuple(self.groups))
        if not self.groups or any(type(group) is not int or group < 1 for group in self.groups):
            raise ArgumentError(f"groups are whole numbers from 1, such as [4, 16], not {list(self.groups)}")
        if self.groups[0] % 4:
            raise ArgumentError(
                f"the first group counts bytes of UTF-32, four to a character, so {self.groups[0]} can't be one: "
                "[4, 16] makes a vector of sixteen characters"
            )
        if self.characters > LARGEST_CHUNK:
            raise ArgumentError(
                f"{self.characters} characters to a vector: at most {LARGEST_CHUNK} are possible"
            )
        for name, value in (("vector", self.vector), ("character", self.character)):
            if type(value) is not int or not 1 <= value <= 4096:
                raise ArgumentError(f"{name} is a width from 1 to 4096, not {value!r}")
        if self.character * self.characters > LARGEST_WIDTH:
            raise ArgumentError(
                f"{self.character} × {self.characters} activations are more than {LARGEST_WIDTH:,}"
            )

    @classmethod
    def named(cls, name: str, *, vector: int = 256, character: int = 128) -> Shape:
        """The shape of a name such as "4x16" or "tokun-4x16".

        Raises:
            ArgumentError: it is no such name.
        """
        found = re.fullmatch(r"(?:tokun-)?(\d{1,4}(?:x\d{1,4})*)", name)
        if not found:
            raise ArgumentError(f'{name!r} is no name of a configuration; "4x16" is one, or groups=[4, 16]')
        return cls(tuple(map(int, found[1].split("x"))), vector, character)

    @property
    def name(self) -> str:
        """Such as "4x16"."""
        return "x".join(map(str, self.groups))

    @cached_property
    def units(self) -> tuple[int, ...]:
        """Characters in a unit, after each block: the last is a whole chunk."""
        return tuple(prod(self.groups[: index + 1]) // 4 for index in range(len(self.groups)))

    @property
    def characters(self) -> int:
        """Characters of a chunk, which becomes one vector."""
        return prod(self.groups) // 4

    @property
    def widths(self) -> tuple[int, ...]:
        """Activations of a unit, for each unit that isn't the vector itself (with one group: for its one unit)."""
        inner = self.units[:-1] or self.units
        return tuple(self.character * min(unit, 4) for unit in inner)

    @property
    def rows(self) -> int:
        """Units of the first block in a chunk."""
        return self.characters // self.units[0]

    @property
    def positions(self) -> int:
        """Bytes that the first block merges, three a character."""
        return BYTES * self.units[0]

    @property
    def logits(self) -> int:
        """Scores of a character: of its plane, its high byte and its low byte."""
        return PLANES + 256 + 256
