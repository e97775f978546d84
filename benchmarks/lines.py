"""Lines of code, counted alike for all: of .py, .rs and .c files, not blank, not a comment alone, no tests."""

import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_KINDS = {".py", ".pyi", ".rs", ".c", ".h"}
_NOT_CODE = {"tests", "test", "benches", "examples", "scripts", "docs", "target", "benchmark", "benchmarks"}


def code(text: str) -> int:
    r"""The lines that are neither blank nor a comment alone. Docstrings count: nobody agrees on what they are.

    >>> code("x = 1\n\n# a\n// b\n    y = 2  # c\n")
    2
    """
    return sum(1 for line in text.splitlines() if line.strip() and not re.match(r"\s*(#(?!\[)|//)", line))


def counted(minbpe: str | None) -> dict[str, tuple[int | None, str]]:
    """Lines and a note, by name. The peers are counted in the source that PyPI has of the measured version."""
    ours = [path for folder in ("crates", "python") for path in _sources((_ROOT / folder).rglob("*"))]
    return {
        "plain Python": (_of(_ROOT / "python/tokloom/reference.py"), "tokloom/reference.py"),
        "minbpe": (sum(map(_of, _sources(Path(minbpe, "minbpe").glob("*.py")))) if minbpe else None, ""),
        **{name: _published(name) for name in ("rustbpe", "tiktoken", "tokenizers")},
        "tokloom": (sum(map(_of, ours)), "all of it: engine, bindings, sources, command line, comparisons"),
    }


def _sources(paths: Iterable[Path]) -> Iterator[Path]:
    for path in sorted(paths):
        if path.suffix in _KINDS and not _NOT_CODE & set(path.parts[len(_ROOT.parts) :]) and path.is_file():
            yield path


def _of(path: Path) -> int:
    return code(path.read_text("utf-8", errors="replace"))


def _published(name: str) -> tuple[int | None, str]:
    """From the source distribution; None where pip can't get it."""
    # pip asks a source for its metadata before it keeps it. What answers is in `requirements.txt`: in an environment
    # of its own it would be built anew, for minutes.
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [*command, "--no-binary", ":all:", "--dest", folder, f"{name}=={version(name)}"],
                check=False, capture_output=True, timeout=180, env={**os.environ, "PATH": path},
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return None, "pip took more than three minutes for its source"
        archives = list(Path(folder).glob("*.tar.gz"))
        if done.returncode or not archives:
            return None, "pip can't get its source"
        return _in_archive(archives[0]), "its source on PyPI"


def _in_archive(path: Path) -> int:
    lines = 0
    with tarfile.open(path) as archive:
        for member in archive:
            inside = Path(member.name)
            if member.isfile() and inside.suffix in _KINDS and not _NOT_CODE & set(inside.parts):
                content = archive.extractfile(member)
                lines += code(content.read().decode(errors="replace")) if content else 0
    return lines
