"""`LanguageModel`: an input, a body and a head; the exact probability of units, one after another."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

from tokloom.errors import ArgumentError
from tokloom.lm.body import Body, State, starts_of
from tokloom.lm.building import Tables, body_of, interfaces_of, tables_for
from tokloom.lm.choice import Choice
from tokloom.lm.configuration import ModelConfig

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

    from tokloom.tokenizer import Tokenizer

__all__ = ["LanguageModel", "ModelState"]


class ModelState(NamedTuple):
    """What the model remembers, and what it says of the unit that comes next, (B, D)."""

    body: State
    hidden: Tensor


class LanguageModel(nn.Module):
    """Units → the nats of each, given those before it in its document.

    Before a document's first unit stands a start of its own (a trained vector, or the unit `config.start`), so that
    every unit is predicted, and every byte counted, once.

    Args:
        config: what it is built from.
        tables: what `tables_for` makes of a tokenizer, where the interface needs any.

    Example:
        >>> import torch
        >>> model = LanguageModel(ModelConfig(vocab_size=256, width=32, layers=1))
        >>> model.nll(torch.tensor([[104, 105]])).shape
        torch.Size([1, 2])
    """

    def __init__(self, config: ModelConfig, tables: Tables | None = None) -> None:
        super().__init__()
        self.config, self.tables = config, dict(tables or {})
        self.input, self.head = interfaces_of(config, self.tables)
        self.body: Body = body_of(config)
        self.begin = nn.Parameter(torch.zeros(config.width)) if config.start is None else None

    @classmethod
    def for_tokenizer(cls, tokenizer: Tokenizer | str | PathLike[str], **choices: Any) -> LanguageModel:  # noqa: ANN401
        """A new model for a tokenizer; `choices` are those of `ModelConfig.for_tokenizer`.

        Example:
            >>> sum(LanguageModel.for_tokenizer("bytes", body="liquid").parameters_by_part().values())
            870656
        """
        from tokloom.loading import load

        opened = load(tokenizer) if isinstance(tokenizer, (str, PathLike)) else tokenizer
        config = ModelConfig.for_tokenizer(opened, **choices)
        return cls(config, tables_for(opened, config))

    def forward(
        self,
        units: Int[Tensor, "batch time ..."],
        documents: Int[Tensor, "batch time"] | None = None,
        times: Float[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, "batch time width"]:
        """What is known before each unit: hidden[:, t] is made of the document's units before t."""
        x = self.input.embed(units)
        begin = self._begin().to(x.dtype)
        before = torch.cat((begin.expand(len(x), 1, -1), x[:, :-1]), dim=1)
        starts = starts_of(documents)
        if starts is not None:
            before = torch.where(starts.unsqueeze(2), begin, before)
        hidden: Tensor = self.body(before, documents, times)
        return hidden

    def nll(
        self,
        units: Int[Tensor, "batch time ..."],
        documents: Int[Tensor, "batch time"] | None = None,
        times: Float[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, "batch time"]:
        """Nats of each unit.

        Args:
            units: (B, T), or (B, T, symbols) for chunks. Negative ones are padding, and cost 0.
            documents: a number for each place: each document begins anew. None: each row is one.
            times: Δt before each unit. None: 1.
        """
        padding = (units < 0).flatten(2).any(dim=2) if units.ndim > 2 else units < 0
        units = units.clamp(min=0)
        nats = self.head.nll(self(units, documents, times), units)
        return nats.masked_fill(padding, 0)

    def start(self, batch: int = 1) -> ModelState:
        """The state before a document's first unit."""
        y, state = self.body.step(self._begin().expand(batch, -1), self.body.start(batch))
        return ModelState(state, y)

    def advance(self, units: Int[Tensor, "batch time ..."], state: ModelState) -> ModelState:
        """The state after further units; the one before is used up."""
        if not units.shape[1]:
            return state
        y, after = self.body.advance(self.input.embed(units), state.body)
        return ModelState(after, y[:, -1])

    def sample(
        self,
        state: ModelState,
        choice: Choice = Choice(),  # noqa: B008 (it is frozen)
        generator: torch.Generator | None = None,
    ) -> Int[Tensor, "batch ..."]:
        """The next unit of each sequence; give it to `advance` to go on."""
        return self.head.sample(state.hidden, choice, generator)

    def parameters_by_part(self) -> dict[str, int]:
        """Trained numbers: of the input, the body, the head, and of what input and head share."""
        read = {id(weight): weight.numel() for weight in self.input.parameters()}
        written = {id(weight): weight.numel() for weight in self.head.parameters()}
        if self.input is self.head and self.config.input == "token-table" and not self.config.tied:
            read, written = _split(self.input)
        shared = read.keys() & written.keys()
        begin = self.begin.numel() if self.begin is not None else 0
        return {
            "input": begin + sum(count for key, count in read.items() if key not in shared),
            "body": sum(weight.numel() for weight in self.body.parameters()),
            "head": sum(count for key, count in written.items() if key not in shared),
            "shared": sum(read[key] for key in shared),
        }

    def save(self, directory: str | PathLike[str]) -> None:
        """Writes a folder with the configuration (JSON), weights and tables (safetensors); whole, or not at all.

        Raises:
            ArgumentError: the folder holds something else.
            SourceError: the system refuses, or the disk is full; what was there is still there.
        """
        from tokloom.lm.saved_model import save

        save(self, Path(directory))

    @classmethod
    def load(cls, directory: str | PathLike[str]) -> LanguageModel:
        """What `save` wrote, in evaluation mode.

        Raises:
            FormatError: a file is not what it should be: cut short, changed, or of another shape than it says.
            SourceError: a file isn't there or can't be read.
        """
        from tokloom.lm.saved_model import load

        return load(Path(directory))

    def _begin(self) -> Tensor:
        if self.begin is not None:
            return self.begin
        if self.config.input == "chunk-vectors" or self.config.start is None:
            raise ArgumentError("a chunk can't be the start: leave out start=, and a vector is trained")
        device = next(self.parameters()).device
        return self.input.embed(torch.tensor([[self.config.start]], device=device))[0, 0]


def _split(table: Any) -> tuple[dict[int, int], dict[int, int]]:  # noqa: ANN401
    """An untied table's rows that are read, and those that are predicted."""
    return {id(table.rows): table.rows.numel()}, {id(table.predicted): table.predicted.numel()}
