"""`TokenTable`: a row for each unit, and a softmax over all of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import nn

from tokloom.errors import ArgumentError
from tokloom.lm.choice import Choice
from tokloom.lm.cross_entropy import SLICE_BYTES, linear_cross_entropy
from tokloom.lm.interface import Head, Input

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

__all__ = ["TokenTable"]


class TokenTable(Input, Head):
    """A row for each unit; the next one by a softmax over as many rows.

    Args:
        units: how many there are: a tokenizer's `vocab_size`, or more.
        width: D.
        tied: whether the rows that are read are those that are predicted. They are read times `input_scale`, so that
            they can be short as rows of a softmax and long in the residual stream.
        input_scale: None: √D if tied, else 1.
        reads: whether it is used as an input.
        predicts: whether it is used as a head.
        slice_bytes: how many bytes of scores the loss holds at once.

    Example:
        >>> import torch
        >>> table = TokenTable(units=300, width=16)
        >>> units = torch.tensor([[5, 299]])
        >>> table.embed(units).shape, table.nll(torch.zeros(1, 2, 16), units).shape
        (torch.Size([1, 2, 16]), torch.Size([1, 2]))
    """

    def __init__(
        self,
        units: int,
        width: int,
        *,
        tied: bool = False,
        input_scale: float | None = None,
        reads: bool = True,
        predicts: bool = True,
        slice_bytes: int = SLICE_BYTES,
    ) -> None:
        super().__init__()
        if units < 1:
            raise ArgumentError(f"a table of {units} units predicts nothing")
        self.units, self.width, self.tied, self.slice_bytes = units, width, tied, slice_bytes
        self.input_scale = input_scale if input_scale is not None else math.sqrt(width) if tied else 1.0
        # Small scores: training begins near the uniform distribution. Tied rows can't be as small, or a step of Adam,
        # times the scale by which they are read, would be larger than they are.
        size = (1 if tied else 0.1) * width**-0.5
        self.read = nn.Parameter(torch.randn(units, width)) if reads and not tied else None
        self.scores = nn.Parameter(torch.randn(units, width) * size) if predicts or tied else None

    @property
    def rows(self) -> Float[Tensor, "units width"]:
        """The rows that are read."""
        return _there(self.scores if self.tied else self.read, "reads")

    @property
    def predicted(self) -> Float[Tensor, "units width"]:
        """The rows of the softmax."""
        return _there(self.scores, "predicts")

    def embed(self, units: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time width"]:
        """The units' rows."""
        rows: Tensor = F.embedding(units, self.rows)
        return rows if self.input_scale == 1 else rows * self.input_scale

    def nll(
        self, hidden: Float[Tensor, "batch time width"], units: Int[Tensor, "batch time"]
    ) -> Float[Tensor, "batch time"]:
        """Nats of a softmax over all units, in slices of them."""
        nats = linear_cross_entropy(
            hidden.flatten(0, 1), self.predicted, units.flatten(), slice_bytes=self.slice_bytes
        )
        return nats.view(units.shape)

    def logits(self, hidden: Float[Tensor, "*rows width"]) -> Float[Tensor, "*rows units"]:
        """A score for every unit: as much memory as that takes."""
        return F.linear(hidden, self.predicted)

    def sample(
        self,
        hidden: Float[Tensor, "batch width"],
        choice: Choice = Choice(),  # noqa: B008 (it is frozen)
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """A unit for each vector."""
        return choice.draw(self.allowed(self.logits(hidden)), generator)


def _there(rows: Tensor | None, use: str) -> Tensor:
    if rows is None:
        raise ArgumentError(f"this table was made without {use}=True")
    return rows
