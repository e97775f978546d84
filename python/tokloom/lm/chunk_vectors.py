"""`ChunkVectors`: a vector for a chunk of bytes in, a head over the next chunk's bytes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import torch

from tokloom.errors import ArgumentError
from tokloom.lm.byte_decoder import ByteDecoder, ChainedBytes, SeparateBytes
from tokloom.lm.choice import Choice
from tokloom.lm.composed_embedding import ByteRows
from tokloom.lm.interface import Head, Input
from tokloom.lm.layers import projection

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

__all__ = ["ChunkVectors"]


class ChunkVectors(Input, Head):
    """Chunks of bytes: each is (length,) symbols, 256 where it has ended.

    Args:
        width: D.
        length: bytes to a chunk, at most.
        encoder: symbols (B, T, length) → vectors (B, T, vector_width), as tokun's; it is a part of the model, and
            freezing it is the caller's choice. None: a row for each (place, symbol), through a small network.
        vector_width: of the encoder's vectors.
        head: "chained": byte after byte; "separate": each byte given h alone.
        hidden: the size of the chained head's state.

    Example:
        >>> import torch
        >>> interface = ChunkVectors(width=16, length=4)
        >>> chunks = torch.tensor([[[97, 98, 99, 100], [101, 256, 256, 256]]])
        >>> interface.embed(chunks).shape, interface.nll(torch.zeros(1, 2, 16), chunks).shape
        (torch.Size([1, 2, 16]), torch.Size([1, 2]))
    """

    def __init__(
        self,
        width: int,
        length: int,
        *,
        encoder: Callable[[Tensor], Tensor] | None = None,
        vector_width: int | None = None,
        head: Literal["chained", "separate"] = "chained",
        hidden: int = 128,
    ) -> None:
        super().__init__()
        if head not in {"chained", "separate"}:
            raise ArgumentError(f'head is {head!r}; there are "chained" and "separate"')
        if (encoder is None) != (vector_width is None):
            raise ArgumentError("an encoder and the width of its vectors go together")
        self.width, self.length = width, length
        self.encoder = encoder
        self.read = ByteRows(width, length) if vector_width is None else projection(vector_width, width)
        self.decoder: ByteDecoder = (
            ChainedBytes(width, length, hidden=hidden) if head == "chained" else SeparateBytes(width, length)
        )

    def embed(self, units: Int[Tensor, "batch time length"]) -> Float[Tensor, "batch time width"]:
        """The chunks' vectors."""
        if self.encoder is not None:
            x: Tensor = self.read(self.encoder(units))
        else:
            x = self.read(units.flatten(0, 1)).view(*units.shape[:2], -1)
        return x

    def nll(
        self, hidden: Float[Tensor, "batch time width"], units: Int[Tensor, "batch time length"]
    ) -> Float[Tensor, "batch time"]:
        """Nats of whole chunks."""
        return self.decoder.nll(hidden.flatten(0, 1), units.flatten(0, 1)).view(units.shape[:2])

    def sample(
        self,
        hidden: Float[Tensor, "batch width"],
        choice: Choice = Choice(),  # noqa: B008 (it is frozen)
        generator: torch.Generator | None = None,
    ) -> Int[Tensor, "batch length"]:
        """A chunk for each vector."""
        return self.decoder.sample(hidden, choice, generator)
