"""Layers that train in floating point and become integer layers, and the stack that runs them.

A `Stack` is a list of layers, and the same list is what `tokloom.learned.integers` writes down. It runs in three ways:
in floating point, to train; while it watches how large activations get; and with weights and activations on the grid
that they will have as integers, to see what that costs and to go on training there.

Values are (batch, rows, width): symbols (whole numbers) or activations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from tokloom.errors import ArgumentError
from tokloom.learned.plain_blocks import (
    Argmax,
    Block,
    Codes,
    Concat,
    Digits,
    Join,
    Lookup,
    Rows,
    Symbols,
    Windows,
    checked_levels,
)
from tokloom.learned.weighted_blocks import Dense, Embed, Linear, Weighted

if TYPE_CHECKING:
    pass

__all__ = [
    "Argmax",
    "Block",
    "Codes",
    "Concat",
    "Dense",
    "Digits",
    "Embed",
    "Join",
    "Linear",
    "Lookup",
    "Rows",
    "Stack",
    "Symbols",
    "Weighted",
    "Windows",
    "checked_levels",
]


class Stack(nn.Module):
    """Layers in order, each reading the one before or the one that it names.

    Args:
        layers: the layers.
        input_scale: where the input is activations and not symbols: what one step of each is worth.

    Raises:
        ArgumentError: a layer reads one that doesn't come before it.

    Example:
        >>> import torch
        >>> stack = Stack(
        ...     [Embed(4, 257, 16), Dense(16, 16, add=0), Linear(16, 3, norm=True), Digits([8, 8, 5])]
        ... )
        >>> stack(torch.randint(0, 256, (2, 1, 4))).index.shape
        torch.Size([2, 1, 3])
    """

    input_scale: Tensor | None

    def __init__(self, layers: Sequence[Block], *, input_scale: Tensor | None = None) -> None:
        super().__init__()
        for index, layer in enumerate(layers):
            named = [layer.input, layer.add, *(layer.of if isinstance(layer, Concat) else [])]
            if any(name is not None and not -1 <= name < index for name in named):
                raise ArgumentError(
                    f"layer {index} ({layer.op}) reads {named}: only earlier layers can be read"
                )
        self.layers = nn.ModuleList(layers)
        self.register_buffer("input_scale", input_scale)
        self._mode = "float"

    def forward(self, given: Tensor | Symbols, *, sums: bool = False) -> Any:  # noqa: ANN401
        """Runs the layers.

        Args:
            given: symbols or activations, (batch, rows, width).
            sums: leave out an argmax at the end, to train on what it compares.

        Returns:
            What the last layer gives: `Symbols`, or a tensor.
        """
        if isinstance(given, Tensor) and not given.is_floating_point():
            given = Symbols(given.long())
        scales = self.scales() if self._mode == "rounded" else []
        outputs: list[Any] = []
        for index, block in enumerate(self.blocks()):
            source = index - 1 if block.input is None else block.input
            value = given if source == -1 else outputs[source]
            if sums and isinstance(block, Argmax) and index == len(self.layers) - 1:
                return value
            if isinstance(block, Concat):
                outputs.append(block(*(outputs[part] for part in block.of)))
            elif isinstance(block, Weighted):
                added = None if block.add is None else outputs[block.add]
                if self._mode == "rounded":
                    outputs.append(block.forward_rounded(value, added, self._scale(scales, source)))
                else:
                    outputs.append(block(value, added))
                if self._mode == "watch" and block.rectified:
                    block.watch(outputs[-1])
            else:
                outputs.append(block(value))
        return outputs[-1]

    def blocks(self) -> Iterator[Block]:
        """The layers, in order."""
        for layer in self.layers:
            assert isinstance(layer, Block)  # a ModuleList holds modules, as the type checker sees it
            yield layer

    def scales(self) -> list[Tensor | None]:
        """What one step of each layer's activations is worth; None where it gives symbols or sums.

        Raises:
            ArgumentError: no batch was watched yet.
        """
        scales: list[Tensor | None] = []
        for index, block in enumerate(self.blocks()):
            if isinstance(block, Concat):
                parts = [scales[part] for part in block.of]
                scales.append(_joined(parts))
                continue
            given = self._scale(scales, index - 1 if block.input is None else block.input)
            if isinstance(block, Weighted):
                scales.append(block.scale_after(given) if block.rectified else None)
            else:
                scales.append(None if given is None else block.scale_after(given))
        return scales

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Within it, running batches sets how large each layer's activations get; older knowledge is dropped."""
        for block in self.blocks():
            if isinstance(block, Weighted):
                block.ceiling.zero_()
        with self._as("watch"):
            yield

    @contextmanager
    def rounded(self) -> Iterator[None]:
        """Within it, weights and activations are on the grid of the integers."""
        with self._as("rounded"):
            yield

    @contextmanager
    def _as(self, mode: str) -> Iterator[None]:
        before, self._mode = self._mode, mode
        try:
            yield
        finally:
            self._mode = before

    def _scale(self, scales: Sequence[Tensor | None], source: int) -> Tensor | None:
        return self.input_scale if source == -1 else scales[source]


def _joined(parts: Sequence[Tensor | None]) -> Tensor:
    import torch

    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        raise ArgumentError("concat takes activations; one of its layers gives symbols or sums")
    return torch.cat(known)
