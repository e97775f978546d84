"""The loss of a linear head over many units, without ever holding a score for each of them at each position.

The units are taken in slices: a slice's scores are formed, summed up and dropped, and formed again in the backward
direction (a fourth matrix product beside three). What is held at once is `slice_bytes`, whatever the vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.function import once_differentiable

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["linear_cross_entropy"]

SLICE_BYTES = 128 << 20


def linear_cross_entropy(
    hidden: Float[Tensor, "rows width"],
    weight: Float[Tensor, "units width"],
    targets: Tensor,
    bias: Tensor | None = None,
    *,
    slice_bytes: int = SLICE_BYTES,
) -> Tensor:
    """−log softmax(hidden · weightᵀ + bias)[target], in nats.

    The products are taken in the type that autocast asks for, the rest in float32.

    Args:
        hidden: N vectors.
        weight: a row for each of V units.
        targets: the N units that came.
        bias: a score for each unit, whatever the vector.
        slice_bytes: how many bytes of scores are held at once. N · V · 4 bytes or more: all, and none is formed twice.

    Example:
        >>> import torch
        >>> linear_cross_entropy(torch.zeros(1, 8), torch.zeros(256, 8), torch.tensor([7])) / torch.tensor(
        ...     2.0
        ... ).log()
        tensor([8.])
    """
    kind = hidden.device.type
    product = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype
    nats: Tensor = _LinearCrossEntropy.apply(hidden, weight, bias, targets, product, slice_bytes)
    return nats


def _scores(hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Float32, (rows, units), in memory of their own."""
    scores = (hidden @ weight.to(hidden.dtype).T).float()
    return scores if bias is None else scores.add_(bias)


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0917 (autograd's functions take their arguments by place)
        ctx: Any,  # noqa: ANN401
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        product: torch.dtype,
        slice_bytes: int,
    ) -> Tensor:
        rows, units = hidden.shape[0], weight.shape[0]
        step = max(1, min(units, slice_bytes // (4 * max(1, rows))))
        vectors = hidden.detach().to(product)
        total = hidden.new_full((rows,), -torch.inf, dtype=torch.float32)
        right = torch.zeros_like(total)
        scores = None
        for begin in range(0, units, step):
            part = slice(begin, begin + step)
            scores = _scores(vectors, weight[part], None if bias is None else bias[part])
            inside = targets - begin
            within = (inside >= 0) & (inside < scores.shape[1])
            found = scores.gather(1, inside.clamp(0, scores.shape[1] - 1).unsqueeze(1)).squeeze(1)
            right = torch.where(within, found, right)
            highest = scores.amax(dim=1)
            summed = scores.sub_(highest.unsqueeze(1)).exp_().sum(dim=1)
            total = torch.logaddexp(total, highest + summed.log())
            if step >= units:
                scores.div_(summed.unsqueeze(1))
        ctx.product, ctx.step, ctx.type = product, step, hidden.dtype
        # Where one slice was enough, its probabilities are kept, and written over by the first to go backwards.
        ctx.kept = scores if step >= units and any(ctx.needs_input_grad) else None
        ctx.save_for_backward(vectors, weight, bias, targets, total)
        return total - right

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor | None, None, None, None]:  # noqa: ANN401
        vectors, weight, bias, targets, total = ctx.saved_tensors
        kept, ctx.kept = ctx.kept, None
        for_hidden = torch.zeros(vectors.shape, dtype=torch.float32, device=vectors.device)
        for_weight = torch.empty_like(weight)
        for_bias = None if bias is None else torch.empty_like(bias)
        rows = torch.arange(len(targets), device=targets.device)
        for begin in range(0, weight.shape[0], ctx.step):
            part = slice(begin, begin + ctx.step)
            if kept is None:
                chances = _scores(vectors, weight[part], None if bias is None else bias[part])
                chances.sub_(total.unsqueeze(1)).exp_()
            else:
                chances = kept
            inside = targets - begin
            within = (inside >= 0) & (inside < chances.shape[1])
            chances[rows[within], inside[within]] -= 1
            chances.mul_(gradient.unsqueeze(1))
            if for_bias is not None:
                for_bias[part] = chances.sum(dim=0)
            chances = chances.to(ctx.product)
            for_hidden += chances @ weight[part].to(ctx.product)
            for_weight[part] = chances.T @ vectors
        return for_hidden.to(ctx.type), for_weight, for_bias, None, None, None
