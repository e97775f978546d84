"""Bytes → rows in plain numpy: how a soft embedding is used where no torch is installed, and what the torch side must equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tokloom.learned.soft.configuration import SoftConfiguration
from tokloom.learned.soft.features import PAD, ngrams, symbols

__all__ = ["rows"]

Array = NDArray[np.float32]
Weights = Mapping[str, Array]

BATCH = 512  # tokens at a time: attention over 50 symbols of 512 tokens is 30 MB


def rows(tokens: Sequence[bytes], configuration: SoftConfiguration, weights: Weights) -> Array:
    """The rows of all outputs, shape (tokens, outputs, dimensions)."""
    found = np.empty((len(tokens), len(configuration.outputs), configuration.dimensions), np.float32)
    predict = _bag if configuration.kind == "bag" else _transformer
    # Tokens of like length together: what fills up a batch is computed, too.
    order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
    for start in range(0, len(order), BATCH):
        part = order[start : start + BATCH]
        pooled = predict([tokens[index] for index in part], configuration, weights)
        flat = pooled @ weights["out.weight"].T + weights["out.bias"]
        shaped = flat.reshape(len(part), len(configuration.outputs), configuration.dimensions)
        found[part] = weights["mean"] + weights["scale"][:, None] * shaped
    return found


def _bag(tokens: Sequence[bytes], configuration: SoftConfiguration, weights: Weights) -> Array:
    """The sum of the n-grams' vectors over the root of their number."""
    c = configuration
    hashed, offsets = ngrams(tokens, longest=c.longest_ngram, buckets=c.buckets, max_bytes=c.max_bytes)
    counts = np.diff(offsets, append=len(hashed))
    total: Array = np.add.reduceat(weights["table"][hashed], offsets, axis=0)
    root: Array = np.sqrt(counts).astype(np.float32)
    return total / root[:, None]


def _transformer(tokens: Sequence[bytes], configuration: SoftConfiguration, weights: Weights) -> Array:
    read = symbols(tokens, configuration.max_bytes)
    there = read != PAD
    x = weights["symbols"][read] + weights["places"][: read.shape[1]]
    for layer in range(configuration.layers):
        own = {
            name.removeprefix(f"layers.{layer}."): array
            for name, array in weights.items()
            if name.startswith(f"layers.{layer}.")
        }
        x = x + _attention(_normalised(x, own, "norm_1"), there, configuration.heads, own)
        hidden = _gelu(_normalised(x, own, "norm_2") @ own["up.weight"].T)
        x = x + hidden @ own["down.weight"].T
    x = _normalised(x, weights, "norm")
    counted = (x * there[..., None]).sum(axis=1) / there.sum(axis=1, keepdims=True)
    pooled: Array = np.concatenate([x[:, 0], counted.astype(np.float32)], axis=1)
    return pooled


def _attention(x: Array, there: NDArray[np.bool_], heads: int, weights: Weights) -> Array:
    """Every symbol sees every other: the model is not causal."""
    count, length, width = x.shape
    mixed = (x @ weights["mix.weight"].T).reshape(count, length, 3, heads, width // heads)
    query, key, value = mixed.transpose(2, 0, 3, 1, 4)
    scores = query @ key.swapaxes(-1, -2) / np.float32(np.sqrt(width // heads))
    scores = np.where(there[:, None, None, :], scores, -np.inf)
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    scores /= scores.sum(axis=-1, keepdims=True)
    together = (scores @ value).transpose(0, 2, 1, 3).reshape(count, length, width)
    result: Array = together @ weights["mixed.weight"].T
    return result


def _normalised(x: Array, weights: Weights, name: str) -> Array:
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred**2).mean(axis=-1, keepdims=True)
    return (
        centred / np.sqrt(variance + np.float32(1e-5)) * weights[f"{name}.weight"] + weights[f"{name}.bias"]
    )


def _gelu(x: Array) -> Array:
    """By tanh, as torch's approximate="tanh"."""
    inner = np.float32(0.7978845608) * (x + np.float32(0.044715) * x * x * x)
    return np.float32(0.5) * x * (1 + np.tanh(inner))
