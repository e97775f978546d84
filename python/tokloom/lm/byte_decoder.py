"""Heads over a few bytes at once: one after another, or each for itself. Both say exactly one string of them."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import nn

from tokloom.errors import ArgumentError
from tokloom.lm.choice import Choice
from tokloom.lm.interface import in_slices
from tokloom.lm.layers import projection

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

__all__ = ["END", "ByteDecoder", "ChainedBytes", "SeparateBytes"]

END = 256
"""The symbol for "it has ended before this place"; after it there are only such."""


class ByteDecoder(nn.Module):
    """p(string | h) over all strings of at most `length` bytes; symbols above 256 are whole units of their own.

    Args:
        width: D.
        length: the most bytes.
        named: how many units there are that aren't strings; symbol 257 + s in the first place is unit s.
        rows: how many strings are computed at a time; more aren't kept for the backward direction.
    """

    def __init__(self, width: int, length: int, *, named: int = 0, rows: int = 4_096) -> None:
        super().__init__()
        if length < 1:
            raise ArgumentError(f"strings of {length} bytes say nothing")
        self.width, self.length, self.named, self.rows = width, length, named, rows

    @abstractmethod
    def scores(
        self, hidden: Float[Tensor, "rows width"], symbols: Int[Tensor, "rows length"]
    ) -> Float[Tensor, "rows length symbols"]:
        """A score for each symbol in each place, given the symbols before it."""

    def nll(self, hidden: Float[Tensor, "rows width"], symbols: Int[Tensor, "rows length"]) -> Tensor:
        """Nats of whole strings: of their bytes, and of the end where it isn't due."""
        return in_slices(self._nats, hidden, symbols, at_most=self.rows)

    def _nats(self, hidden: Tensor, symbols: Tensor) -> Tensor:
        # What all strings have ended before costs nothing, and isn't computed.
        longest = min(self.length, 1 + int((symbols < END).sum(dim=1).max()))
        symbols = symbols[:, :longest]
        scores = self.scores(hidden, symbols).float()
        if self.named and longest > 1:
            scores = torch.cat((scores[:, :1], _without_names(scores[:, 1:])), dim=1)
        nats = -scores.log_softmax(dim=-1).gather(2, symbols.unsqueeze(2)).squeeze(2)
        due = torch.ones_like(symbols, dtype=torch.bool)
        due[:, 1:] = symbols[:, :-1] < END
        summed: Tensor = torch.where(due, nats, 0).sum(dim=1)
        return summed

    def sample(
        self, hidden: Float[Tensor, "rows width"], choice: Choice, generator: torch.Generator | None
    ) -> Int[Tensor, "rows length"]:
        """Strings, each symbol drawn by the choice."""
        symbols = torch.full((len(hidden), self.length), END, dtype=torch.int64, device=hidden.device)
        goes_on = torch.ones(len(hidden), dtype=torch.bool, device=hidden.device)
        for place in range(self.length):
            scores = self.scores(hidden, symbols[:, : place + 1])[:, place].float()
            if place:
                scores = _without_names(scores)
            symbols[goes_on, place] = choice.draw(scores[goes_on], generator)
            goes_on &= symbols[:, place] < END
            if not bool(goes_on.any()):
                break
        return symbols


def _without_names(scores: Tensor) -> Tensor:
    """Scores with which nothing but a byte or the end is said."""
    masked = scores.clone()
    masked[..., END + 1 :] = -torch.inf
    return masked


class ChainedBytes(ByteDecoder):
    """Byte after byte by a small recurrent network (GRU) that starts from h: the strong one.

    Args:
        width: D.
        length: the most bytes.
        hidden: the size of the recurrent state.
        named: how many units there are that aren't strings.

    Example:
        >>> import torch
        >>> head = ChainedBytes(width=16, length=4, hidden=8)
        >>> head.nll(torch.zeros(1, 16), torch.tensor([[97, 98, 256, 256]])).shape
        torch.Size([1])
    """

    def __init__(self, width: int, length: int, *, hidden: int = 128, named: int = 0) -> None:
        super().__init__(width, length, named=named)
        self.begin = projection(width, hidden)
        self.context = projection(width, hidden)
        self.read = nn.Embedding(END + 2, hidden)  # the last row: nothing yet
        nn.init.normal_(self.read.weight, std=0.5)
        self.chain = nn.GRU(hidden, hidden, batch_first=True)
        self.write = nn.Linear(hidden, END + 1 + named)
        nn.init.zeros_(self.write.bias)

    def scores(
        self, hidden: Float[Tensor, "rows width"], symbols: Int[Tensor, "rows length"]
    ) -> Float[Tensor, "rows length symbols"]:
        """The scores of each place, given the symbols before it; the last symbol isn't looked at."""
        before = torch.cat((symbols.new_full((len(symbols), 1), END + 1), symbols[:, :-1]), dim=1).clamp(
            max=END + 1
        )
        inputs = self.read(before) + self.context(hidden).unsqueeze(1)
        begin = torch.tanh(self.begin(hidden)).unsqueeze(0)
        scores: Tensor = self.write(self.chain(inputs, begin.to(inputs.dtype))[0])
        return scores


class SeparateBytes(ByteDecoder):
    """Each place by itself, given h: fast and weak, since it doesn't know which bytes it has said before.

    Args:
        width: D.
        length: the most bytes.
        named: how many units there are that aren't strings.
    """

    def __init__(self, width: int, length: int, *, named: int = 0) -> None:
        super().__init__(width, length, named=named)
        self.write = nn.Linear(width, length * (END + 1 + named))
        nn.init.normal_(self.write.weight, std=0.1 * width**-0.5)
        nn.init.zeros_(self.write.bias)

    def scores(
        self, hidden: Float[Tensor, "rows width"], symbols: Int[Tensor, "rows length"]
    ) -> Float[Tensor, "rows length symbols"]:
        """The scores of each place, whatever the symbols."""
        scores: Tensor = self.write(hidden).unflatten(1, (self.length, -1))[:, : symbols.shape[1]]
        return scores
