"""A run's progress: a bar with the measures that matter, on standard error, only on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

Show = Callable[[int, int, Mapping[str, float]], object]
"""`show(steps done, steps in all, measures)`, after each step that is logged."""

# More doesn't fit beside the bar.
_MEASURES = 4
_LEFT_OUT = frozenset({"learning_rate", "gradient_norm", "seconds"})


@contextmanager
def shown(progress: bool | Show, console: Console | None = None) -> Iterator[Show]:
    """Yields what a run calls: the caller's own function, a bar, or nothing.

    Args:
        progress: True for a bar; a function for anything else.
        console: where the bar is drawn; standard error by default.
    """
    if not isinstance(progress, bool):
        yield progress
    elif not progress or (console is None and not sys.stderr.isatty()):
        yield lambda _done, _steps, _measures: None
    else:
        yield from _bar(console)


def measures_line(measures: Mapping[str, float]) -> str:
    """The measures in a line.

    Example:
        >>> measures_line({"loss": 1.23456, "learning_rate": 0.01, "accuracy": 0.5})
        'loss 1.235  accuracy 0.5'
    """
    chosen = [name for name in measures if name not in _LEFT_OUT][:_MEASURES]
    return "  ".join(f"{name} {measures[name]:.4g}" for name in chosen)


def _bar(console: Console | None) -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("Training"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[measures]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console or Console(stderr=True)) as bar:
        task = bar.add_task("", total=None, measures="measuring the speed")

        def show(done: int, steps: int, measures: Mapping[str, float]) -> None:
            bar.update(task, completed=done, total=steps, measures=measures_line(measures))

        yield show
