"""A run's log: one JSON object a line, readable while the run goes on."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokloom.storage import as_source_error, write_file


class Log:
    r"""Appends lines to a file; on going on, lines after the checkpoint's step are taken back first.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "log.jsonl"
        >>> Log(path, after=0).write(1, loss=2.5)
        >>> path.read_text()
        '{"step": 1, "loss": 2.5}\n'
    """

    def __init__(self, path: Path, *, after: int) -> None:
        self._path = path
        kept = [line for line in _lines(path) if _step(line) <= after]
        write_file(path, b"".join(kept))

    def write(self, step: int, **values: object) -> None:
        """Appends one line.

        Raises:
            SourceError: the system refuses, or the disk is full.
        """
        line = json.dumps({"step": step, **plain(values)}, ensure_ascii=False) + "\n"
        try:
            with self._path.open("ab") as file:
                file.write(line.encode())
        except OSError as error:
            raise as_source_error(error, self._path) from None


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of a log; a last one that was cut short is left out.

    Raises:
        SourceError: it can't be read (also an OSError).
    """
    return [found for line in _lines(path) if isinstance(found := _parsed(line), dict)]


def _lines(path: Path) -> list[bytes]:
    if not os.path.lexists(path):
        return []
    try:
        return path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise as_source_error(error, path) from None


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _step(line: bytes) -> float:
    found = _parsed(line)
    step = found.get("step") if isinstance(found, dict) else None
    return step if isinstance(step, int) else math.inf


def plain(values: Mapping[str, object]) -> dict[str, object]:
    """The values as JSON has them: it knows no NaN and no infinity.

    Example:
        >>> plain({"loss": float("nan"), "step": 1})
        {'loss': None, 'step': 1}
    """
    return {
        name: plain(value)
        if isinstance(value, dict)
        else None
        if isinstance(value, float) and not math.isfinite(value)
        else value
        for name, value in values.items()
    }
