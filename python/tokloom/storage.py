"""Outputs that are whole or not there: written beside their names and renamed."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tokloom.errors import ArgumentError, SourceError


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
    return SourceError(error.errno or 0, error.strerror or str(error), str(path))


def _mark() -> str:
    """Something that no other writer has in its names."""
    return os.urandom(4).hex()


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _named(path: Path) -> Path:
    """The path with a name of its own to write beside, "." and ".." included."""
    if "\0" in str(path):
        raise ArgumentError(f"{str(path)!r} has a zero byte in it, which no path may")
    path = Path(os.path.abspath(path))  # noqa: PTH100 (Path.absolute keeps "..")
    if not path.name:
        raise ArgumentError(f"{path} can't be written: give a name below it")
    return path


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.urandom(4).hex()}.partial")


def write_file(path: Path, data: bytes) -> None:
    """Writes a file so that under its name there is the old one or the whole new one, never part of it."""
    partial = _beside(_named(path))
    try:
        try:
            _write(partial, data)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise as_source_error(error, path) from None


def write_directory(directory: Path, files: Mapping[str, bytes], *, mark: str, ours: Collection[str]) -> None:
    """Writes a directory of files so that there is the old one or the whole new one, never a mixture.

    One that is there is replaced if it holds `mark` and nothing but files called as `ours`; files of others are never
    touched.
    """
    directory = _named(directory)
    try:
        held = {entry.name for entry in directory.iterdir()} if directory.is_dir() else set()
        if foreign := sorted(held.difference(ours)):
            raise ArgumentError(
                f"{directory} holds files that are not a saved vocabulary's ({', '.join(foreign[:5])}); "
                "save to a folder of its own"
            )
        if held and mark not in held:
            raise ArgumentError(
                f"{directory} is no saved vocabulary (it has no {mark}), and its files are somebody's: "
                "save to a folder of its own"
            )
        with _filled(directory) as partial:
            for name, data in files.items():
                _write(partial / name, data)
    except OSError as error:
        raise as_source_error(error, directory) from None


@contextmanager
def new_directory(directory: Path) -> Iterator[Path]:
    """A folder to fill with files too large to be held; it gets its name when the block ends without an error.

    Raises:
        SourceError: something lies there already, the system refuses, or the disk is full.
    """
    directory = _named(directory)
    if os.path.lexists(directory) and not (directory.is_dir() and not any(directory.iterdir())):
        raise SourceError(errno.EEXIST, "something lies there already; give another folder", str(directory))
    try:
        with _filled(directory) as partial:
            yield partial
    except SourceError:
        raise
    except OSError as error:
        raise as_source_error(error, directory) from None


@contextmanager
def _filled(directory: Path) -> Iterator[Path]:
    """A folder beside, which takes the name's place when the block ends."""
    import shutil

    directory.parent.mkdir(parents=True, exist_ok=True)
    partial = _beside(directory)
    try:
        partial.mkdir()
        yield partial
        try:
            partial.replace(directory)
        except OSError:
            if not directory.is_dir():
                raise
            _exchange(partial, directory)  # `partial` is the old one now, and goes
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _exchange(first: Path, second: Path) -> None:
    """Swaps two directories: at once where the system can (Linux), else by way of a third name."""
    import ctypes

    at_working_directory, exchange = -100, 2
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is not None:
        names = os.fsencode(first), os.fsencode(second)
        if rename(at_working_directory, names[0], at_working_directory, names[1], exchange) == 0:
            return
    aside = _beside(second)
    second.replace(aside)
    try:
        first.replace(second)
    except OSError:
        aside.replace(second)
        raise
    aside.replace(first)
