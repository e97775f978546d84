"""Sixteen bytes ↔ a few FSQ codes: the networks of `kind="chunks"`.

Both sides have a *memory* (a table that is looked up) and a *network* (what generalises, and what reads the code in
the light of its neighbours). The encoder looks its part of the chunk up among frequent strings; where it finds it, the
remembered code is what comes out; else, if a string is known that begins or ends like it, that one's; else what the
network makes of bytes and neighbours. The decoder looks the code
up, which gives a guess of the bytes, and the network mends the guess by what stands around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tokloom.errors import ArgumentError
from tokloom.learned.blocks import (
    Argmax,
    Codes,
    Concat,
    Dense,
    Digits,
    Embed,
    Join,
    Linear,
    Lookup,
    Rows,
    Stack,
    Symbols,
    Weighted,
    Windows,
    checked_levels,
)
from tokloom.learned.fsq.memory import LONGEST, Memory, Remembered
from tokloom.learned.integers import digit_thresholds

if TYPE_CHECKING:
    from jaxtyping import Float, Int

__all__ = ["CHUNK", "SYMBOLS", "ChunkModel", "ChunkShape"]

CHUNK = 16
END = 256
SYMBOLS = 257
# A table with more rows than this is no memory any more, it is the model.
MOST_ROWS = 1 << 16


@dataclass(frozen=True)
class ChunkShape:
    """How a chunk network is built.

    Args:
        codes_per_chunk: 1, 2, 4, 8 or 16.
        levels: of a code's dimensions.
        keys: strings that the encoder remembers; 0 for a network without memory on either side.
        width: of hidden layers.
        mixed: of what each code gets from all of the chunk.
        byte_width: of each byte in the decoder's memory.

    Raises:
        ArgumentError: a number out of its range.
    """

    codes_per_chunk: int = 4
    levels: tuple[int, ...] = (8, 8, 8, 8, 8)
    keys: int = 163_840
    width: int = 192
    mixed: int = 64
    byte_width: int = 12

    def __post_init__(self) -> None:
        if self.codes_per_chunk not in {1, 2, 4, 8, 16}:
            raise ArgumentError(
                f"codes_per_chunk={self.codes_per_chunk}: a chunk of {CHUNK} bytes has 1, 2, 4, 8 or 16 codes"
            )
        object.__setattr__(self, "levels", checked_levels(self.levels))
        for name in ("width", "mixed", "byte_width"):
            if getattr(self, name) < 1:
                raise ArgumentError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not 0 <= self.keys <= 1 << 20:
            raise ArgumentError(f"keys must be from 0 to {1 << 20:,}, not {self.keys}")
        if self.keys and not self.can_remember:
            raise ArgumentError(
                f"{self.bytes_per_code} bytes a code and {self.codes:,} codes: a memory is for at most {LONGEST} bytes and "
                f"{MOST_ROWS:,} codes; give keys=0"
            )

    @property
    def bytes_per_code(self) -> int:
        """Of the chunk."""
        return CHUNK // self.codes_per_chunk

    @property
    def codes(self) -> int:
        """How many codes there are."""
        return int(np.prod(self.levels, dtype=np.int64))

    @property
    def can_remember(self) -> bool:
        """Whether a memory of strings and codes has a size that makes sense."""
        return self.bytes_per_code <= LONGEST and self.codes <= MOST_ROWS


class ChunkModel(nn.Module):
    """Encoder and decoder of chunks.

    Args:
        shape: how they are built.
        memory: strings with their codes; needed where `shape.keys` isn't 0.
    """

    def __init__(self, shape: ChunkShape, memory: Memory | None = None) -> None:
        super().__init__()
        if bool(shape.keys) != (memory is not None):
            raise ArgumentError("a shape with keys needs a memory, and one without has none")
        self.shape = shape
        self.encoder = _encoder(shape, memory)
        self.decoder = _decoder(shape, memory)

    def codes(self, chunks: Int[Tensor, "batch 16"]) -> Symbols:
        """The digits of each chunk's codes, (batch, codes, dimensions)."""
        found = self.encoder(chunks[:, None])
        assert isinstance(found, Symbols)
        return found

    def forward(self, chunks: Int[Tensor, "batch 16"]) -> tuple[Float[Tensor, "batch 16 257"], Symbols]:
        """Logits of each chunk's symbols after its codes, and the codes' digits."""
        found = self.codes(chunks)
        row = Symbols(
            found.index.flatten(1)[:, None], None if found.code is None else found.code.flatten(1)[:, None]
        )
        return self.decoder(row, sums=True), found

    def code_numbers(self, digits: Symbols) -> Int[Tensor, "batch codes"]:
        """Each code as one number."""
        return Codes(self.shape.levels).to(digits.index.device)(digits).index[..., 0]


