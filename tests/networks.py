"""Small networks of whole numbers without training: one that is right for some letters, and some at random."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensors = dict[str, NDArray[np.generic]]

END = 256
KNOWN = [*b" etaoln", END]  # the symbols that the network below gets right


def letters(chunk_size: int = 16, codes_per_chunk: int = 4) -> tuple[dict[str, Any], Tensors]:
    """Codes of some symbols each, a digit a symbol: the eight known ones are right, all others wrong."""
    symbols = chunk_size // codes_per_chunk
    levels = [len(KNOWN)] * symbols
    digit_of = {symbol: digit for digit, symbol in enumerate(KNOWN)}
    # The encoder: a row a symbol, its digit times sixteen as activation and as sum.
    table = np.zeros((1, 257, 1), np.int8)
    for symbol in range(257):
        table[0, symbol, 0] = 16 * digit_of.get(symbol, 0)
    encoder = [
        {"op": "rows", "count": chunk_size},
        {"op": "embed", "positions": 1, "symbols": 257, "width": 1},
        {"op": "linear", "inputs": 1, "outputs": 1},
        {"op": "join", "count": symbols},
        {"op": "digits", "levels": levels},
        {"op": "codes", "levels": levels},
    ]
    # The decoder: a digit's own output, and from that the symbol's.
    one_of = np.eye(len(KNOWN), dtype=np.int8)[None] * 100
    weight = np.zeros((257, len(KNOWN)), np.int8)
    for digit, symbol in enumerate(KNOWN):
        weight[symbol, digit] = 100
    decoder = [
        {"op": "rows", "count": chunk_size},
        {"op": "embed", "positions": 1, "symbols": len(KNOWN), "width": len(KNOWN)},
        {"op": "linear", "inputs": len(KNOWN), "outputs": 257},
        {"op": "argmax", "symbols": 257},
        {"op": "join", "count": chunk_size},
    ]
    tensors: Tensors = {
        "encoder.1.table": table,
        **scale("encoder.1", 1),
        "encoder.2.weight": np.ones((1, 1), np.int8),
        "encoder.2.bias": np.zeros(1, np.int32),
        "encoder.4.thresholds": np.tile(np.arange(1, len(KNOWN), dtype=np.int32) * 16 - 8, symbols),
        "decoder.1.table": one_of,
        **scale("decoder.1", len(KNOWN)),
        "decoder.2.weight": weight,
        "decoder.2.bias": np.zeros(257, np.int32),
    }
    description = {
        "levels": levels,
        "codes_per_chunk": codes_per_chunk,
        "chunk_size": chunk_size,
        "network": {"encoder": encoder, "decoder": decoder},
    }
    return description, tensors


def confused() -> tuple[dict[str, Any], Tensors]:
    """The same, but the encoder takes a t for a blank and an n for an o."""
    description, tensors = letters()
    table = tensors["encoder.1.table"].copy()
    table[0, ord("t")] = table[0, ord(" ")]
    table[0, ord("n")] = table[0, ord("o")]
    return description, {**tensors, "encoder.1.table": table}


def scale(layer: str, width: int) -> Tensors:
    """Nothing added, and sums as they are."""
    return {
        f"{layer}.bias": np.zeros(width, np.int32),
        f"{layer}.multiplier": np.full(width, 2, np.int32),
        f"{layer}.shift": np.ones(1, np.int32),
    }


def at_random(
    seed: int,
    *,
    chunk_size: int = 16,
    codes_per_chunk: int = 4,
    levels: tuple[int, ...] = (4, 3),
    width: int = 13,
) -> tuple[dict[str, Any], Tensors]:
    """Networks that have learned nothing."""
    chance = np.random.default_rng(seed)
    tensors: Tensors = {}

    def weights(layer: str, outputs: int, inputs: int) -> None:
        tensors[f"{layer}.weight"] = chance.integers(-127, 128, (outputs, inputs)).astype(np.int8)
        tensors[f"{layer}.bias"] = chance.integers(-5000, 5000, outputs).astype(np.int32)

    def requantised(layer: str, outputs: int) -> None:
        tensors[f"{layer}.bias"] = chance.integers(-500, 500, outputs).astype(np.int32)
        tensors[f"{layer}.multiplier"] = chance.integers(0, 1 << 16, outputs).astype(np.int32)
        tensors[f"{layer}.shift"] = np.array([20], np.int32)

    def embed(layer: str, positions: int, symbols: int) -> None:
        tensors[f"{layer}.table"] = chance.integers(-127, 128, (positions, symbols, width)).astype(np.int8)
        requantised(layer, width)

    digits = codes_per_chunk * len(levels)
    embed("encoder.0", chunk_size, 257)
    weights("encoder.1", width, width)
    requantised("encoder.1", width)
    tensors["encoder.1.add_multiplier"] = chance.integers(0, 1 << 20, width).astype(np.int32)
    weights("encoder.2", digits, width)
    thresholds = [np.sort(chance.integers(-40_000, 40_000, level - 1)) for level in levels]
    tensors["encoder.4.thresholds"] = np.concatenate(thresholds).astype(np.int32)
    embed("decoder.0", digits, max(levels))
    weights("decoder.1", chunk_size * 257, width)
    description = {
        "levels": list(levels),
        "codes_per_chunk": codes_per_chunk,
        "chunk_size": chunk_size,
        "network": {
            "encoder": [
                {"op": "embed", "positions": chunk_size, "symbols": 257, "width": width},
                {"op": "dense", "inputs": width, "outputs": width, "add": 0},
                {"op": "linear", "inputs": width, "outputs": digits},
                {"op": "rows", "count": codes_per_chunk},
                {"op": "digits", "levels": list(levels)},
            ],
            "decoder": [
                {"op": "embed", "positions": digits, "symbols": max(levels), "width": width},
                {"op": "linear", "inputs": width, "outputs": chunk_size * 257},
                {"op": "argmax", "symbols": 257},
            ],
        },
    }
    return description, tensors
