"""`names`, `fetch` and `check`: what is known and what is here, files for an offline machine, promises put to the test."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tokloom.cli.options import AsJson, Fallback, Pattern, SpecialIds, TextField, TokenizerName

if TYPE_CHECKING:
    from tokloom.catalogue import KnownVocabulary
    from tokloom.checking import Check
    from tokloom.report.table import Table


def names(*, as_json: AsJson = False) -> None:
    """Show the known vocabularies, what is here, and where from.

    [dim]tokloom names[/]
    """
    import tokloom
    from tokloom.cli.outputs import show_json, show_table

    known = tokloom.vocabularies()
    if as_json:
        show_json([asdict(one) for one in known])
    else:
        show_table(_names_table(known))


def fetch(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Known names.")],
    *,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="The folder to fill; tokloom's cache by default."),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Take only what is on this machine.")] = False,
) -> None:
    """Bring vocabularies' files into a folder, for a machine without a network; there, TOKLOOM_CACHE names it.

    A file that is there is verified, never written over. Exit code 1 if one could not be fetched; the others are.

    [dim]tokloom fetch gpt2 gpt4o --to vocabularies[/]
    """
    import tokloom
    from tokloom import catalogue
    from tokloom.cli.outputs import say

    for name in names:
        catalogue.entry_of(name)  # a name that is mistyped stops this before anything is brought
    failed: dict[str, Exception] = {}
    for name in names:
        try:
            path = tokloom.fetch(name, to, offline=offline)
        except (tokloom.TokloomError, OSError) as error:  # noqa: PERF203 (the others are brought all the same)
            if len(names) == 1:
                raise
            failed[name] = error
        else:
            say(f"{name}: needs no file" if path is None else f"{name}: {path}")
    if failed:
        reasons = "\n".join(f"{name}: {error}" for name, error in failed.items())
        raise tokloom.TokloomError(
            f"{len(failed)} of {len(names)} could not be fetched: {', '.join(failed)}\n{reasons}"
        )


def check(
    tokenizer: TokenizerName,
    *,
    text: Annotated[
        list[str] | None,
        typer.Option(metavar="FILES...", help="Texts to check it on; a few lines by default."),
    ] = None,
    as_json: AsJson = False,
    text_field: TextField = "text",
    pattern: Pattern = None,
    special_token: SpecialIds = None,
    fallback: Fallback = None,
) -> None:
    """Put a tokenizer's promises to the test on your own text; exit code 1 if one doesn't hold.

    [dim]tokloom check gpt2 --text mine.txt[/]
    """
    from tokloom.checking import check as run
    from tokloom.cli.inputs import inputs, load_tokenizer
    from tokloom.cli.outputs import show_json, show_table

    loaded = load_tokenizer(tokenizer, pattern, special_token, fallback)
    texts = None
    if text:
        texts = [b"".join(blocks) for item in inputs(text, text_field) for blocks in item.streams()]
    done = run(loaded, texts)
    if as_json:
        show_json([asdict(one) for one in done])
    else:
        show_table(_check_table(loaded.name, done))
    if any(one.passed is False for one in done):
        raise typer.Exit(1)


def _names_table(known: list[KnownVocabulary]) -> Table:
    from tokloom.report.table import Table

    rows = [
        [
            one.name,
            ", ".join(one.aliases),
            f"{one.vocab_size:,}",
            one.kind,
            one.here.partition(":")[0] if one.here else "damaged, see below" if one.problem else "no",
            one.good_for,
        ]
        for one in known
    ]
    notes = [f"{one.name}: {one.note}." for one in known if one.note]
    notes += [f"{one.name}: {one.problem}" for one in known if one.problem]
    notes += [f"To have {one.name}: {one.remedy}." for one in known if one.remedy and not one.problem]
    columns = ["name", "also", "vocabulary", "what it is", "here", "good for"]
    return Table("Known vocabularies", columns, rows, notes, words=frozenset({0, 1, 3, 4, 5}))


def _check_table(name: str, done: list[Check]) -> Table:
    from tokloom.report.table import Table

    results = {True: "yes", False: "NO", None: "skipped"}
    rows = [[one.name, results[one.passed], f"{one.seconds:.2f}", one.told] for one in done]
    return Table(
        f"{name}: promises kept?", ["check", "kept", "seconds", ""], rows, words=frozenset({0, 1, 3})
    )
