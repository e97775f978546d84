"""A soft embedding trained by a language model's own loss, over sampled segmentations (ZeTT's idea, arXiv:2405.07883).

Regression asks for rows that look like the old ones; here they need only work. The body is frozen, or its last layers are
trained along (`thaw`). A share of each batch's tokens have predicted rows, at the input and at the head alike; units that
the vocabulary doesn't have always do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tokloom.errors import ArgumentError
from tokloom.learned.soft.modules import SoftRows
from tokloom.learned.soft.segmentation import Segmenter, Units, units_of
from tokloom.learned.text_data import Mixture, TextData

__all__ = ["LanguageLoss", "LanguageModel", "LanguageSettings"]

BYTES_A_UNIT = 12  # more than texts have on average; what is too long is cut off
EVALUATED = 4  # windows


class LanguageModel(NamedTuple):
    """A causal language model of transformers with its two tables, untied.

    Attributes:
        body: embeddings (windows, length, width) in, hidden states out: `model.model`.
        layers: the body's layers in order, of which the last may be thawed.
        table: the rows at the input, shape (ids, width).
        head: the rows at the output, shape (ids, width).
        start: the id that stands before every window.
    """

    body: Any
    layers: nn.ModuleList
    table: Tensor
    head: Tensor
    start: int


@dataclass(frozen=True)
class LanguageSettings:
    """How the loss is computed.

    Attributes:
        windows: a step, on each device.
        length: units a window.
        share: of the vocabulary's tokens in a batch, how many have predicted rows.
        anchor: the weight of the squared error to the old rows; 0 leaves it out.
        pull: the weight of what pulls a token's two predicted rows together; 0 leaves it out.
        thaw: how many of the body's last layers are trained, too.

    Raises:
        ArgumentError: one is out of range.
    """

    windows: int = 2
    length: int = 192
    share: float = 0.3
    anchor: float = 0.1
    pull: float = 0.0
    thaw: int = 0

    def __post_init__(self) -> None:
        if self.windows < 1 or self.length < 2 or self.thaw < 0:
            raise ArgumentError("at least one window of two units, and no fewer than 0 thawed layers")
        if not 0 <= self.share <= 1 or min(self.anchor, self.pull) < 0:
            raise ArgumentError("share is from 0 to 1, and the weights anchor and pull are no less than 0")


class LanguageBatch(NamedTuple):
    """Units, and which of them have predicted rows, shape (units,)."""

    units: Units
    predicted: NDArray[np.bool_]


class LanguageLoss:
    """A task for the training loop.

    Args:
        soft: what is trained; its mean and scale stay.
        language: the model whose loss it is; frozen here, but for the layers that are thawed.
        segmenter: cuts texts; its hidden tokens are never shown, nor among what the head chooses from.
        text: to train on.
        held_out_text: evaluated on, with the vocabulary's own segmentation and the hidden tokens' rows predicted.
        hidden: the held-out ids.
        tokens: the bytes of each id.
        settings: see there.
    """

    def __init__(
        self,
        soft: SoftRows,
        language: LanguageModel,
        segmenter: Segmenter,
        text: TextData | Mixture,
        held_out_text: TextData | Mixture,
        *,
        hidden: Sequence[int] | NDArray[np.integer],
        tokens: Sequence[bytes | None],
        settings: LanguageSettings,
    ) -> None:
        self.soft, self.language, self.settings = soft, language, settings
        self._segmenter, self._text, self._held_out_text = segmenter, text, held_out_text
        self._known = {token: id for id, token in enumerate(tokens) if token is not None}
        self._hidden = np.asarray(hidden, np.int64)
        self._allowed = torch.ones(len(language.head), dtype=torch.bool)
        self._allowed[self._hidden] = False
        language.body.requires_grad_(requires_grad=False)
        thawed = nn.ModuleList(language.layers[len(language.layers) - settings.thaw :])
        # In float32, in which small steps of the optimiser are not rounded away.
        thawed.float().requires_grad_(requires_grad=True)
        self.description = {
            "task": "soft rows by a language model's loss",
            "configuration": soft.configuration.to_dict(),
            "settings": asdict(settings),
            "hidden": len(self._hidden),
        }
        self.model = nn.ModuleDict({"soft": soft, "thawed": thawed})

    def batch(self, step: int, *, seed: int, rank: int, ranks: int) -> LanguageBatch:
        """Windows from anywhere in the text, cut at random: a pure function of these numbers."""
        generator = np.random.default_rng((seed, step, rank, ranks))
        size, count = BYTES_A_UNIT * self.settings.length, self.settings.windows * ranks
        windows = self._text.windows(count, size, step, seed, rank=rank, ranks=ranks, across=True)
        units = self._units([self._segmenter.sample(piece, generator) for piece in _texts(windows)])
        predicted = (units.ids < 0) | (generator.random(len(units.ids)) < self.settings.share)
        predicted[0] |= not predicted.any()  # a step without a predicted row would have nothing to learn from
        return LanguageBatch(units, predicted)

    def loss(
        self,
        batch: LanguageBatch,
        step: int,  # noqa: ARG002 (a task's signature)
    ) -> tuple[Tensor, Mapping[str, Tensor | float]]:
        """The mean loss of a unit with what pulls at the rows; `bits_per_byte` is of the batch as it was cut."""
        rows, nats = self._nats(batch, self._allowed)
        shown = {"bits_per_byte": nats.detach().sum() / np.log(2) / _bytes_of(batch.units)}
        loss = nats.mean()
        old = torch.from_numpy(batch.units.ids[batch.predicted])
        scale = self.soft.scale[:, None]
        if self.settings.anchor and bool((old >= 0).any()):
            tables = (self.language.table, self.language.head)[: rows.shape[1]]
            true = torch.stack([table[old[old >= 0]].float() for table in tables], dim=1)
            error = (((rows[old >= 0] - true) / scale) ** 2).mean()
            loss, shown["error"] = loss + self.settings.anchor * error, error.detach()
        if rows.shape[1] == 2:
            apart = (((rows[:, 0] - rows[:, 1]) / scale[0]) ** 2).mean()
            loss, shown["apart"] = loss + self.settings.pull * apart, apart.detach()
        return loss, shown

    def evaluate(self) -> dict[str, float]:
        """Bits per byte of a few windows of the held-out text, with the hidden tokens' rows predicted."""
        size = BYTES_A_UNIT * self.settings.length
        windows = self._held_out_text.windows(EVALUATED, size, 0, across=True)
        units = self._units([self._segmenter.plain(piece) for piece in _texts(windows)])
        hidden = np.isin(units.ids, self._hidden) | (units.ids < 0)
        _, nats = self._nats(LanguageBatch(units, hidden), self._allowed)
        bits = float(nats.detach().sum()) / float(np.log(2))
        return {"bits_per_byte": bits / _bytes_of(units)}

    def _units(self, cut: list[list[bytes]]) -> Units:
        """Windows of as many units as asked for, or as the shortest has."""
        length = min(self.settings.length, *map(len, cut))
        return units_of([units[:length] for units in cut], self._known)

    def _nats(self, batch: LanguageBatch, allowed: Tensor) -> tuple[Tensor, Tensor]:
        """The predicted rows (units, outputs, width), and each unit's loss, shape (windows, length)."""
        language, ids = self.language, torch.from_numpy(batch.units.ids)
        predicted = torch.from_numpy(batch.predicted)
        names = [token for token, chosen in zip(batch.units.tokens, batch.predicted, strict=True) if chosen]
        rows = self.soft(names) if names else torch.zeros(0, len(self.soft.mean), self.soft.mean.shape[1])
        # A row of each unit: the old one, or the predicted.
        kind = language.table.dtype
        embedded = language.table[ids.clamp(min=0)].index_put((predicted,), rows[:, 0].to(kind))
        windows = torch.from_numpy(batch.units.windows)
        start = language.table[language.start].expand(len(windows), 1, -1)
        given = torch.cat([start, embedded[windows[:, :-1]]], dim=1)
        hidden = language.body(inputs_embeds=given, use_cache=False).last_hidden_state
        # The head chooses among the old rows that may be shown and aren't replaced, and the predicted ones.
        choice = allowed.clone()
        choice[ids[predicted & (ids >= 0)]] = False
        old = functional.linear(hidden.to(language.head.dtype), language.head).float()
        new = functional.linear(hidden, rows[:, -1].to(hidden.dtype)).float()
        scores = torch.cat([old.masked_fill(~choice, -torch.inf), new], dim=2)
        place = ids.clone()
        place[predicted] = len(allowed) + torch.arange(len(names))
        targets = place[windows]
        return rows, functional.cross_entropy(
            scores.reshape(-1, scores.shape[2]), targets.reshape(-1), reduction="none"
        ).view(targets.shape)


def _texts(windows: NDArray[np.uint8]) -> list[str]:
    """What was cut off of a character at either end isn't text."""
    return [window.tobytes().decode("utf-8", "ignore") for window in windows]


def _bytes_of(units: Units) -> int:
    return sum(len(units.tokens[unit]) for unit in units.windows.reshape(-1).tolist())
