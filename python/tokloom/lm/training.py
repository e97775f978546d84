"""`LanguageModelTask`: packed sequences, the loss and held-out bits per byte, for the one training loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch

from tokloom.corpus.sequences import Sequences
from tokloom.errors import ArgumentError
from tokloom.lm.baselines import UNIFORM
from tokloom.lm.liquid import LiquidSpiking

if TYPE_CHECKING:
    from torch import Tensor

    from tokloom.corpus.shards import Shards
    from tokloom.lm.model import LanguageModel

__all__ = ["LanguageModelTask", "held_out_nats"]

Batch = dict[str, Any]


class LanguageModelTask:
    """A model, what it is trained on and what it is judged by; see `tokloom.learned.training.Task`.

    Args:
        model: trained in place.
        training: ids to train on.
        validation: ids to judge by, of the same tokenizer.
        sequence_length: units to a sequence.
        batch_size: sequences of a step, of all devices together.
        part: sequences of a device that are computed at once; gradients are added up over the parts. None: all.
        compiled: whether the loss goes through `torch.compile`; then spikes aren't watched.
        spike_penalty: how much a spiking body is held below `spike_target`; 0: it is only measured how often it fires.
        spike_target: the share of places at which a neuron may fire.
        baselines: by name, bits per byte to be shown beside the model's.
        on_evaluation: is called at each evaluation, with the model in evaluation mode: to show samples, say.

    Raises:
        ArgumentError: less text than one sequence; shards of another tokenizer than the model's.

    Example:
        >>> import tempfile
        >>> from tokloom.corpus import dataset
        >>> from tokloom.learned import TrainingConfiguration, train
        >>> from tokloom.lm import LanguageModel
        >>> texts = [f"document {number} says {number**7}" for number in range(200)]
        >>> train_data, validation = dataset(texts, "bytes", sequence_length=64)
        >>> model = LanguageModel.for_tokenizer("bytes", body="liquid", width=16, layers=1)
        >>> task = LanguageModelTask(
        ...     model, train_data.shards, validation.shards, sequence_length=64, batch_size=4
        ... )
        >>> result = train(task, TrainingConfiguration(steps=3), tempfile.mkdtemp())
        >>> 4 < result.measures["bits per byte"] < 9
        True
    """

    def __init__(
        self,
        model: LanguageModel,
        training: Shards,
        validation: Shards,
        *,
        sequence_length: int,
        batch_size: int,
        part: int | None = None,
        compiled: bool = False,
        spike_penalty: float = 0.0,
        spike_target: float = 0.1,
        baselines: Mapping[str, float | None] | None = None,
        on_evaluation: Callable[[LanguageModel], None] | None = None,
    ) -> None:
        for shards in (training, validation):
            _check(model, shards)
        if part is not None and part < 1:
            raise ArgumentError(f"part is {part}; at least one sequence is computed at a time")
        self.model = model
        self.training = Sequences(training, sequence_length)
        self.validation = Sequences(validation, min(sequence_length, validation.size // validation.unit))
        self.batch_size, self.part = batch_size, part
        self.baselines = dict(baselines or {})
        self.on_evaluation = on_evaluation
        spiking = isinstance(model.body, LiquidSpiking) and model.config.body == "liquid-spiking"
        self._watches = spiking and not compiled and not model.body.checkpointing
        if spike_penalty and not self._watches:
            raise ArgumentError(
                "spike_penalty is for a liquid-spiking body, without torch.compile and without checkpointing"
            )
        self.spike_penalty, self.spike_target = spike_penalty, spike_target
        self._nll: Callable[..., Tensor] = torch.compile(model.nll) if compiled else model.nll
        self._bytes_a_unit = training.text_bytes / max(1, self.training.units)

    @property
    def description(self) -> dict[str, Any]:
        """What a run goes on only with: the model's shape, and the text."""
        return {
            "kind": "language model",
            "model": self.model.config.to_dict(),
            "training": self.training.shards.digest,
            "validation": self.validation.shards.digest,
            "sequence_length": self.training.length,
            "spike_penalty": self.spike_penalty,
            "spike_target": self.spike_target,
        }

    @property
    def sections(self) -> dict[str, Any]:
        """What stands in `configuration.json` beside the training."""
        data = {
            "sequence_length": self.training.length,
            "part": self.part,
            **{
                name: {"bytes": found.shards.text_bytes, "units": found.units, "documents": len(found.shards)}
                for name, found in (("training", self.training), ("validation", self.validation))
            },
        }
        return {"model": self.model.config.to_dict(), "data": data, "baselines": self.baselines}

    def batch(self, step: int, *, seed: int, rank: int, ranks: int) -> Batch:
        """The share of a rank in the sequences of a step."""
        if self.batch_size % ranks:
            raise ArgumentError(
                f"{self.batch_size} sequences don't divide into the same number on each of {ranks} devices"
            )
        packed = self.training.rows(self.training.batch(step, self.batch_size, seed))
        share = self.batch_size // ranks
        own = slice(rank * share, (rank + 1) * share)
        return {
            "units": torch.from_numpy(packed.units[own]),
            "documents": torch.from_numpy(packed.documents[own]),
            "counted": torch.from_numpy(packed.counted[own]),
            # Of all ranks: so that the mean over ranks is the mean over units, wherever padding fell.
            "each": ranks / max(1, int(packed.counted.sum())),
        }

    def parts(self, batch: Batch) -> list[Batch]:
        """The batch in parts whose losses add up to its own."""
        size = self.part or len(batch["units"])
        return [
            {
                name: value[begin : begin + size] if isinstance(value, torch.Tensor) else value
                for name, value in batch.items()
            }
            for begin in range(0, len(batch["units"]), size)
        ]

    def loss(self, batch: Batch, step: int) -> tuple[Tensor, Mapping[str, Tensor | float]]:  # noqa: ARG002
        """Nats of a unit, in the mean over those that count; beside it the bits of a byte, by the text's mean bytes to a unit."""
        body = self.model.body
        watched = body.watch_spikes() if self._watches and isinstance(body, LiquidSpiking) else nullcontext()
        with watched as rates:
            nats = self._nll(batch["units"], batch["documents"])
        loss = (nats * batch["counted"]).sum() * batch["each"]
        counted = batch["counted"].sum()
        mean = (nats.detach() * batch["counted"]).sum() / counted.clamp(min=1)
        shown: dict[str, Tensor | float] = {
            "training bits per byte": mean / (math.log(2) * max(self._bytes_a_unit, 1e-9))
        }
        if rates is not None:
            if self.spike_penalty:
                share = counted * batch["each"]  # of the batch, where this is a part of it
                loss = loss + self.spike_penalty * share * rates.penalty(self.spike_target)
            shown["spike rate"] = torch.stack([layer.detach().mean() for layer in rates.layers]).mean()
        return loss, shown

    def evaluate(self) -> dict[str, float]:
        """Bits per byte of the held-out text, every byte counted once; and the baselines."""
        nats = held_out_nats(self.model, self.validation, max(1, self.part or self.batch_size))
        if self.on_evaluation is not None:
            self.on_evaluation(self.model)
        known = {name: value for name, value in self.baselines.items() if value is not None}
        bits = nats / math.log(2)
        return {
            "bits per byte": bits / max(1, self.validation.shards.text_bytes),
            "bits per unit": bits / self.validation.units,
            "uniform bytes": UNIFORM,
            **known,
        }


