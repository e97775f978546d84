"""A table that can be shown in a terminal, in a notebook, as Markdown and as plain text."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.table import Table as RichTable


@dataclass
class Table:
    """Text in rows and columns. Figures stand to the right; the columns named in `words` stand to the left.

    Example:
        >>> table = Table("Sizes", ["name", "bytes"], [["a", "10"], ["b", "2"]])
        >>> print(table.to_markdown())
        **Sizes**
        <BLANKLINE>
        | name | bytes |
        |:-----|------:|
        | a    |    10 |
        | b    |     2 |
    """

    title: str
    columns: list[str]
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)
    words: frozenset[int] = frozenset({0})
    """The columns, by index, that hold words and not figures."""

    def to_rich(self) -> RichTable:
        """The table for a terminal."""
        from rich import box
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable(
            title=self.title, caption="\n".join(self.notes) or None, box=box.ROUNDED, title_justify="left"
        )
        table.caption_justify = "left"
        for index, column in enumerate(self.columns):
            table.add_column(Text(column), justify=self._side(index), overflow="fold")
        for row in self.rows:
            table.add_row(*map(Text, row))  # Text: a token such as [red] is no markup
        return table

    def to_markdown(self) -> str:
        """The table in GitHub's Markdown, the notes below it."""
        cells = [[_markdown(cell) for cell in row] for row in [self.columns, *self.rows]]
        widths = [max(3, *(len(row[index]) for row in cells)) for index in range(len(self.columns))]
        rule = [
            ":" + "-" * (width + 1) if index in self.words else "-" * (width + 1) + ":"
            for index, width in enumerate(widths)
        ]
        lines = [f"| {' | '.join(map(self._padded, row, widths, range(len(row))))} |" for row in cells]
        lines.insert(1, "|" + "|".join(rule) + "|")
        notes = [f"\n{_markdown(note)}" for note in self.notes]
        return "\n".join([f"**{_markdown(self.title)}**\n", *lines, *notes])

    def to_html(self) -> str:
        """The table for a notebook; nothing in it is taken for markup."""
        import html

        head = "".join(f"<th>{html.escape(column)}</th>" for column in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in self.rows
        )
        notes = "".join(f"<p><small>{html.escape(note)}</small></p>" for note in self.notes)
        caption = f"<caption>{html.escape(self.title)}</caption>"
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"

    def __str__(self) -> str:
        from rich.console import Console

        text = io.StringIO()
        # Wide enough that nothing is folded: who reads a str sets the width.
        Console(file=text, width=10_000, color_system=None, legacy_windows=False).print(self.to_rich())
        return "\n".join(line.rstrip() for line in text.getvalue().splitlines())

    def _side(self, index: int) -> Literal["left", "right"]:
        return "left" if index in self.words else "right"

    def _padded(self, cell: str, width: int, index: int) -> str:
        return cell.ljust(width) if index in self.words else cell.rjust(width)


def _markdown(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