def _encoder(shape: ChunkShape, memory: Memory | None) -> Stack:
    part, width, count = shape.bytes_per_code, shape.width, shape.codes_per_chunk
    around = min(4, CHUNK - part)
    layers: list[Any] = [
        Windows(part + 2 * around, part, around, END),  # 0
        Embed(part + 2 * around, SYMBOLS, width),
        Dense(width, width, add=1),  # 2
        Dense(width, shape.mixed),
        Join(count),
        Dense(shape.mixed * count, shape.mixed * count),
        Rows(count),  # 6
    ]
    if memory is None:
        layers += [
            Concat([2, 6]),
            Dense(width + shape.mixed, width),
            Linear(width, len(shape.levels), norm=True),
            Digits(shape.levels),
        ]
        return Stack(layers)
    dimensions, hidden = len(shape.levels), width // 2
    gates: list[int] = []  # layers that say that something longer is known
    found: list[int] = []  # layers that say what is remembered
    for offset, known in ((0, memory), *memory.parts):
        first = len(layers)
        table = Embed(1, len(known.keys) + 1, dimensions + 1, norm=False)
        with torch.no_grad():
            table.table[0, 0] = 0.0
            table.table[0, 1:] = _remembered_positions(known, shape.levels)
        table.table.requires_grad_(False)
        layers += [Lookup(torch.from_numpy(known.keys), around + offset, input=0), table]
        if gates:
            layers += [
                Concat([first + 1, *gates]),
                Dense(
                    dimensions + 1 + _GATES * len(gates),
                    dimensions + 1,
                    norm=False,
                    fixed=_unless_known(dimensions, len(gates)),
                ),
            ]
        found.append(len(layers) - 1)
        layers.append(Dense(dimensions + 1, _GATES, norm=False, fixed=_gates(dimensions)))
        gates.append(len(layers) - 1)
        for layer in layers[first:]:
            if isinstance(layer, Weighted):
                layer.bias.requires_grad_(False)
    heard = width + shape.mixed
    layers += [
        Concat([2, 6, *gates]),
        Dense(
            heard + _GATES * len(gates),
            hidden,
            norm=False,
            fixed=_silenced(hidden, heard, _GATES * len(gates)),
        ),
    ]
    layers.append(Concat([len(layers) - 1, *found]))
    linear = Linear(
        hidden + (dimensions + 1) * len(found),
        dimensions,
        own_scales=True,
        fixed=_passed(hidden, dimensions, len(found)),
    )
    linear.bias.requires_grad_(False)
    return Stack([*layers, linear, Digits(shape.levels)])


# What is remembered lies before FSQ's bound between −2.5 and 2.5; activations are ≥ 0.
_MIDDLE = 2.5
# So many units say that something is remembered, each in the strength of a large activation: together they are stronger
# than whatever the network says, and none needs a weight so large that the others vanish beside it in eight bits.
_GATES = 16


def _gates(dimensions: int) -> Float[Tensor, "gates remembered"]:
    fixed = torch.zeros(_GATES, dimensions + 1)
    fixed[:, -1] = 4.0
    return fixed


def _unless_known(dimensions: int, stages: int) -> Float[Tensor, "remembered inputs"]:
    """What is remembered of a part goes on, unless something longer is known."""
    return torch.cat([torch.eye(dimensions + 1), torch.full((dimensions + 1, _GATES * stages), -1.0)], dim=1)


def _silenced(hidden: int, heard: int, gates: int) -> Float[Tensor, "hidden inputs"]:
    """Where something is remembered, the network's units are pushed far below zero."""
    return torch.cat([torch.full((hidden, heard), torch.nan), torch.full((hidden, gates), -1.0)], dim=1)


def _passed(hidden: int, dimensions: int, stages: int) -> Float[Tensor, "dimensions inputs"]:
    """What is remembered goes to the digits as it is."""
    own = torch.cat([torch.eye(dimensions), torch.full((dimensions, 1), -_MIDDLE)], dim=1)
    return torch.cat([torch.full((dimensions, hidden), torch.nan), own.repeat(1, stages)], dim=1)


