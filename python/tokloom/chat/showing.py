"""A rendered conversation in colours: what is trained, what isn't, where tokens end; in a terminal and as HTML.

Texts come from strangers: what would move a cursor, turn the direction of writing or end an element is shown as its
escape, never sent.
"""

from __future__ import annotations

import html
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tokloom.errors import ArgumentError
from tokloom.tokenizer import Ids, Tokenizer

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["show", "to_html"]

BORDER = "|"
NEW_LINE = "↵"

STYLE = """
body { font: 15px/1.9 ui-monospace, monospace; background: #fff; color: #222; margin: 2em; overflow-wrap: anywhere }
main { white-space: pre-wrap }
.t { border-right: 1px solid #999; border-radius: 2px }
.trained { background: #c9ecc9 }
.untrained { background: #f6dada }
.control { font-weight: bold }
sub { color: #777 }
@media (prefers-color-scheme: dark) {
  body { background: #181818; color: #ddd } .trained { background: #1d4a1d } .untrained { background: #4d2424 }
}
"""


@dataclass(frozen=True, slots=True)
class _Token:
    id: int
    text: str
    trained: bool
    control: bool


def show(
    tokenizer: Tokenizer,
    ids: Ids,
    mask: Iterable[int],
    *,
    show_ids: bool = False,
    console: Console | None = None,
) -> None:
    r"""Prints ids with their mask: green and underlined is trained, red isn't, bold is a control token.

    Where there are no colours, what is trained stands between ⟦ and ⟧.

    Args:
        tokenizer: whose ids they are.
        ids: shape (n,).
        mask: shape (n,), 0 or 1.
        show_ids: whether each token is followed by its id.
        console: of rich; None: standard output.

    Raises:
        ArgumentError: the lengths differ, or the mask holds something else than 0 and 1.
        UnknownIdError: an id stands for nothing (also a KeyError).

    Example:
        >>> import tokloom
        >>> show(tokloom.load("bytes"), b"a\x1bb", [0, 0, 1])
        a|\x1b|⟦b⟧
        1 of 3 tokens trained
    """
    from rich.console import Console
    from rich.text import Text

    console = console or Console()
    tokens = _tokens(tokenizer, ids, mask)
    coloured = console.color_system is not None
    shown = Text()
    for trained, neighbours in itertools.groupby(tokens, key=lambda token: token.trained):
        if shown:
            shown.append(BORDER, "dim")
        run = Text()
        for number, token in enumerate(neighbours):
            if number:
                run.append(BORDER, "dim")
            colour = "green underline" if trained else "red"
            run.append(token.text, f"bold {colour}" if token.control else colour)
            if show_ids:
                run.append(f"({token.id})", "dim")
        shown.append(run if coloured or not trained else Text.assemble("⟦", run, "⟧"))
    console.print(shown, soft_wrap=True, end="" if shown.plain.endswith("\n") else "\n")
    console.print(Text(_summary(tokens), "dim"))


def to_html(tokenizer: Tokenizer, ids: Ids, mask: Iterable[int], *, show_ids: bool = False) -> str:
    """A page that shows ids with their mask; it needs nothing else, has no script, and all text in it is escaped.

    Args:
        tokenizer: whose ids they are.
        ids: shape (n,).
        mask: shape (n,), 0 or 1.
        show_ids: whether each token is followed by its id; it is the token's tooltip in any case.

    Raises:
        ArgumentError: the lengths differ, or the mask holds something else than 0 and 1.
        UnknownIdError: an id stands for nothing (also a KeyError).

    Example:
        >>> import tokloom
        >>> page = to_html(tokloom.load("bytes"), b"<", [1])
        >>> '<span class="t trained" title="60">&lt;</span>' in page
        True
    """
    tokens = _tokens(tokenizer, ids, mask)
    body = "".join(_span(token, show_ids) for token in tokens)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Conversation</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<main>{body}</main>\n"
        f'<p><span class="trained">trained</span> <span class="untrained">not trained</span> '
        f'<span class="control">control token</span>: {_summary(tokens)}</p>\n</body>\n</html>\n'
    )


def _span(token: _Token, show_ids: bool) -> str:
    kinds = ["t", "trained" if token.trained else "untrained", *["control"] * token.control]
    id = f"<sub>{token.id}</sub>" if show_ids else ""
    return f'<span class="{" ".join(kinds)}" title="{token.id}">{html.escape(token.text)}{id}</span>'


def _summary(tokens: list[_Token]) -> str:
    return f"{sum(token.trained for token in tokens):,} of {len(tokens):,} tokens trained"


def _tokens(tokenizer: Tokenizer, ids: Ids, mask: Iterable[int]) -> list[_Token]:
    ids, marks = [int(id) for id in ids], list(mask)
    if len(ids) != len(marks):
        raise ArgumentError(f"there are {len(ids):,} ids and {len(marks):,} marks; each id has one")
    if wrong := next((mark for mark in marks if mark not in {0, 1}), None):
        raise ArgumentError(f"the mask holds {wrong!r}; it is 1 where an id is trained, else 0")
    control = set(tokenizer.special_tokens.values())
    return [
        _Token(id, printable(tokenizer.token_bytes(id)), bool(mark), id in control)
        for id, mark in zip(ids, marks, strict=True)
    ]


def printable(token: bytes) -> str:
    r"""The text of a token such that it does nothing to where it is shown, but begin a new line.

    Example:
        >>> printable("né\x1b[1m\u202e".encode() + b"\xff")
        'né\\x1b[1m\\u202e\\xff'
    """
    characters = []
    for char in token.decode("utf-8", "surrogateescape"):
        if "\udc80" <= char <= "\udcff":
            characters.append(f"\\x{ord(char) - 0xDC00:02x}")
        elif char == "\n":
            characters.append(f"{NEW_LINE}\n")
        else:
            characters.append(char if char.isprintable() else ascii(char)[1:-1])
    return "".join(characters)
