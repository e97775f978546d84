"""`tokloom learn soft`: the embedding rows of a model → a model from a token's bytes to its row."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tokloom.cli.learning import (
    Config,
    Device,
    Minutes,
    Output,
    Progress,
    Resume,
    Seed,
    Steps,
    Threads,
    need_torch,
    run_folder,
    training_configuration,
)
from tokloom.cli.options import AsJson, Overwrite

if TYPE_CHECKING:
    from tokloom.learned.soft.training import Learned
    from tokloom.report.table import Table

MEASURES = {
    "r2": "R²",
    "cosine": "cosine",
    "top_1": "top 1",
    "top_10": "top 10",
    "variance_ratio": "variance ratio",
}


class SoftKind(str, Enum):
    """What reads the bytes."""

    transformer = "transformer"
    bag = "bag"


class HeldOutBy(str, Enum):
    """What is held out together."""

    token = "token"
    family = "family"


def soft(
    *,
    model: Annotated[
        Path,
        typer.Option(
            "--model",
            metavar="DIR",
            help="A folder of safetensors or GGUF, or such a file. Only the rows are read.",
        ),
    ],
    output: Output,
    kind: Annotated[SoftKind, typer.Option(help="A transformer over bytes, or a bag of hashed n-grams.")] = (
        SoftKind.transformer
    ),
    tokenizer: Annotated[
        str | None, typer.Option(help="The tokenizer's folder, file or name, where it isn't in DIR.")
    ] = None,
    tensor: Annotated[
        str | None, typer.Option(help="The tensor that holds the rows, where its name isn't a usual one.")
    ] = None,
    max_bytes: Annotated[int, typer.Option(min=1, help="A longer token is read up to there.")] = 48,
    width: Annotated[int | None, typer.Option(min=1, help="Of a byte's vector, or an n-gram's.")] = None,
    layers: Annotated[int | None, typer.Option(min=0, help="Of the transformer.")] = None,
    held_out: Annotated[float, typer.Option(help="The share of tokens that is only judged on.")] = 0.1,
    by: Annotated[
        HeldOutBy, typer.Option(help="Hold out tokens one by one, or families of words together.")
    ] = HeldOutBy.token,
    with_head: Annotated[
        bool, typer.Option("--with-head", help="Rows for the head, too (as those of the input: tied tables).")
    ] = False,
    steps: Steps = None,
    minutes: Minutes = None,
    config: Config = None,
    seed: Seed = None,
    threads: Threads = None,
    device: Device = None,
    resume: Resume = False,
    progress: Progress = True,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Learn a model from a token's bytes to its embedding row, judged on tokens that it never saw.

    [dim]tokloom learn soft --model ./Mistral-7B-v0.3 -o mistral-soft --minutes 20[/]
    """
    from tokloom.cli.outputs import check_directory, say, show_json, show_table
    from tokloom.errors import SourceError
    from tokloom.learned.soft import SoftConfiguration, read_matrix

    need_torch("tokloom learn soft")
    check_directory(output, overwrite=overwrite)
    if run_folder(output).exists() and not resume:
        raise SourceError(f"{run_folder(output)} holds a run: go on with --resume, or give another --output")
    from tokloom.learned.soft.training import default_training, learn

    suited = default_training(kind.value)
    training = training_configuration(
        config,
        output,
        resume=resume,
        defaults={
            "minutes": suited.minutes,
            "learning_rate": suited.learning_rate,
            "batch_size": suited.batch_size,
            "weight_decay": suited.weight_decay,
            "betas": suited.betas,
        },
        steps=steps,
        minutes=minutes,
        seed=seed,
        threads=threads,
        device=device,
    )
    matrix = read_matrix(model, tokenizer=_path_or_name(tokenizer), tensor=tensor)
    chosen = {"width": width, "layers": layers}
    configuration = SoftConfiguration(
        matrix.dimensions,
        kind=kind.value,
        outputs=("input", "head") if with_head else ("input",),
        max_bytes=max_bytes,
        **{name: value for name, value in chosen.items() if value is not None},
    )
    learned = learn(
        matrix,
        configuration,
        training,
        held_out=held_out,
        by=by.value,
        directory=run_folder(output),
        progress=progress,
    )
    learned.soft.save(output)
    figures = json.dumps(learned.to_dict(), indent=1)
    (run_folder(output) / "judgement.json").write_text(figures + "\n", "utf-8")
    if as_json:
        show_json(learned.to_dict())
        return
    show_table(_table(learned))
    say(
        f"{output}: {learned.soft.parameters:,} parameters from {len(matrix.known):,} rows of {matrix.source}"
    )


def _path_or_name(tokenizer: str | None) -> str | None:
    from tokloom.cli.inputs import _name_or_path

    return None if tokenizer is None else _name_or_path(tokenizer)


def _table(learned: Learned) -> Table:
    from tokloom.report.table import Table

    judged = {**learned.held_out, "soft, on trained tokens": learned.trained}
    rows = [
        [name, f"{one.tokens:,}", *(f"{getattr(one, measure):.3f}" for measure in MEASURES)]
        for name, one in judged.items()
    ]
    return Table("Held-out tokens", ["rows", "tokens", *MEASURES.values()], rows, words=frozenset({0}))
