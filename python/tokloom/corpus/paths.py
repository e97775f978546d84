"""Paths and globs → the files they mean."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from tokloom.errors import SourceError, SourceNotFoundError

PathLike = str | os.PathLike[str]


def resolve_paths(paths: Iterable[PathLike]) -> list[Path]:
    """The files that paths and globs mean: in the order given, the matches of a glob sorted, each file once.

    Args:
        paths: a path that exists is that file, whatever characters its name has; else `*`, `?`, `[…]` and `**` (any
            depth of folders) match as in a shell, hidden files left out. A leading `~` is the home folder.

    Raises:
        SourceNotFoundError: one of them matches no file.
        SourceError: one of them is a folder.
        TypeError: one of them is neither str nor PathLike.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("b.txt", "a.txt", "notes.md"):
        ...     _ = (folder / name).write_text("hello")
        >>> [path.name for path in resolve_paths([folder / "*.txt", folder / "a.txt"])]
        ['a.txt', 'b.txt']
    """
    found: dict[Path, None] = {}
    for path in paths:
        found.update(dict.fromkeys(_resolve(path)))
    return list(found)


def _resolve(given: PathLike) -> list[Path]:
    name = os.fspath(given)
    if not isinstance(name, str):
        raise TypeError(f"a path is a str or a PathLike of str, not {type(given).__name__}: {name!r}")
    if not name:
        raise SourceNotFoundError("an empty string is no path")
    try:
        path = Path(name).expanduser()
    except RuntimeError as error:
        raise SourceNotFoundError(f"{name}: {error}") from None
    if path.is_dir():
        raise SourceError(
            f"{name} is a folder; say which of its files are meant by a glob, "
            f'for example "{Path(name) / "**" / "*.txt"}"'
        )
    if os.path.lexists(path):
        return [path]
    if not glob.has_magic(name):
        raise SourceNotFoundError(f"{name}: there is no such file{_hint_for_text(name)}")
    # Path.glob differs from version to version in what `**` and hidden files mean; this one has not changed.
    matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207
    matched_files = [match for match in matches if not match.is_dir()]
    if not matched_files:
        folders = f" (only {len(matches)} folders; add /*.txt or the like)" if matches else ""
        raise SourceNotFoundError(f"{name}: no file matches{folders}, seen from {Path.cwd()}")
    return matched_files


def _hint_for_text(name: str) -> str:
    # A path seldom holds white space, a text nearly always does.
    if any(character.isspace() for character in name):
        return "; if it was meant as a text, give a list of documents: [text]"
    return f", seen from {Path.cwd()}"
