"""Layers with weights: embed, dense and linear, in floating point and on the grid of the integers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tokloom.errors import ArgumentError
from tokloom.learned.plain_blocks import Block, Symbols

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["Dense", "Embed", "Linear", "Weighted"]

HIGHEST_ACTIVATION = 127
HIGHEST_WEIGHT = 127
# One activation in ten thousand may be cut off: a finer grid for the rest is worth more.
WATCHED_SHARE = 0.9999


class Weighted(Block):
    """What embed, dense and linear share: a normalisation that folds away, and a grid.

    Attributes:
        ceiling: the greatest activation that is told apart, 0 until batches were watched.
    """

    rectified = True
    one_scale = False
    ceiling: Tensor

    def __init__(self, outputs: int, *, norm: bool, input: int | None, add: int | None = None) -> None:
        super().__init__(input)
        self.add = add
        self.outputs = outputs
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.norm = nn.BatchNorm1d(outputs) if norm else None
        self.register_buffer("ceiling", torch.zeros(()))

    def weights(self) -> Tensor:
        """The weight in floating point: embed (positions, symbols, outputs), dense (outputs, inputs)."""
        raise NotImplementedError

    def products(self, given: Any, weight: Tensor) -> Tensor:  # noqa: ANN401
        """Weights times input, without bias."""
        raise NotImplementedError

    def along_outputs(self, values: Tensor) -> Tensor:
        """One value per output, shaped so that it multiplies the weight."""
        return values[:, None]

    def forward(self, given: Any, added: Tensor | None = None) -> Float[Tensor, "batch rows outputs"]:  # noqa: ANN401
        """In floating point."""
        total = self.products(given, self.weights()).float() + self.bias
        if self.norm is not None:
            total = self.norm(total.flatten(0, 1)).view_as(total)
        return self._finished(total, added)

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight and bias with the normalisation in them."""
        if self.norm is None:
            return self.weights(), self.bias
        mean, variance = self.norm.running_mean, self.norm.running_var
        gain = self.norm.weight / (variance + self.norm.eps).sqrt()
        return self.weights() * self.along_outputs(gain), self.norm.bias + (self.bias - mean) * gain

    def on_grid(self, scale: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """The weight in whole numbers −127..127, what one step of each output is worth, and the bias in steps.

        Args:
            scale: what one step of each input is worth; None for symbols.
        """
        weight, bias = self.folded()
        if scale is not None:
            weight = weight * scale
        largest = self._largest(weight.detach().abs())
        if self.one_scale:
            largest = largest.max().expand_as(largest)
        # A bias has 32 bits: where the weights are next to nothing it sets the step.
        step = torch.maximum(largest / HIGHEST_WEIGHT, bias.detach().abs().max() / 2**28).clamp(min=1e-20)
        whole = _rounded(weight / self.along_outputs(step)).clamp(-HIGHEST_WEIGHT, HIGHEST_WEIGHT)
        return whole, step, _rounded(bias / step)

    def forward_rounded(
        self,
        given: Any,  # noqa: ANN401
        added: Tensor | None,
        scale: Tensor | None,
    ) -> Float[Tensor, "batch rows outputs"]:
        """The same with weights and activations on their grid; the gradient passes the rounding straight."""
        whole, step, whole_bias = self.on_grid(scale)
        bias = whole_bias * step
        weight = whole * self.along_outputs(step)
        with torch.autocast(bias.device.type, enabled=False):
            if scale is not None:
                weight, given = weight / scale, given.float()
            total = self._finished(self.products(given, weight) + bias, added)
        if not self.rectified:
            return total
        grid = self.ceiling / HIGHEST_ACTIVATION
        return _rounded(torch.minimum(total, self.ceiling) / grid) * grid

    def watch(self, activations: Tensor) -> None:
        """Raises the ceiling to what these activations need."""
        flat = activations.detach().float().flatten()
        share = WATCHED_SHARE if self.norm is not None else 1.0
        largest = flat.kthvalue(max(1, round(len(flat) * share))).values
        torch.maximum(self.ceiling, largest.clamp(min=1e-6), out=self.ceiling)

    def scale_after(self, scale: Tensor | None) -> Tensor:  # noqa: ARG002
        """The grid's step, one for all outputs."""
        if not self.ceiling > 0:
            raise ArgumentError(
                "how large activations get isn't known yet: run batches within `stack.watch()` before rounding"
            )
        return (self.ceiling / HIGHEST_ACTIVATION).expand(self.outputs)

    def _largest(self, weight: Tensor) -> Tensor:
        return weight.amax(dim=1)

    def _finished(self, total: Tensor, added: Tensor | None) -> Tensor:
        if added is not None:
            total = total + added
        return functional.relu(total) if self.rectified else total


class Embed(Weighted):
    """The sum over a row's places of the table's row for (place, symbol).

    Args:
        positions: symbols in a row.
        symbols: how many different ones there are.
        width: of what comes out.
        codes: (positions, symbols), the FSQ code that each symbol stands for, where gradients are to pass through the
            codes: a part of the table is linear in them.
        norm: whether a batch normalisation follows.
        deviation: of the table's first, random values.
        rate: how far a step of training moves the table, beside all else.
    """

    op = "embed"
    place: Tensor

    def __init__(
        self,
        positions: int,
        symbols: int,
        width: int,
        *,
        codes: Float[Tensor, "positions symbols"] | None = None,
        norm: bool = True,
        input: int | None = None,
        add: int | None = None,
        deviation: float | None = None,
        rate: float = 1.0,
    ) -> None:
        super().__init__(width, norm=norm, input=input, add=add)
        self.rate = rate
        spread = positions**-0.5 if deviation is None else deviation
        self.table = nn.Parameter(torch.randn(positions, symbols, width) * (spread / rate))
        self.slope = None if codes is None else nn.Parameter(torch.randn(positions, width) * spread)
        self.register_buffer("codes", codes)
        self.register_buffer("place", torch.arange(positions) * symbols, persistent=False)

    def fields(self) -> dict[str, Any]:
        """The table's sizes."""
        positions, symbols, width = self.table.shape
        return {"positions": positions, "symbols": symbols, "width": width}

    def weights(self) -> Float[Tensor, "positions symbols outputs"]:
        """The table, with the part in it that is linear in the codes."""
        table = self.table if self.rate == 1.0 else self.table * self.rate
        if self.slope is None:
            return table
        return table + self.codes[..., None] * self.slope[:, None]

    def products(self, given: Symbols, weight: Tensor) -> Tensor:
        """Rows of the table, summed over a row's places."""
        flat = (given.index + self.place).flatten(0, 1)
        total = functional.embedding_bag(flat, weight.flatten(0, 1), mode="sum")
        total = total.unflatten(0, given.index.shape[:2])
        if given.code is not None and self.slope is not None:
            # The table holds all; the code adds nothing but a way for its own gradient.
            way = (given.code - given.code.detach()) @ self.slope.detach()
            total = total + way
        return total

    def along_outputs(self, values: Tensor) -> Tensor:
        """Outputs are the table's last dimension."""
        return values

    def _largest(self, weight: Tensor) -> Tensor:
        return weight.amax(dim=(0, 1))


class Dense(Weighted):
    """Weights times activations, normalised, with what `add` names added, rectified.

    Args:
        inputs: width of what goes in.
        outputs: width of what comes out.
        norm: whether a batch normalisation follows.
        fixed: (outputs, inputs), weights that training leaves alone, NaN where it doesn't.
        input: the layer that is read; None for the one before.
        add: the layer whose activations are added.
    """

    op = "dense"
    free: Tensor | None
    fixed: Tensor | None

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        norm: bool = True,
        fixed: Float[Tensor, "outputs inputs"] | None = None,
        input: int | None = None,
        add: int | None = None,
    ) -> None:
        super().__init__(outputs, norm=norm, input=input, add=add)
        self.register_buffer("free", None if fixed is None else fixed.isnan(), persistent=False)
        self.register_buffer("fixed", None if fixed is None else fixed.nan_to_num())
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        nn.init.kaiming_uniform_(self.weight, nonlinearity="relu")

    def fields(self) -> dict[str, Any]:
        """Widths."""
        return {"inputs": self.weight.shape[1], "outputs": self.outputs}

    def weights(self) -> Float[Tensor, "outputs inputs"]:
        """The matrix."""
        if self.free is None or self.fixed is None:
            return self.weight
        return torch.where(self.free, self.weight, self.fixed)

    def products(self, given: Float[Tensor, "batch rows inputs"], weight: Tensor) -> Tensor:
        """The matrix product."""
        return functional.linear(given, weight)


class Linear(Dense):
    """Weights times activations: the sums themselves, for digits, for an argmax, or as what comes out.

    Args:
        inputs: width of what goes in.
        outputs: width of what comes out.
        norm: whether a batch normalisation follows.
        fixed: see `Dense`.
        own_scales: whether each output has a step of its own, as digits want it (None: where there is `norm`).
        input: the layer that is read; None for the one before.
    """

    op = "linear"
    rectified = False

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        norm: bool = False,
        own_scales: bool | None = None,
        fixed: Float[Tensor, "outputs inputs"] | None = None,
        input: int | None = None,
    ) -> None:
        super().__init__(inputs, outputs, norm=norm, fixed=fixed, input=input)
        # Sums that are compared with each other need one step for all; digits have thresholds of their own each.
        self.one_scale = not (norm if own_scales is None else own_scales)
        nn.init.kaiming_uniform_(self.weight, nonlinearity="linear")


def _rounded(values: Tensor) -> Tensor:
    """Rounded half up, as the integers are; the gradient passes as if nothing had happened."""
    return values + ((values + 0.5).floor() - values).detach()
