"""What stands between the units' embeddings and their prediction: (B, T, D) → (B, T, D), causal, knowing no tokens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor

__all__ = ["Body", "starts_of"]

State = Any
"""What a body remembers of the positions before, as its own `start` makes it. A state that was gone on from is used up."""


class Body(nn.Module, ABC):
    """A causal map of sequences of vectors; the output at a position depends on it and on those before it.

    Attributes:
        width: D, the size of the vectors.
        checkpointing: whether blocks are computed again in the backward direction, instead of kept: the memory of one
            block and of a (B, T, D) for each, for a third more time.
    """

    width: int
    checkpointing: bool = False

    @abstractmethod
    def forward(
        self,
        x: Float[Tensor, "batch time width"],
        documents: Int[Tensor, "batch time"] | None = None,
        times: Float[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, "batch time width"]:
        """The outputs of whole sequences.

        Args:
            x: the vectors.
            documents: a number for each position; nothing passes from one document to the next in a row, and a
                document's positions stand together. Padding is a document of its own. None: each row is one document.
            times: Δt, the time that passed since the position before, above 0. None: 1 everywhere.
        """

    @abstractmethod
    def start(self, batch: int) -> State:
        """The state before the first position of `batch` sequences."""

    @abstractmethod
    def advance(
        self,
        x: Float[Tensor, "batch time width"],
        state: State,
        times: Float[Tensor, "batch time"] | None = None,
    ) -> tuple[Float[Tensor, "batch time width"], State]:
        """The outputs of the next positions, and the state after them."""

    def run_block(self, block: nn.Module, *arguments: Any) -> Any:  # noqa: ANN401 (what the block takes and gives)
        """A block's result, kept or to be computed again as `checkpointing` says."""
        if self.checkpointing and torch.is_grad_enabled():
            return checkpoint(block, *arguments, use_reentrant=False)
        return block(*arguments)

    def step(
        self,
        x: Float[Tensor, "batch width"],
        state: State,
        times: Tensor | None = None,
    ) -> tuple[Float[Tensor, "batch width"], State]:
        """`advance` by one position."""
        y, state = self.advance(x.unsqueeze(1), state, None if times is None else times.unsqueeze(1))
        return y.squeeze(1), state


def starts_of(documents: Int[Tensor, "batch time"] | None) -> Bool[Tensor, "batch time"] | None:
    """Where a document begins within a row; None if nowhere but at the row's own start."""
    if documents is None:
        return None
    starts: Tensor = documents.new_zeros(documents.shape).bool()
    starts[:, 1:] = documents[:, 1:] != documents[:, :-1]
    return starts if bool(starts.any()) else None
