"""Runs the whole numbers of an auto-encoder with numpy alone, exactly.

Sums are whole numbers below 2²⁴ (float32) or 2⁵³ (float64), where floating point makes no error in whatever order it
adds; so numpy's fast matrix product gives the same sums on every machine, and what comes out is the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import FormatError

__all__ = ["Network"]

_EXACT_IN_FLOAT32 = 1 << 24
_LARGEST_SUM = 2**31 - 1
_ROWS = 4096


class Network:
    """An encoder or a decoder.

    Args:
        layers: their descriptions, in order.
        tensors: by name, "encoder.0.weight" and so on.
        name: "encoder" or "decoder".
        width: how wide a row of the input is.
        origin: what an error names.

    Raises:
        FormatError: a layer isn't known, lacks a tensor, or doesn't fit the one before.
    """

    def __init__(
        self,
        layers: Sequence[Mapping[str, Any]],
        tensors: Mapping[str, NDArray[Any]],
        name: str,
        width: int,
        origin: str,
    ) -> None:
        self.steps: list[Any] = []
        # Rows become more or fewer: the output's rows for each row of the input, as a fraction.
        self.joined, self.unfolded = 1, 1
        for index, layer in enumerate(layers):
            where = f"{origin}: layer {index} of the {name}"
            try:
                op = layer["op"]
                own = {
                    key.removeprefix(f"{name}.{index}."): value
                    for key, value in tensors.items()
                    if key.startswith(f"{name}.{index}.")
                }
                if op in ("join", "rows"):
                    width = self._regrouped(op, layer["count"], width, where)
                elif op in _STEPS:
                    step = _STEPS[op](own, width, where)
                    self.steps.append(step)
                    width = step.width
                else:
                    raise FormatError(f"{where} is {op!r}, which an auto-encoder hasn't")
            except (KeyError, TypeError) as error:
                raise FormatError(f"{where} lacks {error}: the file was changed") from None
        self.width = width

    def _regrouped(self, op: str, count: object, width: int, where: str) -> int:
        if type(count) is not int or not 1 <= count <= 256 or (op == "rows" and width % count):
            raise FormatError(f"{where} regroups {width} by {count!r}")
        self.joined, self.unfolded = (
            (self.joined * count, self.unfolded) if op == "join" else (self.joined, self.unfolded * count)
        )
        width = width * count if op == "join" else width // count
        self.steps.append(width)
        return width

    def run(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """Sums of the last layer, (rows · unfolded / joined, width), of symbols or activations (rows, width)."""
        step = _ROWS * self.joined // self.unfolded or self.joined
        step += -step % self.joined
        parts = [self._run(values[begin : begin + step]) for begin in range(0, len(values), step)]
        return np.concatenate(parts) if parts else np.zeros((0, self.width), np.int64)

    def _run(self, values: NDArray[Any]) -> NDArray[np.int64]:
        for step in self.steps:
            values = values.reshape(-1, step) if isinstance(step, int) else step(values)
        return values


class _Product:
    """Weights times activations, exactly."""

    def __init__(self, own: Mapping[str, NDArray[Any]], width: int, where: str) -> None:
        weight, self.bias = own["weight"], own["bias"].astype(np.int64)
        if weight.dtype != np.int8 or weight.ndim != 2 or weight.shape[1] != width:
            raise FormatError(f"{where} has weights of shape {weight.shape}, and rows of {width}")
        self.width = weight.shape[0]
        _fits(self.bias, self.width, where)
        largest = np.abs(weight.astype(np.int64)).sum(axis=1).max(initial=0) * 127
        if largest + np.abs(self.bias).max(initial=0) > _LARGEST_SUM:
            raise FormatError(f"{where}: sums may go beyond 32 bits")
        self.kind = np.float32 if largest < _EXACT_IN_FLOAT32 else np.float64
        self.weight = np.ascontiguousarray(weight.T.astype(self.kind))

    def __call__(self, values: NDArray[Any]) -> NDArray[np.int64]:
        sums: NDArray[np.int64] = (values.astype(self.kind) @ self.weight).astype(np.int64)
        sums += self.bias
        return sums


class _Requantised:
    """Sums → activations 0..127: the rectifier is in it."""

    def __init__(self, own: Mapping[str, NDArray[Any]], width: int, where: str) -> None:
        self.multiplier = own["multiplier"].astype(np.int64)
        shift = own["shift"].astype(np.int64)
        _fits(self.multiplier, width, where)
        _fits(shift, 1, where)
        self.shift = int(shift[0])
        if not 1 <= self.shift <= 62 or (self.multiplier < 0).any():
            raise FormatError(f"{where} has a shift of {self.shift} or a multiplier below 0")

    def __call__(self, sums: NDArray[np.int64]) -> NDArray[np.uint8]:
        sums *= self.multiplier
        sums += 1 << (self.shift - 1)
        sums >>= self.shift
        return np.clip(sums, 0, 127, out=sums).astype(np.uint8)


class _Embed:
    def __init__(self, own: Mapping[str, NDArray[Any]], width: int, where: str) -> None:
        table = own["table"]
        if (
            table.dtype != np.int8
            or table.ndim != 3
            or table.shape[:2] != (width, 256)
            or prod(table.shape) > 1 << 28
        ):
            raise FormatError(f"{where} has a table of shape {table.shape}, and rows of {width} bytes")
        self.table, self.width = table.astype(np.int32), table.shape[2]
        self.bias = own["bias"].astype(np.int64)
        _fits(self.bias, self.width, where)
        self.requantised = _Requantised(own, self.width, where)

    def __call__(self, symbols: NDArray[Any]) -> NDArray[np.uint8]:
        sums = self.table[0][symbols[:, 0]]
        for place in range(1, len(self.table)):
            sums += self.table[place][symbols[:, place]]
        return self.requantised(sums + self.bias)


class _Dense:
    def __init__(self, own: Mapping[str, NDArray[Any]], width: int, where: str) -> None:
        self.product = _Product(own, width, where)
        self.width = self.product.width
        self.requantised = _Requantised(own, self.width, where)

    def __call__(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        return self.requantised(self.product(values))


_STEPS: dict[str, Any] = {"embed": _Embed, "dense": _Dense, "linear": _Product}


def _fits(values: NDArray[Any], size: int, where: str) -> None:
    if values.shape != (size,):
        raise FormatError(f"{where} has {values.shape} numbers where {size} are needed")
