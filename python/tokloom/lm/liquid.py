"""`LiquidSpiking`: membranes whose time constants follow the input, read out as spikes.

Per channel dh/dt = −(h − u(x))/τ(x), which over a step Δt with x held is solved exactly by h ← a·h + (1 − a)·u with
a = exp(−Δt/τ(x)) (liquid time constants, arXiv:2006.04439, with u and τ free of h as in arXiv:2410.01201, so that the
whole sequence is one scan). 1/τ = softplus(r), so that for Δt = 1 the share that is forgotten, 1 − a, is sigmoid(r).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import nn

from tokloom.errors import ArgumentError
from tokloom.lm.attention import Attention, KeysValues, document_mask
from tokloom.lm.body import Body, starts_of
from tokloom.lm.layers import GatedNetwork, Norm, exact_type, projection, times_type
from tokloom.lm.rotary import rotations
from tokloom.lm.scan import leaky_scan
from tokloom.lm.spiking import SpikeRates, Surrogate, spike

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor

__all__ = ["LiquidMixing", "LiquidSpiking"]

SHORTEST, LONGEST = 1.0, 128.0
"""The time constants at the start, in steps: spread evenly on a logarithmic scale over the channels."""


class LiquidState(NamedTuple):
    """What a mixing remembers: (B, D) each."""

    before: Tensor
    """The input of the position before."""
    membrane: Tensor
    current: Tensor
    """What spikes left behind, after the matrix; zeros where none are."""


class LiquidMixing(nn.Module):
    """Mixes over time: projections of x charge a membrane and set its time constant; what it says is gated.

    With spikes the matrix after the membranes sees only zeros and ones, so that event-driven hardware could leave out
    what doesn't fire. What it gives reaches the output at once (when they come), and through a current that decays as
    membranes do (how often they come).

    Args:
        width: D.
        spikes: whether membranes are read out as spikes. False: as they are.
        surrogate: whose gradient spikes have.
        slope: of the surrogate.
        scale: of what is added to the residual stream at the start.
    """

    def __init__(
        self,
        width: int,
        *,
        spikes: bool = True,
        surrogate: Surrogate = "arctan",
        slope: float = 2.0,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.width, self.spikes, self.surrogate, self.slope = width, spikes, surrogate, slope
        self.shift = nn.Parameter(torch.full((width,), 0.25))
        self.project = projection(width, 3 * width)
        constants = torch.logspace(math.log10(SHORTEST), math.log10(LONGEST), width)
        self.rate = nn.Parameter(torch.log(torch.expm1(1 / constants)))
        self.out = projection(width, width, scale=scale)
        if spikes:
            self.threshold = nn.Parameter(torch.full((width,), 0.1))
            self.timing = nn.Parameter(torch.ones(width))
            self.lasting = nn.Parameter(torch.ones(width))

    def start(self, batch: int) -> LiquidState:
        """Nothing seen, membranes at rest."""
        zeros = self.rate.new_zeros((batch, self.width))
        return LiquidState(zeros, zeros, zeros)

    def forward(
        self,
        x: Float[Tensor, "batch time width"],
        state: LiquidState,
        resets: Bool[Tensor, "batch time"] | None = None,
        times: Float[Tensor, "batch time"] | None = None,
        watch: SpikeRates | None = None,
    ) -> tuple[Float[Tensor, "batch time width"], LiquidState]:
        """What is added to the residual stream, and the state after the last position."""
        charge, forget, gate = self.charge(x, state, resets, times)
        membrane = leaky_scan(charge, forget, state.membrane, resets)
        if not self.spikes:
            y = self.out(membrane * F.silu(gate))
            return y, LiquidState(x[:, -1], membrane[:, -1], state.current)
        spikes = spike(membrane - self.threshold, surrogate=self.surrogate, slope=self.slope)
        if watch is not None:
            watch.add(spikes)
        said = self.out(spikes)
        current = leaky_scan(said, forget, state.current, resets)
        y = (said * self.timing + current * self.lasting) * F.silu(gate)
        return y, LiquidState(x[:, -1], membrane[:, -1], current[:, -1])

    def charge(
        self,
        x: Float[Tensor, "batch time width"],
        state: LiquidState,
        resets: Bool[Tensor, "batch time"] | None,
        times: Float[Tensor, "batch time"] | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """u, the share 1 − a that is forgotten, and the gate, (B, T, D) each."""
        before = torch.cat((state.before.unsqueeze(1), x[:, :-1]), dim=1)
        if resets is not None:
            before = before.masked_fill(resets.unsqueeze(2), 0)
        u, rate, gate = self.project(torch.lerp(x, before, self.shift)).chunk(3, dim=-1)
        rate = rate.to(exact_type(rate)) + self.rate
        if times is None:
            return u, torch.sigmoid(rate), gate
        return u, -torch.expm1(-times.to(rate.dtype).unsqueeze(2) * F.softplus(rate)), gate


class LiquidBlockState(NamedTuple):
    """What a block remembers; the cache is there where it has attention."""

    mixing: LiquidState
    cache: KeysValues | None


class LiquidSpikingState(NamedTuple):
    """Each block's state, and the time of the next position, (B,)."""

    blocks: list[LiquidBlockState]
    position: Tensor


