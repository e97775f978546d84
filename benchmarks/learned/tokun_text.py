"""Text for tokun: languages that are trained on, held-out documents of those, and languages that training never sees."""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.corpora import debian, recipes, store
from tokloom.learned.text import TextData, split

# Never seen as text: Chinese and Korean, and the languages of eight alphabets.
UNSEEN = frozenset({"zh", "ko", "hi", "mr", "he", "th", "ta", "gu", "te", "as", "kn", "pa"})
# Lines of other languages that hold these (lists of languages, mostly) are left out of training, so that it stays true.
ALPHABETS = re.compile(
    "[\u0530-\u058f\u0590-\u05ff\u0900-\u0d7f\u0e00-\u0e7f\u10a0-\u10ff\u1100-\u11ff\uac00-\ud7ff]"
)
_RENAMED = {
    "cn": "zh",
    "dict-freedict-ara-eng": "ar",
    "dict-freedict-eng-ara": "ar",
    "dict-freedict-eng-hin": "hi",
}
_PLAIN = 12_000_000  # of English prose, and as much of code

# No package here has text in Georgian: two articles of the Universal Declaration of Human Rights.
GEORGIAN = (
    "ყველა ადამიანი იბადება თავისუფალი და თანასწორი თავისი ღირსებითა და უფლებებით. მათ მინიჭებული აქვთ გონება და "
    "სინდისი და ერთმანეთის მიმართ უნდა იქცეოდნენ ძმობის სულისკვეთებით. "
)


@dataclass(frozen=True)
class Texts:
    """Training text as documents; held-out code points by language."""

    training: TextData
    held_out: TextData
    languages: dict[str, NDArray[np.uint32]]
    unseen: dict[str, NDArray[np.uint32]]

    def known(self) -> NDArray[np.bool_]:
        """Which code points occur in the training text, by number."""
        seen = np.zeros(0x110001, bool)
        seen[np.unique(points(bytes(self.training.data).decode()))] = True
        return seen


def points(text: str) -> NDArray[np.uint32]:
    """The code points of a text."""
    return np.frombuffer(text.encode("utf-32-le"), "<u4")


def texts() -> Texts:
    """All of it, kept in the cache once it is made."""
    folder = store.cache() / "learned" / "tokun"
    if not (folder / "done").exists():
        _make(folder)
    index = json.loads((folder / "languages.json").read_text("utf-8"))
    read = {name: points((folder / f"{name}.txt").read_bytes().decode()) for name in index}
    return Texts(
        TextData.open(folder / "training"),
        TextData.open(folder / "held-out"),
        {name: text for name, text in read.items() if name not in UNSEEN},
        {name: text for name, text in read.items() if name in UNSEEN} | {"ka": points(GEORGIAN)},
    )


def language_of(name: str) -> str:
    """The language's code, without its country.

    >>> language_of("zh_TW"), language_of("cn"), language_of("sr@latin")
    ('zh', 'zh', 'sr')
    """
    return re.split("[-_@]", _RENAMED.get(name, name))[0]


def _documents() -> Iterator[tuple[str, str]]:
    """(language, text); English is "en", and code "code"."""
    packages = [each for each in debian.listed() if "languages" in each.corpora]
    folders, _ = debian.unpack(packages, store.cache())
    english, seen = recipes._english(folders), dict[str, recipes._Unseen]()
    for _, language, read in recipes._translated(folders):
        known = seen.setdefault(language, recipes._Unseen(english))
        parts = recipes.texts.pieces(known.lines(read()).encode(), 16_384)
        yield from ((language_of(language), part) for part in parts if part.strip())
    for name, label in (("prose", "en"), ("code", "code")):
        size = 0
        for document in store.build([name])[name].texts():
            size += len(document)
            if size > _PLAIN:
                break
            yield label, document


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    label, taken, unseen = dict[bytes, str](), list[bytes](), defaultdict[str, list[str]](list)
    for language, text in _documents():
        if language in UNSEEN:
            unseen[language].append(text)
            continue
        kept = "".join(line for line in text.splitlines(keepends=True) if not ALPHABETS.search(line))
        if kept.strip():
            taken.append(kept.encode())
            label[hashlib.sha256(taken[-1]).digest()] = language
    training, held_out = split(taken, held_out=0.02, seed=0)
    languages = defaultdict[str, list[str]](list)
    for document in held_out.documents():
        languages[label[hashlib.sha256(document).digest()]].append(document.decode())
    languages |= unseen
    for name, parts in languages.items():
        (folder / f"{name}.txt").write_bytes("".join(parts)[:400_000].encode())
    for name, text in (("training", training), ("held-out", held_out)):
        np.asarray(text.data).tofile(folder / name)
        text.offsets.astype("<u8").tofile(folder / f"{name}.offsets")
    (folder / "languages.json").write_text(json.dumps(sorted(languages)), "utf-8")
    (folder / "done").write_text(json.dumps({"removed": dict(training.removed)}), "utf-8")
