"""Bytes of a file, read only if they are the published ones."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path

from tokloom.catalogue.entries import File
from tokloom.catalogue.pickles import refuse_pickle
from tokloom.errors import FormatError
from tokloom.storage import read_file

LARGEST = 1 << 28  # of a file whose size isn't published

_ADVICE = "It is left as it is: remove it, or name another folder (TOKLOOM_CACHE; --to of `tokloom fetch`; path= in Python)"


def read(path: Path, file: File, what: str, hub_hash: str | None = None) -> bytes:
    """The file's bytes.

    Raises:
        FormatError: they are not the published ones, or are a pickle.
        SourceError: the system refuses to read them.
    """
    refuse_pickle(path)
    # One byte more than it should have is enough to know that it is another file.
    at_most = LARGEST if file.size is None else file.size
    try:
        data = read_file(path, at_most=at_most)
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        raise FormatError(
            f"{path} ({what}): larger than {file.name} as published ({at_most:,} bytes). {_ADVICE}"
        ) from None
    if file.sha256 is not None:
        check(data, file, f"{path} ({what})")
    elif hub_hash is not None and not fits_hub_hash(data, hub_hash):
        raise FormatError(f"{path} ({what}): its hash isn't {hub_hash[:12]}…, as the hub says. {_ADVICE}")
    return data


def check(data: bytes, file: File, where: str) -> None:
    """Refuses bytes that are not the published ones."""
    found = hashlib.sha256(data).hexdigest()
    if found == file.sha256:
        return
    size = (
        "" if len(data) == file.size else f" and {len(data):,} bytes for {file.size:,}: cut short or altered"
    )
    raise FormatError(
        f"{where}: not {file.name} as published: sha256 {found[:12]}… for {(file.sha256 or '')[:12]}…{size}. {_ADVICE}"
    )


def fits_hub_hash(data: bytes, hub_hash: str) -> bool:
    """Whether this is the hub's own hash of these bytes: sha256 for large files, git's blob hash for small ones."""
    if len(hub_hash) == 64:
        return hashlib.sha256(data).hexdigest() == hub_hash
    blob = b"blob %d\0" % len(data) + data
    return hashlib.sha1(blob, usedforsecurity=False).hexdigest() == hub_hash
