"""Which files of which packages are which corpus. Each recipe gives (name, text) of its documents."""

import hashlib
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from benchmarks.corpora import texts

Folders = Mapping[str, Path]
Documents = Iterator[tuple[str, str]]

# A dictionary is one file of tens of MB: cut into documents of the size that the others have.
_PIECE = 16_384
_CODE = {".c", ".h", ".S", ".s", ".go", ".py", ".sh", ".pl", ".dts", ".dtsi"}
_PYTHON = tuple(
    f"{name}python3.11{rest}"
    for name, rest in (
        ("lib", "-stdlib"),
        ("lib", "-minimal"),
        ("lib", "-testsuite"),
        ("lib", "-dev"),
        ("idle-", ""),
    )
)
_LINUX_ONE_IN = 24


def prose(folders: Folders) -> Documents:
    """English: dictionaries, manuals, books. Nearly half is dictionary text, which is harder on caches than the web."""
    for package in ("dict-gcide", "dict-wn", "dict-foldoc"):
        for name, path in _files(folders, package, "usr/share/dictd/*.dict.dz"):
            yield from _numbered(name, texts.pieces(texts.opened(path), _PIECE))
    for name, path in _files(folders, "jargon-text", "usr/share/doc/jargon-text/jargon.txt.gz"):
        yield from _numbered(name, texts.pieces(texts.opened(path), _PIECE))
    plain = {"linux-doc-6.1": "Documentation/**/*.rst.gz", "python3.11-doc": "html/_sources/**/*.rst.txt"}
    for package, pattern in plain.items():
        for name, path in _files(folders, package, f"usr/share/doc/*/{pattern}"):
            yield name, texts.read(path) or ""
    pages = {
        "python3.11-doc": "usr/share/doc/python3.11/html/**/*.html",
        "postgresql-doc-15": "usr/share/doc/*/html/*.html",
        "anarchism": "usr/share/doc/anarchism/html/*.html",
        "bash-doc": "usr/share/doc/**/*.html",
        "libreoffice-help-en-us": "usr/share/libreoffice/help/en-US/text/**/*.html",
        "gnome-user-docs": "usr/share/help/C/**/*.page",
        "debian-handbook": "usr/share/doc/debian-handbook/html/en-US/*.html",
        "debian-reference-en": "usr/share/debian-reference/*.en.html",
        "installation-guide-amd64": "usr/share/doc/installation-guide-amd64/en/*.html",
    }
    for package, pattern in pages.items():
        seen = _Unseen()
        for name, path in _files(folders, package, pattern):
            yield name, seen.lines(texts.without_marks(texts.read(path) or ""))


def code(folders: Folders) -> Documents:
    """C, Go, Python and what lies beside them: a part of Linux, Go's and CPython's own sources."""
    for package in ("golang-1.19-src", *_PYTHON):
        for name, path in _files(folders, package, "usr/**/*"):
            if path.suffix in _CODE:
                yield name, texts.read(path) or ""
    for _, path in _files(folders, "linux-source-6.1", "usr/src/linux-source-6.1.tar.xz"):
        with tarfile.open(path, "r|xz") as archive:
            for member in archive:
                if member.isfile() and _is_taken(member.name):
                    content = archive.extractfile(member)
                    yield member.name, texts.decoded(content.read() if content else b"") or ""


def _is_taken(name: str) -> bool:
    suffix = Path(name).suffix in _CODE or Path(name).name in {"Makefile", "Kconfig"}
    return suffix and int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % _LINUX_ONE_IN == 0


def languages(folders: Folders) -> Documents:
    """Some forty languages. A page's lines that are English, and those that its language had before, are left out."""
    for name, _, text in by_language(folders):
        yield name, text


def by_language(folders: Folders) -> Iterator[tuple[str, str, str]]:
    """(name, language, text) of the documents of `languages`. A dictionary's language is the name of its package."""
    english, seen = _english(folders), dict[str, _Unseen]()
    for name, language, read in _translated(folders):
        known = seen.setdefault(language, _Unseen(english))
        text = known.lines(read())
        # A dictionary again, of some megabytes.
        parts = _numbered(name, texts.pieces(text.encode(), _PIECE)) if "/dictd/" in name else [(name, text)]
        for part_name, part in parts:
            yield part_name, language, part


