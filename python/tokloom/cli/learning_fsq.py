"""`tokloom learn fsq`: tokenizers whose tokens are codes of an FSQ lattice."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from tokloom.cli import learning as learn
from tokloom.cli.options import Overwrite


class Kind(str, Enum):
    """What is learned."""

    chunks = "chunks"
    original = "original"


def fsq(
    *,
    source: learn.Source = None,
    output: learn.Output,
    kind: Annotated[
        Kind, typer.Option(help="chunks: exact; original: the first design, to be measured.")
    ] = Kind.chunks,
    codes_per_chunk: Annotated[int, typer.Option(help="Of 16 bytes: 1, 2, 4, 8 or 16.")] = 4,
    levels: Annotated[str, typer.Option(help="Of a code's dimensions.")] = "8,8,8,8,8",
    keys: Annotated[
        int | None, typer.Option(help="Strings that the encoder remembers; 0 for a network without memory.")
    ] = None,
    special_token: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Repeatable; ids in this order.")
    ] = None,
    steps: learn.Steps = None,
    minutes: learn.Minutes = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Chunks of a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="After the warm-up.")] = None,
    config: learn.Config = None,
    seed: learn.Seed = None,
    threads: learn.Threads = None,
    device: learn.Device = None,
    resume: learn.Resume = False,
    progress: learn.Progress = True,
    text_field: learn.TextField = "text",
    held_out: learn.HeldOut = 0.02,
    piece: learn.Piece = None,
    overwrite: Overwrite = False,
) -> None:
    """Train a tokenizer of FSQ codes and save it as a folder.

    [dim]tokloom learn fsq --source 'corpus/**/*.txt' -o mine --minutes 10[/]
    """
    from tokloom.cli.outputs import check_directory

    learn.need_torch("tokloom learn fsq")
    check_directory(output, overwrite=overwrite)
    options: dict[str, Any] = {
        "steps": steps,
        "minutes": minutes,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "seed": seed,
        "threads": threads,
        "device": device,
    }
    text, unseen = learn.training_text(source, text_field, held_out=held_out, seed=seed, piece=piece)
    made = {"resume": resume, "progress": progress}
    if kind is Kind.original:
        _original(text, unseen, output, config, options, **made)
    else:
        _chunks(
            text,
            unseen,
            output,
            config,
            options,
            codes_per_chunk=codes_per_chunk,
            levels=levels,
            keys=keys,
            special_tokens=special_token or [],
            **made,
        )


def _chunks(
    text: Any,  # noqa: ANN401
    unseen: Any,  # noqa: ANN401
    output: Path,
    config: Path | None,
    options: dict[str, Any],
    *,
    codes_per_chunk: int,
    levels: str,
    keys: int | None,
    special_tokens: list[str],
    resume: bool,
    progress: bool,
) -> None:
    from tokloom.cli.outputs import say
    from tokloom.learned.fsq.chunk_training import TRAINING, chosen_shape, train_on

    training = learn.training_configuration(config, output, resume=resume, defaults=TRAINING, **options)
    tokenizer = train_on(
        text,
        unseen,
        chosen_shape(codes_per_chunk, _levels(levels), keys),
        training=training,
        directory=learn.run_folder(output),
        special_tokens=special_tokens,
        name=output.name,
        progress=progress,
        resume=resume,
    )
    tokenizer.save(output)
    measures = tokenizer.description["training"]["measures"]
    if progress:
        say(
            f"{output}: {tokenizer.vocab_size:,} ids; without patches {measures['characters as integers']:.1%} of held-out "
            "characters come back"
        )


def _original(
    text: Any,  # noqa: ANN401
    unseen: Any,  # noqa: ANN401
    output: Path,
    config: Path | None,
    options: dict[str, Any],
    *,
    resume: bool,
    progress: bool,
) -> None:
    import json

    from tokloom.learned.fsq.original import OriginalConfiguration, read_configuration, train_original

    shape = OriginalConfiguration()
    said: dict[str, Any] = {}
    if config is not None:
        shape, said = read_configuration(config)
    defaults = {"minutes": 10.0, "batch_size": 256, **said}
    if said.get("steps"):
        defaults.pop("minutes")
    training = learn.training_configuration(None, output, resume=resume, defaults=defaults, **options)
    result = train_original(
        text,
        unseen,
        shape,
        training=training,
        directory=learn.run_folder(output),
        progress=progress,
        resume=resume,
    )
    typer.echo(json.dumps({"steps": result.steps, "seconds": result.seconds, **result.measures}, indent=1))


def _levels(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(level) for level in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"--levels takes numbers with commas between, not {text!r}") from None
