"""`tokloom cuts`: where tokenizers cut a text."""

from __future__ import annotations

import os
from typing import Annotated

import typer


def cuts(
    text: Annotated[str, typer.Argument(help="The text, or - for standard input.")],
    tokenizers: Annotated[
        list[str], typer.Argument(metavar="TOKENIZER...", help="Known names, or paths of folders and files.")
    ],
) -> None:
    """Show where tokenizers cut a text, line under line.

    | stands between tokens, · is a blank, ⏎ the end of a line, → a tab; a character that several tokens share stays whole.

    [dim]tokloom cuts 'in the end' ./spans ./bpe gpt4[/]

    [dim]head -n 3 story.txt | tokloom cuts - ./spans ./bpe[/]
    """
    import warnings

    from tokloom.cli.inputs import load_tokenizer
    from tokloom.errors import TokloomWarning
    from tokloom.learned.fsq.cuts import show_cuts

    made = {name: load_tokenizer(name) for name in tokenizers}
    if text != "-" and os.path.lexists(text):
        warnings.warn(
            f"this cuts the words {text!r}, which are the name of a file as well; for what stands in it: "
            f"tokloom cuts - {' '.join(tokenizers)} < {text}",
            TokloomWarning,
            stacklevel=1,
        )
    typer.echo(show_cuts(_read() if text == "-" else text, made))


def _read() -> str:
    """Standard input as text.

    Raises:
        ArgumentError: it isn't UTF-8.
    """
    from tokloom.cli.inputs import standard_input
    from tokloom.errors import ArgumentError

    try:
        return standard_input().read().decode()
    except UnicodeDecodeError as error:
        raise ArgumentError(
            f"standard input is no UTF-8 at byte {error.start:,}, so there are no characters to show cuts between"
        ) from None
