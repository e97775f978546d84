"""A trained auto-encoder → whole numbers: weights of eight bits, sums of 32, the norms folded in.

The layers are those of the integer network that all learned tokenizers share (`docs/fsq.md` has the table of them). What
the sums of the last layers are worth lies beside them, in float32: a number of a vector is one such product, so it is the
same on every machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tokloom.errors import ArgumentError
from tokloom.learned.tokun.model import Autoencoder, Block

__all__ = ["exported"]

Layers = list[dict[str, Any]]
Tensors = dict[str, NDArray[Any]]
Floats = NDArray[np.float64]

HIGHEST = 127
# One step of the decoder's input: 64 steps to each side are 5.3 deviations.
STEP = 1 / 12
_HIGHEST_MULTIPLIER = 1 << 30


@torch.no_grad()
def exported(model: Autoencoder, symbols: Tensor) -> tuple[dict[str, Layers], Tensors]:
    """The layers and tensors of the trained model.

    Args:
        model: without attention.
        symbols: bytes of chunks, (chunks, characters, 3), which show how large activations get.

    Raises:
        ArgumentError: the model has attention, or a weight that is no finite number.
    """
    if model.encoder.attention is not None:
        raise ArgumentError(
            "attention doesn't fold into whole numbers, so a model with it can be measured but not saved; train without "
            "(the comparison in docs/tokun.md says what it is worth)"
        )
    if not all(bool(torch.isfinite(each).all()) for each in model.state_dict().values()):
        raise ArgumentError("the model holds a weight that is no finite number: its training failed")
    model.eval()
    tensors: Tensors = {}
    vectors, encoder = _encoder(model, symbols, tensors)
    decoder = _decoder(model, vectors, tensors)
    return {"encoder": encoder, "decoder": decoder}, tensors


def _encoder(model: Autoencoder, symbols: Tensor, tensors: Tensors) -> tuple[Tensor, Layers]:
    encoder, shape = model.encoder, model.shape
    hidden = encoder.merged(symbols.reshape(-1, shape.positions))
    factor, shift = _folded(encoder.merged.norm)
    table = _array(encoder.merged.table) * factor
    unit = np.maximum(np.abs(table).max(axis=(0, 1)), 1e-9) / HIGHEST
    after = _worth(hidden)
    layers: Layers = [{"op": "embed", "positions": shape.positions, "symbols": 256, "width": shape.widths[0]}]
    tensors["encoder.0.table"] = np.rint(table / unit).astype(np.int8)
    _requantised(tensors, "encoder.0", shift, unit, after)
    for group, block in zip(shape.groups[1:-1], encoder.blocks, strict=True):
        assert isinstance(block, Block)
        hidden = block(hidden.reshape(len(hidden) // group, -1))
        layers.append({"op": "join", "count": group})
        after = _dense(layers, tensors, "encoder", block, np.tile(after, group), hidden)
    group = shape.groups[-1] if len(shape.groups) > 1 else 1
    layers.append({"op": "join", "count": group})
    factor, shift = _folded(encoder.norm)
    weight = _array(encoder.last.weight) * factor[:, None] * np.tile(after, group)
    bias = _array(encoder.last.bias) * factor + shift
    unit = np.maximum(np.abs(weight).max(axis=1), 1e-9) / HIGHEST
    _linear(layers, tensors, "encoder", np.rint(weight / unit[:, None]), bias / unit)
    tensors["encoder.scale"] = unit.astype(np.float32)
    return encoder.norm(encoder.last(hidden.reshape(len(symbols), -1))), layers


def _decoder(model: Autoencoder, vectors: Tensor, tensors: Tensors) -> Layers:
    layers: Layers = []
    hidden, before = vectors, np.full(model.shape.vector, STEP)
    for index, (factor, block) in enumerate(zip(model.decoder.factors, model.decoder.blocks, strict=True)):
        assert isinstance(block, Block)
        hidden = block(hidden)
        after = _dense(
            layers, tensors, "decoder", block, before, hidden, count=factor, zero=64 if index == 0 else 0
        )
        layers.append({"op": "rows", "count": factor})
        hidden = hidden.reshape(len(hidden) * factor, -1)
        before = after[: len(after) // factor]
    weight = _array(model.decoder.head.weight) * before
    # One unit for all scores, since they are compared; the few largest weights are cut so that the others are finer.
    unit = max(float(np.quantile(np.abs(weight), 0.9999)), 1e-9) / HIGHEST
    rounded = np.clip(np.rint(weight / unit), -HIGHEST, HIGHEST)
    _linear(layers, tensors, "decoder", rounded, _array(model.decoder.head.bias) / unit)
    tensors["decoder.scale"] = np.array([unit], dtype=np.float32)
    return layers


def _dense(  # noqa: PLR0917
    layers: Layers,
    tensors: Tensors,
    name: str,
    block: Block,
    before: Floats,
    activations: Tensor,
    *,
    count: int = 1,
    zero: int = 0,
) -> Floats:
    """Adds a block. `count`: its output is that many rows, of which the same place has one worth."""
    factor, shift = _folded(block.norm)
    weight = _array(block.dense.weight) * factor[:, None] * before
    bias = _array(block.dense.bias) * factor + shift
    unit = np.maximum(np.abs(weight).max(axis=1), 1e-9) / HIGHEST
    rounded = np.rint(weight / unit[:, None])
    after = np.tile(_worth(activations.reshape(len(activations) * count, -1)), count)
    key = f"{name}.{len(layers)}"
    layers.append({"op": "dense", "inputs": weight.shape[1], "outputs": weight.shape[0]})
    tensors[f"{key}.weight"] = rounded.astype(np.int8)
    _requantised(tensors, key, bias - zero * rounded.sum(axis=1) * unit, unit, after)
    return after


def _requantised(tensors: Tensors, key: str, bias: Floats, unit: Floats, after: Floats) -> None:
    ratio = unit / after
    shift = int(np.clip(np.floor(np.log2(_HIGHEST_MULTIPLIER / ratio.max())), 1, 40))
    tensors[f"{key}.bias"] = _whole(bias / unit)
    tensors[f"{key}.multiplier"] = _whole(ratio * 2.0**shift)
    tensors[f"{key}.shift"] = np.array([shift], dtype=np.int32)


def _linear(layers: Layers, tensors: Tensors, name: str, weight: Floats, bias: Floats) -> None:
    key = f"{name}.{len(layers)}"
    layers.append({"op": "linear", "inputs": weight.shape[1], "outputs": weight.shape[0]})
    tensors[f"{key}.weight"] = weight.astype(np.int8)
    tensors[f"{key}.bias"] = _whole(bias)


def _whole(values: Floats) -> NDArray[np.int32]:
    # A unit that training left dead has a tiny weight and a bias; its sum may be cut, since it is cut to 0..127 anyway.
    return np.clip(np.rint(values), -(2**30), 2**30).astype(np.int32)


def _worth(activations: Tensor) -> Floats:
    """What one step of each activation is worth: the highest seen is 127."""
    highest: Floats = _array(activations.amax(dim=0))
    return np.maximum(highest, 1e-4) / HIGHEST


def _folded(norm: nn.BatchNorm1d) -> tuple[Floats, Floats]:
    """A norm as a factor and a summand."""
    assert norm.running_var is not None
    assert norm.running_mean is not None
    factor = 1 / np.sqrt(_array(norm.running_var) + norm.eps)
    if norm.affine:
        factor = factor * _array(norm.weight)
    shift = -_array(norm.running_mean) * factor
    return factor, shift + _array(norm.bias) if norm.affine else shift


def _array(tensor: Tensor) -> Floats:
    found: Floats = tensor.detach().cpu().double().numpy()
    return found
