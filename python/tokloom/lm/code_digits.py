"""`CodeDigits`: units read and predicted by their digits, so that cost and parameters don't grow with the vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import nn

from tokloom.errors import ArgumentError
from tokloom.lm.choice import Choice
from tokloom.lm.digit_chain import DigitChain
from tokloom.lm.digits import Kind
from tokloom.lm.interface import Head, Input, in_slices
from tokloom.lm.layers import Norm, projection

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

__all__ = ["CodeDigits", "CodeDigitsHead", "CodeDigitsInput"]

_ROWS = 8_192


def _places(kinds: Sequence[Kind]) -> tuple[Tensor, Tensor]:
    """For each unit the number of its kind, and its place in it."""
    ids = np.concatenate([kind.ids for kind in kinds])
    if not np.array_equal(np.sort(ids), np.arange(len(ids))):
        raise ArgumentError(f"the kinds must hold each of the units 0 to {len(ids) - 1} once")
    kind_of, place_of = np.empty(len(ids), np.int64), np.empty(len(ids), np.int64)
    for number, kind in enumerate(kinds):
        kind_of[kind.ids], place_of[kind.ids] = number, np.arange(len(kind.ids))
    return torch.from_numpy(kind_of), torch.from_numpy(place_of)


class CodeDigitsInput(Input):
    """A unit's vector as the sum of its digits' rows, then that plus a small network of it.

    Args:
        kinds: the units; `kinds_of` makes them.
        width: D.
        fixed: a fixed vector for each unit, (V, k), which is projected and added. None: none.

    Example:
        >>> import numpy as np, torch
        >>> from tokloom.lm.digits import kinds_of
        >>> digits = np.stack(np.divmod(np.arange(64), 8), axis=1).astype(np.int32)
        >>> CodeDigitsInput(kinds_of(digits, (8, 8)), width=16).embed(torch.tensor([[3, 63]])).shape
        torch.Size([1, 2, 16])
    """

    def __init__(
        self, kinds: Sequence[Kind], width: int, fixed: Float[Tensor, "units fixed"] | None = None
    ) -> None:
        super().__init__()
        self.width = width
        _places(kinds)
        count = sum(len(kind.ids) for kind in kinds)
        features = np.zeros((count, max(len(kind.levels) for kind in kinds)), np.int32)
        end = 1  # row 0 is where there is no digit
        for kind in kinds:
            for place, level in enumerate(kind.levels):
                digits = kind.digits[:, place]
                features[kind.ids, place] = np.where(digits >= 0, digits + end, 0)
                end += level
        self.register_buffer("features", torch.from_numpy(features))
        self.rows = nn.Parameter(torch.randn(end, width) * 0.5)
        self.register_buffer("fixed", fixed)
        self.fixed_in = projection(fixed.shape[1], width) if fixed is not None else None
        self.before = Norm(width)
        self.up, self.down = projection(width, width), projection(width, width, scale=0.5)

    def embed(self, units: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time width"]:
        """The units' vectors."""
        features = self.features[units.flatten()].long()
        x = F.embedding_bag(features, self.rows, mode="sum", padding_idx=0).view(*units.shape, self.width)
        if self.fixed_in is not None:
            x = x + self.fixed_in(self.fixed[units])
        y: Tensor = x + self.down(F.gelu(self.up(self.before(x))))
        return y


class CodeDigitsHead(Head):
    """p(kind | h) · Π p(digit_d | digits_<d, h), exactly 1 in sum over the units that there are.

    Args:
        kinds: the units; `kinds_of` makes them.
        width: D.
        fixed: a fixed vector for each unit, (V, k), by which the first kind's digits score. None: none.
    """

    def __init__(
        self, kinds: Sequence[Kind], width: int, fixed: Float[Tensor, "units fixed"] | None = None
    ) -> None:
        super().__init__()
        self.width = width
        kind_of, place_of = _places(kinds)
        self.register_buffer("kind_of", kind_of)
        self.register_buffer("place_of", place_of)
        for number, kind in enumerate(kinds):
            self.register_buffer(f"ids{number}", torch.from_numpy(np.asarray(kind.ids, np.int64)))
        self.kind = nn.Linear(width, len(kinds)) if len(kinds) > 1 else None
        self.turn = projection(width, width)
        self.chains = nn.ModuleList(
            DigitChain(kind, width, fixed[kind.ids] if fixed is not None and number == 0 else None)
            for number, kind in enumerate(kinds)
        )

    def nll(
        self, hidden: Float[Tensor, "batch time width"], units: Int[Tensor, "batch time"]
    ) -> Float[Tensor, "batch time"]:
        """Nats of the kind and of each digit."""
        return in_slices(self._nats, hidden.flatten(0, 1), units.flatten(), at_most=_ROWS).view(units.shape)

    def _nats(self, hidden: Tensor, units: Tensor) -> Tensor:
        kinds, places, turned = self.kind_of[units], self.place_of[units], self.turn(hidden)
        if self.kind is None:
            nats: Tensor = self.chains[0].nll(hidden, turned, places)
            return nats
        nats = F.cross_entropy(self.kind(hidden).float(), kinds, reduction="none")
        for number, chain in enumerate(self.chains):
            rows = (kinds == number).nonzero().squeeze(1)
            if len(rows):
                nats = nats.index_add(0, rows, chain.nll(hidden[rows], turned[rows], places[rows]))
        return nats

    def sample(
        self,
        hidden: Float[Tensor, "batch width"],
        choice: Choice = Choice(),  # noqa: B008 (it is frozen)
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """A unit for each vector: its kind, then its digits, each drawn by the choice."""
        turned = self.turn(hidden)
        if self.kind is None:
            kinds = torch.zeros(len(hidden), dtype=torch.int64, device=hidden.device)
        else:
            kinds = choice.draw(self.kind(hidden), generator)
        units = torch.empty_like(kinds)
        for number, chain in enumerate(self.chains):
            rows = (kinds == number).nonzero().squeeze(1)
            if len(rows):
                places = chain.sample(hidden[rows], turned[rows], choice, generator)
                units[rows] = getattr(self, f"ids{number}")[places]
        return units


class CodeDigits(Input, Head):
    """Both: digits in, digits out.

    Args:
        kinds: the units; `kinds_of` makes them.
        width: D.
        fixed: a fixed vector for each unit, (V, k). None: none.
    """

    def __init__(
        self, kinds: Sequence[Kind], width: int, fixed: Float[Tensor, "units fixed"] | None = None
    ) -> None:
        super().__init__()
        self.width = width
        self.reader = CodeDigitsInput(kinds, width, fixed)
        self.writer = CodeDigitsHead(kinds, width, fixed)

    def embed(self, units: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time width"]:
        """The units' vectors."""
        return self.reader.embed(units)

    def nll(
        self, hidden: Float[Tensor, "batch time width"], units: Int[Tensor, "batch time"]
    ) -> Float[Tensor, "batch time"]:
        """Nats of the kind and of each digit."""
        return self.writer.nll(hidden, units)

    def sample(
        self,
        hidden: Float[Tensor, "batch width"],
        choice: Choice = Choice(),  # noqa: B008 (it is frozen)
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """A unit for each vector."""
        return self.writer.sample(hidden, choice, generator)
