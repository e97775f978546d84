"""`tokloom learn fsq`: tokenizers whose tokens are codes of an FSQ lattice."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated

import typer

from tokloom.cli import learning as learn
from tokloom.cli.options import Overwrite


class Kind(str, Enum):
    """What is learned."""

    chunks = "chunks"
    adaptive = "adaptive"
    lattice = "lattice"
    original = "original"


class Coordinates(str, Enum):
    """What a token's digits come from."""

    context = "context"
    spelling = "spelling"
    frequency = "frequency"
    random = "random"


class Layout(str, Enum):
    """What the digits are."""

    classes = "classes"
    digits = "digits"


_TRAINED = frozenset({"steps", "minutes"})
_BATCHES = _TRAINED | {"batch_size", "learning_rate", "config"}
# The options that only some kinds have; one that says nothing to a kind is refused.
OPTIONS = {
    Kind.chunks: _BATCHES | {"codes_per_chunk", "levels", "keys", "search", "special_token", "device"},
    Kind.adaptive: _BATCHES | {"vocab_size", "levels", "special_token", "min_count", "sample"},
    Kind.lattice: _TRAINED
    | {"vocab_size", "levels", "special_token", "pattern", "tokenizer", "coordinates", "layout"},
    Kind.original: _BATCHES | {"device"},
}


def fsq(
    *,
    source: learn.Source = None,
    output: learn.Output,
    kind: Annotated[
        Kind,
        typer.Option(
            help="chunks: 16 bytes are a few codes; adaptive: spans that one code carries; lattice: a vocabulary whose "
            "tokens get digits; original: the first design, to be measured."
        ),
    ] = Kind.chunks,
    codes_per_chunk: Annotated[
        int | None, typer.Option(help="chunks: of 16 bytes: 1, 2, 4 (the default), 8 or 16.")
    ] = None,
    keys: Annotated[
        int | None,
        typer.Option(help="chunks: strings that the encoder remembers; 0 for a network without memory."),
    ] = None,
    search: Annotated[
        bool | None,
        typer.Option(
            "--search/--no-search", help="chunks: look for better codes while encoding; done by default."
        ),
    ] = None,
    levels: Annotated[
        str | None, typer.Option(help="Of a code's dimensions, with commas: 8,8,8,8,8 for chunks.")
    ] = None,
    vocab_size: Annotated[
        int | None, typer.Option(help="adaptive, lattice: of all ids; 32768 if nothing is said.")
    ] = None,
    min_count: Annotated[
        int | None, typer.Option(min=1, help="adaptive: what occurs less often is no span.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, metavar="BYTES", help="adaptive: of text that spans are chosen by.")
    ] = None,
    coordinates: Annotated[
        Coordinates | None, typer.Option(help="lattice: what digits come from; context if nothing is said.")
    ] = None,
    layout: Annotated[
        Layout | None, typer.Option(help="lattice: a shortlist and classes, or digits of equal levels.")
    ] = None,
    tokenizer: Annotated[
        str | None, typer.Option(metavar="NAME|DIR", help="lattice: whose tokens; else BPE is trained first.")
    ] = None,
    pattern: Annotated[
        str | None, typer.Option(help="lattice: a known split pattern, where BPE is trained: gpt4, …")
    ] = None,
    special_token: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Repeatable; ids in this order.")
    ] = None,
    steps: learn.Steps = None,
    minutes: learn.Minutes = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Chunks or spans of a step.")] = None,
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

    [dim]tokloom learn fsq --kind lattice --source 'corpus/**/*.txt' -o mine --vocab-size 32768[/]
    """
    from tokloom.cli import learning_fsq_kinds as kinds
    from tokloom.cli.outputs import check_directory

    given = {
        "codes_per_chunk": codes_per_chunk,
        "keys": keys,
        "search": search,
        "levels": _levels(levels),
        "vocab_size": vocab_size,
        "min_count": min_count,
        "sample": sample,
        "coordinates": coordinates and coordinates.value,
        "layout": layout and layout.value,
        "tokenizer": tokenizer,
        "pattern": pattern,
        "special_token": special_token or None,
        "steps": steps,
        "minutes": minutes,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "config": config,
        "device": device,
    }
    said = {name: value for name, value in given.items() if value is not None}
    _check(kind, said)
    if kind is not Kind.lattice or coordinates is Coordinates.spelling:
        learn.need_torch("tokloom learn fsq")
    check_directory(output, overwrite=overwrite)
    text, unseen = learn.training_text(source, text_field, held_out=held_out, seed=seed, piece=piece)
    job = kinds.Job(text, unseen, output, seed, threads, resume=resume, progress=progress)
    getattr(kinds, kind.value)(job, said)


def _check(kind: Kind, said: Mapping[str, object]) -> None:
    """That each option says something to this kind.

    Raises:
        typer.BadParameter: one doesn't; the message names the kinds that it is for.
    """
    for name in said:
        if name not in OPTIONS[kind]:
            others = ", ".join(other.value for other, names in OPTIONS.items() if name in names)
            option = "--" + name.replace("_", "-")
            raise typer.BadParameter(f"{option} says nothing to --kind {kind.value}; it is for {others}")
    if kind is Kind.lattice:
        spelling = said.get("coordinates") == Coordinates.spelling.value
        for name in sorted(_TRAINED & said.keys()):
            if not spelling:
                raise typer.BadParameter(
                    f"--{name}: a lattice trains a network only with --coordinates spelling; leave it out"
                )
        for name in ("vocab_size", "pattern", "special_token"):
            if name in said and "tokenizer" in said:
                option = "--" + name.replace("_", "-")
                raise typer.BadParameter(
                    f"{option} is for BPE that is trained; --tokenizer gives one already"
                )


def _levels(text: str | None) -> tuple[int, ...] | None:
    try:
        return None if text is None else tuple(int(level) for level in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"--levels takes numbers with commas between, not {text!r}") from None
