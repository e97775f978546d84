"""Sources: what someone points tokloom at, as files or documents.

A document is one item of an iterable, one line of jsonl, one row of parquet, or one text file. Nothing here holds a
corpus: files are read in blocks, iterables in batches.
"""

from __future__ import annotations

import os
import stat
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from tokloom.corpus.documents import Document, add_in_batches, checked_documents
from tokloom.corpus.formats import FileFormat, format_of
from tokloom.corpus.parquet import read_column
from tokloom.corpus.paths import PathLike, resolve_paths
from tokloom.errors import ArgumentError, SourceError, TokloomWarning

if TYPE_CHECKING:
    from tokloom._engine import Counter

__all__ = ["Source", "SourceFile", "as_source", "files"]

# Above this many strings nobody typed a list of file names by hand, and asking the file system would take long.
_PATHS_TO_SUSPECT = 1_000

_BLOCK = 1_000_000  # bytes


@dataclass(frozen=True)
class SourceFile:
    """One file of a source, and how it is read."""

    path: Path
    size: int | None
    """Bytes on disk; None where that isn't known (a pipe)."""
    kind: FileFormat
    field: str
    """The jsonl field or the parquet column that holds the text."""

    def feed(self, counter: Counter) -> None:
        """Gives the file's documents to a counter of the engine."""
        if self.kind.format == "parquet":
            add_in_batches(counter, self.documents())
        else:
            counter.add_file(
                str(self.path), format=self.kind.format, compression=self.kind.compression, field=self.field
            )

    def streams(self) -> Iterator[Iterator[bytes]]:
        """Each document as blocks that follow each other; a block may end inside a character."""
        if self.kind.format == "text":
            yield self._blocks()
        else:
            for document in self._blocks():
                yield iter([document])

    def documents(self) -> Iterator[bytes]:
        """Each document whole."""
        for blocks in self.streams():
            yield b"".join(blocks)

    def _blocks(self) -> Iterator[bytes]:
        """The blocks of the one text, or the documents."""
        if self.kind.format == "parquet":
            yield from read_column(self.path, self.field)
        elif self.kind == ("text", "none"):
            try:
                with self.path.open("rb") as file:
                    while block := file.read(_BLOCK):
                        yield block
            except OSError as error:
                raise SourceError(f"{self.path}: {error.strerror}") from error
        else:
            yield from self._unpacked()

    def _unpacked(self) -> Iterator[bytes]:
        from tokloom._engine import Documents

        format, compression = self.kind
        for batch in Documents(str(self.path), format=format, compression=compression, field=self.field):
            yield from batch


class Source(ABC):
    """Text to count, train on or measure. Made by `files` and by everything that takes a `source`."""

    files: tuple[SourceFile, ...] = ()
    """The files, in the order they are read; empty where documents come from an iterable."""

    @property
    @abstractmethod
    def text_bytes(self) -> int | None:
        """How many bytes will be read, as far as sizes on disk tell; None where they don't (gz, zst, parquet)."""

    @abstractmethod
    def feed(self, counter: Counter) -> None:
        """Gives every document to a counter of the engine.

        Raises:
            SourceError: a file can't be read, or a one-shot iterator was read before.
            FormatError: a file isn't what its ending says; the message has the line.
            MissingDependencyError: a parquet file, and pyarrow isn't installed.
            TextError: a document holds a lone surrogate.
            TypeError: an item is neither str nor bytes.
        """

    @abstractmethod
    def streams(self) -> Iterator[Iterator[Document]]:
        """Each document as blocks that follow each other, so that a large text file is never held.

        A block may end inside a character: what reads them is `Tokenizer.encode_stream`.

        Raises: as `feed`.
        """

    @abstractmethod
    def documents(self) -> Iterator[Document]:
        """Each document whole; a text file of any size is one of them.

        Raises: as `feed`.
        """


class FileSource(Source):
    """Files by path; see `files`."""

    def __init__(self, paths: Iterable[PathLike], *, text: str = "text") -> None:
        self.files = tuple(_source_file(path, text) for path in resolve_paths(paths))

    @property
    def text_bytes(self) -> int | None:
        """The sum of the files' sizes, if all are plain text or jsonl."""
        total = 0
        for file in self.files:
            if file.size is None or file.kind.compression != "none" or file.kind.format == "parquet":
                return None
            total += file.size
        return total

    def feed(self, counter: Counter) -> None:
        """Gives file after file to a counter; the engine reads them, and pyarrow reads parquet."""
        for file in self.files:
            file.feed(counter)

    def streams(self) -> Iterator[Iterator[Document]]:
        """Each document as blocks."""
        for file in self.files:
            yield from file.streams()

    def documents(self) -> Iterator[Document]:
        """Each document whole."""
        for file in self.files:
            yield from file.documents()

    def __repr__(self) -> str:
        names = ", ".join(str(file.path) for file in self.files[:3])
        return f"tokloom.files({names}{', …' if len(self.files) > 3 else ''}; {len(self.files)} in all)"


