"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


class Special(str, Enum):
    """What becomes of control tokens in a text."""

    text = "text"
    parse = "parse"
    refuse = "raise"


TokenizerName = Annotated[
    str,
    typer.Argument(metavar="TOKENIZER", help="A known name, or the path of a folder or a vocabulary file."),
]
Pattern = Annotated[
    str | None,
    typer.Option(
        "--pattern", help="For a bare rank file: its split pattern, a name or a regular expression."
    ),
]
SpecialIds = Annotated[
    list[str] | None,
    typer.Option(
        "--special-token",
        metavar="NAME=ID",
        help="For a bare rank file: one of its special tokens. Repeatable.",
    ),
]
Fallback = Annotated[
    str | None,
    typer.Option(
        "--fallback",
        metavar="NAME,...",
        help="What to take, in this order, if the tokenizer isn't here. Nothing else ever substitutes.",
    ),
]
Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE", help="Files or globs: text, jsonl, parquet; .gz, .zst. - is standard input."
    ),
]
Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILES", help="Files or globs, read as in training. - or nothing: standard input."
    ),
]
Directory = Annotated[
    Path, typer.Option("-o", "--output", metavar="DIR", help="The folder to write; it must be new or empty.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace what tokloom has written there before.")
]
TextField = Annotated[
    str,
    typer.Option(
        "--text-field", metavar="NAME", help="The jsonl field or parquet column that holds the text."
    ),
]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="Worker threads; all cores by default.")
]
Memory = Annotated[
    str | None,
    typer.Option("--memory", metavar="SIZE", help="A limit for counting and merging, such as 4GB."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
SpecialMode = Annotated[
    Special,
    typer.Option(
        "--special", help="Control tokens in a text: ordinary text, parsed into their ids, or refused."
    ),
]


def parse_names(given: str | None) -> list[str]:
    """Names with commas between them.

    Example:
        >>> parse_names("gpt2, bytes"), parse_names(None)
        (['gpt2', 'bytes'], [])
    """
    return [name.strip() for name in (given or "").split(",") if name.strip()]


def parse_special_ids(given: Iterable[str] | None) -> dict[str, int] | None:
    """Special tokens with their ids, out of `NAME=ID`; None where nothing was given.

    Raises:
        typer.BadParameter: one has no id, or one name is given twice.

    Example:
        >>> parse_special_ids(["<|endoftext|>=50256", "a=b=3"])
        {'<|endoftext|>': 50256, 'a=b': 3}
    """
    if not given:
        return None
    tokens: dict[str, int] = {}
    for item in given:
        name, equals, number = item.rpartition("=")
        if not equals or not name or not re.fullmatch(r"[0-9]+", number):
            raise typer.BadParameter(f"{item!r}: a special token of a rank file is given as NAME=ID")
        if name in tokens:
            raise typer.BadParameter(f"the special token {name!r} is given twice")
        tokens[name] = int(number)
    return tokens
