"""A training run as a folder: the tokenizer, the shards, the checkpoint and log, and the model at the end.

run/tokenizer/   as `Tokenizer.save` writes it
run/data/        token shards: train/, validation/, baselines.json
run/checkpoint/  run/log.jsonl  run/configuration.json   of the loop
run/model/       the trained model, once the run is whole
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.distributed

from tokloom.corpus.datasets import TRAINING, VALIDATION, prepared
from tokloom.corpus.shards import Shards, open_shards
from tokloom.errors import ArgumentError, SourceNotFoundError
from tokloom.learned.configuration import TrainingConfiguration
from tokloom.learned.devices import placed
from tokloom.learned.showing import Show
from tokloom.learned.training import TrainingResult, train
from tokloom.lm.baselines import baselines
from tokloom.lm.building import tables_for
from tokloom.lm.byte_decoder import END
from tokloom.lm.configuration import ModelConfig
from tokloom.lm.fitting import Memory, batch_that_fits, memory_of
from tokloom.lm.model import LanguageModel
from tokloom.lm.training import LanguageModelTask
from tokloom.loading import load
from tokloom.storage import read_file, write_file
from tokloom.tokenizer import Tokenizer

__all__ = ["Data", "Plan", "open_run", "planned", "train_run"]

BASELINES = "baselines.json"


@dataclass(frozen=True)
class Data:
    """What a run is trained and judged on.

    Args:
        source: text; a folder of shards (`train/` and `validation/` in it); or None, where the run has its own already.
        sequence_length: units to a sequence.
        held_out: the share of documents to judge by.
        seed: of the split.
        piece: cut long documents into pieces of so many bytes.
        near_duplicates: False leaves these in.
        end_of_document: whether the tokenizer's eos follows every document: it costs nats, and stands for no byte.
        baselines: whether xz is measured on the text.
    """

    source: Any = None
    sequence_length: int = 256
    held_out: float = 0.02
    seed: int = 0
    piece: int | None = None
    near_duplicates: bool = True
    end_of_document: bool = False
    baselines: bool = True


@dataclass(frozen=True)
class Plan:
    """What a run would be: for `--dry-run`.

    Attributes:
        model: the new model.
        memory: of a step.
        batch_size: sequences of a step.
        epoch: steps in which all of the text is seen once; None where the text isn't tokenised yet.
    """

    model: LanguageModel = field(repr=False)
    memory: Memory
    batch_size: int
    epoch: int | None


def train_run(
    tokenizer: Tokenizer | str | PathLike[str],
    directory: str | PathLike[str],
    data: Data,
    configuration: TrainingConfiguration | Mapping[str, Any],
    *,
    model: Mapping[str, Any] | None = None,
    epochs: float | None = None,
    batch_size: int | Literal["auto"] | None = None,
    part: int | None = None,
    compiled: bool = False,
    spike_penalty: float = 0.0,
    spike_target: float = 0.1,
    on_evaluation: Callable[[LanguageModel], None] | None = None,
    progress: bool | Show = False,
    resume: bool = True,
) -> TrainingResult:
    """Trains a language model in a folder of its own; goes on where an earlier call was stopped.

    Args:
        tokenizer: a name, a folder, or a tokenizer.
        directory: of the run.
        data: what on.
        configuration: see `TrainingConfiguration`; as a mapping it may leave out steps where `epochs` says them.
        model: choices for `ModelConfig.for_tokenizer`: preset, body, input, …
        epochs: how often all of the text is seen, in place of steps.
        batch_size: in place of the configuration's; "auto": as many sequences as fit.
        part: sequences that are computed at once; gradients are added up.
        compiled: whether the loss goes through `torch.compile`.
        spike_penalty: how much a spiking body is held below `spike_target`, the share of places at which a neuron may fire.
        spike_target: see `spike_penalty`.
        on_evaluation: called at each evaluation.
        progress: as `tokloom.learned.train`.
        resume: as `tokloom.learned.train`.

    Raises: as `tokloom.learned.train`, and as `tokloom.corpus.dataset`.
    """
    opened = load(tokenizer) if isinstance(tokenizer, (str, PathLike)) else tokenizer
    folder = Path(directory)
    given = dict(configuration) if isinstance(configuration, Mapping) else dict(vars(configuration))
    with placed(given.get("device") or "cpu", given.get("threads")) as place:
        config = ModelConfig.for_tokenizer(opened, **(model or {}))
        if place.rank == 0:
            keep_tokenizer(opened, folder)
            first = shards_of(opened, config, data, folder)
            for shards in first:
                open_shards(shards.directory, verify=True)  # an id that was changed would index past the rows
            if data.baselines:
                baselines_of(opened, *first, folder)
        if place.ranks > 1:
            torch.distributed.barrier()
        training, validation = shards_of(opened, config, data, folder)
        built = new_model(opened, config, int(given.get("seed") or 0), training)
        if batch_size == "auto":
            fits = batch_that_fits(memory_of(built, data.sequence_length), place.device, ranks=place.ranks)
            given["batch_size"] = _known_batch(folder) or fits
        elif batch_size is not None:
            given["batch_size"] = batch_size
        task = LanguageModelTask(
            built,
            training,
            validation,
            sequence_length=data.sequence_length,
            batch_size=given.get("batch_size") or TrainingConfiguration.batch_size,
            part=part,
            compiled=compiled,
            spike_penalty=spike_penalty,
            spike_target=spike_target,
            baselines=baselines_of(opened, training, validation, folder) if data.baselines else None,
            on_evaluation=on_evaluation,
        )
        if epochs is not None:
            given["steps"], given["minutes"] = (
                max(1, round(epochs * len(task.training) / task.batch_size)),
                None,
            )
        result = train(task, TrainingConfiguration(**given), folder, progress=progress, resume=resume)
        if place.rank == 0:
            built.save(folder / "model")
    return result


def new_model(
    tokenizer: Tokenizer, config: ModelConfig, seed: int, training: Shards | None = None
) -> LanguageModel:
    """The model at the start: a pure function of its configuration, the seed and, for some heads, of counts.

    Args:
        tokenizer: the tokenizer.
        config: the model's.
        seed: of its weights.
        training: where the adaptive softmax counts which units are common. None: as the ids come, for its shape alone.
    """
    tables = dict(tables_for(tokenizer, config))
    if config.head == "adaptive-softmax":
        counts = np.zeros(config.vocab_size, np.int64)
        for part in training.tokens if training is not None else ():
            for begin in range(0, len(part), 1 << 24):
                counts += np.bincount(part[begin : begin + (1 << 24)], minlength=config.vocab_size)
        tables["order"] = np.argsort(-counts, kind="stable")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LanguageModel(config, tables)


def planned(
    tokenizer: Tokenizer,
    sequence_length: int,
    *,
    model: Mapping[str, Any],
    batch_size: int | Literal["auto"],
    device: str = "cpu",
    units: int | None = None,
) -> Plan:
    """What a run would be, without a step of it.

    Args:
        tokenizer: the tokenizer.
        sequence_length: units to a sequence.
        model: choices for `ModelConfig.for_tokenizer`.
        batch_size: sequences of a step, or "auto".
        device: where it would run.
        units: of the training text, where that is known.
    """
    with placed(device, None) as place:
        built = new_model(tokenizer, ModelConfig.for_tokenizer(tokenizer, **model), 0).to(place.device)
        memory = memory_of(built, sequence_length)
        size = batch_that_fits(memory, place.device) if batch_size == "auto" else batch_size
    epoch = None if units is None else max(1, units // (sequence_length * size))
    return Plan(built, memory, size, epoch)


def open_run(directory: str | PathLike[str]) -> tuple[LanguageModel, Tokenizer]:
    """The trained model of a run's folder, and its tokenizer.

    Raises:
        SourceNotFoundError: there is no model in it, or not yet.
        FormatError: the model was changed or cut short, or the tokenizer is another.
    """
    folder = Path(directory)
    if not (folder / "model").is_dir():
        unfinished = (folder / "checkpoint").is_dir()
        raise SourceNotFoundError(
            f"{folder} has no model yet: its run was stopped before the end; go on with --resume"
            if unfinished
            else f"{folder} is no run of tokloom lm train: it has no folder model/"
        )
    model, tokenizer = LanguageModel.load(folder / "model"), load(folder / "tokenizer")
    if model.config.tokenizer != tokenizer.fingerprint:
        raise ArgumentError(f"{folder}: the tokenizer in it isn't the one that the model was trained with")
    return model, tokenizer


def keep_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Saves the tokenizer into the run, unless it is there."""
    place = folder / "tokenizer"
    if place.exists():
        there = load(place)
        if there.fingerprint != tokenizer.fingerprint:
            raise ArgumentError(
                f"{folder} holds a run with another tokenizer (fingerprint {there.fingerprint[:12]}…, and that of "
                f"{tokenizer.name} is {tokenizer.fingerprint[:12]}…): give the same, or another folder"
            )
        return
    tokenizer.save(place)


