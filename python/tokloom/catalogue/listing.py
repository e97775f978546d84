"""What is known, what is here and where from; which name is near another; a folder for an offline machine."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from tokloom.catalogue.downloading import write
from tokloom.catalogue.entries import Entry
from tokloom.catalogue.finding import find, place_of, read_verified, remedy
from tokloom.catalogue.places import cache_folder
from tokloom.catalogue.table import BY_NAME, ENTRIES
from tokloom.errors import FormatError, SourceError, VocabularyNotFoundError


@dataclass(frozen=True)
class KnownVocabulary:
    """What the catalogue says of a vocabulary, and whether it is here.

    Attributes:
        name: what `tokloom.load` calls it.
        aliases: other names for the same.
        kind: what it is.
        vocab_size: the highest id + 1, as published.
        special_tokens: with their ids; empty where the file says them.
        sha256: of its file, or None where none is established.
        good_for: what to take it for.
        note: what to know about it.
        source: where the sizes, ids and hashes are published.
        here: where its file lies, or None.
        remedy: where it isn't here: the one command or file that brings it.
        problem: a file of its name that isn't the published one, or None.
    """

    name: str
    aliases: tuple[str, ...]
    kind: str
    vocab_size: int
    special_tokens: dict[str, int]
    sha256: str | None
    good_for: str
    note: str
    source: str
    here: str | None
    remedy: str | None
    problem: str | None


def vocabularies() -> list[KnownVocabulary]:
    """All of them: `tokloom.vocabularies`."""
    return [_known(entry) for entry in ENTRIES]


def _known(entry: Entry) -> KnownVocabulary:
    here, problem = None, None
    try:
        here = place_of(entry)
    except (FormatError, OSError) as error:
        problem = str(error)
    return KnownVocabulary(
        entry.name,
        entry.aliases,
        entry.kind,
        entry.vocab_size,
        dict(entry.special_tokens or {}),
        next((file.sha256 for file in entry.files), None),
        entry.good_for,
        entry.note,
        entry.source,
        here,
        None if here else remedy(entry),
        problem,
    )


def fetch(name: str, directory: str | PathLike[str] | None = None, *, offline: bool = False) -> Path | None:
    """Brings a file into a folder, if it isn't there: `tokloom.fetch`."""
    entry = entry_of(name)
    if not entry.files:
        return None
    folder = Path(directory) if directory is not None else cache_folder()
    if folder.exists() and not folder.is_dir():
        raise SourceError(
            errno.ENOTDIR,
            "is a file, and `fetch` fills a folder: name one that is, or will be, a folder "
            "(--to DIR, or TOKLOOM_CACHE)",
            str(folder),
        )
    there = _already_in(folder, entry)
    if there is not None:
        return there
    found = find(entry, offline=offline)
    return write(folder, found.file, found.data, found.hub_hash)


def _already_in(folder: Path, entry: Entry) -> Path | None:
    """The entry's file in a folder to be filled, verified; None where there is none.

    Raises:
        FormatError: something else lies there by its name; it isn't written over, since it may be somebody's.
    """
    for file in entry.files:
        path = folder / file.name
        if path.is_symlink() or path.exists():
            read_verified(path, file, "in the folder to fill")
            return path
    return None


def entry_of(name: str) -> Entry:
    """The entry of a name or alias.

    Raises:
        VocabularyNotFoundError: nothing is known by that name.
    """
    entry = BY_NAME.get(name)
    if entry is not None:
        return entry
    raise VocabularyNotFoundError(f"no vocabulary is called {name!r}{_meant(name)}")


def _meant(name: str) -> str:
    import difflib  # here, since only a mistyped name needs it

    near = difflib.get_close_matches(name.lower(), list(BY_NAME), n=3, cutoff=0.5)
    meant = f"; did you mean {' or '.join(map(repr, near))}?" if near else ";"
    return f"{meant} known are {', '.join(entry.name for entry in ENTRIES)}"
