"""`tokloom train`: files → a vocabulary in a folder."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from tokloom.cli.options import (
    Directory,
    Memory,
    Overwrite,
    Quiet,
    Sources,
    TextField,
    Threads,
)


class Model(str, Enum):
    """How a vocabulary is chosen."""

    bpe = "bpe"
    words = "words"


def train(
    source: Sources,
    *,
    output: Directory,
    vocab_size: Annotated[int, typer.Option(help="Bytes, merges and special tokens together.")] = 32_768,
    pattern: Annotated[
        str, typer.Option(help="A known split pattern: gpt2, gpt4, o200k, nanochat, …")
    ] = "gpt4",
    pattern_regex: Annotated[
        str | None, typer.Option(help="Your own split pattern, a regular expression.")
    ] = None,
    special_token: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Repeatable; ids in this order.")
    ] = None,
    min_count: Annotated[int, typer.Option(min=1, help="Pairs that occur less often aren't merged.")] = 1,
    max_token_length: Annotated[int | None, typer.Option(min=1, help="In bytes.")] = None,
    model: Annotated[Model, typer.Option(help="Byte pair encoding, or the most frequent words.")] = Model.bpe,
    threads: Threads = None,
    memory: Memory = None,
    text_field: TextField = "text",
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Train a vocabulary on text and save it as a folder.

    [dim]tokloom train 'corpus/**/*.txt' -o mine --vocab-size 32768 --special-token '<|endoftext|>'[/]
    """
    import tokloom
    from tokloom.cli.inputs import corpus
    from tokloom.cli.outputs import check_directory, say

    check_directory(output, overwrite=overwrite)
    tokenizer = tokloom.train(
        corpus(source, text_field),
        vocab_size,
        pattern=_pattern(pattern, pattern_regex),
        special_tokens=special_token or (),
        min_count=min_count,
        max_token_length=max_token_length,
        threads=threads,
        memory=memory,
        model=model.value,
        progress=not quiet,
    )
    tokenizer.save(output)
    if not quiet:
        say(f"{output}: {tokenizer.vocab_size:,} tokens, fingerprint {tokenizer.fingerprint}")


def _pattern(name: str, regex: str | None) -> str:
    import tokloom

    if regex is not None:
        return regex
    if name not in tokloom.pattern_names():
        known = ", ".join(tokloom.pattern_names())
        raise typer.BadParameter(
            f"{name!r} is no known pattern ({known}); a regular expression of your own goes to --pattern-regex",
            param_hint="--pattern",
        )
    return name