@torch.no_grad()
def held_out_nats(model: LanguageModel, sequences: Sequences, batch_size: int) -> float:
    """The sum of the nats of all units that count, each once."""
    device = next(model.parameters()).device
    total = 0.0
    for begin in range(0, len(sequences), batch_size):
        packed = sequences.rows(range(begin, min(begin + batch_size, len(sequences))))
        units, documents = torch.from_numpy(packed.units), torch.from_numpy(packed.documents)
        nats = model.nll(units.to(device), documents.to(device)).double().cpu()
        total += float((nats * torch.from_numpy(packed.counted)).sum())
    return total


def _check(model: LanguageModel, shards: Shards) -> None:
    """Whether the ids are this model's units."""
    config = model.config
    if config.tokenizer and config.tokenizer != shards.fingerprint:
        raise ArgumentError(
            f"{shards.directory} holds ids of another tokenizer (fingerprint {shards.fingerprint[:12]}…) than the model's "
            f"({config.tokenizer[:12]}…): tokenise the text with the model's"
        )
    wanted = config.vocab_size if config.input == "chunk-vectors" else 1
    if shards.unit != wanted:
        raise ArgumentError(
            f"{shards.directory} holds units of {shards.unit} ids, and the model reads units of {wanted}: tokenise anew"
        )
    if wanted == 1 and shards.vocab_size > config.vocab_size:
        raise ArgumentError(
            f"{shards.directory} holds ids up to {shards.vocab_size - 1:,}, and the model has {config.vocab_size:,} rows"
        )