class DocumentSource(Source):
    """Documents out of any iterable of str or bytes; an iterator can be read only once."""

    def __init__(self, items: Iterable[object]) -> None:
        self._items = items
        self._one_shot = isinstance(items, Iterator)
        self._was_read = False

    @property
    def text_bytes(self) -> int | None:
        """None: nobody knows before they are read."""
        return None

    def feed(self, counter: Counter) -> None:
        """Gives the documents to a counter in batches."""
        add_in_batches(counter, self.documents())

    def streams(self) -> Iterator[Iterator[Document]]:
        """Each document as one block."""
        for document in self.documents():
            yield iter([document])

    def documents(self) -> Iterator[Document]:
        """Each document, checked as it is read."""
        if self._one_shot and self._was_read:
            raise SourceError(
                "these documents came from an iterator that has been read already; give a list, or a new one"
            )
        self._was_read = True
        return checked_documents(self._items)

    def __repr__(self) -> str:
        return f"documents of a {type(self._items).__name__}"


def files(*paths_or_globs: PathLike, text: str = "text") -> Source:
    """Files as a source: text, jsonl or parquet by their endings; text and jsonl also as `.gz` or `.zst`.

    A folder is refused: `"folder/**/*.txt"` says which of its files are meant. A file that several globs match is read
    once. Rows whose column is null are left out of a parquet file, and a warning counts them.

    Args:
        *paths_or_globs: paths, or globs with `*`, `?`, `[…]` and `**` (any depth of folders); the matches of a glob
            are sorted.
        text: the field of jsonl lines, or the column of parquet files, that holds the text.

    Raises:
        SourceNotFoundError: a path or a glob matches no file (also a `FileNotFoundError`).
        SourceError: a folder, a file that can't be read, or an archive (also an `OSError`).
        ArgumentError: no path at all.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "one.txt").write_text("hello")
        >>> _ = (folder / "two.jsonl").write_text('{"body": "hello"}')
        >>> source = files(folder / "*", text="body")
        >>> [(file.path.name, file.kind.format, file.size) for file in source.files]
        [('one.txt', 'text', 5), ('two.jsonl', 'jsonl', 17)]
    """
    if not paths_or_globs:
        raise ArgumentError(
            'files() needs at least one path or glob, for example tokloom.files("corpus/**/*.txt")'
        )
    for given in paths_or_globs:
        if not isinstance(given, (str, os.PathLike)):
            raise TypeError(
                f"files() takes paths and globs one by one, not a {type(given).__name__}; unpack it: *paths"
            )
    return FileSource(paths_or_globs, text=text)


def as_source(source: object) -> Source:
    """What a `source` argument means, by these rules.

    One `str` or `PathLike` is a path or a glob. An iterable of `Path` is files. What `files(...)` gave stays as it is.
    Any other iterable of `str` or `bytes` is documents: **a list of str is documents, never paths**, and if all of them
    happen to be files there is a warning.

    Args:
        source: a path or glob, paths, a `Source`, or documents.

    Raises:
        SourceError: a path that matches no file, a folder, or an archive.
        TypeError: a mapping, a data frame, one bytes, or something that can't be iterated.

    Example:
        >>> list(as_source(["one document", b"another"]).documents())
        ['one document', b'another']
    """
    if isinstance(source, Source):
        return source
    if isinstance(source, (str, os.PathLike)):
        return FileSource([source])
    _refuse_what_iterates_over_something_else(source)
    if not isinstance(source, Iterable):
        kind = type(source).__name__
        raise TypeError(f"a source is a path, paths, tokloom.files(...) or an iterable of texts, not {kind}")
    items: Iterable[object] = source
    nothing = object()
    first = next(iter(items), nothing)
    if isinstance(items, Iterator) and first is not nothing:
        items = chain([first], items)
    if isinstance(first, os.PathLike):
        return FileSource(_only_paths(items))
    _warn_of_paths(items)
    return DocumentSource(items)


def _source_file(path: Path, field: str) -> SourceFile:
    kind = format_of(path)
    try:
        status = path.stat()
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    # Now, not after an hour of counting the files before it.
    if not os.access(path, os.R_OK):
        raise SourceError(f"{path}: permission denied")
    return SourceFile(path, status.st_size if stat.S_ISREG(status.st_mode) else None, kind, field)


def _refuse_what_iterates_over_something_else(source: object) -> None:
    """Iterating over these gives keys, column names or integers: never the texts that were meant."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        raise TypeError(
            "a source can't be one bytes; for one document give a list: [data], for a file its path as a str"
        )
    kind = type(source).__name__
    if isinstance(source, Mapping):
        keys = ", ".join(repr(key) for key in list(source)[:8])
        raise TypeError(f"a source can't be a {kind} (keys {keys}); give one of its values")
    if kind == "DataFrame":
        raise TypeError('a source can\'t be a data frame; give the column that holds the text: frame["text"]')


def _only_paths(items: Iterable[object]) -> Iterator[PathLike]:
    for index, item in enumerate(items):
        if not isinstance(item, os.PathLike):
            raise TypeError(
                f"item {index} is a {type(item).__name__} in a list of paths; make all of them Path, or use tokloom.files(...)"
            )
        yield item


def _warn_of_paths(items: Iterable[object]) -> None:
    if not isinstance(items, (list, tuple)) or not 0 < len(items) <= _PATHS_TO_SUSPECT:
        return
    # Path.is_file raises where a text is too long for a file name.
    if all(isinstance(item, str) and os.path.isfile(item) for item in items):  # noqa: PTH113
        warnings.warn(
            f"these {len(items)} strings are names of files that exist, but a list of str is documents: their names are "
            f"counted as texts. For the files' contents: tokloom.files({', '.join(map(repr, items[:3]))}"
            f"{', …' if len(items) > 3 else ''})",
            TokloomWarning,
            stacklevel=4,
        )
