"""`AdaptiveSoftmax`: PyTorch's softmax by clusters of frequency (arXiv:1609.04309), the rival of `CodeDigits`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from tokloom.errors import ArgumentError
from tokloom.lm.choice import Choice
from tokloom.lm.interface import Head, in_slices

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

__all__ = ["AdaptiveSoftmax"]

_ROWS = 8_192


class AdaptiveSoftmax(Head):
    """The commonest units by a softmax of their own, the others by clusters of ever fewer dimensions.

    Args:
        order: the units, the commonest first; each once.
        width: D.
        cutoffs: where the clusters end. None: a sixteenth and a quarter of the units.
        divide: by how much the dimension falls from cluster to cluster.

    Example:
        >>> import torch
        >>> head = AdaptiveSoftmax(range(64), width=16)
        >>> head.nll(torch.zeros(1, 2, 16), torch.tensor([[0, 63]])).shape
        torch.Size([1, 2])
    """

    def __init__(
        self, order: Sequence[int], width: int, *, cutoffs: Sequence[int] | None = None, divide: float = 4.0
    ) -> None:
        super().__init__()
        units = len(order)
        by_rank = torch.from_numpy(np.asarray(order, np.int64))
        if sorted(by_rank.tolist()) != list(range(units)):
            raise ArgumentError(f"the order must name each of the units 0 to {units - 1} once")
        cutoffs = list(cutoffs or (units // 16, units // 4))
        if cutoffs != sorted(set(cutoffs)) or not cutoffs or cutoffs[0] < 1 or cutoffs[-1] >= units:
            raise ArgumentError(f"cutoffs {cutoffs} must rise, and lie between 1 and {units - 1}")
        if width / divide ** len(cutoffs) < 1:
            raise ArgumentError(
                f"{len(cutoffs)} clusters, each {divide:g} times narrower than the one before, leave the last one none of "
                f"{width} dimensions: make divide smaller"
            )
        self.width = width
        self.register_buffer("by_rank", by_rank)
        self.register_buffer("ranks", torch.from_numpy(np.argsort(by_rank.numpy())))
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(width, units, cutoffs, div_value=divide)

    def nll(
        self, hidden: Float[Tensor, "batch time width"], units: Int[Tensor, "batch time"]
    ) -> Float[Tensor, "batch time"]:
        """Nats: those of the cluster, and of the unit in it."""
        ranks = self.ranks[units.flatten()]
        nats = in_slices(self._nats, hidden.flatten(0, 1), ranks, at_most=_ROWS)
        return nats.view(units.shape)

    def _nats(self, hidden: Tensor, ranks: Tensor) -> Tensor:
        with torch.autocast(hidden.device.type, enabled=False):  # it mixes types otherwise, and refuses to
            nats: Tensor = -self.softmax(hidden.float(), ranks).output
        return nats

    def sample(
        self,
        hidden: Float[Tensor, "batch width"],
        choice: Choice = Choice(),  # noqa: B008 (it is frozen)
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """A unit for each vector."""
        scores = self.softmax.log_prob(hidden.float())[:, self.ranks]
        return choice.draw(self.allowed(scores), generator)
