"""Text → a trained network of chunks → integers → a tokenizer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from tokloom.learned.configuration import TrainingConfiguration
from tokloom.learned.fsq.chunk_model import CHUNK, ChunkModel, ChunkShape
from tokloom.learned.fsq.chunk_task import ChunkTask
from tokloom.learned.fsq.memory import remember
from tokloom.learned.integers import calibrate, export_stacks, linear_scale
from tokloom.learned.network_torch import TorchNetwork
from tokloom.learned.text import TextData, split
from tokloom.learned.training import train

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tokloom.learned.fsq.chunk_tokenizer import ChunkTokenizer
    from tokloom.learned.showing import Show

__all__ = ["DEFAULT_KEYS", "TRAINING", "integer_network", "train_chunks", "train_network", "train_on"]

# A string's key and place take ten bytes: 163,840 are 1.7 MB, and the model stays below 5.
DEFAULT_KEYS = ChunkShape.keys
# What a run is told where nothing else is said; `docs/log.md` has the experiments.
TRAINING: dict[str, Any] = {
    "batch_size": 512,
    "learning_rate": 2e-3,
    "weight_decay": 0.0,
    "betas": (0.9, 0.98),
    "minutes": 10.0,
}
# A loss of accuracy by rounding above this is trained away, in a tenth as many steps again.
TOLERATED = 0.003
CALIBRATION = 8


def train_chunks(
    source: object,
    *,
    codes_per_chunk: int = 4,
    levels: Sequence[int] = (8, 8, 8, 8, 8),
    training: TrainingConfiguration | None = None,
    directory: str | PathLike[str],
    keys: int | None = None,
    special_tokens: Iterable[str] = (),
    search: bool = True,
    held_out: float = 0.02,
    piece: int | None = None,
    name: str = "fsq-chunks",
    progress: bool | Show = False,
    resume: bool = True,
) -> ChunkTokenizer:
    """Trains a tokenizer whose tokens are FSQ codes of 16-byte chunks.

    Args:
        source: text, as `tokloom.train` takes it.
        codes_per_chunk: 1, 2, 4, 8 or 16.
        levels: of a code's dimensions, each at least 3.
        training: how long and how; None for the defaults (ten minutes).
        directory: of the run, which goes on from there if it was stopped.
        keys: strings that the encoder remembers; None for the default, 0 for a network without memory.
        special_tokens: their ids follow the patches.
        search: whether encoding looks for better codes than the encoder's; see `ChunkTokenizer.with_search`.
        held_out: the share of documents that is only measured on.
        piece: cut documents into pieces of so many bytes, see `tokloom.learned.split`.
        name: what the tokenizer is called.
        progress: a bar on a terminal, or a function.
        resume: False refuses a folder that holds a run already.

    Returns:
        The tokenizer, on integers; it needs no PyTorch any more.

    Raises:
        ArgumentError: levels, sizes or text that don't do.
        TrainingError: the loss became no finite number; the last checkpoint stays.
    """
    shape = chosen_shape(codes_per_chunk, levels, keys)
    text, unseen = split(source, held_out=held_out, piece=piece)
    return train_on(
        text,
        unseen,
        shape,
        training=training or TrainingConfiguration(**TRAINING),
        directory=directory,
        special_tokens=special_tokens,
        search=search,
        name=name,
        progress=progress,
        resume=resume,
    )


def chosen_shape(codes_per_chunk: int, levels: Sequence[int], keys: int | None) -> ChunkShape:
    """The shape; where nothing is said of a memory, it has one if it can."""
    shape = ChunkShape(codes_per_chunk, tuple(levels), keys=0)
    wanted = (DEFAULT_KEYS if shape.can_remember else 0) if keys is None else keys
    return dataclasses.replace(shape, keys=wanted)


def train_on(
    text: TextData,
    held_out: TextData,
    shape: ChunkShape,
    *,
    training: TrainingConfiguration,
    directory: str | PathLike[str],
    special_tokens: Iterable[str] = (),
    search: bool = True,
    name: str = "fsq-chunks",
    progress: bool | Show = False,
    resume: bool = True,
) -> ChunkTokenizer:
    """The same on text that is split already; see `train_chunks`."""
    from tokloom.learned.fsq.chunk_tokenizer import ChunkTokenizer

    description, tensors = train_network(
        text, held_out, shape, training=training, directory=directory, progress=progress, resume=resume
    )
    made = ChunkTokenizer.from_network(description, tensors, special_tokens=special_tokens, name=name)
    return made.with_search() if search else made


def train_network(
    text: TextData,
    held_out: TextData,
    shape: ChunkShape,
    *,
    training: TrainingConfiguration,
    directory: str | PathLike[str],
    progress: bool | Show = False,
    resume: bool = True,
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The integer network alone: what `ChunkTokenizer.from_network` takes, description and tensors."""
    model = new_model(text, shape, seed=training.seed)
    task = ChunkTask(model, text, held_out, batch_size=training.batch_size)
    result = train(task, training, directory, progress=progress, resume=resume)
    network, tensors, exact = integer_network(model, _batches(task), task.held_out)
    steps = result.steps
    if result.measures["characters"] - exact > TOLERATED:
        steps += _train_on_the_grid(task, training, result.steps, Path(directory), progress=progress)
        network, tensors, exact = integer_network(model, None, task.held_out)
    description = {
        "levels": list(shape.levels),
        "codes_per_chunk": shape.codes_per_chunk,
        "chunk_size": CHUNK,
        "network": network,
        "training": {
            "bytes": text.size,
            "steps": steps,
            "batch_size": training.batch_size,
            "seconds": round(result.seconds, 1),
            "keys": shape.keys,
            "logit": linear_scale(model.decoder),  # what one step of the decoder's sums is worth
            "held-out bytes": held_out.size,
            "measures": {**result.measures, "characters as integers": exact},
        },
    }
    return description, tensors


