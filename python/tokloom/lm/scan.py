"""The leaky scan: h_t = (1 − g_t)·h_{t−1} + g_t·x_t over all of a sequence at once.

Each channel forgets by its own gate at each time. Since 0 ≤ g ≤ 1, a state is a mean of what came in, and every product
that is formed here is of numbers in [0, 1]: nothing is divided by a product, so nothing overflows in float32.

Step after step in Python, 512 steps take 1.5 ms for work of 0.01 ms; doubling (log₂ T passes over everything) reads and
writes everything log₂ T times. So the sequence is cut into chunks of about √(T/2) steps: a step in all chunks at once,
then the carries from chunk to chunk, then one pass that adds them. Figures: `docs/log.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.function import once_differentiable

from tokloom.lm.layers import exact_type

if TYPE_CHECKING:
    from jaxtyping import Bool, Float
    from torch import Tensor

__all__ = ["leaky_scan", "leaky_step"]


def leaky_scan(
    inputs: Float[Tensor, "batch time width"],
    gates: Float[Tensor, "batch time width"],
    start: Float[Tensor, "batch width"] | None = None,
    resets: Bool[Tensor, "batch time"] | None = None,
) -> Float[Tensor, "batch time width"]:
    """The states h_t = (1 − g_t)·h_{t−1} + g_t·x_t, computed in float32 (float64 where the inputs are).

    Args:
        inputs: x, of any finite size.
        gates: g, between 0 and 1. For a membrane of time constant τ and steps of Δt: 1 − exp(−Δt/τ).
        start: the state before the first step. None: zeros.
        resets: where it is true, the state before that step is taken as zero (the start of a document).

    Example:
        >>> import torch
        >>> leaky_scan(torch.ones(1, 3, 1), torch.full((1, 3, 1), 0.5)).flatten().tolist()
        [0.5, 0.75, 0.875]
    """
    exact = exact_type(inputs)
    states: Tensor = _LeakyScan.apply(inputs.to(exact), gates.to(exact), start, resets)
    return states


def leaky_step(
    state: Float[Tensor, "batch width"],
    inputs: Float[Tensor, "batch width"],
    gates: Float[Tensor, "batch width"],
) -> Float[Tensor, "batch width"]:
    """One step of `leaky_scan`, from the state before it to the state after it."""
    return (1 - gates) * state + gates * inputs


class _LeakyScan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        inputs: Tensor,
        gates: Tensor,
        start: Tensor | None,
        resets: Tensor | None,
    ) -> Tensor:
        states = gates * inputs
        _add_forwards(states, _kept(gates, resets), start)
        ctx.save_for_backward(inputs, gates, states, start, resets)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor | None, None]:  # noqa: ANN401
        inputs, gates, states, start, resets = ctx.saved_tensors
        gradient = gradient.clone(memory_format=torch.contiguous_format)
        _add_backwards(gradient, _kept(gates, resets))
        for_start = None
        if start is not None:
            for_start = gradient[:, 0] * (1 - gates[:, 0])
            if resets is not None:
                for_start.masked_fill_(resets[:, :1], 0)
        change = inputs.clone(memory_format=torch.contiguous_format)
        change[:, 1:] -= states[:, :-1]
        if start is not None:
            change[:, 0] -= start
        if resets is not None:
            change[resets] = inputs[resets]
        return gradient * gates, change.mul_(gradient), for_start, None


def _kept(gates: Tensor, resets: Tensor | None) -> Tensor:
    """The share of the state that each step keeps, in memory that may be written over."""
    kept = torch.rsub(gates, 1)
    if resets is not None:
        kept[resets] = 0
    return kept


def _cut(time: int) -> tuple[int, int]:
    """Chunks and steps in each: a power of two near √(T/2), since a step is two operations, a carry one."""
    if time < 16:
        return 0, 0
    length = 1 << (time.bit_length() // 2 - 1)
    return time // length, length


def _add_forwards(values: Tensor, kept: Tensor, start: Tensor | None) -> None:
    """h_t = v_t + k_t·h_{t−1}, in place; `kept` becomes the products within the chunks."""
    chunks, length = _cut(values.shape[1])
    whole = chunks * length
    before = start
    if whole:
        states = values[:, :whole].unflatten(1, (chunks, length))
        products = kept[:, :whole].unflatten(1, (chunks, length))
        state, product = states.unbind(2), products.unbind(2)
        for place in range(1, length):
            state[place].addcmul_(product[place], state[place - 1])
            product[place].mul_(product[place - 1])
        carries = _carried(state[-1].unbind(1), product[-1].unbind(1), start)
        states.addcmul_(products, carries.unsqueeze(2))
        before = values[:, whole - 1]
    for now, keeps in zip(values[:, whole:].unbind(1), kept[:, whole:].unbind(1), strict=True):
        if before is not None:
            now.addcmul_(keeps, before)
        before = now


def _carried(ends: tuple[Tensor, ...], products: tuple[Tensor, ...], start: Tensor | None) -> Tensor:
    """What comes into each chunk from all before it, (batch, chunks, width)."""
    carries = ends[0].new_empty((ends[0].shape[0], len(ends), ends[0].shape[1]))
    carry = carries.unbind(1)
    if start is None:
        carry[0].zero_()
    else:
        carry[0].copy_(start)
    for chunk in range(1, len(ends)):
        torch.addcmul(ends[chunk - 1], products[chunk - 1], carry[chunk - 1], out=carry[chunk])
    return carries


def _add_backwards(values: Tensor, kept: Tensor) -> None:
    """g_t = v_t + k_{t+1}·g_{t+1}, in place; `kept` becomes the products within the chunks."""
    chunks, length = _cut(values.shape[1])
    whole = chunks * length
    later = values[:, whole:].unbind(1)
    keeps = kept[:, whole:].unbind(1)
    for place in range(len(later) - 2, -1, -1):
        later[place].addcmul_(keeps[place + 1], later[place + 1])
    if not whole:
        return
    gradients = values[:, :whole].unflatten(1, (chunks, length))
    products = kept[:, :whole].unflatten(1, (chunks, length))
    gradient, product = gradients.unbind(2), products.unbind(2)
    for place in range(length - 2, -1, -1):
        gradient[place].addcmul_(product[place + 1], gradient[place + 1])
        if place + 2 < length:
            product[place + 1].mul_(product[place + 2])
    into = (product[0] * gradient[0]).unbind(1)
    product[0].mul_(product[1])
    through = product[0].unbind(1)
    carries = torch.zeros_like(gradient[0], memory_format=torch.contiguous_format)
    carry = carries.unbind(1)
    if later:
        torch.mul(keeps[0], later[0], out=carry[-1])
    for chunk in range(chunks - 2, -1, -1):
        torch.addcmul(into[chunk + 1], through[chunk + 1], carry[chunk + 1], out=carry[chunk])
    gradients[:, :, :-1].addcmul_(products[:, :, 1:], carries.unsqueeze(2))
    gradient[-1].add_(carries)