def _remembered_positions(memory: Remembered, levels: Sequence[int]) -> Float[Tensor, "keys width"]:
    """What the encoder keeps of each key: where its code lies before FSQ's bound, moved to be ≥ 0; and a one."""
    middles = [_middles(level) for level in levels]
    basis = np.cumprod([1, *levels[:-1]])
    digits = memory.codes[:, None] // basis % np.array(levels)
    places = np.stack([middle[digits[:, number]] for number, middle in enumerate(middles)], axis=1)
    moved = (places + _MIDDLE).clip(0, 2 * _MIDDLE)
    return torch.from_numpy(np.concatenate([moved, np.ones((len(moved), 1))], axis=1)).float()


def _middles(level: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A number that FSQ quantises to each level, as far from the thresholds as the neighbours' are."""
    thresholds = digit_thresholds(level)
    if level == 3:
        return np.array([2 * thresholds[0], 0.0, 2 * thresholds[1]])
    first = thresholds[0] - (thresholds[1] - thresholds[0]) / 2
    last = thresholds[-1] + (thresholds[-1] - thresholds[-2]) / 2
    return np.concatenate([[first], (thresholds[1:] + thresholds[:-1]) / 2, [last]])


def _decoder(shape: ChunkShape, memory: Memory | None) -> Stack:
    part, width, count, dimensions = (
        shape.bytes_per_code,
        shape.width,
        shape.codes_per_chunk,
        len(shape.levels),
    )
    around = 1 if count > 1 else 0
    places = (1 + 2 * around) * dimensions
    most = max(shape.levels)
    each = 3 * shape.byte_width
    layers: list[Any] = [
        Windows(places, dimensions, around * dimensions, most),
        Embed(places, most + 1, width, codes=_codes_of_digits(shape.levels, 1 + 2 * around)),  # 1
    ]
    if memory is None:
        layers += [
            Dense(width, shape.mixed),
            Join(count),
            Dense(shape.mixed * count, shape.mixed * count),
            Rows(count),  # 5
            Concat([1, 5]),
            Dense(width + shape.mixed, width),
            Dense(width, width, add=7),
            Dense(width, part * each),
            Rows(part),
            Linear(each, SYMBOLS),
            Argmax(SYMBOLS),
        ]
        return Stack(layers)
    wide = part * shape.byte_width
    vectors = _byte_vectors(shape.byte_width)
    layers += [
        Rows(count, input=-1),
        Codes(shape.levels),
        Embed(1, shape.codes, wide, norm=False, rate=_SLOWLY),  # 4
        Join(count),
        Dense(wide * count, shape.mixed * count),
        Dense(shape.mixed * count, shape.mixed * count, add=6),
        Rows(count),  # 8
        Concat([1, 8, 4]),
        Dense(width + shape.mixed + wide, width),
        Dense(width, width, add=10),
        Dense(width, part * each),
        Rows(part),  # 13
        Rows(part, input=4),
        Concat([13, 14]),
        Linear(each + shape.byte_width, SYMBOLS),
        Argmax(SYMBOLS),
    ]
    with torch.no_grad():
        layers[4].table[0] = vectors[torch.from_numpy(memory.entries).long()].flatten(1) / _SLOWLY
        centred = vectors - vectors.mean(0)
        directions = _CERTAIN * centred / centred.norm(dim=1, keepdim=True)
        layers[16].weight[:, :each] = 0.0
        layers[16].weight[:, each:] = directions
        layers[16].bias.copy_(-(directions * vectors.mean(0)).sum(1))
    return Stack(layers)


# A step of Adam is as large for a row that is seen once in a while as for any other, and would wear it down.
_SLOWLY = 0.1
# How far above the others the logit of a remembered byte is to begin with.
_CERTAIN = 12.0


def _codes_of_digits(levels: Sequence[int], repeated: int) -> Float[Tensor, "positions symbols"]:
    """The FSQ code of each digit at each place; a digit that isn't there, and what pads, has 0."""
    codes = torch.zeros(len(levels), max(levels) + 1)
    for place, level in enumerate(levels):
        codes[place, :level] = (torch.arange(level) - level // 2) / (level // 2)
    return codes.repeat(repeated, 1)


def _byte_vectors(width: int) -> Float[Tensor, "257 width"]:
    """A vector ≥ 0 for each symbol, all as far from each other as a few steps of repulsion bring them."""
    generator = torch.Generator().manual_seed(SYMBOLS)
    directions = functional.normalize(torch.randn(SYMBOLS, width, generator=generator), dim=1)
    for _ in range(200):
        pressure = torch.exp(8 * (directions @ directions.T)).fill_diagonal_(0.0)
        away = functional.normalize(pressure @ directions, dim=1)
        directions = functional.normalize(directions - 0.05 * away, dim=1)
    return directions - directions.min()