def shards_of(tokenizer: Tokenizer, config: ModelConfig, data: Data, folder: Path) -> tuple[Shards, Shards]:
    """The run's shards: those that are given, those that it has, or new ones out of the text."""
    given = data.source
    if isinstance(given, (str, PathLike)) and (Path(given) / TRAINING / "index.json").is_file():
        found = open_shards(Path(given) / TRAINING), open_shards(Path(given) / VALIDATION)
        for shards in found:
            shards.check(tokenizer)
        return found
    end = tokenizer.eos_id if data.end_of_document else None
    if data.end_of_document and end is None:
        raise ArgumentError(
            f"{tokenizer.name} has no token for the end of a document: tokloom extend adds <|endoftext|>"
        )
    unit = config.vocab_size if config.input == "chunk-vectors" else 1
    return prepared(
        given,
        tokenizer,
        folder / "data",
        held_out=data.held_out,
        seed=data.seed,
        near_duplicates=data.near_duplicates,
        piece=data.piece,
        end=end,
        unit=unit,
        padding=END if unit > 1 else 0,
    )


def baselines_of(
    tokenizer: Tokenizer, training: Shards, validation: Shards, folder: Path
) -> dict[str, float | None]:
    """Measured once, and kept beside the shards."""
    path = folder / "data" / BASELINES
    key = f"{training.digest} {validation.digest}"
    if path.is_file():
        kept = json.loads(read_file(path, at_most=1 << 20))
        if isinstance(kept, dict) and kept.get("of") == key:
            return dict(kept["bits per byte"])
    found = baselines(
        lambda: _texts(tokenizer, validation),
        validation.text_bytes,
        lambda: _texts(tokenizer, training),
        training.text_bytes,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, (json.dumps({"of": key, "bits per byte": found}, indent=1) + "\n").encode())
    return found


def _texts(tokenizer: Tokenizer, shards: Shards) -> Iterator[bytes]:
    special = set(tokenizer.special_tokens.values())
    for document in shards.documents():
        ids = document.ids.tolist()
        yield tokenizer.decode_bytes([id for id in ids if id not in special and id < tokenizer.vocab_size])


def _known_batch(folder: Path) -> int | None:
    """What "auto" came to when the run began: it must stay."""
    from tokloom.learned import checkpoint

    directory = folder / checkpoint.DIRECTORY
    if not directory.is_dir():
        return None
    given = checkpoint.describe(directory).get("given")
    size = given.get("batch_size") if isinstance(given, dict) else None
    return size if isinstance(size, int) else None
