"""`tokloom cuts`: where tokenizers cut a text."""

from __future__ import annotations

from typing import Annotated

import typer


def cuts(
    text: Annotated[str, typer.Argument(help="The text, or - for standard input.")],
    tokenizers: Annotated[
        list[str], typer.Argument(metavar="TOKENIZER...", help="Known names, or paths of folders and files.")
    ],
) -> None:
    """Show where tokenizers cut a text, line under line.

    [dim]tokloom cuts 'in the end' ./spans ./bpe gpt4[/]
    """
    import sys

    from tokloom.cli.inputs import load_tokenizer
    from tokloom.learned.fsq.cuts import show_cuts

    made = {name: load_tokenizer(name) for name in tokenizers}
    typer.echo(show_cuts(sys.stdin.read() if text == "-" else text, made))
