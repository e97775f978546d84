"""How the next unit is drawn from its probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from tokloom.errors import ArgumentError

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["Choice"]


@dataclass(frozen=True)
class Choice:
    """How the next unit is drawn. A head that says a unit in parts (digits, bytes) draws each part in this way.

    Attributes:
        temperature: by which scores are divided; 0 takes the likeliest.
        top_k: only that many of the likeliest. None: all.
        top_p: only the likeliest that together have this probability, 0 to 1. None: all.

    Example:
        >>> import torch
        >>> Choice(temperature=0).draw(torch.tensor([[1.0, 3.0, 2.0]]))
        tensor([1])
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        if not self.temperature >= 0:
            raise ArgumentError(f"temperature is {self.temperature}; it is 0 or more")
        if self.top_k is not None and self.top_k < 1:
            raise ArgumentError(f"top_k is {self.top_k}; at least one unit must be left")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ArgumentError(f"top_p is {self.top_p}; it is above 0 and at most 1")

    def draw(self, scores: Float[Tensor, "rows units"], generator: torch.Generator | None = None) -> Tensor:
        """A unit for each row of scores; −inf is never drawn.

        Args:
            scores: logarithms of probabilities, up to a constant in each row.
            generator: where chance comes from. None: torch's own.
        """
        if self.temperature == 0:
            best: Tensor = scores.argmax(dim=-1)
            return best
        scores = scores.float() / self.temperature
        if self.top_k is not None and self.top_k < scores.shape[-1]:
            least = scores.topk(self.top_k, dim=-1).values[:, -1:]
            scores = scores.masked_fill(scores < least, -torch.inf)
        if self.top_p is not None:
            ordered, places = scores.sort(dim=-1, descending=True)
            chances = ordered.softmax(dim=-1)
            beyond = chances.cumsum(dim=-1) - chances >= self.top_p
            scores = scores.masked_fill(beyond.gather(-1, places.argsort(dim=-1)), -torch.inf)
        drawn: Tensor = torch.multinomial(scores.softmax(dim=-1), 1, generator=generator).squeeze(-1)
        return drawn
