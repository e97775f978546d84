"""What commands write: tables and JSON to standard output, folders and files beside their names and then renamed."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tokloom.errors import SourceError

if TYPE_CHECKING:
    from tokloom.report.table import Table
    from tokloom.tokenizer import Tokenizer

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


def save_tokenizer(tokenizer: Tokenizer, directory: Path, *, overwrite: bool) -> None:
    """Saves beside the folder's name and renames, so that what was there stays until all of the new is."""
    check_directory(directory, overwrite=overwrite)
    target = directory.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        fresh, old = work / "new", work / "old"
        tokenizer.save(fresh)
        if target.exists() and any(target.iterdir()):
            target.rename(old)
        fresh.rename(target)
    finally:
        if (work / "old").exists() and not target.exists():
            (work / "old").rename(target)
        shutil.rmtree(work, ignore_errors=True)


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


def write_file(path: Path, text: str) -> None:
    """Writes a text file whole or not at all."""
    path = path.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    work = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        # mkstemp's files are private; a result has the permissions of every other file.
        umask = os.umask(0)
        os.umask(umask)
        work.chmod(0o666 & ~umask)
        work.replace(path)
    except BaseException:
        work.unlink()
        raise


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
