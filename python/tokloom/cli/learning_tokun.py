"""`tokloom learn tokun` trains an auto-encoder of chunks; `tokloom learn parameters` counts what vectors replace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tokloom.cli.learning import (
    Config,
    Device,
    HeldOut,
    Minutes,
    Output,
    Piece,
    Progress,
    Resume,
    Seed,
    Source,
    Steps,
    TextField,
    Threads,
)
from tokloom.cli.options import AsJson, Overwrite


def tokun(
    source: Source = None,
    *,
    output: Output,
    name: Annotated[
        str, typer.Option(help="What the blocks merge: 4x16, 4x4, 16x4, 64, 4x4x4, …; in bytes of UTF-32.")
    ] = "4x16",
    vector: Annotated[int, typer.Option(min=1, help="Numbers in a vector.")] = 256,
    character: Annotated[int, typer.Option(min=1, help="Width of a character's activations.")] = 128,
    share: Annotated[
        float, typer.Option(help="How much of a batch is text; the rest is neighbouring code points.")
    ] = 0.5,
    noise: Annotated[float, typer.Option(help="In training, up to so many deviations of noise.")] = 0.5,
    steps: Steps = None,
    minutes: Minutes = None,
    config: Config = None,
    seed: Seed = None,
    threads: Threads = None,
    device: Device = None,
    text_field: TextField = "text",
    held_out: HeldOut = 0.02,
    piece: Piece = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
    progress: Progress = True,
) -> None:
    """Train an auto-encoder: a chunk of characters becomes one vector.

    [dim]tokloom learn tokun --source 'corpus/**/*.txt' -o my-tokun --minutes 10[/]
    """
    from tokloom.cli.learning import need_torch, run_folder, training_configuration, training_text
    from tokloom.cli.outputs import check_directory, say

    need_torch("tokloom learn tokun")
    check_directory(output, overwrite=overwrite)
    from tokloom.learned.tokun.training import DEFAULTS, train_autoencoder

    configuration = training_configuration(
        config,
        output,
        resume=resume,
        defaults={**DEFAULTS, "minutes": 10.0},
        steps=steps,
        minutes=minutes,
        seed=seed,
        threads=threads,
        device=device,
    )
    text = training_text(source, text_field, held_out=held_out, seed=seed, piece=piece)
    found = train_autoencoder(
        text,
        name=name,
        vector=vector,
        character=character,
        share=share,
        noise=noise,
        configuration=configuration,
        directory=run_folder(output),
        progress=progress,
        resume=resume,
    )
    found.save(output)
    rate = found.card.get("held-out non-ascii", found.card.get("held-out characters"))
    told = "" if rate is None else f", {rate:.2%} of held-out characters outside ASCII come back"
    say(f"{output}: {found.shape.characters} characters to a vector{told}, fingerprint {found.fingerprint}")


def parameters(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="llama3-8b, …, or a config.json, or its folder.")
    ] = "llama3-8b",
    *,
    width: Annotated[int | None, typer.Option(min=1, help="In place of the model's own.")] = None,
    vocabulary: Annotated[int | None, typer.Option(min=1, help="In place of the model's own.")] = None,
    token_bytes: Annotated[int, typer.Option(min=1, help="The most bytes of a composed token.")] = 16,
    levels: Annotated[str, typer.Option(metavar="L,...", help="Levels of a token's digits.")] = "8,8,8,8,8",
    vector: Annotated[int, typer.Option(min=1, help="Numbers in a chunk vector.")] = 256,
    characters: Annotated[int, typer.Option(min=1, help="Characters of a chunk.")] = 16,
    as_json: AsJson = False,
) -> None:
    """Count a model's parameters with a table, composed embeddings, digits or chunk vectors.

    [dim]tokloom learn parameters llama3-8b[/]
    """
    import dataclasses

    from tokloom.cli.options import parse_names
    from tokloom.cli.outputs import show_json, show_table
    from tokloom.learned.tokun import calculator

    shape = calculator.MODELS.get(model)
    if shape is None:
        if not Path(model).exists():
            known = ", ".join(calculator.MODELS)
            raise typer.BadParameter(f"{model!r} is no known model ({known}), and no file or folder")
        shape = calculator.ModelShape.read(model)
    given: dict[str, Any] = {"width": width, "vocabulary": vocabulary}
    shape = dataclasses.replace(shape, **{key: value for key, value in given.items() if value is not None})
    if not all(level.isascii() and level.isdigit() for level in parse_names(levels)):
        raise typer.BadParameter(
            f"{levels!r}: levels are numbers with commas between them", param_hint="--levels"
        )
    found = calculator.parameters(
        shape,
        token_bytes=token_bytes,
        levels=[int(level) for level in parse_names(levels)],
        vector=vector,
        characters=characters,
    )
    if as_json:
        show_json(calculator.facts(shape, found))
    else:
        show_table(calculator.as_table(shape, found))
