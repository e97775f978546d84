"""The design that this kind of tokenizer began with, taken literally: a baseline to be reported, not to be used.

Sixteen bytes → embeddings of 64 → convolutions of 128, 256 and 256 channels, three wide → the mean over all places →
a vector of 256 → FSQ of [8, 8, 8, 8, 8, 5, 5, 5], one code → the mirror image. Two things are mended, because without
them nothing is measured but the faults: the rounding of even levels, and a normalisation before the bound. That the
mean over places forgets their order, and that 22 bits can't hold sixteen bytes, is the design (`docs/fsq.md`).
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tokloom.errors import ArgumentError, FormatError, TokloomWarning
from tokloom.learned.blocks import Codes, Digits, Symbols, checked_levels
from tokloom.learned.configuration import TrainingConfiguration
from tokloom.learned.fsq.chunk_model import CHUNK, SYMBOLS
from tokloom.learned.fsq.chunk_task import ChunkTask
from tokloom.learned.text import TextData
from tokloom.learned.training import TrainingResult, train
from tokloom.storage import read_file

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from tokloom.learned.showing import Show

__all__ = ["OriginalConfiguration", "OriginalModel", "read_configuration", "train_original"]

VOCABULARY = 32_768
LARGEST_FILE = 1 << 20


@dataclass(frozen=True)
class OriginalConfiguration:
    """The numbers of the design.

    Args:
        d_char: width of a byte's embedding.
        channels: of the convolutions.
        kernel_size: odd.
        d_latent: width of the vector of a chunk.
        levels: of its one code.
        temperature: what the vector is divided by before the bound.
    """

    d_char: int = 64
    channels: tuple[int, ...] = (128, 256, 256)
    kernel_size: int = 3
    d_latent: int = 256
    levels: tuple[int, ...] = (8, 8, 8, 8, 8, 5, 5, 5)
    temperature: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", checked_levels(self.levels))
        if min(self.d_char, self.d_latent, *self.channels) < 1 or not self.channels:
            raise ArgumentError("d_char, d_latent and each of the channels must be at least 1")
        if self.kernel_size < 1 or self.kernel_size % 2 == 0:
            raise ArgumentError(f"kernel_size must be odd, not {self.kernel_size}")
        if not self.temperature > 0:
            raise ArgumentError(f"temperature must be more than 0, not {self.temperature}")


# The keys of the original's file, section by section, and what each is here; None is known and means nothing for us.
_MODEL_KEYS: dict[str, dict[str, str | None]] = {
    "encoder": {
        "d_char": "d_char",
        "channels": "channels",
        "conv_channels": "channels",
        "kernel_size": "kernel_size",
        "d_latent": "d_latent",
        "vocab_size": None,
    },
    "fsq": {"levels": "levels", "temperature": "temperature"},
    "decoder": {},  # the encoder's mirror image: it has no choices of its own
}
_TRAINING_KEYS: dict[str, str] = {
    "batch_size": "batch_size",
    "learning_rate": "learning_rate",
    "lr": "learning_rate",
    "steps": "steps",
    "max_steps": "steps",
    "num_steps": "steps",
    "warmup_steps": "warmup",
    "weight_decay": "weight_decay",
    "grad_clip": "clip",
    "seed": "seed",
    "eval_interval": "evaluate_every",
}


def read_configuration(path: str | PathLike[str]) -> tuple[OriginalConfiguration, dict[str, Any]]:
    """Reads the original's JSON file as it stands: `encoder`, `fsq`, `decoder`, `training`.

    Returns:
        The model's numbers, and what `TrainingConfiguration` is to be told.

    Raises:
        FormatError: it is no JSON, or not made of sections.

    Warns:
        TokloomWarning: a key that nothing here answers to; it is left out.
    """
    try:
        found = json.loads(read_file(Path(path), at_most=LARGEST_FILE))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: not JSON ({error})") from None
    if not isinstance(found, dict) or not all(isinstance(section, dict) for section in found.values()):
        raise FormatError(f"{path}: expected the sections encoder, fsq, decoder and training")
    model: dict[str, Any] = {}
    training: dict[str, Any] = {}
    unknown = []
    for section, values in found.items():
        for key, value in values.items():
            if section == "training" and key in _TRAINING_KEYS:
                training[_TRAINING_KEYS[key]] = value
            elif section in _MODEL_KEYS and key in _MODEL_KEYS[section]:
                name = _MODEL_KEYS[section][key]
                if name is not None:
                    model[name] = tuple(value) if isinstance(value, list) else value
            else:
                unknown.append(f"{section}.{key}")
    if unknown:
        warnings.warn(f"{path}: nothing here answers to {', '.join(unknown)}", TokloomWarning, stacklevel=2)
    try:
        return OriginalConfiguration(**model), training
    except TypeError as error:
        raise FormatError(f"{path}: {error}") from None


class OriginalModel(nn.Module):
    """The literal design.

    Args:
        configuration: its numbers.
    """

    def __init__(self, configuration: OriginalConfiguration) -> None:
        super().__init__()
        self.shape = self.configuration = configuration
        widths = [configuration.d_char, *configuration.channels]
        padding = configuration.kernel_size // 2
        convolutions = [
            layer
            for into, out in pairwise(widths)
            for layer in (nn.Conv1d(into, out, configuration.kernel_size, padding=padding), nn.ReLU())
        ]
        mirrored = [
            layer
            for into, out in zip(widths[:0:-1], widths[-2::-1], strict=True)
            for layer in (nn.ReLU(), nn.Conv1d(into, out, configuration.kernel_size, padding=padding))
        ]
        dimensions = len(configuration.levels)
        self.embed = nn.Embedding(SYMBOLS, configuration.d_char)
        self.convolutions = nn.Sequential(*convolutions)
        self.latent = nn.Linear(widths[-1], configuration.d_latent)
        self.project = nn.Linear(configuration.d_latent, dimensions)
        self.norm = nn.BatchNorm1d(dimensions)
        self.digits = Digits(configuration.levels)
        self.from_code = nn.Linear(dimensions, configuration.d_latent)
        self.spread = nn.Linear(configuration.d_latent, CHUNK * widths[-1])
        self.mirrored = nn.Sequential(*mirrored)
        self.out = nn.Linear(configuration.d_char, SYMBOLS)

    def forward(self, chunks: Int[Tensor, "batch 16"]) -> tuple[Float[Tensor, "batch 16 257"], Symbols]:
        """Logits of each chunk's symbols after its one code, and the code's digits."""
        hidden = self.convolutions(self.embed(chunks).transpose(1, 2)).mean(-1)  # here order is lost
        position = self.norm(self.project(functional.relu(self.latent(hidden))).float())
        found = self.digits((position / self.configuration.temperature)[:, None])
        assert found.code is not None
        spread = self.spread(functional.relu(self.from_code(found.code[:, 0])))
        hidden = self.mirrored(spread.unflatten(-1, (-1, CHUNK)))
        return self.out(hidden.transpose(1, 2)), found

    def code_numbers(self, digits: Symbols) -> Int[Tensor, "batch 1"]:
        """Each chunk's code."""
        return Codes(self.configuration.levels).to(digits.index.device)(digits).index[..., 0]


