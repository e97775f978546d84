"""Causal attention with rotary positions, grouped queries and norms on queries and keys, and its cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import nn

from tokloom.errors import ArgumentError
from tokloom.lm.layers import projection
from tokloom.lm.rotary import turned

if TYPE_CHECKING:
    from jaxtyping import Bool, Complex, Float, Int
    from torch import Tensor

__all__ = ["Attention", "KeysValues", "document_mask"]


def document_mask(documents: Int[Tensor, "batch time"] | None) -> Bool[Tensor, "batch 1 time time"] | None:
    """Who may be looked at: what isn't later, within the document. None: only the first of these matters."""
    if documents is None:
        return None
    time = documents.shape[1]
    earlier = torch.ones(time, time, dtype=torch.bool, device=documents.device).tril()
    return ((documents.unsqueeze(2) == documents.unsqueeze(1)) & earlier).unsqueeze(1)


class KeysValues:
    """The keys and values of a layer so far, in memory that doubles when it is full."""

    def __init__(self) -> None:
        self.length = 0
        self.held: Tensor | None = None

    def add(
        self, new: Float[Tensor, "two batch heads time head"]
    ) -> Float[Tensor, "two batch heads all head"]:
        """Keeps keys and values of further positions, and gives all there are."""
        end = self.length + new.shape[3]
        if self.held is None or end > self.held.shape[3]:
            grown = new.new_empty((*new.shape[:3], max(64, 2 * end), new.shape[4]))
            if self.held is not None:
                grown[:, :, :, : self.length] = self.held[:, :, :, : self.length]
            self.held = grown
        self.held[:, :, :, self.length : end] = new
        self.length = end
        return self.held[:, :, :, :end]


class Attention(nn.Module):
    """Attention over what isn't later.

    Args:
        width: D.
        heads: of queries.
        key_heads: of keys and values, each shared by heads / key_heads queries.
        normalised: whether queries and keys are brought to one length, times a learned sharpness for each frequency
            (arXiv:2010.04245).
        scale: of what is added to the residual stream at the start.
    """

    def __init__(
        self, width: int, heads: int, key_heads: int, *, normalised: bool = True, scale: float = 1.0
    ) -> None:
        super().__init__()
        if width % (2 * heads) or heads % key_heads:
            raise ArgumentError(
                f"width {width}, {heads} heads and {key_heads} heads of keys don't fit: a head's width is even and "
                "the same for all, and heads are a multiple of the heads of keys"
            )
        self.heads, self.key_heads, self.head_width = heads, key_heads, width // heads
        self.project = projection(width, (heads + 2 * key_heads) * self.head_width)
        self.out = projection(width, width, scale=scale)
        # By more than 1, or attention over narrow heads could hardly be sharp; nanochat has 1.2 for both, too.
        self.sharpness = nn.Parameter(torch.full((self.head_width // 2,), 1.2)) if normalised else None

    def forward(
        self,
        x: Float[Tensor, "batch time width"],
        turns: Complex[Tensor, "batch time 1 pairs"],
        mask: Bool[Tensor, "batch 1 time time"] | None = None,
        cache: KeysValues | None = None,
    ) -> Float[Tensor, "batch time width"]:
        """What is added to the residual stream.

        Args:
            x: (B, T, D).
            turns: `rotations` of the positions.
            mask: what may be looked at; None: all that isn't later.
            cache: keys and values of the positions before, to which these are added.
        """
        batch, time, _ = x.shape
        heads = self.project(x).unflatten(-1, (self.heads + 2 * self.key_heads, self.head_width))
        both, values = heads.split((self.heads + self.key_heads, self.key_heads), dim=2)
        both = turned(both, turns, self.sharpness).to(values.dtype).transpose(1, 2)
        queries, keys = both.split((self.heads, self.key_heads), dim=1)
        values = values.transpose(1, 2)
        causal = mask is None and time > 1
        if cache is not None:
            before = cache.length
            keys, values = cache.add(torch.stack((keys, values))).unbind(0)
            if causal and before:
                mask = torch.ones(time, before + time, dtype=torch.bool, device=x.device).tril(before)
                causal = False
        if self.key_heads != self.heads:
            keys, values = self.spread(keys), self.spread(values)
        y = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, is_causal=causal)
        out: Tensor = self.out(y.transpose(1, 2).reshape(batch, time, -1))
        return out

    def spread(
        self, heads: Float[Tensor, "batch key_heads time head"]
    ) -> Float[Tensor, "batch heads time head"]:
        """Each head of keys or values, as often as queries share it."""
        shared = self.heads // self.key_heads
        return heads.unsqueeze(2).expand(-1, -1, shared, -1, -1).flatten(1, 2)
