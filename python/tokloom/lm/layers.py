"""What both bodies are made of: projections without bias, and the gated network after the mixing over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import nn

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["GatedNetwork", "exact_type", "projection", "times_type"]


def exact_type(x: Tensor) -> torch.dtype:
    """Of what is summed up over time: float32 where x is shorter."""
    return torch.promote_types(x.dtype, torch.float32)


def times_type(device: torch.device) -> torch.dtype:
    """Of points in time: after a thousand uneven steps a float32 is 1e-4 off. (Apple's GPUs have nothing longer.)"""
    return torch.float32 if device.type == "mps" else torch.float64


def projection(inputs: int, outputs: int, *, scale: float = 1.0) -> nn.Linear:
    """A matrix that keeps the size of what goes through it, times `scale`."""
    linear = nn.Linear(inputs, outputs, bias=False)
    nn.init.normal_(linear.weight, std=scale * inputs**-0.5)
    return linear


class GatedNetwork(nn.Module):
    """down(silu(gate·x) ∘ up·x), the feed-forward network of today's small models (arXiv:2002.05202).

    Args:
        width: of what comes in and goes out.
        hidden: of what is gated.
        scale: of the last matrix at the start; 1/√(2·layers) keeps the residual stream's size.
    """

    def __init__(self, width: int, hidden: int, *, scale: float = 1.0) -> None:
        super().__init__()
        self.gate_up = projection(width, 2 * hidden)
        self.down = projection(hidden, width, scale=scale)

    def forward(self, x: Float[Tensor, "... width"]) -> Float[Tensor, "... width"]:
        """One position's vector, whatever the others are."""
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        y: Tensor = self.down(F.silu(gate) * up)
        return y
