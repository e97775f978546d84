"""A trained stack → the description and the tensors of an integer network (`docs/fsq.md` has the table of layers).

Everything is computed in float64 from the trained weights and from how large activations were in the batches that were
watched; the network that comes out has one answer on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from tokloom.errors import ArgumentError
from tokloom.learned.blocks import Argmax, Digits, Linear, Lookup, Stack, Weighted

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["calibrate", "digit_thresholds", "export_stack", "export_stacks", "linear_scale"]

# Multipliers have 30 bits: with sums of 31 and the activation that is added, 64 bits are enough.
MULTIPLIER_BITS = 30
HIGHEST_SHIFT = 62


def calibrate(stack: Stack, batches: Iterable[Any]) -> None:
    """Runs batches through a stack to see how large its activations get.

    Raises:
        ArgumentError: no batch, or activations that are no numbers.
    """
    was_training = stack.training
    stack.eval()
    seen = 0
    with torch.no_grad(), stack.watch():
        for batch in batches:
            stack(batch)
            seen += 1
    stack.train(was_training)
    if not seen:
        raise ArgumentError("no batch to calibrate the integer network with")
    for index, block in enumerate(stack.blocks()):
        if isinstance(block, Weighted) and not bool(torch.isfinite(block.ceiling)):
            raise ArgumentError(
                f"layer {index} ({block.op}) gives numbers that aren't finite: the training failed"
            )


def export_stacks(
    stacks: Mapping[str, Stack],
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, NDArray[Any]]]:
    """Several stacks, by name (`encoder`, `decoder`), as one network: descriptions by name, and all tensors."""
    network: dict[str, list[dict[str, Any]]] = {}
    tensors: dict[str, NDArray[Any]] = {}
    for name, stack in stacks.items():
        network[name], own = export_stack(stack, name)
        tensors.update(own)
    return network, tensors


def export_stack(stack: Stack, name: str) -> tuple[list[dict[str, Any]], dict[str, NDArray[Any]]]:
    """A calibrated stack as layers and tensors, named `"<name>.<index>.<tensor>"`.

    Raises:
        ArgumentError: it wasn't calibrated, or holds numbers that aren't finite.
    """
    for key, value in stack.state_dict().items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise ArgumentError(f"{name}: {key} holds numbers that aren't finite: the training failed")
    scales = [None if scale is None else _numbers(scale) for scale in stack.scales()]
    first = None if stack.input_scale is None else _numbers(stack.input_scale)
    blocks = list(stack.blocks())
    layers: list[dict[str, Any]] = []
    tensors: dict[str, NDArray[Any]] = {}
    for index, block in enumerate(blocks):
        layer: dict[str, Any] = {"op": block.op, **block.fields()}
        layer |= {key: value for key in ("input", "add") if (value := getattr(block, key)) is not None}
        source = index - 1 if block.input is None else block.input
        given = first if source == -1 else scales[source]
        own: dict[str, NDArray[Any]] = {}
        if isinstance(block, Lookup):
            own = {"keys": block.keys.cpu().numpy()}
        elif isinstance(block, Digits):
            own = {"thresholds": _thresholds(blocks, index, scales, block.levels)}
        elif isinstance(block, Weighted):
            added = None if block.add is None else scales[block.add]
            own = _weights(block, given, scales[index], added)
        layers.append(layer)
        tensors |= {f"{name}.{index}.{key}": value for key, value in own.items()}
    return layers, tensors


def digit_thresholds(level: int, epsilon: float = 1e-3) -> NDArray[np.float64]:
    """Where FSQ's bound goes from one of a dimension's levels to the next: (level − 1,) ascending.

    The bound is tanh(z + shift) · half − offset, rounded; solved for z at the halves.

    Example:
        >>> digit_thresholds(3).round(3).tolist()
        [-0.549, 0.549]
    """
    half = (level - 1) * (1 + epsilon) / 2
    offset = 0.5 if level % 2 == 0 else 0.0
    between = np.arange(level - 1) - level // 2 + 0.5
    return np.arctanh((between + offset) / half) - math.atanh(offset / half)


def linear_scale(stack: Stack) -> float:
    """What one step of the sums of a stack's last `linear` is worth: sums · this = the vector, or the logits."""
    blocks = list(stack.blocks())
    if isinstance(blocks[-1], Argmax):
        blocks.pop()
    last = blocks[-1]
    if not isinstance(last, Linear) or not last.one_scale:
        raise ArgumentError("only a stack that ends in a linear layer without normalisation has one scale")
    source = len(blocks) - 2 if last.input is None else last.input
    _, step, _ = last.on_grid(stack.input_scale if source == -1 else stack.scales()[source])
    return float(step[0])


def _weights(
    block: Weighted,
    given: NDArray[np.float64] | None,
    scale: NDArray[np.float64] | None,
    added: NDArray[np.float64] | None,
) -> dict[str, NDArray[Any]]:
    with torch.no_grad():
        whole, step, bias = block.on_grid(None if given is None else torch.from_numpy(given).to(block.bias))
    steps = _numbers(step)
    own = {
        "table" if block.op == "embed" else "weight": whole.cpu().numpy().astype(np.int8),
        "bias": _numbers(bias).astype(np.int32),
    }
    if scale is None:
        return own
    multipliers = {"multiplier": steps / scale}
    if added is not None:
        multipliers["add_multiplier"] = added / scale
    largest = max(float(values.max()) for values in multipliers.values())
    shift = min(HIGHEST_SHIFT, MULTIPLIER_BITS - 1 - math.floor(math.log2(largest)))
    if shift < 1:
        raise ArgumentError("activations are too small beside the weights for the integer network")
    own["shift"] = np.array([shift], dtype=np.int32)
    own |= {key: np.round(values * 2.0**shift).astype(np.int32) for key, values in multipliers.items()}
    return own


def _thresholds(
    blocks: Sequence[Any], index: int, scales: Sequence[Any], levels: Sequence[int]
) -> NDArray[np.int32]:
    """FSQ's thresholds in steps of the sums that come before the digits."""
    linear = blocks[index - 1]
    if not isinstance(linear, Linear):
        raise ArgumentError("digits are counted from the sums of a linear layer")
    source = index - 2 if linear.input is None else linear.input
    scale = None if scales[source] is None else torch.from_numpy(scales[source]).to(linear.bias)
    with torch.no_grad():
        _, step, _ = linear.on_grid(scale)
    parts = [
        np.ceil(digit_thresholds(level) / one) for level, one in zip(levels, _numbers(step), strict=True)
    ]
    limit = 2**31 - 1
    return np.concatenate(parts).clip(-limit, limit).astype(np.int32)


def _numbers(values: Tensor) -> NDArray[np.float64]:
    return values.detach().cpu().double().numpy()
