"""How `tokloom learn fsq` trains each kind: a function of the kind's name, with what was said on the command line."""

from __future__ import annotations

import dataclasses
import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tokloom.cli import learning as learn
from tokloom.errors import ArgumentError, TokloomWarning

if TYPE_CHECKING:
    from tokloom.learned.configuration import TrainingConfiguration
    from tokloom.learned.text import TextData
    from tokloom.tokenizer import Tokenizer

__all__ = ["Job", "adaptive", "chunks", "lattice", "original"]

# What the training of spans takes of a `TrainingConfiguration`; its three runs settle the rest.
_OF_SPANS = ("steps", "minutes", "batch_size", "learning_rate", "seed", "threads")

# A share of characters below which codes hardly ever pay: eight of sixteen bytes are patches.
_LEARNED = 0.5


@dataclass(frozen=True)
class Job:
    """What every kind needs.

    Attributes:
        text: to train on.
        unseen: to measure on.
        output: the folder of the result.
        seed: of weights and batches; None: the kind's.
        threads: of PyTorch and of counting; None: the kind's.
        resume: whether to go on with the run beside the output.
        progress: whether to show a bar, and what came of it.
    """

    text: TextData
    unseen: TextData
    output: Path
    seed: int | None
    threads: int | None
    resume: bool
    progress: bool

    def configuration(self, said: dict[str, Any], defaults: dict[str, Any]) -> TrainingConfiguration:
        """Defaults, the file, the command line, in this order."""
        names = ("steps", "minutes", "batch_size", "learning_rate", "device")
        return learn.training_configuration(
            said.get("config"),
            self.output,
            resume=self.resume,
            defaults=defaults,
            seed=self.seed,
            threads=self.threads,
            **{name: said.get(name) for name in names},
        )

    def finish(self, tokenizer: Tokenizer, told: str = "") -> None:
        """Saves the result, and says what held-out text costs."""
        from tokloom.cli.outputs import say

        tokenizer.save(self.output)
        if not self.progress:
            return
        tokens = sum(tokenizer.count_tokens(text) for text in self.unseen.documents())
        cost = f"; held-out text: {self.unseen.size / tokens:.2f} bytes per token" if tokens else ""
        say(f"{self.output}: {tokenizer.vocab_size:,} ids{cost}{told}")


def chunks(job: Job, said: dict[str, Any]) -> None:
    """Sixteen bytes are a few codes."""
    from tokloom.learned.fsq.chunk_training import TRAINING, chosen_shape, train_on

    shape = chosen_shape(said.get("codes_per_chunk", 4), said.get("levels", (8,) * 5), said.get("keys"))
    tokenizer = train_on(
        job.text,
        job.unseen,
        shape,
        training=job.configuration(said, TRAINING),
        directory=learn.run_folder(job.output),
        special_tokens=said.get("special_token", ()),
        search=said.get("search", True),
        name=job.output.name,
        progress=job.progress,
        resume=job.resume,
    )
    right = tokenizer.description["training"]["measures"]["characters as integers"]
    job.finish(tokenizer, f", {right:.1%} of its characters right before patches")
    if right < _LEARNED:
        warnings.warn(
            f"the network has learned too little: {right:.1%} of held-out characters come back, so most text is written as "
            "patches and bytes; train it for longer, or on more text",
            TokloomWarning,
            stacklevel=1,
        )


def adaptive(job: Job, said: dict[str, Any]) -> None:
    """Spans that one code carries."""
    from tokloom.learned.fsq.adaptive_training import TRAINING, train_adaptive
    from tokloom.learned.training import CONFIGURATION
    from tokloom.storage import write_file

    run = learn.run_folder(job.output)
    kept = run / CONFIGURATION
    # Its three runs know a part of the minutes each; what was asked for is kept beside them.
    if job.resume and kept.exists() and "config" not in said:
        said = {**said, "config": kept}
    training = job.configuration(said, TRAINING)
    plain = type(training)(**{name: getattr(training, name) for name in _OF_SPANS})
    for field in dataclasses.fields(training):
        if getattr(plain, field.name) != getattr(training, field.name):
            raise ArgumentError(
                f"{field.name} can't be chosen for --kind adaptive, of the section [training] only {', '.join(_OF_SPANS)}"
            )
    wanted = {name: getattr(training, name) for name in _OF_SPANS}
    shape = {name: said[name] for name in ("vocab_size", "levels", "min_count", "sample") if name in said}
    if not (run / "cells").exists():
        run.mkdir(parents=True, exist_ok=True)
        sections = {"training": {name: value for name, value in wanted.items() if value is not None}}
        write_file(kept, (json.dumps(sections, indent=1) + "\n").encode())
    tokenizer = train_adaptive(
        job.text.documents(),
        special_tokens=said.get("special_token", ()),
        directory=run,
        name=job.output.name,
        progress=job.progress,
        resume=job.resume,
        **shape,
        **wanted,
    )
    exact = tokenizer.description["trained"]["measures"]["exact"]
    job.finish(tokenizer, f"; the network carries {exact:.1%} of the spans it was asked for")


def lattice(job: Job, said: dict[str, Any]) -> None:
    """A vocabulary whose tokens have digits."""
    from tokloom.cli.inputs import load_tokenizer
    from tokloom.learned.fsq.lattice_training import train_lattice

    names = ("vocab_size", "pattern", "coordinates", "layout", "levels", "steps", "minutes")
    choices = {name: said[name] for name in names if name in said}
    if said.get("coordinates") == "spelling":
        choices |= {"directory": learn.run_folder(job.output), "resume": job.resume}
    tokenizer = train_lattice(
        list(job.text.documents()),
        tokenizer=load_tokenizer(said["tokenizer"]) if "tokenizer" in said else None,
        special_tokens=said.get("special_token", ()),
        seed=job.seed or 0,
        threads=job.threads,
        progress=job.progress,
        name=job.output.name,
        **choices,
    )
    job.finish(tokenizer, f"; digits by {tokenizer.coordinates}, levels {tokenizer.levels}")


def original(job: Job, said: dict[str, Any]) -> None:
    """The first design, to be measured: it saves no tokenizer, since it brings no text back."""
    from tokloom.learned.fsq.original import OriginalConfiguration, read_configuration, train_original

    shape = OriginalConfiguration()
    wished: dict[str, Any] = {}
    if "config" in said:
        shape, wished = read_configuration(said["config"])
    defaults = {"minutes": 10.0, "batch_size": 256, **wished}
    if wished.get("steps"):
        defaults.pop("minutes")
    result = train_original(
        job.text,
        job.unseen,
        shape,
        training=job.configuration({**said, "config": None}, defaults),
        directory=learn.run_folder(job.output),
        progress=job.progress,
        resume=job.resume,
    )
    typer.echo(json.dumps({"steps": result.steps, "seconds": result.seconds, **result.measures}, indent=1))
