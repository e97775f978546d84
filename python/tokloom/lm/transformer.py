"""`Transformer`: the body of today's small models (pre-norm, rotary positions, gated network, no biases)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

from tokloom.lm.attention import Attention, KeysValues, document_mask
from tokloom.lm.body import Body
from tokloom.lm.layers import GatedNetwork, Norm, times_type
from tokloom.lm.rotary import rotations

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

__all__ = ["Transformer"]


class TransformerState(NamedTuple):
    """Each layer's keys and values, and the position that comes next, (B,)."""

    caches: list[KeysValues]
    position: Tensor


class TransformerBlock(nn.Module):
    """Attention, then the gated network, each on a normed copy of the residual stream."""

    def __init__(
        self,
        width: int,
        hidden: int,
        heads: int,
        key_heads: int,
        *,
        normalised: bool,
        scale: float,
        eps: float,
    ) -> None:
        super().__init__()
        self.before_attention = Norm(width, eps)
        self.attention = Attention(width, heads, key_heads, normalised=normalised, scale=scale)
        self.before_network = Norm(width, eps)
        self.network = GatedNetwork(width, hidden, scale=scale)

    def forward(
        self, x: Tensor, turns: Tensor, mask: Tensor | None = None, cache: KeysValues | None = None
    ) -> Tensor:
        """The residual stream after it, (B, T, D)."""
        x = x + self.attention(self.before_attention(x), turns, mask, cache)
        y: Tensor = x + self.network(self.before_network(x))
        return y


class Transformer(Body):
    """A causal transformer.

    Args:
        width: D.
        layers: how many blocks.
        heads: of queries; D / heads is even.
        key_heads: of keys and values. None: as many as queries.
        hidden: the width within the gated network. None: 8/3·D, rounded up to a multiple of 32.
        qk_norm: whether queries and keys are normed. A Llama of transformers has no such norm.
        rotary_base: of the positions' frequencies.
        eps: what is added within the norms.

    Example:
        >>> import torch
        >>> body = Transformer(width=32, layers=2, heads=4)
        >>> body(torch.randn(1, 5, 32)).shape
        torch.Size([1, 5, 32])
    """

    def __init__(
        self,
        width: int,
        layers: int,
        heads: int,
        *,
        key_heads: int | None = None,
        hidden: int | None = None,
        qk_norm: bool = True,
        rotary_base: float = 10_000.0,
        eps: float = 1e-6,
    ) -> None:
        super().__init__()
        self.width, self.rotary_base, self.head_width = width, rotary_base, width // heads
        hidden = hidden or -(-8 * width // 96) * 32
        scale = (2 * layers) ** -0.5
        self.blocks = nn.ModuleList(
            TransformerBlock(
                width, hidden, heads, key_heads or heads, normalised=qk_norm, scale=scale, eps=eps
            )
            for _ in range(layers)
        )
        self.norm = Norm(width, eps)

    def forward(
        self,
        x: Float[Tensor, "batch time width"],
        documents: Int[Tensor, "batch time"] | None = None,
        times: Float[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, "batch time width"]:
        """The outputs of whole sequences; uneven times make uneven positions."""
        turns = rotations(self.positions(x, times), self.head_width, self.rotary_base)
        mask = document_mask(documents)
        for block in self.blocks:
            x = self.run_block(block, x, turns, mask)
        y: Tensor = self.norm(x)
        return y

    def start(self, batch: int) -> TransformerState:
        """Nothing seen, the next position is 0."""
        weight = self.norm.weight
        position = weight.new_zeros(batch, dtype=times_type(weight.device))
        return TransformerState([KeysValues() for _ in self.blocks], position)

    def advance(
        self,
        x: Float[Tensor, "batch time width"],
        state: TransformerState,
        times: Float[Tensor, "batch time"] | None = None,
    ) -> tuple[Float[Tensor, "batch time width"], TransformerState]:
        """The outputs of the next positions; keys and values of the ones before come from the caches."""
        positions = self.positions(x, times) + state.position.unsqueeze(1)
        turns = rotations(positions, self.head_width, self.rotary_base)
        for block, cache in zip(self.blocks, state.caches, strict=True):
            x = block(x, turns, None, cache)
        return self.norm(x), TransformerState(state.caches, positions[:, -1] + 1)

    def positions(
        self, x: Float[Tensor, "batch time width"], times: Float[Tensor, "batch time"] | None
    ) -> Float[Tensor, "batch time"]:
        """0, 1, 2, … for even times, one row for all; only differences matter."""
        if times is not None:
            return times.to(times_type(x.device)).cumsum(1) - 1
        return torch.arange(x.shape[1], dtype=times_type(x.device), device=x.device).unsqueeze(0)
