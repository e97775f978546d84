"""Training and held-out text for the figures: prose, code, and languages one by one; split by document.

Near-duplicates are removed, as `tokloom.learned.split` does it. Written once into the cache folder, `learned/NAME/`:
`training.txt` and `held-out.txt` with the documents' `.offsets`, and `about.json` with sizes, hashes and what a split
without the removal of near-duplicates would have leaked.
"""

import argparse
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.corpora import debian, recipes, store
from tokloom.learned import TextData, split
from tokloom.learned.repeats import repeated_share

SEED = 0
# Of documents. A language has some MB, and 2 % of its documents could be a few pages.
HELD_OUT = {"prose": 0.02, "code": 0.02}
HELD_OUT_OF_A_LANGUAGE = 0.05
# A language with less isn't kept; of one with more, what comes first in the order of the documents' hashes.
LEAST, MOST = 600_000, 16_000_000


def folder() -> Path:
    """Where the texts lie."""
    return store.cache() / "learned"


def languages() -> list[str]:
    """The languages that are there, by their codes."""
    return sorted(
        path.parent.name.removeprefix("language-") for path in folder().glob("language-*/about.json")
    )


def training(name: str) -> TextData:
    """The training text of "prose", "code", or "language-de" and so on."""
    return TextData.open(folder() / name / "training.txt")


def held_out(name: str) -> TextData:
    """The held-out text of the same."""
    return TextData.open(folder() / name / "held-out.txt")


def run(_: argparse.Namespace) -> None:
    """Makes what is missing, and prints what there is."""
    for name, share in HELD_OUT.items():
        if not (folder() / name / "about.json").exists():
            corpus = store.build([name])[name]
            make(name, TextData.open(corpus.path).documents(), share)
    if not languages():
        for language, documents in sorted(_by_language().items()):
            if sum(map(len, documents)) >= LEAST:
                make(f"language-{language}", documents, HELD_OUT_OF_A_LANGUAGE)
    for path in sorted(folder().glob("*/about.json")):
        print(path.parent.name, json.dumps(json.loads(path.read_text("utf-8")), ensure_ascii=False))


def make(name: str, documents: Iterable[bytes], share: float) -> dict[str, Any]:
    """Splits documents and writes both sides; `about.json` last."""
    directory = folder() / name
    directory.mkdir(parents=True, exist_ok=True)
    chosen = _some(list(documents)) if name.startswith("language-") else list(documents)
    sides = dict(zip(("training", "held-out"), split(chosen, held_out=share, seed=SEED), strict=True))
    with_duplicates = split(chosen, held_out=share, seed=SEED, near_duplicates=False)
    about: dict[str, Any] = {
        "documents": len(chosen),
        "removed": dict(
            sides["training"].removed
        ),  # from both sides; held-out documents that repeat, from theirs
        "repeated windows before": round(repeated_share(with_duplicates[1], with_duplicates[0]), 4),
        "repeated windows": round(repeated_share(sides["held-out"], sides["training"]), 4),
    }
    for side, text in sides.items():
        about[side] = {
            "documents": len(text),
            "bytes": text.size,
            "sha256": hashlib.sha256(text.data).hexdigest(),
        }
        _write(directory / f"{side}.txt", text.data.tobytes())
        _write(directory / f"{side}.offsets", text.offsets.astype("<u8").tobytes())
    _write(directory / "about.json", json.dumps(about, indent=1).encode())
    print(name, json.dumps(about), flush=True)
    return about


def _by_language() -> dict[str, list[bytes]]:
    packages = [each for each in debian.listed() if "languages" in each.corpora]
    folders, missing = debian.unpack(packages, store.cache())
    for package, reason in missing.items():
        print(f"without {package}: {reason}")
    found: dict[str, list[bytes]] = {}
    for _, language, text in recipes.by_language(folders):
        # "pt_BR" and "pt-BR" are one; a dictionary of two languages is none.
        code = re.fullmatch(r"([a-z]{2,3})(?:[-_@][A-Za-z]+)?", language)
        if code and text.strip():
            found.setdefault(code.group(1), []).append(text.encode())
    return found


def _some(documents: list[bytes]) -> list[bytes]:
    """As many as fit, in the order of their hashes."""
    keyed = sorted((hashlib.sha256(document).digest(), document) for document in documents)
    sizes = np.cumsum([len(document) for _, document in keyed])
    return [document for (_, document), size in zip(keyed, sizes.tolist(), strict=True) if size <= MOST]


def _write(path: Path, data: bytes) -> None:
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(data)
    beside.replace(path)


def mixed(share: float = 1.0) -> Iterator[tuple[str, TextData]]:
    """(name, training text) of all of them; `share` of each one's documents, the first ones."""
    for name in (*HELD_OUT, *(f"language-{language}" for language in languages())):
        text = training(name)
        yield name, text if share >= 1 else text.take(range(max(1, int(len(text) * share))))
