"""`tokloom lm eval` and `tokloom lm generate`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from tokloom.cli import modelling as lm
from tokloom.cli.options import AsJson, TextField
from tokloom.errors import ArgumentError


def evaluate(
    model: lm.Model,
    *,
    data: Annotated[
        list[str] | None,
        typer.Option("--data", metavar="FILES", help="Files, globs or folders of held-out text."),
    ] = None,
    context: Annotated[
        int | None, typer.Option(min=1, help="Units that are read at once; 1,024 by default.")
    ] = None,
    overlap: Annotated[
        int | None,
        typer.Option(min=0, help="Of a long document's windows, in units; half the context by default."),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Windows that are computed at once.")] = 8,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps, …")] = "cpu",
    text_field: TextField = "text",
    as_json: AsJson = False,
) -> None:
    """Bits per byte of held-out text: by file, by folder (one for each language, say), in all; and the speed.

    [dim]tokloom lm eval runs/lm-1 --data heldout/[/]
    """
    from tokloom.cli.outputs import show_json, show_table

    lm.need_torch("tokloom lm eval")
    if not data:
        raise typer.BadParameter("give the text to judge by, for example --data heldout/")
    from tokloom.learned.devices import device_called

    place = device_called(device)
    source = lm.text_of(data, text_field)
    found, tokenizer = lm.opened(model, "tokloom lm eval")
    found.to(place)
    choices = {"context": context, "overlap": overlap, "batch_size": batch_size}
    began = time.monotonic()
    files = [
        (str(file.path), str(file.path.parent), *_scored(found, tokenizer, file.documents(), choices))
        for file in source.files
    ]
    seconds = time.monotonic() - began
    if not sum(size for _, _, _, size, _ in files):
        raise ArgumentError(f"there is no text in {', '.join(data)}")
    parts = {
        "files": _by({name: name for name, *_ in files}, files),
        "folders": _by({name: folder for name, folder, *_ in files}, files),
        "all": _by({name: "all" for name, *_ in files}, files)["all"],
    }
    speed = parts["all"]["bytes"] / max(seconds, 1e-9)
    if as_json:
        show_json({**parts, "seconds": round(seconds, 3), "bytes_per_second": round(speed)})
    else:
        show_table(_table(str(model), parts, speed))


def _scored(
    model: Any,  # noqa: ANN401
    tokenizer: Any,  # noqa: ANN401
    documents: Iterable[Any],
    choices: dict[str, Any],
) -> tuple[float, int, int]:
    from tokloom.lm.scoring import score

    scores = score(model, documents, tokenizer, **choices)
    return float(scores.nats.sum()), int(scores.bytes.sum()), int(scores.units.sum())


def _by(groups: dict[str, str], files: list[tuple[str, str, float, int, int]]) -> dict[str, dict[str, Any]]:
    import math

    found: dict[str, list[float]] = {}
    for name, _, nats, size, units in files:
        total = found.setdefault(groups[name], [0.0, 0, 0])
        for index, value in enumerate((nats, size, units)):
            total[index] += value
    return {
        name: {
            "bytes": int(size),
            "units": int(units),
            "bits_per_byte": nats / math.log(2) / size if size else None,
        }
        for name, (nats, size, units) in found.items()
    }


def _table(title: str, parts: dict[str, Any], speed: float) -> Any:  # noqa: ANN401
    from tokloom.report.table import Table

    groups = {
        **parts["files"],
        **(parts["folders"] if len(parts["folders"]) > 1 else {}),
        "all": parts["all"],
    }
    rows = [
        [
            name,
            f"{one['bytes']:,}",
            f"{one['units']:,}",
            "–" if one["bits_per_byte"] is None else f"{one['bits_per_byte']:.4f}",
        ]
        for name, one in groups.items()
    ]
    return Table(
        f"Bits per byte: {title}",
        ["text", "bytes", "units", "bits per byte"],
        rows,
        [f"{speed:,.0f} bytes a second"],
    )


def generate(
    model: Annotated[Path, typer.Argument(metavar="RUN", help="A run of tokloom lm train.")],
    *,
    prompt: Annotated[
        str, typer.Option("--prompt", "-p", help="What the text begins with; - is standard input.")
    ] = "",
    units: Annotated[int, typer.Option(min=1, help="Units that are sampled at most.")] = 256,
    temperature: Annotated[float, typer.Option(min=0, help="0 takes the likeliest.")] = 1.0,
    top_k: Annotated[int | None, typer.Option(min=1, help="Only so many of the likeliest.")] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Only the likeliest that together have this probability.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="The same seed, the same text.")] = None,
    stop: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="Where the text ends; it is left out. Repeatable."),
    ] = None,
    cache: Annotated[bool, typer.Option("--cache/--no-cache", help="By state, or reading all anew.")] = True,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps, …")] = "cpu",
) -> None:
    """Write text as the model would go on, as it comes.

    [dim]tokloom lm generate runs/lm-1 --prompt 'Once upon' --temperature 0.8[/]
    """
    from tokloom.cli.inputs import standard_input

    lm.need_torch("tokloom lm generate")
    from tokloom.learned.devices import device_called
    from tokloom.lm.choice import Choice
    from tokloom.lm.running import open_run
    from tokloom.lm.sampling import generate as generated

    choice = Choice(temperature, top_k, top_p)
    place = device_called(device)
    found, tokenizer = open_run(model)
    found.to(place)
    begin: str | bytes = standard_input().read() if prompt == "-" else prompt
    parts = generated(
        found, tokenizer, begin, units=units, choice=choice, seed=seed, stop=stop or (), cached=cache
    )
    typer.echo(begin.decode("utf-8", "replace") if isinstance(begin, bytes) else begin, nl=False)
    for part in parts:
        typer.echo(part, nl=False)
        sys.stdout.flush()
    typer.echo()
