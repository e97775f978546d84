"""Outputs that are whole or not there: written beside their names and renamed."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path

from tokloom.errors import SourceError


def read_file(path: Path, *, at_most: int) -> bytes:
    """The bytes of a file; one larger than `at_most` bytes is refused before that much is held."""
    blocks, size = [], 0
    try:
        with path.open("rb") as file:
            # Not by the size that the system tells: a pipe has none, and a file may grow.
            while block := file.read(1 << 20):
                blocks.append(block)
                size += len(block)
                if size > at_most:
                    message = f"the file is too large: at most {at_most:,} bytes are read"
                    raise SourceError(errno.EFBIG, message, str(path))
    except SourceError:
        raise
    except OSError as error:
        raise as_source_error(error, path) from None
    return b"".join(blocks)


def as_source_error(error: OSError, path: Path) -> SourceError:
    """The same refusal of the system in tokloom's hierarchy, with the path it is about."""
    return SourceError(error.errno or 0, error.strerror or str(error), str(error.filename or path))


def _mark() -> str:
    """Something that no other writer has in its names."""
    return os.urandom(4).hex()


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def write_file(path: Path, data: bytes) -> None:
    """Writes a file so that under its name there is the old one or the whole new one, never part of it."""
    partial = path.with_name(f".{path.name}.{_mark()}.partial")
    try:
        try:
            _write(partial, data)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise as_source_error(error, path) from None


def write_directory(directory: Path, files: Mapping[str, bytes], *, obsolete: tuple[str, ...] = ()) -> None:
    """Writes a directory of files, the last of them last.

    A new directory appears whole. In one that is there, other files stay, `obsolete` ones go, and each of `files` is
    replaced once all are written, so that a full disk changes nothing.
    """
    try:
        if directory.is_dir() and any(directory.iterdir()):
            _replace_in(directory, files, obsolete)
        else:
            _write_new(directory, files)
    except OSError as error:
        raise as_source_error(error, directory) from None


def _write_new(directory: Path, files: Mapping[str, bytes]) -> None:
    directory.parent.mkdir(parents=True, exist_ok=True)
    partial = directory.with_name(f".{directory.name}.{_mark()}.partial")
    try:
        partial.mkdir()
        for name, data in files.items():
            _write(partial / name, data)
        partial.replace(directory)
    finally:
        import shutil

        shutil.rmtree(partial, ignore_errors=True)


def _replace_in(directory: Path, files: Mapping[str, bytes], obsolete: tuple[str, ...]) -> None:
    mark = _mark()
    partial = {name: directory / f".{name}.{mark}.partial" for name in files}
    try:
        for name, data in files.items():
            _write(partial[name], data)
        for name in obsolete:
            (directory / name).unlink(missing_ok=True)
        for name in files:
            partial[name].replace(directory / name)
    finally:
        for path in partial.values():
            path.unlink(missing_ok=True)