class LiquidBlock(nn.Module):
    """Liquid mixing, attention where it has some, then the gated network, each on a normed copy of the stream."""

    def __init__(self, mixing: LiquidMixing, network: GatedNetwork, attention: Attention | None) -> None:
        super().__init__()
        width = mixing.width
        self.before_mixing = Norm(width)
        self.mixing = mixing
        self.before_attention = Norm(width) if attention is not None else None
        self.attention = attention
        self.before_network = Norm(width)
        self.network = network

    def start(self, batch: int) -> LiquidBlockState:
        """Nothing seen."""
        return LiquidBlockState(
            self.mixing.start(batch), KeysValues() if self.attention is not None else None
        )

    def forward(self, x: Tensor, state: LiquidBlockState, run: Run) -> tuple[Tensor, LiquidBlockState]:
        """The residual stream after it, (B, T, D), and its state."""
        y, mixing = self.mixing(self.before_mixing(x), state.mixing, run.resets, run.times, run.watch)
        x = x + y
        if self.attention is not None and self.before_attention is not None:
            x = x + self.attention(self.before_attention(x), run.turns, run.mask, state.cache)
        x = x + self.network(self.before_network(x))
        return x, LiquidBlockState(mixing, state.cache)


class Run(NamedTuple):
    """What is the same for all blocks."""

    resets: Tensor | None
    times: Tensor | None
    watch: SpikeRates | None
    turns: Tensor | None
    mask: Tensor | None


class LiquidSpiking(Body):
    """A body of liquid membranes, with a state of constant size.

    Args:
        width: D.
        layers: how many blocks.
        hidden: the width within the gated network. None: 8/3·D, rounded up to a multiple of 32.
        spikes: whether membranes are read out as spikes.
        surrogate: whose gradient spikes have, "arctan" or "sigmoid".
        slope: of the surrogate at the threshold.
        attention: every how many blocks one has causal attention, too; 0: none (and then generation costs the same at
            every length).
        heads: of that attention.

    Example:
        >>> import torch
        >>> body = LiquidSpiking(width=32, layers=2)
        >>> state = body.start(1)
        >>> y, state = body.step(torch.randn(1, 32), state)
        >>> y.shape
        torch.Size([1, 32])
    """

    def __init__(
        self,
        width: int,
        layers: int,
        *,
        hidden: int | None = None,
        spikes: bool = True,
        surrogate: Surrogate = "arctan",
        slope: float = 2.0,
        attention: int = 0,
        heads: int = 4,
    ) -> None:
        super().__init__()
        self.width, self.head_width, self.attention = width, width // heads, attention
        hidden = hidden or -(-8 * width // 96) * 32
        scale = (2 * layers) ** -0.5
        self.blocks = nn.ModuleList(
            LiquidBlock(
                LiquidMixing(width, spikes=spikes, surrogate=surrogate, slope=slope, scale=scale),
                GatedNetwork(width, hidden, scale=scale),
                Attention(width, heads, heads, scale=scale)
                if attention and number % attention == attention - 1
                else None,
            )
            for number in range(layers)
        )
        self.norm = Norm(width)
        self._watch: SpikeRates | None = None

    def forward(
        self,
        x: Float[Tensor, "batch time width"],
        documents: Int[Tensor, "batch time"] | None = None,
        times: Float[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, "batch time width"]:
        """The outputs of whole sequences."""
        y, _ = self._run(x, self.start(x.shape[0], cached=False), times, documents)
        return y

    def start(self, batch: int, *, cached: bool = True) -> LiquidSpikingState:
        """Membranes at rest; `cached`: with room for attention's keys and values."""
        states = [block.start(batch) for block in self.blocks]
        if not cached:
            states = [LiquidBlockState(state.mixing, None) for state in states]
        weight = self.norm.weight
        return LiquidSpikingState(states, weight.new_zeros(batch, dtype=times_type(weight.device)))

    def advance(
        self,
        x: Float[Tensor, "batch time width"],
        state: LiquidSpikingState,
        times: Float[Tensor, "batch time"] | None = None,
    ) -> tuple[Float[Tensor, "batch time width"], LiquidSpikingState]:
        """The outputs of the next positions."""
        return self._run(x, state, times, None)

    @contextmanager
    def watch_spikes(self) -> Iterator[SpikeRates]:
        """Measures how often neurons fire in the one run within it, with gradients.

        Example:
            >>> import torch
            >>> body = LiquidSpiking(width=8, layers=1)
            >>> with body.watch_spikes() as rates:
            ...     loss = body(torch.randn(2, 10, 8)).square().mean()
            >>> loss = loss + 0.1 * rates.penalty(target=0.2)
            >>> rates.layers[0].shape
            torch.Size([8])
        """
        if self.checkpointing:
            raise ArgumentError(
                "blocks that are computed twice would be watched twice: set checkpointing to False"
            )
        self._watch = SpikeRates()
        try:
            yield self._watch
        finally:
            self._watch = None

    def _run(
        self, x: Tensor, state: LiquidSpikingState, times: Tensor | None, documents: Tensor | None
    ) -> tuple[Tensor, LiquidSpikingState]:
        turns = mask = None
        position = state.position
        if self.attention:
            kind = times_type(x.device)
            passed = times.to(kind) if times is not None else x.new_ones(x.shape[:2], dtype=kind)
            positions = passed.cumsum(1) - 1 + position.unsqueeze(1)
            turns, mask = rotations(positions, self.head_width, 10_000.0), document_mask(documents)
            position = positions[:, -1] + 1
        run = Run(starts_of(documents), times, self._watch, turns, mask)
        blocks = []
        for block, before in zip(self.blocks, state.blocks, strict=True):
            x, after = self.run_block(block, x, before, run)
            blocks.append(after)
        return self.norm(x), LiquidSpikingState(blocks, position)
