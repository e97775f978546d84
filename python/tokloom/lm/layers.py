"""What both bodies are made of: projections without bias, and the gated network after the mixing over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import nn
from torch.autograd.function import once_differentiable

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["GatedNetwork", "Norm", "exact_type", "projection", "times_type"]


def exact_type(x: Tensor) -> torch.dtype:
    """Of what is summed up over time: float32 where x is shorter."""
    return torch.promote_types(x.dtype, torch.float32)


def times_type(device: torch.device) -> torch.dtype:
    """Of points in time: a float32 is 1e-4 off after a thousand uneven steps, but all that Apple's GPUs have."""
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
        y: Tensor = self.down(_GatedSilu.apply(self.gate_up(x)))
        return y


class Norm(nn.Module):
    """x / √(mean x² + eps) · weight, in float32 (arXiv:1910.07467): `nn.RMSNorm` in fewer passes over memory.

    Args:
        width: D.
        eps: what is added to the mean square.
    """

    def __init__(self, width: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Float[Tensor, "... width"]) -> Float[Tensor, "... width"]:
        """One position's vector, whatever the others are."""
        y: Tensor = _Norm.apply(x, self.weight, self.eps)
        return y


class _Norm(torch.autograd.Function):
    """PyTorch has no kernel of its own for it on a CPU, and composes it of seven passes forwards and more backwards."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:  # noqa: ANN401
        exact = x.to(exact_type(x))
        length = torch.linalg.vector_norm(exact, dim=-1, keepdim=True)
        scale = torch.rsqrt(length.square_().div_(x.shape[-1]).add_(eps))
        ctx.save_for_backward(x, weight, scale)
        return (exact * scale).mul_(weight).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:  # noqa: ANN401
        x, weight, scale = ctx.saved_tensors
        gradient = gradient.to(scale.dtype)
        normed = x * scale
        product = gradient * normed
        for_weight = product.flatten(0, -2).sum(dim=0)
        along = product.matmul(weight.unsqueeze(1)).div_(x.shape[-1])
        for_x = (gradient * weight).sub_(normed.mul_(along)).mul_(scale)
        return for_x.to(x.dtype), for_weight, None


class _GatedSilu(torch.autograd.Function):
    """silu(first half) ∘ second half. Cut in two by autograd, the halves' gradients would be copied together again."""

    @staticmethod
    def forward(ctx: Any, both: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(both)
        gate, up = both.chunk(2, dim=-1)
        return F.silu(gate).mul_(up)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401
        (both,) = ctx.saved_tensors
        gate, up = both.chunk(2, dim=-1)
        result = torch.empty_like(both)
        for_gate, for_up = result.chunk(2, dim=-1)
        share = torch.sigmoid(gate)
        silu = gate * share
        torch.mul(gradient, silu, out=for_up)
        # silu' = σ + silu·(1 − σ)
        share.add_(silu.mul_(1 - share))
        torch.mul(share.mul_(up), gradient, out=for_gate)
        return result