def new_model(text: TextData, shape: ChunkShape, *, seed: int) -> ChunkModel:
    """A model that has its memory and no training yet; PyTorch's generator is as it was."""
    memory = None
    if shape.keys:
        memory = remember(text.data, shape.bytes_per_code, codes=shape.codes, keys=shape.keys)
        shape = dataclasses.replace(shape, keys=len(memory.keys))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ChunkModel(shape, memory)


def integer_network(
    model: ChunkModel, batches: Sequence[Tensor] | None, held_out: Tensor
) -> tuple[dict[str, Any], dict[str, NDArray[Any]], float]:
    """A trained model's integer network, its tensors, and the share of held-out symbols that it gets right.

    Args:
        model: trained.
        batches: chunks to see by how large activations get; None where that is known.
        held_out: chunks, (n, 16).
    """
    model.eval()
    if batches is not None:
        calibrate(model.encoder, [batch[:, None] for batch in batches])
        with torch.no_grad():
            codes = [model.codes(batch).index.flatten(1)[:, None] for batch in batches]
        calibrate(model.decoder, codes)
    network, tensors = export_stacks({"encoder": model.encoder, "decoder": model.decoder})
    encoder, decoder = (TorchNetwork(network[name], tensors, name=name) for name in ("encoder", "decoder"))
    right = 0
    for part in held_out.split(512):
        digits = encoder(part[:, None]).flatten(1)[:, None]
        right += int((decoder(digits).flatten(1) == part).sum())
    return network, tensors, right / held_out.numel()


def _batches(task: ChunkTask) -> list[Tensor]:
    """Chunks of the training text to calibrate with, the same ones whatever was trained."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return [task.batch(2**40 + index, seed=0, rank=0, ranks=1) for index in range(CALIBRATION)]


def _train_on_the_grid(
    task: ChunkTask, training: TrainingConfiguration, steps: int, directory: Path, *, progress: bool | Show
) -> int:
    """Goes on training with weights and activations rounded, at a tenth of the rate."""
    more = max(20, steps // 10)
    grid = dataclasses.replace(
        training,
        steps=more,
        minutes=None,
        learning_rate=training.learning_rate / 10,
        warmup=min(training.warmup, more // 10),
        precision="float32",
        evaluate_every=None,
    )
    with on_the_grid(task.model):
        train(task, grid, directory / "on-the-grid", progress=progress)
    return more


@contextmanager
def on_the_grid(model: ChunkModel) -> Iterator[None]:
    """Within it, both networks run as their integers will."""
    with model.encoder.rounded(), model.decoder.rounded():
        yield
