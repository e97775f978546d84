"""Rotary positions (RoPE, arXiv:2104.09864): pairs of neighbouring entries are turned by position · frequency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.function import once_differentiable

from tokloom.lm.layers import exact_type

if TYPE_CHECKING:
    from jaxtyping import Complex, Float
    from torch import Tensor

__all__ = ["rotations", "turned"]

EPS = 1e-6


def rotations(
    positions: Float[Tensor, "batch time"], head_width: int, base: float
) -> Complex[Tensor, "batch time 1 pairs"]:
    """e^{i·position·frequency}, in the exactness of the positions."""
    pairs = torch.arange(0, head_width, 2, dtype=positions.dtype, device=positions.device)
    angles = positions.unsqueeze(-1) * base ** (-pairs / head_width)
    return torch.polar(torch.ones_like(angles), angles).unsqueeze(2)


def turned(
    heads: Float[Tensor, "batch time heads head"],
    turns: Complex[Tensor, "batch time 1 pairs"],
    sharpness: Tensor | None = None,
) -> Float[Tensor, "batch time heads head"]:
    """Queries or keys with their positions in them, in float32 (float64 where they are).

    Args:
        heads: of queries or keys.
        turns: `rotations` of the positions.
        sharpness: if given, heads are brought to a mean square of 1, then each pair is multiplied by its number.
    """
    exact = heads.to(exact_type(heads))
    turns = turns.to(exact.dtype.to_complex())
    y: Tensor = _Turned.apply(exact, turns, sharpness)
    return y


class _Turned(torch.autograd.Function):
    """One operation, since a norm composed by autograd passes over the heads a dozen times."""

    @staticmethod
    def forward(ctx: Any, heads: Tensor, turns: Tensor, sharpness: Tensor | None) -> Tensor:  # noqa: ANN401
        scale, table = None, turns
        if sharpness is not None:
            scale = torch.linalg.vector_norm(heads, dim=-1, keepdim=True)
            scale = torch.rsqrt(scale.square_().div_(heads.shape[-1]).add_(EPS))
            table = turns * sharpness
        ctx.save_for_backward(heads if sharpness is not None else None, turns, sharpness, scale)
        return _times(heads.contiguous() if scale is None else heads * scale, table)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, Tensor | None]:  # noqa: ANN401
        heads, turns, sharpness, scale = ctx.saved_tensors
        back = _times(gradient.contiguous(), turns.conj())
        if sharpness is None:
            return back, None, None
        normed = heads * scale
        product = back * normed
        for_sharpness = product.flatten(0, -2).sum(dim=0).unflatten(0, (-1, 2)).sum(dim=1)
        both = sharpness.repeat_interleave(2)
        along = product.matmul(both.unsqueeze(1)).div_(heads.shape[-1])
        return back.mul_(both).sub_(normed.mul_(along)).mul_(scale), None, for_sharpness


def _times(heads: Tensor, table: Tensor) -> Tensor:
    """Each pair of entries, as a complex number, times the table's."""
    pairs = torch.view_as_complex(heads.unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * table).flatten(-2)
