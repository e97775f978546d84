"""`ComposedEmbedding`: a unit's row is made from its bytes, so that words which look alike share what is learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from numpy.typing import NDArray
from torch import nn

from tokloom.errors import ArgumentError
from tokloom.lm.byte_decoder import END, ChainedBytes
from tokloom.lm.choice import Choice
from tokloom.lm.cross_entropy import SLICE_BYTES, linear_cross_entropy
from tokloom.lm.interface import Head, Input
from tokloom.lm.layers import projection

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

__all__ = ["ByteRows", "ComposedEmbedding", "spelled"]


def spelled(tokens: Sequence[bytes | None], longest: int = 16) -> NDArray[np.int32]:
    """Units as symbols, (V, longest): their bytes, then 256s.

    A unit without bytes (None), one of more than `longest`, and one whose bytes another has already is a name: symbol
    257 + s first, s = 0, 1, 2, ….

    Example:
        >>> spelled([b"a", b"ab", None], longest=2).tolist()
        [[97, 256], [97, 98], [257, 256]]
    """
    symbols = np.full((len(tokens), longest), END, np.int32)
    names, taken = 0, set[bytes]()
    for unit, token in enumerate(tokens):
        if token is None or len(token) > longest or token in taken or not token:
            symbols[unit, 0] = END + 1 + names
            names += 1
        else:
            taken.add(token)
            symbols[unit, : len(token)] = np.frombuffer(token, np.uint8)
    return symbols


class ByteRows(nn.Module):
    """Strings of symbols as vectors: a row for each (place, symbol), summed, through a small network.

    Args:
        width: D.
        length: the most symbols.
        hidden: of the network. None: 2·D.
        named: how many symbols above 256 may stand first.
    """

    def __init__(self, width: int, length: int, *, hidden: int | None = None, named: int = 0) -> None:
        super().__init__()
        self.length, self.named = length, named
        hidden = hidden or 2 * width
        self.places = nn.Parameter(torch.randn((END + 1) * length + named, hidden) * (2 / length) ** 0.5)
        self.up, self.out = projection(hidden, hidden), projection(hidden, width)
        self.skip = projection(hidden, width)

    def forward(self, symbols: Int[Tensor, "rows length"]) -> Float[Tensor, "rows width"]:
        """A vector for each string."""
        places = (END + 1) * torch.arange(symbols.shape[1], device=symbols.device)
        features = symbols + places
        names = symbols > END
        features = torch.where(names, (END + 1) * self.length + symbols - END - 1, features)
        x = F.embedding_bag(features, self.places, mode="sum")
        y: Tensor = self.skip(x) + self.out(F.gelu(self.up(x)))
        return y


class ComposedEmbedding(Input, Head):
    """Rows made from the units' bytes; for inference they are computed once and kept.

    Args:
        symbols: the units as `spelled` has them, (V, length).
        width: D.
        head: "rows": a softmax over the same rows; "bytes": byte after byte, which can also say words that no
            vocabulary has: then what is sampled, and what may be read and scored beside units, are symbols. None: it
            is an input alone.
        hidden: within the network that makes rows. None: 2·D.
        slice_bytes: how many bytes of scores the loss holds at once.

    Example:
        >>> import torch
        >>> interface = ComposedEmbedding(spelled([b"a", b"ab", b"abc"], longest=4), width=16, head="bytes")
        >>> interface.embed(torch.tensor([[0, 2]])).shape
        torch.Size([1, 2, 16])
        >>> interface.embed(torch.tensor([[[120, 121, 256, 256]]])).shape  # a word of no vocabulary
        torch.Size([1, 1, 16])
    """

    def __init__(
        self,
        symbols: NDArray[np.int32],
        width: int,
        *,
        head: Literal["rows", "bytes"] | None = "rows",
        hidden: int | None = None,
        slice_bytes: int = SLICE_BYTES,
    ) -> None:
        super().__init__()
        if head not in {"rows", "bytes", None}:
            raise ArgumentError(f'head is {head!r}; there are "rows", "bytes" and None')
        if symbols.ndim != 2 or symbols.size == 0:
            raise ArgumentError(f"symbols of shape {symbols.shape}: a row of symbols for each unit is needed")
        self.width, self.slice_bytes = width, slice_bytes
        named = max(0, int(symbols[:, 0].max()) - END)
        self.register_buffer("symbols", torch.from_numpy(symbols.astype(np.int64)))
        self.make = ByteRows(width, symbols.shape[1], hidden=hidden, named=named)
        self.turn = projection(width, width, scale=0.1 * width**-0.5) if head == "rows" else None
        self.decoder = ChainedBytes(width, symbols.shape[1], named=named) if head == "bytes" else None
        self._kept: tuple[tuple[int, ...], Tensor] | None = None

    def rows(self) -> Float[Tensor, "units width"]:
        """The row of every unit."""
        if torch.is_grad_enabled():
            made: Tensor = self.make(self.symbols)
            return made
        # Kept as long as no weight changes, or is replaced.
        weights = tuple(
            number for weight in self.make.parameters() for number in (weight.data_ptr(), weight._version)
        )
        if self._kept is None or self._kept[0] != weights:
            self._kept = weights, self.make(self.symbols)
        return self._kept[1]

    def embed(self, units: Int[Tensor, "batch time ..."]) -> Float[Tensor, "batch time width"]:
        """The rows of units (B, T), or of symbols (B, T, length)."""
        if units.ndim == 3:
            made: Tensor = self.make(units.flatten(0, 1)).view(*units.shape[:2], -1)
            return made
        if not torch.is_grad_enabled():
            return F.embedding(units, self.rows())
        # Only those that occur.
        which, places = units.unique(return_inverse=True)
        return F.embedding(places, self.make(self.symbols[which]))

    def nll(
        self, hidden: Float[Tensor, "batch time width"], units: Int[Tensor, "batch time ..."]
    ) -> Float[Tensor, "batch time"]:
        """Nats of units (B, T); with a head of bytes also of symbols (B, T, length)."""
        vectors = hidden.flatten(0, 1)
        if self.decoder is not None:
            symbols = units.flatten(0, 1) if units.ndim == 3 else self.symbols[units.flatten()]
            return self.decoder.nll(vectors, symbols).view(units.shape[:2])
        nats = linear_cross_entropy(
            self._query(vectors), self.rows(), units.flatten(), slice_bytes=self.slice_bytes
        )
        return nats.view(units.shape)

    def _query(self, vectors: Tensor) -> Tensor:
        if self.turn is None:
            raise ArgumentError("these rows were made without a head")
        query: Tensor = self.turn(vectors)
        return query

    def sample(
        self,
        hidden: Float[Tensor, "batch width"],
        choice: Choice = Choice(),  # noqa: B008 (it is frozen)
        generator: torch.Generator | None = None,
    ) -> Int[Tensor, "batch ..."]:
        """A unit for each vector; with a head of bytes its symbols, (B, length)."""
        if self.decoder is not None:
            return self.decoder.sample(hidden, choice, generator)
        return choice.draw(self.allowed(self._query(hidden) @ self.rows().T), generator)
