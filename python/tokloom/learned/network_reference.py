"""The integer network in plain numpy: what each layer gives, and no more.

A network is a list of layers and their tensors. All values are integers, so there is one answer on every machine: the
engine's, and this one. An activation is 0..127, a weight −127..127, a sum 32 bits, a symbol a small number ≥ 0. It does
not train, it is not fast, and it does not say what a token is.

The table of layers and their fields is in `docs/fsq.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import FormatError

__all__ = ["Layer", "Tensors", "run_network", "tensors_of"]

Layer = Mapping[str, Any]
Tensors = Mapping[str, NDArray[Any]]
Values = NDArray[np.int64]

HIGHEST_ACTIVATION = 127
HIGHEST_SUM = 2**31 - 1


def run_network(
    layers: Sequence[Layer], tensors: Tensors, values: NDArray[Any], *, name: str = "encoder"
) -> Values:
    """Runs a network on a batch.

    Args:
        layers: the description, in order: each has `op` and the fields of that op.
        tensors: by name, `"<name>.<index of the layer>.<tensor>"`.
        values: (batch, rows, width): symbols, or activations 0..127.
        name: which network's tensors to take.

    Returns:
        The last layer's output, (batch, rows, width).

    Raises:
        FormatError: a layer that isn't known, lacks a field or a tensor, or doesn't fit the rows that it is given.

    Example:
        >>> layers = [{"op": "rows", "count": 2}, {"op": "codes", "levels": [8, 5]}]
        >>> run_network(layers, {}, np.array([[[1, 2, 7, 4]]])).tolist()
        [[[17], [39]]]
    """
    outputs: list[Values] = []
    first = np.asarray(values, dtype=np.int64)
    if first.ndim != 3:
        raise FormatError(f"a network reads (batch, rows, width), not an array of {first.ndim} dimensions")

    def output(index: int, of: int) -> Values:
        if not -1 <= index < of:
            raise FormatError(f"layer {of} of {name} reads layer {index}: only earlier ones can be read")
        return first if index == -1 else outputs[index]

    for index, layer in enumerate(layers):
        op = layer.get("op")
        if op not in OPERATIONS:
            raise FormatError(f"layer {index} of {name} is {op!r}; known are {', '.join(sorted(OPERATIONS))}")
        own = tensors_of(tensors, f"{name}.{index}.")
        if op == "concat":
            given = np.concatenate([output(part, index) for part in layer["of"]], axis=-1)
        else:
            given = output(layer.get("input", index - 1), index)
        added = output(layer["add"], index) if "add" in layer else None
        try:
            outputs.append(OPERATIONS[op](layer, own, given, added))
        except (KeyError, ValueError, IndexError) as error:
            raise FormatError(f"layer {index} of {name} ({op}) doesn't fit its input: {error}") from error
    return outputs[-1] if outputs else first


def tensors_of(tensors: Tensors, prefix: str) -> dict[str, NDArray[Any]]:
    """The tensors below a prefix, without it."""
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def windows(layer: Layer, own: Tensors, given: Values, added: Values | None) -> Values:  # noqa: ARG001
    """A row of n symbols → n/stride rows of `size` symbols, each begins `before` places left of its stride."""
    batch, rows, width = given.shape
    if rows != 1 or width % layer["stride"]:
        raise ValueError(f"windows need one row, a multiple of {layer['stride']} long, not {rows} of {width}")
    starts = np.arange(0, width, layer["stride"]) - layer["before"]
    places = starts[:, None] + np.arange(layer["size"])
    inside = (places >= 0) & (places < width)
    return np.where(inside, given[:, 0][:, np.where(inside, places, 0)], layer["pad"]).reshape(
        batch, len(starts), layer["size"]
    )


def lookup(layer: Layer, own: Tensors, given: Values, added: Values | None) -> Values:  # noqa: ARG001
    """Each row → 1 + the index of the key that the row has from `begin` on, or 0 where there is none."""
    index = {bytes(key): number for number, key in enumerate(own["keys"], start=1)}
    begin, end = layer["begin"], layer["begin"] + layer["length"]
    found = [
        index.get(bytes(row.tolist()), 0) if (row <= 255).all() else 0
        for row in given[..., begin:end].reshape(-1, layer["length"])
    ]
    return np.array(found, dtype=np.int64).reshape(*given.shape[:2], 1)


def embed(layer: Layer, own: Tensors, given: Values, added: Values | None) -> Values:  # noqa: ARG001
    """Σ over the places of a row of the table's row for (place, symbol), requantised."""
    table = own["table"].astype(np.int64)
    if given.shape[-1] != table.shape[0]:
        raise ValueError(f"{table.shape[0]} positions, and rows of {given.shape[-1]} symbols")
    return requantised(own, table[np.arange(table.shape[0]), given].sum(axis=-2), added)


