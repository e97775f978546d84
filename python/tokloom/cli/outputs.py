"""What commands write: tables and JSON to standard output; and which folders and files they may write."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tokloom.errors import SourceError

if TYPE_CHECKING:
    from tokloom.report.table import Table

_MARK = "tokloom.json"


def show_table(table: Table) -> None:
    """To a terminal in its width; to a file or a pipe as wide as it is, for those who read it with other tools."""
    from rich.console import Console

    console = Console()
    if console.is_terminal:
        console.print(table.to_rich())
    else:
        typer.echo(str(table))


def show_json(value: object) -> None:
    """One JSON document, indented for people and readable by programs."""
    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    typer.echo(json.dumps(value, ensure_ascii=not is_utf8, indent=2))


def say(text: str) -> None:
    """A remark, on standard error."""
    typer.echo(text, err=True)


def check_directory(directory: Path, *, overwrite: bool) -> None:
    """Refuses an output folder before the work begins, not after an hour.

    Raises:
        SourceError: something else lies there, or it can't be written.
    """
    if directory.is_symlink() or directory.exists():
        if not directory.is_dir():
            raise SourceError(f"{directory} is a file; give the name of a folder")
        if any(directory.iterdir()):
            _refuse_unless_ours(directory, overwrite)
    parent = _nearest_that_exists(directory)
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise SourceError(f"{directory} can't be written: no permission to write in {parent}")


def check_file(path: Path, *, overwrite: bool) -> None:
    """Refuses to write over a file that nobody gave up.

    Raises:
        SourceError: there is something already, or its folder isn't there.
    """
    if path.is_dir():
        raise SourceError(f"{path} is a folder; give the name of a file")
    if os.path.lexists(path) and not overwrite:
        raise SourceError(f"{path} is there already; give another name, or --overwrite")
    if not path.absolute().parent.is_dir():
        raise SourceError(f"{path}: there is no folder {path.absolute().parent}")


def _refuse_unless_ours(directory: Path, overwrite: bool) -> None:
    if not (directory / _MARK).is_file():
        raise SourceError(
            f"{directory} holds something that tokloom didn't write; give a new or empty folder"
        )
    if not overwrite:
        raise SourceError(
            f"{directory} holds a tokenizer already; give another name, or --overwrite to replace it"
        )


def _nearest_that_exists(directory: Path) -> Path:
    parent = directory.absolute().parent
    while not parent.exists() and parent != parent.parent:
        parent = parent.parent
    return parent
