"""`export`, `prune` and `extend`: a tokenizer → a file or a folder made from it."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from tokloom.cli.options import (
    Directory,
    Fallback,
    Memory,
    Overwrite,
    Pattern,
    Quiet,
    Sources,
    SpecialIds,
    TextField,
    Threads,
    TokenizerName,
)
from tokloom.errors import SourceError


class ExportFormat(str, Enum):
    """Formats of other libraries."""

    tiktoken = "tiktoken"
    huggingface = "huggingface"
    nanochat = "nanochat"


def export(
    tokenizer: TokenizerName,
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="The file to write; for nanochat, the folder.")
    ],
    *,
    format: Annotated[ExportFormat, typer.Option("--format", help="Who shall read it.")],
    pattern: Pattern = None,
    special_token: SpecialIds = None,
    fallback: Fallback = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
) -> None:
    """Write a vocabulary in another library's format.

    [dim]tokloom export mine tokenizer.json --format huggingface[/]
    """
    from tokloom.cli.inputs import load_tokenizer
    from tokloom.cli.outputs import check_file, say

    if format is ExportFormat.nanochat and path.is_dir():
        if any(path.iterdir()) and not overwrite:
            raise SourceError(f"{path} holds something already; give another name, or --overwrite")
    else:
        check_file(path, overwrite=overwrite)
    load_tokenizer(tokenizer, pattern, special_token, fallback).export(path, format=format.value)
    say(f"{path}: written for {format.value}")


def prune(
    tokenizer: TokenizerName,
    *,
    output: Directory,
    keep: Annotated[int | None, typer.Option(metavar="N", help="Keep a vocabulary of N tokens.")] = None,
    min_count: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Keep what occurs at least N times in the --source."),
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option(metavar="FILES...", help="Text to count tokens in.")
    ] = None,
    map_file: Annotated[
        Path | None, typer.Option("--map", metavar="FILE", help="Write old id → new id to this JSON file.")
    ] = None,
    text_field: TextField = "text",
    fallback: Fallback = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Make a smaller vocabulary, and the map from old ids to new ones.

    [dim]tokloom prune mine -o smaller --min-count 5 --source 'corpus/*.txt' --map ids.json[/]
    """
    from tokloom.cli.inputs import corpus, load_vocabulary
    from tokloom.cli.outputs import check_directory, check_file, say
    from tokloom.storage import write_file

    if (keep is None) == (min_count is None):
        raise typer.BadParameter("give either --keep or --min-count")
    if (min_count is None) != (source is None):
        raise typer.BadParameter("--min-count and --source go together: what is counted, and in which text")
    check_directory(output, overwrite=overwrite)
    if map_file is not None:
        check_file(map_file, overwrite=overwrite)
    loaded = load_vocabulary(tokenizer, fallback)
    text = corpus(source, text_field) if source is not None else None
    smaller, new_ids = loaded.prune(keep=keep, min_count=min_count, source=text)
    smaller.save(output)
    if map_file is not None:
        new_by_old = json.dumps({str(old): new for old, new in sorted(new_ids.items())})
        write_file(map_file, f"{new_by_old}\n".encode())
    if not quiet:
        say(
            f"{output}: {smaller.vocab_size:,} of {loaded.vocab_size:,} tokens, fingerprint {smaller.fingerprint}"
        )


def extend(
    tokenizer: TokenizerName,
    source: Sources,
    *,
    output: Directory,
    vocab_size: Annotated[int, typer.Option(help="The size to reach, the old tokens included.")],
    threads: Threads = None,
    memory: Memory = None,
    text_field: TextField = "text",
    fallback: Fallback = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Continue training: every id stays, new merges are added.

    [dim]tokloom extend mine 'new/*.txt' -o larger --vocab-size 50000[/]
    """
    from tokloom.cli.inputs import corpus, load_vocabulary
    from tokloom.cli.outputs import check_directory, say

    check_directory(output, overwrite=overwrite)
    loaded = load_vocabulary(tokenizer, fallback)
    larger = loaded.train_more(
        corpus(source, text_field), vocab_size, threads=threads, memory=memory, progress=not quiet
    )
    larger.save(output)
    if not quiet:
        added = larger.vocab_size - loaded.vocab_size
        say(f"{output}: {larger.vocab_size:,} tokens ({added:,} new), fingerprint {larger.fingerprint}")
