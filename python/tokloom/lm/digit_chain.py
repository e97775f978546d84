"""Units of one kind as a chain of small softmaxes: each digit given those before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import nn

from tokloom.lm.choice import Choice
from tokloom.lm.digits import DigitTree, Kind

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["DigitChain"]


class DigitChain(nn.Module):
    """Π p(digit_d | digits_<d, h) over the strings of a kind that exist: what doesn't isn't given any probability.

    The first place is a linear softmax. Later ones see W·h plus a row for each digit so far, through a gelu.

    Args:
        kind: the units.
        width: D.
        fixed: a fixed vector for each of the kind's units, (n, k): first digits then score by their units' mean
            vectors, too, and the last digit by the vectors alone. None: by trained rows.
    """

    def __init__(self, kind: Kind, width: int, fixed: Float[Tensor, "units fixed"] | None = None) -> None:
        super().__init__()
        tree = DigitTree(kind)
        self.places = len(kind.levels)
        self.register_buffer("digits", torch.from_numpy(kind.digits.astype("int64")))
        for place in range(self.places):
            self.register_buffer(f"children{place}", torch.from_numpy(tree.children[place]))
            self.register_buffer(f"nodes{place}", torch.from_numpy(tree.nodes[place]))
        self.whole = [bool((table != -1).all()) for table in tree.children]
        self.first = nn.Linear(width, kind.levels[0])
        nn.init.normal_(self.first.weight, std=0.1 * width**-0.5)
        nn.init.zeros_(self.first.bias)
        self.read = nn.ModuleList(nn.Embedding(level, width) for level in kind.levels[:-1])
        for table in self.read:
            nn.init.normal_(table.weight, std=0.5)
        self.register_buffer("fixed", fixed)
        outputs = list(kind.levels[1:])
        if fixed is not None and outputs:
            outputs[-1] = fixed.shape[1]
        self.write = nn.ModuleList(nn.Linear(width, output) for output in outputs)
        if fixed is not None:
            counts = np.bincount(kind.digits[:, 0], minlength=kind.levels[0]).clip(min=1)
            sums = np.zeros((kind.levels[0], fixed.shape[1]), np.float32)
            np.add.at(sums, kind.digits[:, 0], fixed.numpy())
            self.register_buffer("means", torch.from_numpy((sums / counts[:, None]).astype(np.float32)))
            self.means_in = nn.Linear(fixed.shape[1], width, bias=False)
            self.favour = nn.Parameter(torch.zeros(len(fixed)))

    def nll(
        self,
        hidden: Float[Tensor, "rows width"],
        turned: Float[Tensor, "rows width"],
        units: Tensor,
    ) -> Tensor:
        """Nats of the kind's units, by their places in it.

        Args:
            hidden: h.
            turned: W·h.
            units: 0 to n − 1.
        """
        digits = self.digits[units]
        nats = -self._chances(0, self._first_scores(hidden), None).gather(1, digits[:, :1]).squeeze(1)
        seen = turned
        rows = None  # all of them
        for place in range(1, self.places):
            seen = seen + self.read[place - 1](digits[:, place - 1])
            nodes = self._table("nodes", place)[units]
            goes_on = nodes >= 0
            if not bool(goes_on.all()):
                keep = goes_on.nonzero().squeeze(1)
                rows = keep if rows is None else rows[keep]
                seen, units, digits, nodes = seen[keep], units[keep], digits[keep], nodes[keep]
            if not len(units):
                break
            chances = self._chances(place, self._scores(place, seen, nodes), nodes)
            part = -chances.gather(1, digits[:, place : place + 1]).squeeze(1)
            nats = nats + part if rows is None else nats.index_add(0, rows, part)
        return nats

    def sample(
        self,
        hidden: Float[Tensor, "rows width"],
        turned: Float[Tensor, "rows width"],
        choice: Choice,
        generator: torch.Generator | None,
    ) -> Tensor:
        """Units by their places in the kind, each digit drawn by the choice."""
        found = torch.full((len(hidden),), -1, dtype=torch.int64, device=hidden.device)
        rows = torch.arange(len(hidden), device=hidden.device)
        nodes, seen, scores = torch.zeros_like(rows), turned, self._first_scores(hidden)
        for place in range(self.places):
            if place:
                scores = self._scores(place, seen, nodes)
            digit = choice.draw(self._chances(place, scores, nodes), generator)
            below = self._table("children", place)[nodes, digit]
            whole = below <= -2
            found[rows[whole]] = -2 - below[whole]
            rows, nodes, digit, seen = rows[~whole], below[~whole], digit[~whole], seen[~whole]
            if not len(rows):
                break
            seen = seen + self.read[place](digit)
        return found

    def _table(self, name: str, place: int) -> Tensor:
        table: Tensor = getattr(self, f"{name}{place}")
        return table

    def _first_scores(self, hidden: Tensor) -> Tensor:
        weight = self.first.weight
        if self.fixed is not None:
            weight = weight + self.means_in(self.means)
        return F.linear(hidden, weight, self.first.bias)

    def _scores(self, place: int, seen: Tensor, nodes: Tensor) -> Tensor:
        query = self.write[place - 1](F.gelu(seen))
        if self.fixed is None or place < self.places - 1:
            scores: Tensor = query
            return scores
        members = (-2 - self._table("children", place)[nodes]).clamp(min=0)
        products: Tensor = torch.einsum("rk,rlk->rl", query, self.fixed[members]) + self.favour[members]
        return products

    def _chances(self, place: int, scores: Tensor, nodes: Tensor | None) -> Tensor:
        """Logarithms over the digits that lead to a unit."""
        scores = scores.float()
        if not self.whole[place]:
            table = self._table("children", place)
            there = table[:1] if nodes is None else table[nodes]
            scores = scores.masked_fill(there == -1, -torch.inf)
        chances: Tensor = scores.log_softmax(dim=-1)
        return chances
