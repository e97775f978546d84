"""`encode`, `decode` and `count`: texts → ids, ids → bytes, texts → figures."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tokloom.cli.options import (
    AsJson,
    Fallback,
    Inputs,
    Pattern,
    Special,
    SpecialIds,
    SpecialMode,
    TextField,
    TokenizerName,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tokloom.cli.inputs import Input
    from tokloom.progress import Callback
    from tokloom.report.table import Table
    from tokloom.tokenizer import Tokenizer


class IdFormat(str, Enum):
    """How ids are written or read."""

    ids = "ids"
    numpy = "numpy"


Format = Annotated[
    IdFormat, typer.Option("--format", help="Numbers in a line per document, or a .npy file of one document.")
]


def encode(
    tokenizer: TokenizerName,
    files: Inputs = None,
    *,
    special: SpecialMode = Special.text,
    show: Annotated[
        bool, typer.Option("--show", help="Show id, bytes and text of each token; for short texts.")
    ] = False,
    as_json: AsJson = False,
    format: Format = IdFormat.ids,
    text_field: TextField = "text",
    pattern: Pattern = None,
    special_token: SpecialIds = None,
    fallback: Fallback = None,
) -> None:
    """Turn text into ids, one line for each document.

    [dim]echo 'How much is it?' | tokloom encode mine --show[/]
    """
    from tokloom.cli.inputs import inputs, load_tokenizer
    from tokloom.cli.outputs import show_json, show_table
    from tokloom.progress import bar, show_nothing

    is_numpy = format is IdFormat.numpy
    if is_numpy and (show or as_json):
        raise typer.BadParameter("--format numpy writes an array; it goes with neither --show nor --json")
    if is_numpy and sys.stdout.isatty():
        raise typer.BadParameter("a .npy file is nothing for a terminal; send it to a file: … > ids.npy")
    loaded = load_tokenizer(tokenizer, pattern, special_token, fallback)
    given = inputs(files, text_field)
    if as_json:
        show_json([_described(loaded, name, text, special, show) for name, text in _whole_documents(given)])
    elif show:
        for name, text in _whole_documents(given):
            show_table(_token_table(loaded, name, text, special))
    else:
        # A bar among the ids would serve nobody.
        with nullcontext(show_nothing) if sys.stdout.isatty() else bar() as progress:
            (_write_numpy if is_numpy else _write_lines)(loaded, given, special, progress)


def decode(
    tokenizer: TokenizerName,
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILES", help="Files of ids. - or nothing: standard input."),
    ] = None,
    *,
    format: Annotated[
        IdFormat, typer.Option("--format", help="Numbers in lines, or a .npy file.")
    ] = IdFormat.ids,
    pattern: Pattern = None,
    special_token: SpecialIds = None,
    fallback: Fallback = None,
) -> None:
    """Turn ids into the bytes they stand for, exactly; nothing is put between documents.

    [dim]tokloom encode mine text.txt | tokloom decode mine[/]
    """
    from tokloom.cli.ids import read_lines, read_numpy
    from tokloom.cli.inputs import load_tokenizer

    loaded = load_tokenizer(tokenizer, pattern, special_token, fallback)
    for name in files or ["-"]:
        for ids in [read_numpy(name)] if format is IdFormat.numpy else read_lines(name):
            sys.stdout.buffer.write(loaded.decode_bytes(ids))
    sys.stdout.buffer.flush()


def count(
    tokenizer: TokenizerName,
    files: Inputs = None,
    *,
    special: SpecialMode = Special.text,
    as_json: AsJson = False,
    text_field: TextField = "text",
    pattern: Pattern = None,
    special_token: SpecialIds = None,
    fallback: Fallback = None,
) -> None:
    """Count tokens, by file and in all.

    [dim]tokloom count mine 'corpus/*.jsonl.gz'[/]
    """
    from tokloom.cli.inputs import inputs, load_tokenizer
    from tokloom.cli.outputs import show_json, show_table
    from tokloom.progress import bar

    loaded = load_tokenizer(tokenizer, pattern, special_token, fallback)
    given = inputs(files, text_field)
    with bar() as progress:
        rows = _counted(loaded, given, special, progress)
    total = {key: sum(row[key] for row in rows) for key in ("documents", "bytes", "tokens")}
    total["bytes_per_token"] = _bytes_per_token(total)
    if as_json:
        show_json({"files": rows, "total": total})
    else:
        show_table(_count_table(rows, total))


def _whole_documents(given: Iterable[Input]) -> Iterator[tuple[str, bytes]]:
    for item in given:
        for blocks in item.streams():
            yield item.name, b"".join(blocks)


def _write_lines(tokenizer: Tokenizer, given: list[Input], special: Special, progress: Callback) -> None:
    for _, blocks in _documents(given, progress):
        gap = ""
        for ids in tokenizer.encode_stream(blocks, special=special.value):
            if len(ids):
                sys.stdout.write(gap + " ".join(map(str, ids.tolist())))
                sys.stdout.flush()  # who follows a growing text sees its ids as they come
                gap = " "
        sys.stdout.write("\n")


def _write_numpy(tokenizer: Tokenizer, given: list[Input], special: Special, progress: Callback) -> None:
    import io

    import numpy as np

    arrays: list[NDArray[np.uint32]] = []
    for number, (_, blocks) in enumerate(_documents(given, progress), start=1):
        if number > 1:
            raise typer.BadParameter("--format numpy holds the ids of one document, and there are several")
        arrays += tokenizer.encode_stream(blocks, special=special.value)
    file = io.BytesIO()
    np.save(file, np.concatenate(arrays) if arrays else np.empty(0, np.uint32), allow_pickle=False)
    sys.stdout.buffer.write(file.getbuffer())
    sys.stdout.buffer.flush()


def _described(tokenizer: Tokenizer, name: str, text: bytes, special: Special, show: bool) -> dict[str, Any]:
    ids = tokenizer.encode(text, special=special.value)
    described: dict[str, Any] = {"file": name, "ids": ids}
    if show:
        tokens = [(id, tokenizer.token_bytes(id)) for id in ids]
        described["tokens"] = [
            {"id": id, "hex": token.hex(), "text": token.decode(errors="replace")} for id, token in tokens
        ]
    return described


def _token_table(tokenizer: Tokenizer, name: str, text: bytes, special: Special) -> Table:
    from tokloom.report.table import Table

    ids = tokenizer.encode(text, special=special.value)
    names = {id: token for token, id in tokenizer.special_tokens.items()}
    rows = []
    for position, id in enumerate(ids):
        token = tokenizer.token_bytes(id)
        # Quotes show where a token begins and ends, white space included.
        shown = f"{names[id]} (special)" if id in names else repr(token.decode(errors="replace"))
        rows.append([str(position), str(id), token.hex(" "), shown])
    title = f"{'standard input' if name == '-' else name}: {len(text):,} bytes, {len(ids):,} tokens"
    return Table(title, ["", "id", "bytes", "text"], rows, words=frozenset({2, 3}))


def _counted(
    tokenizer: Tokenizer, given: list[Input], special: Special, progress: Callback
) -> list[dict[str, Any]]:
    rows = [{"file": item.name, "documents": 0, "bytes": 0, "tokens": 0} for item in given]
    for index, blocks in _documents(given, progress):
        row: dict[str, Any] = rows[index]
        row["documents"] += 1
        for ids in tokenizer.encode_stream(_measured(blocks, row), special=special.value):
            row["tokens"] += len(ids)
    return [{**row, "bytes_per_token": _bytes_per_token(row)} for row in rows]


def _documents(given: list[Input], progress: Callback) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Every document with the index of its input; what is read of it moves the bar."""
    sizes = [item.size for item in given]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    done = 0

    def reported(blocks: Iterable[bytes]) -> Iterator[bytes]:
        nonlocal done
        for block in blocks:
            yield block
            done += len(block)
            progress("encode", done, total)

    for index, item in enumerate(given):
        for blocks in item.streams():
            yield index, reported(blocks)


def _measured(blocks: Iterable[bytes], row: dict[str, Any]) -> Iterator[bytes]:
    for block in blocks:
        row["bytes"] += len(block)
        yield block


def _bytes_per_token(row: dict[str, Any]) -> float | None:
    return row["bytes"] / row["tokens"] if row["tokens"] else None


def _count_table(rows: list[dict[str, Any]], total: dict[str, Any]) -> Table:
    from tokloom.report.table import Table

    shown = rows if len(rows) == 1 else [*rows, {"file": "total", **total}]
    cells = [
        [
            row["file"],
            f"{row['documents']:,}",
            f"{row['bytes']:,}",
            f"{row['tokens']:,}",
            "–" if row["bytes_per_token"] is None else f"{row['bytes_per_token']:.3f}",
        ]
        for row in shown
    ]
    return Table("Tokens", ["file", "documents", "bytes", "tokens", "bytes/token"], cells)