def dense(layer: Layer, own: Tensors, given: Values, added: Values | None) -> Values:  # noqa: ARG001
    """Weights times activations, requantised: the rectifier is in it."""
    return requantised(own, given @ own["weight"].astype(np.int64).T, added)


def linear(layer: Layer, own: Tensors, given: Values, added: Values | None) -> Values:  # noqa: ARG001
    """Weights times activations, the sums as they are."""
    return within_32_bits(given @ own["weight"].astype(np.int64).T + own["bias"].astype(np.int64))


def requantised(own: Tensors, products: Values, added: Values | None) -> Values:
    """(sum · multiplier + other · its multiplier) / 2^shift, rounded half up, clamped to 0..127."""
    shift = int(own["shift"][0])
    if not 1 <= shift <= 62:
        raise ValueError(f"a shift of {shift}; it is 1..62")
    total = within_32_bits(products + own["bias"].astype(np.int64)) * own["multiplier"].astype(np.int64)
    if added is not None:
        total = total + added * own["add_multiplier"].astype(np.int64)
    return np.clip((total + (1 << (shift - 1))) >> shift, 0, HIGHEST_ACTIVATION)


def within_32_bits(sums: Values) -> Values:
    """The sums, or an error where one doesn't fit."""
    if sums.size and np.abs(sums).max() > HIGHEST_SUM:
        raise ValueError("a sum beyond 32 bits")
    return sums


def concat(layer: Layer, own: Tensors, given: Values, added: Values | None) -> Values:  # noqa: ARG001
    """Several layers' rows side by side (put together before this)."""
    return given


def rows(layer: Layer, own: Tensors, given: Values, added: Values | None) -> Values:  # noqa: ARG001
    """One row → `count` rows."""
    return given.reshape(given.shape[0], given.shape[1] * layer["count"], given.shape[2] // layer["count"])


def join(layer: Layer, own: Tensors, given: Values, added: Values | None) -> Values:  # noqa: ARG001
    """`count` rows → one row."""
    return given.reshape(given.shape[0], given.shape[1] // layer["count"], given.shape[2] * layer["count"])


def digits(layer: Layer, own: Tensors, given: Values, added: Values | None) -> Values:  # noqa: ARG001
    """Each sum → how many of its dimension's thresholds are no greater."""
    ends = np.cumsum([level - 1 for level in layer["levels"]])
    parts = np.split(own["thresholds"].astype(np.int64), ends[:-1])
    counted = [(given[..., place, None] >= part).sum(axis=-1) for place, part in enumerate(parts)]
    return np.stack(counted, axis=-1).astype(np.int64)


def codes(layer: Layer, own: Tensors, given: Values, added: Values | None) -> Values:  # noqa: ARG001
    """A row of digits → one symbol, Σ digit · basis; the first digit's basis is 1."""
    basis = np.cumprod([1, *layer["levels"][:-1]])
    return (given * basis).sum(axis=-1, keepdims=True)


def argmax(layer: Layer, own: Tensors, given: Values, added: Values | None) -> Values:  # noqa: ARG001
    """Each group of `symbols` sums → the place of the greatest, the lowest of equals."""
    groups = given.reshape(*given.shape[:2], given.shape[2] // layer["symbols"], layer["symbols"])
    return groups.argmax(axis=-1).astype(np.int64)


OPERATIONS = {
    "windows": windows,
    "lookup": lookup,
    "embed": embed,
    "dense": dense,
    "linear": linear,
    "concat": concat,
    "rows": rows,
    "join": join,
    "digits": digits,
    "codes": codes,
    "argmax": argmax,
}
