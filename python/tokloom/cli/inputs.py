"""What commands read: tokenizers by name or path, texts out of files and standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import typer

from tokloom.cli.options import parse_names, parse_special_ids
from tokloom.corpus.sources import Source, SourceFile, files
from tokloom.errors import ArgumentError, SourceError

if TYPE_CHECKING:
    from tokloom.bpe import BPETokenizer
    from tokloom.tokenizer import Tokenizer

_BLOCK = 1_000_000


@dataclass(frozen=True)
class Input:
    """One file, or standard input: its documents, each as blocks of bytes that follow each other."""

    name: str
    size: int | None
    streams: Callable[[], Iterator[Iterator[bytes]]]


def load_tokenizer(
    name: str,
    pattern: str | None = None,
    special_tokens: list[str] | None = None,
    fallback: str | None = None,
) -> Tokenizer:
    """The tokenizer of a known name or of a path, or the first of the fallback list that is here."""
    import tokloom

    return tokloom.load(
        _name_or_path(name),
        fallback=[_name_or_path(wish) for wish in parse_names(fallback)],
        pattern=pattern,
        special_tokens=parse_special_ids(special_tokens),
    )


def _name_or_path(name: str) -> str:
    """What `tokloom.load` takes for what was typed.

    In Python a path has a separator in it or is a `Path`; in a shell `my-tokenizer` may well be the folder next to one.
    What is both a known name and a file is refused, so that nobody gets the other one.
    """
    from tokloom import catalogue

    if Path(name).name != name or not os.path.lexists(name):
        return name
    if name in catalogue.BY_NAME:
        raise ArgumentError(
            f"{name} is a known vocabulary and a file here as well; write .{os.sep}{name} for the file"
        )
    return f".{os.sep}{name}"


def load_vocabulary(name: str, fallback: str | None = None) -> BPETokenizer:
    """The same, for what only a vocabulary of tokens in a list can do: be pruned or go on training.

    Raises:
        ArgumentError: it is another kind of tokenizer.
    """
    from tokloom.bpe import BPETokenizer

    tokenizer = load_tokenizer(name, fallback=fallback)
    if not isinstance(tokenizer, BPETokenizer):
        raise ArgumentError(
            f"{name} is a {type(tokenizer).__name__}; only a byte-level vocabulary can be changed"
        )
    return tokenizer


def corpus(paths: list[str], text_field: str) -> Source:
    """The source that a training command's arguments mean."""
    return files(*(_path_of_standard_input() if path == "-" else path for path in paths), text=text_field)


def inputs(paths: list[str] | None, text_field: str) -> list[Input]:
    """Every file that the arguments mean; standard input for `-`, or where there are none."""
    found = []
    for path in paths or ["-"]:
        if path == "-":
            found.append(Input("-", None, _standard_input))
        else:
            found += [Input(str(file.path), _size(file), file.streams) for file in _files(path, text_field)]
    return found


def _files(path: str, text_field: str) -> tuple[SourceFile, ...]:
    try:
        return files(path, text=text_field).files
    except FileNotFoundError as error:
        raise SourceError(f"{error}; to give a text itself, pipe it: echo 'a text' | tokloom …") from None


def _size(file: SourceFile) -> int | None:
    return file.size if file.kind.compression == "none" and file.kind.format != "parquet" else None


def _standard_input() -> Iterator[Iterator[bytes]]:
    stream = standard_input()
    # What a pipe holds now, not a full block: a growing text is encoded as it grows.
    read = getattr(stream, "read1", stream.read)
    yield iter(lambda: read(_BLOCK), b"")


def standard_input() -> BinaryIO:
    """Standard input as bytes; who sits at a terminal is told that it is being read.

    Raises:
        SourceError: it is closed.
    """
    if sys.stdin is None:
        raise SourceError("standard input is closed; name a file")
    if sys.stdin.isatty():
        typer.echo("Reading standard input; end it with Ctrl-D.", err=True)
    return sys.stdin.buffer


def _path_of_standard_input() -> str:
    path = "/dev/stdin"
    if not Path(path).exists():
        raise SourceError("this system has no /dev/stdin to train from; write the text to a file first")
    return path