def _english(folders: Folders) -> set[int]:
    """The lines of the English pages (their hashes): what a page falls back to where nobody translated it."""
    lines: set[int] = set()
    pages = {
        "libreoffice-help-en-us": "usr/share/libreoffice/help/en-US/text/**/*.html",
        "gnome-user-docs": "usr/share/help/C/**/*.page",
        "debian-handbook": "usr/share/doc/debian-handbook/html/en-US/*.html",
        "installation-guide-amd64": "usr/share/doc/installation-guide-amd64/en/*.html",
    }
    for package, pattern in pages.items():
        for _, path in _files(folders, package, pattern):
            lines.update(map(_key, texts.without_marks(texts.read(path) or "").splitlines()))
    return lines


def _translated(folders: Folders) -> Iterator[tuple[str, str, Callable[[], str]]]:
    """(name, language, what reads it) of every file in another language than English."""
    for package, (pattern, reader) in _TRANSLATED.items():
        for found in sorted(name for name in folders if re.fullmatch(package, name)):
            for name, path in _files(folders, found, pattern):
                language = _language(found, name)
                if not re.match(r"(en\b|en[-_]|C$|pot$)", language):
                    yield name, language, partial(reader, path)


def _page(path: Path) -> str:
    return texts.without_marks(texts.read(path) or "")


def _manual(path: Path) -> str:
    """A manual page as it was written, without its comments."""
    lines = (texts.read(path) or "").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith('.\\"'))


def _strings(path: Path) -> str:
    return "\n".join(texts.message_strings(path.read_bytes())) + "\n"


def _plain(path: Path) -> str:
    return texts.without_colours(texts.read(path) or "")


_TRANSLATED: dict[str, tuple[str, Callable[[Path], str]]] = {
    "libreoffice-help-(?!en).*": ("usr/share/libreoffice/help/*/text/**/*.html", _page),
    "manpages-.*": ("usr/share/man/*/man*/*.gz", _manual),
    "gimp-help-.*": ("usr/share/gimp/2.0/help/*/*.html", _page),
    "debian-handbook": ("usr/share/doc/debian-handbook/html/*/*.html", _page),
    "installation-guide-amd64": ("usr/share/doc/installation-guide-amd64/*/*.html", _page),
    "debian-reference-.*": ("usr/share/debian-reference/*.html", _page),
    "fortunes-.*": ("usr/share/games/fortunes/**/*", _plain),
    "gnome-user-docs": ("usr/share/help/*/**/*.page", _page),
    "dict-freedict-.*": ("usr/share/dictd/*.dict.dz", _plain),
    "libreoffice-l10n-.*": ("usr/lib/libreoffice/program/resource/*/LC_MESSAGES/*.mo", _strings),
}


def _language(package: str, name: str) -> str:
    """From the folder of the language, where there is one, else from the package's name."""
    for folder in ("help", "man", "html", "installation-guide-amd64", "resource"):
        found = re.search(rf"/{folder}/([a-z]{{2,3}}(?:[-_@][A-Za-z]+)?|C)/", name)
        if found:
            return found.group(1)
    return package.rpartition("-")[2] if "freedict" not in package else package


class _Unseen:
    """Passes each line once, and no line that was known at the start."""

    def __init__(self, known: set[int] | None = None) -> None:
        self._known, self._seen = known or set(), set[int]()

    def lines(self, text: str) -> str:
        fresh = []
        for line in text.splitlines(keepends=True):
            key = _key(line)
            if not line.strip() or (key not in self._seen and key not in self._known):
                fresh.append(line)
                self._seen.add(key)
        return "".join(fresh)


def _key(line: str) -> int:
    # A set of 64-bit numbers takes a third of the memory of a set of lines; Python's own hash changes by the process.
    return int.from_bytes(hashlib.blake2b(line.strip().encode(), digest_size=8).digest(), "big")


def _files(folders: Folders, package: str, pattern: str) -> Iterator[tuple[str, Path]]:
    """(package/path, path) of the regular files, in the order of their names; none where the package is missing."""
    root = folders.get(package)
    if root is not None:
        for path in sorted(root.glob(pattern)):
            if path.is_file() and not path.is_symlink():
                yield f"{package}/{path.relative_to(root).as_posix()}", path


def _numbered(name: str, parts: list[str]) -> Documents:
    for number, part in enumerate(parts):
        yield f"{name}#{number}", part


RECIPES: dict[str, Callable[[Folders], Documents]] = {"prose": prose, "code": code, "languages": languages}
