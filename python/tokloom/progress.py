"""A progress bar for long work: on standard error, only after a second, only on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

__all__ = ["Callback", "bar", "show_nothing"]

Callback = Callable[[str, int, "int | None"], object]
"""`progress(stage, done, total)`: `stage` is "count" (bytes) or "merge" (merges); `total` is None where not known."""

_TITLES = {"count": "Counting", "merge": "Merging", "encode": "Encoding", "measure": "Measuring"}
_IN_BYTES = frozenset({"count", "encode"})


@contextmanager
def bar(*, delay: float = 1.0, console: Console | None = None) -> Iterator[Callback]:
    """Yields a callback that draws a bar for each stage, once the work has lasted for a while.

    Args:
        delay: seconds of work before anything is shown.
        console: where to draw; standard error by default. Nothing is drawn where that isn't a terminal.

    Example:
        >>> with bar() as progress:
        ...     _ = progress("count", 500, 1000)
        ...     _ = progress("count", 1000, 1000)
    """
    if console is None and not sys.stderr.isatty():
        yield show_nothing
        return
    shown = _Bars(delay, console)
    try:
        yield shown.update
    finally:
        shown.close()


def show_nothing(stage: str, done: int, total: int | None) -> None:
    """The callback that draws no bar."""


class _Bars:
    def __init__(self, delay: float, console: Console | None) -> None:
        self._shown_from = time.monotonic() + delay
        self._console = console
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._is_terminal = True

    def update(self, stage: str, done: int, total: int | None) -> None:
        if not self._is_terminal or time.monotonic() < self._shown_from:
            return
        if self._progress is None:
            self._start()
        if self._progress is None:
            return
        if stage not in self._tasks:
            self._finish_others()
            self._tasks[stage] = self._progress.add_task(_TITLES.get(stage, stage), total=total, amount="")
        self._progress.update(
            self._tasks[stage], completed=done, total=total, amount=_amount(stage, done, total)
        )

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        console = self._console or Console(stderr=True)
        self._is_terminal = console.is_terminal
        if not self._is_terminal:
            return
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[amount]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self._progress.start()

    def _finish_others(self) -> None:
        """A new stage begins where the last one ended: sizes on disk are a guess, and a bar left at 98 % worries."""
        if self._progress is None:
            return
        for task in self._progress.tasks:
            self._progress.update(task.id, total=task.completed or 1, completed=task.completed or 1)


def _amount(stage: str, done: int, total: int | None) -> str:
    if stage in _IN_BYTES:
        end = f" of {total / 1e6:,.1f}" if total else ""
        return f"{done / 1e6:,.1f}{end} MB"
    return f"{done:,} of {total:,}" if total else f"{done:,}"
