"""`tokloom learn`: the group of the commands that train by a network, and the options that all of them share."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tokloom.cli.app import SpreadCommand
from tokloom.cli.needing import need

if TYPE_CHECKING:
    from tokloom.learned.configuration import TrainingConfiguration
    from tokloom.learned.text import TextData

# The kinds, as the help lists them: each is a function of its name in the module. A new kind is a line here.
KINDS = {
    "fsq": "tokloom.cli.learning_fsq",
    "tokun": "tokloom.cli.learning_tokun",
    "soft": "tokloom.cli.learning_soft",
    "parameters": "tokloom.cli.learning_tokun",
}

learn = typer.Typer(
    name="learn",
    no_args_is_help=True,
    help="Train a tokenizer that is learned by a network (needs the extra tokloom\\[learned]).",
)

Source = Annotated[
    list[str] | None,
    typer.Option(
        "--source",
        "--data",
        metavar="FILES",
        help="Files or globs: text, jsonl, parquet; .gz, .zst. - is standard input.",
    ),
]
Output = Annotated[
    Path,
    typer.Option(
        "-o", "--output", metavar="DIR", help="The folder of the result; DIR.run beside it keeps the run."
    ),
]
Steps = Annotated[int | None, typer.Option("--steps", min=1, help="Updates of the weights.")]
Minutes = Annotated[
    float | None,
    typer.Option("--minutes", help="In place of steps: as many as fit, by the speed of the first ones."),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="TOML or JSON; what the command line says goes before it."),
]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Of weights, batches and the split.")]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="Of PyTorch; its own choice by default.")
]
Device = Annotated[str | None, typer.Option("--device", help="cpu (the default), cuda, cuda:1, mps, …")]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with the run in DIR.run, where it was stopped.")
]
Progress = Annotated[
    bool, typer.Option("--progress/--no-progress", help="A bar with the measures, on a terminal.")
]
TextField = Annotated[
    str,
    typer.Option(
        "--text-field", metavar="NAME", help="The jsonl field or parquet column that holds the text."
    ),
]
HeldOut = Annotated[
    float, typer.Option("--held-out", help="The share of documents that is only measured on.")
]
Piece = Annotated[
    int | None,
    typer.Option(
        "--piece",
        metavar="BYTES",
        min=1,
        help="Cut long documents into pieces of so many bytes, at line ends.",
    ),
]


def add_kinds() -> None:
    """Puts the commands of all kinds into the group."""
    for name, module in KINDS.items():
        learn.command(name, cls=SpreadCommand)(getattr(import_module(module), name))


def need_torch(command: str) -> None:
    """Ends a command before its work where PyTorch isn't installed.

    Raises:
        MissingDependencyError: the message names the extra.
    """
    need(command, "learned", "torch", "safetensors")


def run_folder(output: Path) -> Path:
    """Where a run keeps its checkpoint, log and configuration: beside the result, which has a folder of its own.

    Example:
        >>> run_folder(Path("models/mine")).as_posix()
        'models/mine.run'
    """
    return output.with_name(output.name + ".run")


def training_configuration(
    config: Path | None,
    output: Path,
    *,
    resume: bool,
    defaults: Mapping[str, object],
    **options: object,
) -> TrainingConfiguration:
    """How long and how to train: a kind's defaults, the file's section [training], the command line, in this order.

    Args:
        config: the file, if one was given.
        output: as given; with `resume` a run beside it says what isn't said again.
        resume: whether `--resume` was given.
        defaults: the kind's own, by name; `minutes` or `steps` among them.
        **options: of the command line; None is nothing.

    Raises: as `tokloom.learned.configuration.configured`.
    """
    from tokloom.learned.configuration import TrainingConfiguration, configured

    saved = saved_run(output) if resume else None
    if saved is not None:
        defaults = {
            **defaults,
            **{name: value for name, value in saved["given"].items() if value is not None},
        }
        if saved["given"].get("steps") is None:
            defaults = {name: value for name, value in defaults.items() if name != "steps"}
        else:
            defaults = {name: value for name, value in defaults.items() if name != "minutes"}
    return configured(TrainingConfiguration, "training", config, options, defaults)


def saved_run(output: Path) -> dict[str, Any] | None:
    """What the checkpoint of a run says of itself: `given`, `used`, `task`, `step`; None where there is none.

    Raises:
        FormatError: there is one, and it isn't ours or was changed.
    """
    from tokloom.learned import checkpoint

    directory = run_folder(output) / checkpoint.DIRECTORY
    return checkpoint.describe(directory) if directory.exists() else None


def training_text(
    source: list[str] | None, text_field: str, *, held_out: float, seed: int | None, piece: int | None
) -> tuple[TextData, TextData]:
    """Training and held-out text of `--source`; see `tokloom.learned.split`.

    Raises:
        typer.BadParameter: no source was given.
    """
    from tokloom.cli.inputs import corpus
    from tokloom.learned.text import split

    if not source:
        raise typer.BadParameter("give files to train on, for example --source 'corpus/**/*.txt'")
    return split(corpus(source, text_field), held_out=held_out, seed=seed or 0, piece=piece)


add_kinds()
