"""The networks that say which spans one code carries: an encoder that finds cells, a decoder that must spell them.

What is asked of them is memory: tens of thousands of byte strings, each from one cell of the lattice. So each span has
numbers of its own beside what the encoder makes of its bytes. The decoder reads a code digit by digit, which gives the
lattice its geometry; as two halves, each with a table; and its first digits, up to 32,768 of them, with a table: memory
that costs no arithmetic. What it carries it carries mostly by these tables, and the pages say so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tokloom.errors import TrainingError
from tokloom.learned.blocks import (
    Argmax,
    Block,
    Codes,
    Dense,
    Digits,
    Embed,
    Join,
    Linear,
    Rows,
    Stack,
    Symbols,
    Windows,
)

if TYPE_CHECKING:
    from jaxtyping import Int

__all__ = ["CellTask", "SpellTask", "decoder", "spell"]

LONGEST = 16
PAD = 256
SYMBOLS = 257
_PLACE = 32  # activations for each place of a span
_LARGEST_TABLE = 1 << 15
# Of the tables' first values. Small: each row is met seldom, and must have moved far by then.
_DEVIATION = 0.02
_ROWS_AT_A_TIME = 4_096


def decoder(levels: Sequence[int], width: int, depth: int) -> Stack:
    """Digits → 16 symbols; 256 ends a span, and what is behind it says nothing.

    Args:
        levels: values of each digit.
        width: of the layers.
        depth: how many dense layers.
    """
    most = max(levels)
    codes = torch.zeros(len(levels), most)
    for place, level in enumerate(levels):
        codes[place, :level] = (torch.arange(level) - level // 2) / (level // 2)
    layers: list[Block] = [Embed(len(levels), most, width, codes=codes)]
    half = [max(pair) for pair in zip(levels[: len(levels) // 2], levels[len(levels) // 2 :], strict=False)]
    if len(levels) % 2 == 0 and math.prod(half) <= _LARGEST_TABLE:
        table = Embed(2, math.prod(half), width, add=0, deviation=_DEVIATION)
        layers += [Rows(2, input=-1), Codes(half), Join(2), table]
    first = _first_digits(levels)
    table = Embed(1, math.prod(first), width, add=len(layers) - 1, deviation=_DEVIATION)
    layers += [Windows(len(first), len(levels), 0, 0, input=-1), Codes(first), table]
    layers += [Dense(width, width, add=len(layers) - 1 + index) for index in range(depth)]
    layers += [Dense(width, LONGEST * _PLACE), Rows(LONGEST), Linear(_PLACE, SYMBOLS), Argmax(SYMBOLS)]
    return Stack(layers)


def _first_digits(levels: Sequence[int]) -> list[int]:
    """The levels of as many first digits as a table has rows for."""
    count = 1
    while count < len(levels) and math.prod(levels[: count + 1]) <= _LARGEST_TABLE:
        count += 1
    return list(levels[:count])


class _Encoder(nn.Module):
    """Symbols, and which span it is → digits."""

    def __init__(self, spans: int, levels: Sequence[int], width: int) -> None:
        super().__init__()
        self.stack = Stack(
            [
                Embed(LONGEST, SYMBOLS, width),
                Dense(width, width, add=0),
                Linear(width, len(levels), norm=True),
            ]
        )
        self.own = nn.Embedding(spans, len(levels))
        nn.init.zeros_(self.own.weight)
        self.digits = Digits(levels)

    def forward(self, symbols: Int[Tensor, "n 16"], which: Tensor) -> Symbols:
        """The digits, and their codes, through which the gradient passes."""
        numbers = self.stack(symbols[:, None]) + self.own(which)[:, None]
        if not bool(torch.isfinite(numbers).all()):
            raise TrainingError(
                "the encoder gives numbers that aren't finite: the training failed; take a lower learning rate"
            )
        digits: Symbols = self.digits(numbers)
        return digits


class _Spans:
    """Spans as symbols, how much each is worth, and batches of them."""

    def __init__(self, spans: Sequence[bytes], worth: NDArray[np.float64], batch_size: int) -> None:
        symbols = np.full((len(spans), LONGEST), PAD, np.int64)
        for row, span in enumerate(spans):
            symbols[row, : len(span)] = list(span)
        self.symbols = torch.from_numpy(symbols)
        lengths = torch.tensor([len(span) for span in spans])
        # Up to the symbol that ends it.
        self.matters = torch.arange(LONGEST) <= lengths[:, None]
        self.worth = worth / max(float(worth.sum()), 1e-300)
        # Half the draws by worth (its root: the greatest aren't all), half for all alike.
        root = np.sqrt(self.worth)
        share = 0.5 * root / max(float(root.sum()), 1e-300) + 0.5 / len(spans)
        self._up_to = np.cumsum(share)
        self._batch_size = batch_size

    def drawn(self, step: int, seed: int, rank: int, ranks: int) -> Tensor:
        """Indices of spans: a pure function of the arguments."""
        chance = np.random.default_rng((seed, step, rank))
        drawn = chance.random(max(2, self._batch_size // ranks)) * self._up_to[-1]
        return torch.from_numpy(np.searchsorted(self._up_to, drawn, "right").clip(max=len(self._up_to) - 1))

    def parts(self) -> Sequence[Tensor]:
        """Indices of all spans, in parts."""
        return torch.arange(len(self.symbols)).split(_ROWS_AT_A_TIME)

    def loss(
        self, stack: Stack, given: Tensor | Symbols, which: Tensor, *, rounded: bool = False
    ) -> tuple[Tensor, Tensor]:
        """The mean loss of a span in nats, and the share of characters that are right.

        The last layer is as wide as all layers before it are deep: it runs where a span has something to say.
        """
        blocks = list(stack.blocks())
        body, last = Stack(blocks[:-2]), blocks[-2]
        assert isinstance(last, Linear)
        matters = self.matters[which]
        wanted = self.symbols[which][matters]
        if rounded:
            with body.rounded():
                scores = last.forward_rounded(body(given)[matters], None, stack.scales()[-3])
        else:
            scores = last(body(given)[matters])
        loss = functional.cross_entropy(scores.float(), wanted, reduction="sum")
        return loss / len(which), (scores.argmax(-1) == wanted).float().mean()

    def right(self, spelled: Int[Tensor, "n 16"], which: Tensor) -> NDArray[np.bool_]:
        """Which of these are spelled right."""
        same: Tensor = ((spelled == self.symbols[which]) | ~self.matters[which]).all(1)
        return same.numpy()


class CellTask:
    """Trains encoder and decoder together: finds cells from which spans can be spelled."""

    def __init__(
        self,
        spans: Sequence[bytes],
        worth: NDArray[np.float64],
        levels: Sequence[int],
        *,
        width: int,
        depth: int,
        batch_size: int,
    ) -> None:
        self.spans = _Spans(spans, worth, batch_size)
        self.decoder = decoder(levels, width, depth)
        self.model = nn.ModuleDict({"encoder": _Encoder(len(spans), levels, width), "decoder": self.decoder})
        self.description = {
            "kind": "cells of spans",
            "spans": len(spans),
            "levels": list(levels),
            "width": width,
            "depth": depth,
        }

    def batch(self, step: int, *, seed: int, rank: int, ranks: int) -> Tensor:
        """Indices of spans."""
        return self.spans.drawn(step, seed, rank, ranks)

    def loss(self, batch: Any, step: int) -> tuple[Tensor, Mapping[str, Tensor | float]]:  # noqa: ANN401, ARG002
        """The mean loss of a span in nats, and the share that is right."""
        digits = self.model["encoder"](self.spans.symbols[batch], batch)
        loss, right = self.spans.loss(self.decoder, digits, batch)
        return loss, {"characters": right}

    def evaluate(self) -> dict[str, float]:
        """Over the spans themselves: memory is what is asked for."""
        cells, right = [], []
        for which in self.spans.parts():
            digits = self.model["encoder"](self.spans.symbols[which], which)
            cells.append(digits.index[:, 0])
            right.append(self.spans.right(self.decoder(digits).index[..., 0], which))
        different = len(torch.unique(torch.cat(cells), dim=0))
        return {
            **_shares(np.concatenate(right), self.spans.worth),
            "cells": different / len(self.spans.worth),
        }

    def digits(self) -> NDArray[np.int64]:
        """The cell that the encoder gives each span, shape (n, d); several may have the same."""
        self.model.eval()
        with torch.no_grad():
            parts = [
                self.model["encoder"](self.spans.symbols[which], which).index[:, 0]
                for which in self.spans.parts()
            ]
        return torch.cat(parts).numpy()


class SpellTask:
    """Trains the decoder alone: each span from a cell that is its own."""

    def __init__(
        self,
        spans: Sequence[bytes],
        worth: NDArray[np.float64],
        cells: NDArray[np.integer],
        model: Stack,
        *,
        rounded: bool,
        batch_size: int,
    ) -> None:
        self.spans = _Spans(spans, worth, batch_size)
        self.cells = torch.from_numpy(cells.astype(np.int64))
        self.model = model
        self._rounded = rounded
        self.description = {"kind": "spelling of spans", "spans": len(spans), "rounded": rounded}

    def batch(self, step: int, *, seed: int, rank: int, ranks: int) -> Tensor:
        """Indices of spans."""
        return self.spans.drawn(step, seed, rank, ranks)

    def loss(self, batch: Any, step: int) -> tuple[Tensor, Mapping[str, Tensor | float]]:  # noqa: ANN401, ARG002
        """The mean loss of a span in nats, and the share that is right."""
        given = self.cells[batch][:, None]
        loss, right = self.spans.loss(self.model, given, batch, rounded=self._rounded)
        return loss, {"characters": right}

    def _spelled(self, cells: Tensor) -> Tensor:
        if not self._rounded:
            return self.model(cells[:, None]).index[..., 0]
        with self.model.rounded():
            return self.model(cells[:, None]).index[..., 0]

    def evaluate(self) -> dict[str, float]:
        """Over the spans themselves: memory is what is asked for."""
        right = [self.spans.right(self._spelled(self.cells[which]), which) for which in self.spans.parts()]
        return _shares(np.concatenate(right), self.spans.worth)

    def batches(self) -> list[Tensor]:
        """All cells, for calibration."""
        return [self.cells[which][:, None] for which in self.spans.parts()]


def _shares(right: NDArray[np.bool_], worth: NDArray[np.float64]) -> dict[str, float]:
    return {"spans_right": float(right.mean()), "worth_right": float(worth[right].sum())}


def spell(
    network: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]], cells: NDArray[np.integer]
) -> list[bytes]:
    """What the integer network spells from each cell: bytes up to the symbol that ends the span.

    Args:
        network: {"decoder": layers}.
        tensors: of the layers.
        cells: digits, shape (n, d).
    """
    from tokloom.learned.network_reference import run_network

    spelled = []
    for start in range(0, len(cells), _ROWS_AT_A_TIME):
        block = cells[start : start + _ROWS_AT_A_TIME, None].astype(np.int64)
        for row in run_network(network["decoder"], tensors, block, name="decoder")[..., 0].tolist():
            symbols = row[: row.index(PAD)] if PAD in row else row
            spelled.append(bytes(symbols))
    return spelled
