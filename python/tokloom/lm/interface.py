"""What stands between a tokenizer's units and a body: an `Input` before it, a `Head` after it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from tokloom.lm.choice import Choice

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

__all__ = ["Head", "Input", "in_slices"]


class Input(nn.Module, ABC):
    """Units as vectors.

    Attributes:
        width: D.
    """

    width: int

    @abstractmethod
    def embed(self, units: Int[Tensor, "batch time ..."]) -> Float[Tensor, "batch time width"]:
        """A vector for each unit."""


class Head(nn.Module, ABC):
    """The exact probability of the next unit, given what a body says.

    Attributes:
        width: D.
        forbidden: which units are never sampled, (V,): those that stand for nothing. None: all may be. Likelihoods are of
            all units, these included.
    """

    width: int
    forbidden: Tensor | None = None

    def allowed(self, scores: Float[Tensor, "rows units"]) -> Float[Tensor, "rows units"]:
        """The scores, −inf where a unit is forbidden."""
        return scores if self.forbidden is None else scores.masked_fill(self.forbidden, -torch.inf)

    @abstractmethod
    def nll(
        self, hidden: Float[Tensor, "batch time width"], units: Int[Tensor, "batch time ..."]
    ) -> Float[Tensor, "batch time"]:
        """−ln p(unit | hidden), in nats: over all units there are, the p sum to 1."""

    @abstractmethod
    def sample(
        self,
        hidden: Float[Tensor, "batch width"],
        choice: Choice = Choice(),  # noqa: B008 (it is frozen)
        generator: torch.Generator | None = None,
    ) -> Int[Tensor, "batch ..."]:
        """A unit for each vector."""


def in_slices(function: Callable[..., Tensor], *arrays: Tensor, at_most: int) -> Tensor:
    """A function of rows, on `at_most` of them at a time; beyond that many nothing is kept for the backward direction.

    Args:
        function: takes a slice of each array, gives a number for each row.
        arrays: of one length.
        at_most: how many rows.
    """
    rows = len(arrays[0])
    if rows <= at_most:
        return function(*arrays)
    parts = [
        checkpoint(function, *(array[begin : begin + at_most] for array in arrays), use_reentrant=False)
        for begin in range(0, rows, at_most)
    ]
    return torch.cat(parts)
