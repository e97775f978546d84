"""A corpus on disk: its text, where each document begins, and a note of what it was made from."""

import hashlib
import itertools
import json
import os
import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.corpora import debian, recipes

SEED = "tokloom benchmark 1"
SIZE = 100_000_000
NAMES = tuple(recipes.RECIPES)


def cache() -> Path:
    """`TOKLOOM_BENCH`, or a folder of that kind in the platform's cache folder."""
    named = os.environ.get("TOKLOOM_BENCH")
    if named:
        return Path(named)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "tokloom-bench"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tokloom-bench"


@dataclass(frozen=True)
class Corpus:
    """What is known of a corpus on disk. `missing`: packages that couldn't be had, with the reason of each."""

    name: str
    path: str
    size: int
    documents: int
    sha256: str
    missing: dict[str, str]

    def read(self) -> bytes:
        """The whole text, its documents one after the other."""
        return Path(self.path).read_bytes()

    def offsets(self) -> Sequence[int]:
        """Where each document begins, and at the end the size: unsigned 64-bit, little-endian on disk."""
        numbers = array("Q", Path(self.path).with_suffix(".offsets").read_bytes())
        if sys.byteorder == "big":
            numbers.byteswap()
        return numbers

    def texts(self, start: int = 0, end: int | None = None) -> list[str]:
        """The documents that lie between two positions in bytes, whole ones only."""
        data, offsets = self.read(), self.offsets()
        end = self.size if end is None else end
        return [
            data[first:last].decode()
            for first, last in itertools.pairwise(offsets)
            if start <= first and last <= end
        ]


def build(names: Sequence[str], size: int = SIZE) -> dict[str, Corpus]:
    """Opens the corpora, and builds those that aren't there."""
    folder = cache() / "corpora"
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / f"{name}-{size}.txt" for name in names}
    if all(path.with_suffix(".json").exists() for path in paths.values()):
        return {name: open_corpus(path) for name, path in paths.items()}
    needed = [each for each in debian.listed() if set(names) & each.corpora]
    folders, missing = debian.unpack(needed, cache())
    return {
        name: _make(
            path,
            size,
            name,
            folders,
            {
                each.name: missing[each.name]
                for each in needed
                if each.name in missing and name in each.corpora
            },
        )
        for name, path in paths.items()
    }


def open_corpus(path: Path) -> Corpus:
    """The corpus whose text lies there."""
    return Corpus(**json.loads(path.with_suffix(".json").read_text("utf-8")))


def ordered(documents: Iterable[tuple[str, str]], size: int) -> list[bytes]:
    """Documents in the order of the seed, cut at `size` bytes: between two characters, so up to three bytes earlier.

    A document's place depends on its own name alone: where one is missing, the others stay in their order. Empty ones
    are left out; one that doesn't end its last line gets the end.
    """
    encoded = [(_place(name), _ended(text).encode()) for name, text in documents if text.strip()]
    taken, left = [], size
    for _, document in sorted(encoded):
        if left <= 0:
            break
        taken.append(document if len(document) <= left else document[:left].decode(errors="ignore").encode())
        left -= len(document)
    return [document for document in taken if document]


def _place(name: str) -> bytes:
    return hashlib.sha256(f"{SEED}\n{name}".encode()).digest()


def _ended(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"


def _make(path: Path, size: int, name: str, folders: recipes.Folders, missing: dict[str, str]) -> Corpus:
    documents = ordered(recipes.RECIPES[name](folders), size)
    data = b"".join(documents)
    offsets = array("Q", [0])
    for document in documents:
        offsets.append(offsets[-1] + len(document))
    if sys.byteorder == "big":
        offsets.byteswap()
    digest = hashlib.sha256(data).hexdigest()
    corpus = Corpus(name, str(path), len(data), len(documents), digest, missing)
    _write(path, data)
    _write(path.with_suffix(".offsets"), offsets.tobytes())
    _write(path.with_suffix(".json"), json.dumps(asdict(corpus), indent=1).encode())
    return corpus


def _write(path: Path, data: bytes) -> None:
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(data)
    beside.replace(path)


def described(corpus: Corpus) -> dict[str, Any]:
    """For the results: everything but the place on this machine."""
    return {key: value for key, value in asdict(corpus).items() if key not in {"name", "path"}}
