"""`tokloom lm`: the group of the commands that train, judge and use language models, and what they share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tokloom.cli.app import SpreadCommand
from tokloom.cli.needing import need

if TYPE_CHECKING:
    from tokloom.corpus.sources import Source

lm = typer.Typer(
    name="lm",
    no_args_is_help=True,
    help="Train, judge and use language models on any tokenizer (needs the extra tokloom\\[lm]).",
)

Model = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL", help="A run of tokloom lm train, or a causal model's folder of transformers."
    ),
]


def add_commands() -> None:
    """Puts the commands into the group."""
    from tokloom.cli.modelling_training import train
    from tokloom.cli.modelling_using import evaluate, generate

    for name, command in (("train", train), ("eval", evaluate), ("generate", generate)):
        lm.command(name, cls=SpreadCommand)(command)


def need_torch(command: str) -> None:
    """Ends a command before its work where PyTorch isn't installed.

    Raises:
        MissingDependencyError: the message names the extra.
    """
    need(command, "lm", "torch", "safetensors")


def text_of(paths: list[str], text_field: str) -> Source:
    """The text of files, globs and folders; of a folder all files in it, however deep."""
    from tokloom.cli.inputs import corpus

    return corpus(
        [f"{path}{os.sep}**{os.sep}*.*" if Path(path).is_dir() else path for path in paths], text_field
    )


def opened(model: Path, command: str) -> tuple[Any, Any]:
    """A run's model and its tokenizer; or those of a folder of transformers: weights in safetensors, no code of theirs."""
    if not (model / "model").is_dir() and (model / "config.json").is_file():
        need(command, "transformers", "transformers")
        from transformers import AutoModelForCausalLM, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=True)
        found = AutoModelForCausalLM.from_pretrained(model, local_files_only=True, use_safetensors=True)
        return found, tokenizer
    from tokloom.lm.running import open_run

    return open_run(model)