class OriginalTask(ChunkTask):
    """The same text, loss and measures, and how much the most frequent codes cover."""

    model: Any

    def evaluate(self) -> dict[str, float]:
        """Adds `covered`: the share of held-out chunks whose code is among the 32,768 commonest of the training text."""
        numbers = []
        for step in range(64):
            batch = self.batch(2**40 + step, seed=0, rank=0, ranks=1)
            numbers.append(self.model.code_numbers(self.model(batch)[1]))
        values, counts = torch.cat(numbers).unique(return_counts=True)
        kept = values[counts.argsort(descending=True)[:VOCABULARY]]
        here = self.model.code_numbers(self.model(self.held_out)[1])
        return {**super().evaluate(), "covered": float(torch.isin(here, kept).float().mean())}


def train_original(
    text: TextData,
    held_out: TextData,
    configuration: OriginalConfiguration,
    *,
    training: TrainingConfiguration,
    directory: str | PathLike[str],
    progress: bool | Show = False,
    resume: bool = True,
) -> TrainingResult:
    """Trains the literal design and measures it.

    Args:
        text: to train on.
        held_out: to measure on.
        configuration: the design's numbers.
        training: how long and how.
        directory: of the run.
        progress: a bar, or a function.
        resume: False refuses a folder that holds a run already.

    Returns:
        The measures: `characters`, `chunks`, `perplexity`, `codes` (different ones met), `covered`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(training.seed)
        model = OriginalModel(configuration)
    task = OriginalTask(_as_chunk_model(model), text, held_out, batch_size=training.batch_size)
    task.description = {"kind": "fsq-original", "configuration": _plain(configuration), "bytes": text.size}
    return train(task, training, directory, progress=progress, resume=resume)


def _as_chunk_model(model: OriginalModel) -> Any:  # noqa: ANN401 (the task asks only for what both have)
    return model


def _plain(configuration: OriginalConfiguration) -> Mapping[str, Any]:
    values: Mapping[str, Any] = json.loads(json.dumps(vars(configuration)))
    return values
