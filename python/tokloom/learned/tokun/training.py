"""Text → a trained `TokunAutoencoder`."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tokloom.errors import ArgumentError
from tokloom.learned.configuration import TrainingConfiguration
from tokloom.learned.text import TextData, split
from tokloom.learned.tokun.autoencoder import TokunAutoencoder, Weights
from tokloom.learned.tokun.characters import as_bytes
from tokloom.learned.tokun.export import exported
from tokloom.learned.tokun.mixture import batch_of
from tokloom.learned.tokun.report import accuracy, windows
from tokloom.learned.tokun.shape import Shape
from tokloom.learned.tokun.task import TokunTask, code_points_of
from tokloom.learned.training import train

if TYPE_CHECKING:
    from tokloom.learned.showing import Show
    from tokloom.learned.training import TrainingResult

__all__ = ["DEFAULTS", "as_autoencoder", "train_autoencoder"]

# Chosen on short runs (docs/log.md): of a higher rate or a smaller batch the last tenths of a percent are lost.
DEFAULTS: Mapping[str, Any] = {"batch_size": 512, "learning_rate": 2e-3, "warmup": 30}

_WATCHED = 4096
_MEASURED = 2000


def train_autoencoder(
    source: object,
    *,
    name: str | None = None,
    groups: tuple[int, ...] | None = None,
    vector: int = 256,
    character: int = 128,
    share: float = 0.5,
    noise: float = 0.5,
    configuration: TrainingConfiguration | None = None,
    directory: str | PathLike[str] | None = None,
    progress: bool | Show = False,
    resume: bool = True,
    **choices: Any,  # noqa: ANN401 (of TrainingConfiguration, which checks them)
) -> TokunAutoencoder:
    r"""Trains an auto-encoder.

    Args:
        source: text, as in `tokloom.train`; or a pair of `TextData`, to train on and held out.
        name: the configuration, such as "4x16" (the default); or give `groups`.
        groups: units that each block merges, the first in bytes of UTF-32: (4, 16).
        vector: numbers in a vector.
        character: width of a character's activations.
        share: how much of a batch is text; the rest is windows of neighbouring code points.
        noise: up to how many deviations are added to a vector in training.
        configuration: of the run; or give its fields as further arguments, `minutes=5` or `steps=1000` among them.
        directory: where the run is kept, to go on with it; None: nowhere.
        progress: see `tokloom.learned.train`.
        resume: see `tokloom.learned.train`.
        **choices: fields of `TrainingConfiguration`.

    Raises:
        ArgumentError: both `name` and `groups`, a value out of range, or text shorter than a chunk.
        TrainingError: the loss is no finite number; the last checkpoint stays.

    Example:
        >>> text = ["The quick brown fox jumps over the lazy dog, Zwölf Boxkämpfer.\n" * 20, "Вот.\n" * 99]
        >>> tokun = train_autoencoder(text, groups=(4, 4), character=48, steps=3, batch_size=64)
        >>> tokun.decode(tokun.embed("fox"))
        'fox'
    """
    if name is not None and groups is not None:
        raise ArgumentError("give name or groups, not both: groups=(4, 16) is name='4x16'")
    shape = (
        Shape.named(name or "4x16", vector=vector, character=character)
        if groups is None
        else Shape(tuple(groups), vector, character)
    )
    if configuration is None:
        configuration = TrainingConfiguration(**{**DEFAULTS, **choices})
    elif choices:
        raise ArgumentError(f"configuration= says it all; leave out {', '.join(choices)}")
    training, held_out = _pair(source) or split(source)
    task = TokunTask(
        shape,
        code_points_of(training),
        code_points_of(held_out),
        share=share,
        noise=noise,
        batch_size=configuration.batch_size,
        seed=configuration.seed,
    )
    with tempfile.TemporaryDirectory() as nowhere:
        result = train(task, configuration, directory or nowhere, progress=progress, resume=resume)
    return as_autoencoder(task, result, configuration)


def _pair(source: object) -> tuple[TextData, TextData] | None:
    if isinstance(source, tuple) and len(source) == 2:
        training, held_out = source
        if isinstance(training, TextData) and isinstance(held_out, TextData):
            return training, held_out
    return None


def as_autoencoder(
    task: TokunTask, result: TrainingResult, configuration: TrainingConfiguration
) -> TokunAutoencoder:
    """The trained model as whole numbers, with what it reaches on held-out text on its card."""
    shape = task.shape
    chunks = batch_of(task.text, _WATCHED, shape.characters, task.share, np.random.default_rng(11))
    layers, tensors = exported(task.model.cpu(), torch.from_numpy(as_bytes(chunks)))
    card: dict[str, Any] = {
        "trained": dict(task.description),
        "steps": result.steps,
        "seconds": round(result.seconds, 1),
        "batch_size": configuration.batch_size,
        "parameters": sum(each.numel() for each in task.model.parameters()),
    }
    found = TokunAutoencoder(Weights(shape, layers, tensors, card))
    if len(task.held_out) >= shape.characters:
        measured = windows(task.held_out, _MEASURED, shape.characters, seed=13)
        for key, right in accuracy(found, measured).items():
            card[f"held-out {key}"] = right
    return found
