"""Spikes: a threshold in the forward direction, a smooth slope in the backward one; and how often they occur."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch.autograd.function import once_differentiable

from tokloom.errors import ArgumentError

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["SpikeRates", "Surrogate", "spike"]

Surrogate = Literal["arctan", "sigmoid"]


def spike(
    distance: Float[Tensor, "*shape"], *, surrogate: Surrogate = "arctan", slope: float = 2.0
) -> Float[Tensor, "*shape"]:
    """1 where the membrane is above its threshold, else 0.

    The gradient is that of ½ + arctan(π/2·slope·d)/π, or of sigmoid(slope·d): those of `snntorch.surrogate.atan(alpha)`
    and `snntorch.surrogate.sigmoid(slope)`.

    Args:
        distance: membrane − threshold.
        surrogate: whose gradient.
        slope: how steep; the gradient at the threshold is slope/2 (arctan) or slope/4 (sigmoid).

    Example:
        >>> import torch
        >>> spike(torch.tensor([-0.1, 0.0, 0.1])).tolist()
        [0.0, 0.0, 1.0]
    """
    if surrogate not in {"arctan", "sigmoid"}:
        raise ArgumentError(f'surrogate is {surrogate!r}; there are "arctan" and "sigmoid"')
    spikes: Tensor = _Spike.apply(distance, surrogate, slope)
    return spikes


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, distance: Tensor, surrogate: Surrogate, slope: float) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(distance)
        ctx.surrogate, ctx.slope = surrogate, slope
        return (distance > 0).to(distance.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        (distance,) = ctx.saved_tensors
        if ctx.surrogate == "arctan":
            steepness = distance * (math.pi / 2 * ctx.slope)
            steepness = steepness.square_().add_(1).reciprocal_().mul_(ctx.slope / 2)
        else:
            height = torch.sigmoid(distance * ctx.slope)
            steepness = (1 - height).mul_(height).mul_(ctx.slope)
        return steepness.mul_(gradient), None, None


class SpikeRates:
    """How often each neuron fired while this was watching, as the bodies' `watch_spikes` fills it.

    Attributes:
        layers: per layer, the share of positions at which each neuron fired, (width,), with gradients.
    """

    def __init__(self) -> None:
        self.layers: list[Tensor] = []

    def add(self, spikes: Float[Tensor, "batch time width"]) -> None:
        """Takes in a layer's spikes."""
        self.layers.append(spikes.mean(dim=(0, 1)))

    def penalty(self, target: float) -> Tensor:
        """The mean square by which neurons fire more often than `target`: add a multiple of it to the loss."""
        if not self.layers:
            raise ArgumentError(
                "nothing was watched: run a body that spikes within `with body.watch_spikes()`"
            )
        return torch.stack(self.layers).sub(target).clamp(min=0).square().mean()

    def spared(self) -> float:
        """The multiply-adds a position that hardware for events would leave out: width² a layer for a dense product."""
        rates = [rate.detach() for rate in self.layers]
        return float(sum((1 - rate.mean()) * len(rate) ** 2 for rate in rates))

    def __str__(self) -> str:
        lines = [
            f"layer {number}: {float(rate.mean()):.1%} of neurons fire at a position, "
            f"{float((rate == 0).float().mean()):.1%} never, {float((rate == 1).float().mean()):.1%} always"
            for number, rate in enumerate(layer.detach() for layer in self.layers)
        ]
        return "\n".join(lines)
