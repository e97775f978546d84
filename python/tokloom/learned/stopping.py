"""Ctrl-C and a polite kill: the step that runs is finished and saved first; a second Ctrl-C stops at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn


class Stop:
    """Whether this process was asked to stop, and by which signal."""

    signal: int | None = None

    def end(self) -> NoReturn:
        """Ends as the signal would have, had nobody waited: KeyboardInterrupt, or the process itself.

        Raises:
            KeyboardInterrupt: for Ctrl-C, and where another process of the run was stopped.
            SystemExit: for another signal that somebody handles without ending the process.
        """
        if self.signal in (None, signal.SIGINT):
            raise KeyboardInterrupt
        os.kill(os.getpid(), self.signal)
        raise SystemExit(128 + self.signal)


@contextmanager
def stopping() -> Iterator[Stop]:
    """Yields what says whether to stop. Signals reach only the main thread; in another one nothing is changed."""
    asked = Stop()
    before: dict[int, Any] = {}

    def wait_for_the_step(number: int, _: FrameType | None) -> None:
        asked.signal = number
        signal.signal(number, before[number])

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            # Ignored signals stay ignored: a shell's background jobs aren't for its Ctrl-C.
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, wait_for_the_step)
    try:
        yield asked
    finally:
        for changed, handler in before.items():
            signal.signal(changed, handler)
