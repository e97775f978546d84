"""The auto-encoder in PyTorch: blocks of merge, dense and norm, mirrored; at the end a softmax over each byte.

The norm is a BatchNorm and the activation a rectifier, where tokun's author has LayerNorm and GELU: both fold into
integers, so that what was trained runs without PyTorch, to the same vectors everywhere (`export.py`).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (PyTorch's own habit)

from tokloom.errors import ArgumentError
from tokloom.learned.tokun.shape import BYTES, PLANES, Shape

if TYPE_CHECKING:
    from jaxtyping import Float, Int

__all__ = ["Autoencoder", "Block", "Decoder", "Encoder"]


class Block(nn.Module):
    """Dense, norm, rectifier."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, outputs)
        self.norm = nn.BatchNorm1d(outputs)

    def forward(self, given: Float[Tensor, "rows inputs"]) -> Float[Tensor, "rows outputs"]:
        """Activations, 0 or more."""
        normed: Tensor = self.norm(self.dense(given))
        return F.relu(normed)


class Merged(nn.Module):
    """The first block: a table row for each place and byte, added. It is a dense layer on one-hot bytes."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.widths[0]
        self.table = nn.Parameter(torch.randn(shape.positions, 256, width) * 0.05)
        self.norm = nn.BatchNorm1d(width)

    def forward(self, symbols: Int[Tensor, "rows positions"]) -> Float[Tensor, "rows width"]:
        """Activations of each unit."""
        summed = torch.stack(
            [F.embedding(symbols[:, place], row) for place, row in enumerate(self.table)]
        ).sum(0)
        normed: Tensor = self.norm(summed)
        return F.relu(normed)


class Attention(nn.Module):
    """Self-attention among the units of a chunk, non-causal, added to them. It doesn't fold into integers."""

    def __init__(self, units: int, width: int) -> None:
        super().__init__()
        self.units = units
        self.places = nn.Parameter(torch.randn(units, width) * 0.02)
        self.asks = nn.Linear(width, 3 * width)
        self.gives = nn.Linear(width, width)
        nn.init.zeros_(self.gives.weight)
        nn.init.zeros_(self.gives.bias)

    def forward(self, given: Float[Tensor, "rows width"]) -> Float[Tensor, "rows width"]:
        """The same shape."""
        rows = rearrange(given, "(chunk unit) width -> chunk unit width", unit=self.units)
        query, key, value = self.asks(rows + self.places).chunk(3, dim=-1)
        heard = self.gives(F.scaled_dot_product_attention(query, key, value))
        return F.relu(rearrange(rows + heard, "chunk unit width -> (chunk unit) width"))


class Encoder(nn.Module):
    """Bytes of chunks → vectors, each number of which has mean 0 and deviation 1 over the training text."""

    def __init__(self, shape: Shape, *, attention: bool = False) -> None:
        super().__init__()
        self.shape = shape
        self.merged = Merged(shape)
        self.attention = Attention(shape.rows, shape.widths[0]) if attention else None
        self.blocks = nn.ModuleList(
            Block(group * before, after)
            for group, (before, after) in zip(shape.groups[1:-1], pairwise(shape.widths), strict=True)
        )
        last = shape.groups[-1] if len(shape.groups) > 1 else 1
        self.last = nn.Linear(last * shape.widths[-1], shape.vector)
        self.norm = nn.BatchNorm1d(shape.vector, affine=False)

    def forward(self, symbols: Int[Tensor, "chunks characters 3"]) -> Float[Tensor, "chunks vector"]:
        """Vectors, in float32."""
        chunks = len(symbols)
        hidden = self.merged(symbols.reshape(chunks * self.shape.rows, self.shape.positions))
        if self.attention is not None:
            hidden = self.attention(hidden)
        for group, block in zip(self.shape.groups[1:-1], self.blocks, strict=True):
            hidden = block(hidden.reshape(len(hidden) // group, -1))
        vectors: Tensor = self.norm(self.last(hidden.reshape(chunks, -1)).float())
        return vectors


class Decoder(nn.Module):
    """Vectors → scores of each byte of each character."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        last = shape.groups[-1] if len(shape.groups) > 1 else 1
        blocks = [Block(shape.vector, last * shape.widths[-1])]
        inner = zip(shape.groups[-2:0:-1], pairwise(shape.widths[::-1]), strict=True)
        blocks += [Block(before, group * after) for group, (before, after) in inner]
        self.blocks = nn.ModuleList(blocks)
        self.factors = [last, *shape.groups[-2:0:-1]]
        self.head = nn.Linear(shape.widths[0], shape.units[0] * shape.logits)

    def forward(self, vectors: Float[Tensor, "chunks vector"]) -> Float[Tensor, "characters logits"]:
        """Scores: of 18 planes, of 256 high bytes, of 256 low bytes."""
        hidden = vectors
        for factor, block in zip(self.factors, self.blocks, strict=True):
            hidden = block(hidden)
            hidden = hidden.reshape(len(hidden) * factor, -1)
        scores: Tensor = self.head(hidden)
        return scores.reshape(-1, self.shape.logits)


class Autoencoder(nn.Module):
    """Encoder and decoder.

    Args:
        shape: what the blocks merge.
        attention: whether the units of a chunk attend to each other before they are merged. For comparison: such a
            model trains and is measured, but isn't saved, since nothing runs it without PyTorch.

    Raises:
        ArgumentError: attention in a chunk of one unit.

    Example:
        >>> model = Autoencoder(Shape((4, 4), vector=32, character=48))
        >>> symbols = torch.zeros(8, 4, 3, dtype=torch.long)
        >>> model.encoder(symbols).shape, model(symbols).shape
        (torch.Size([8, 32]), torch.Size([32, 530]))
    """

    def __init__(self, shape: Shape, *, attention: bool = False) -> None:
        super().__init__()
        if attention and shape.rows < 2:
            raise ArgumentError(
                f"{list(shape.groups)} has one unit to a chunk: there is nothing to attend to"
            )
        self.shape = shape
        self.encoder = Encoder(shape, attention=attention)
        self.decoder = Decoder(shape)

    def forward(self, symbols: Int[Tensor, "chunks characters 3"]) -> Float[Tensor, "characters logits"]:
        """Scores of the bytes that went in."""
        scores: Tensor = self.decoder(self.encoder(symbols))
        return scores

    @staticmethod
    def nats(scores: Float[Tensor, "characters logits"], symbols: Int[Tensor, "characters 3"]) -> Tensor:
        """Negative log-likelihood of each character: the sum over its three bytes, shape (characters,)."""
        parts = scores.float().split([PLANES, 256, 256], dim=1)
        return torch.stack(
            [F.cross_entropy(parts[place], symbols[:, place], reduction="none") for place in range(BYTES)]
        ).sum(0)

    @staticmethod
    def guesses(scores: Float[Tensor, "characters logits"]) -> Int[Tensor, "characters 3"]:
        """The likeliest byte in each place."""
        return torch.stack([part.argmax(1) for part in scores.split([PLANES, 256, 256], dim=1)], dim=1)
