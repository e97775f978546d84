"""A corpus that every machine with Python has: the sources of the standard library."""

import hashlib
import sysconfig
from dataclasses import dataclass
from pathlib import Path

_NOT_PYTHONS_OWN = {"site-packages", "dist-packages", "__pycache__"}
_TOPICS = Path("pydoc_data", "topics.py")
"""Prose: what `help()` shows about the language, some 700 KB."""


@dataclass(frozen=True)
class Corpus:
    """The files to train on, and text to measure on that stands in none of them."""

    folder: Path
    training: list[Path]
    training_bytes: int
    code: list[str]
    """One file in twenty, chosen by the hash of its name: the same ones on every machine."""
    prose: list[str]
    """The pages of `help()`; empty in a Python that came without them."""


def find() -> Corpus:
    """Finds the library of the running Python and holds some of it out.

    Raises:
        FileNotFoundError: this Python has no sources on disk.
    """
    folder = Path(sysconfig.get_path("stdlib"))
    files = [path for path in sorted(folder.rglob("*.py")) if not _NOT_PYTHONS_OWN & set(path.parts)]
    if not files:
        raise FileNotFoundError(
            f"{folder}: no Python sources here; use a Python that was installed with its library"
        )
    topics = folder / _TOPICS
    held_out = [path for path in files if path != topics and _is_held_out(path.relative_to(folder))]
    training = sorted(set(files) - set(held_out) - {topics})
    return Corpus(
        folder,
        training,
        sum(path.stat().st_size for path in training),
        [text for path in held_out if (text := _text_of(path))],
        list(_topics().values()) if topics.exists() else [],
    )


def _is_held_out(name: Path) -> bool:
    return hashlib.sha256(name.as_posix().encode()).digest()[0] % 20 == 0


def _text_of(path: Path) -> str | None:
    """The text; None where it isn't UTF-8 (Python tests other encodings), since tiktoken takes no bytes."""
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError:
        return None


def _topics() -> dict[str, str]:
    from pydoc_data.topics import topics

    return topics
