"""A name or a path → a tokenizer, or an error that says where was looked."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from tokloom import _engine, adapters, learned, saved
from tokloom.bpe import BPETokenizer
from tokloom.errors import (
    ArgumentError,
    FormatError,
    MissingDependencyError,
    SpecialTokenError,
    TokloomWarning,
    VocabularyError,
    VocabularyNotFoundError,
)
from tokloom.patterns import PatternLike, require_text, resolve
from tokloom.ranks import by_rank
from tokloom.storage import read_file
from tokloom.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tokloom.catalogue import KnownVocabulary

__all__ = ["fetch", "load", "names", "vocabularies"]

LARGEST_MODEL = 1 << 28
LARGEST_RANKS = 1 << 30


def names() -> list[str]:
    """The names that `load` knows, without their aliases; `tokloom.vocabularies()` says more of each.

    Example:
        >>> import tokloom
        >>> tokloom.names()[:3], "bytes" in tokloom.names()
        (['gpt2', 'gpt3', 'p50k_edit'], True)
    """
    from tokloom import catalogue

    return [entry.name for entry in catalogue.ENTRIES]


def vocabularies() -> list[KnownVocabulary]:
    """All known vocabularies, with where each one's file lies on this machine. Nothing is downloaded.

    Example:
        >>> import tokloom
        >>> [known.aliases for known in tokloom.vocabularies() if known.name == "gpt4"]
        [('cl100k_base',)]
    """
    from tokloom import catalogue

    return catalogue.vocabularies()


def fetch(name: str, directory: str | PathLike[str] | None = None, *, offline: bool = False) -> Path | None:
    """Brings a known vocabulary's file into a folder, for a machine without a network, and returns its path.

    None for what needs no file. A file that is there already is verified, and never written over.

    Args:
        name: a known name or alias.
        directory: the folder, made where it isn't there; default: tokloom's cache. There `TOKLOOM_CACHE` names it.
        offline: whether only this machine is looked at.

    Raises:
        VocabularyNotFoundError: its file is nowhere, or nothing is known by that name.
        FormatError: a file of its name is not the published one; it is left as it is.
        SourceError: the system refuses to write, or `directory` is a file (also an OSError).

    Example:
        >>> import tokloom
        >>> tokloom.fetch("bytes") is None
        True
    """
    from tokloom import catalogue

    return catalogue.fetch(name, directory, offline=offline)


def load(
    name_or_path: str | PathLike[str],
    *,
    path: str | PathLike[str] | None = None,
    fallback: Iterable[str | PathLike[str]] = (),
    offline: bool = False,
    pattern: PatternLike | None = None,
    special_tokens: Mapping[str, int] | Iterable[str] | None = None,
) -> Tokenizer:
    """The tokenizer of this name, or of this folder or file.

    Args:
        name_or_path: a name (`tokloom.names()`), or a path: a `Path`, or a str with a separator in it (`./gpt2`). A
            folder that tokloom saved, a folder with a `tokenizer.json` or `tokenizer.model`, such a file, Mistral's
            `tekken.json`, or a tiktoken rank file.
        path: for a name: its file, or the folder that holds it. It must be the published one.
        fallback: names or paths to take in its place if it isn't here, in this order. Nothing else ever substitutes;
            a warning says what does.
        offline: whether nothing may be downloaded (as with `HF_HUB_OFFLINE=1`).
        pattern: for a rank file, which doesn't carry one: a name, a regular expression, or a list of them.
        special_tokens: for a rank file: names and their ids; or names alone, their ids follow the highest rank.

    Raises:
        VocabularyNotFoundError: nothing of this name or at this path (also a FileNotFoundError); the message has every
            place that was looked at, and what would mend it.
        FormatError: the file is damaged or not the published one, or holds what nobody does exactly; the message names
            it.
        MissingDependencyError: it is for a library (`tokenizers`, `sentencepiece`) that isn't installed.
        ArgumentError: a rank file without `pattern`, or another file with one; `path` without a known name.

    Example:
        >>> import tokloom
        >>> tokloom.load("bytes").vocab_size
        256
    """
    from tokloom import catalogue

    wishes = _as_wishes(fallback)
    try:
        return _load(name_or_path, path, offline, pattern, special_tokens)
    except (VocabularyNotFoundError, MissingDependencyError) as error:
        if not wishes:
            raise
        missing = error
    for wish in wishes:
        try:
            tokenizer = _load(wish, None, offline, None, None)
        except (VocabularyNotFoundError, MissingDependencyError):
            continue
        requested = os.fspath(name_or_path)
        lacks = "can't be opened" if isinstance(missing, MissingDependencyError) else "isn't here"
        warnings.warn(
            f"{requested!r} {lacks}; {os.fspath(wish)!r}, from the fallback list, is used in its place, and its ids "
            f"mean other tokens ({str(missing).splitlines()[0].removesuffix('. Looked at')})",
            TokloomWarning,
            stacklevel=2,
        )
        return catalogue.renamed(tokenizer, tokenizer.name, requested=requested, substituted=True)
    tried = ", ".join(repr(os.fspath(wish)) for wish in wishes)
    raise VocabularyNotFoundError(f"{missing}\nNone of the fallback list is here either: {tried}") from None


def _as_wishes(fallback: Iterable[str | PathLike[str]]) -> list[str | PathLike[str]]:
    if isinstance(fallback, (str, bytes)):
        raise TypeError("fallback is a list of names, not one str")
    return list(fallback)


def _load(
    name_or_path: str | PathLike[str],
    given: str | PathLike[str] | None,
    offline: bool,
    pattern: PatternLike | None,
    special_tokens: Mapping[str, int] | Iterable[str] | None,
) -> Tokenizer:
    from tokloom import catalogue

    if isinstance(name_or_path, str) and not _looks_like_path(name_or_path):
        return _by_name(name_or_path, given, offline, pattern, special_tokens)
    path = Path(name_or_path)
    if given is not None:
        raise ArgumentError(f"path= goes with a known name, and {path} is a path itself")
    if not path.exists():
        raise VocabularyNotFoundError(f"{path}: no such file or folder (looked in {path.absolute().parent})")
    file = _file_in(path)
    catalogue.refuse_pickle(file)
    if file.name == saved.DESCRIPTION or file.suffix == ".json":
        if pattern is not None or special_tokens is not None:
            raise ArgumentError(
                f"{file} says its own pattern and special tokens; pattern= and special_tokens= are "
                "for rank files"
            )
        if file.name == saved.DESCRIPTION:
            return _from_saved(file.parent)
        # By its name, as mistral_common tells it.
        opened = catalogue.open_tekken if "tekken" in file.name else open_tokenizer_json
        data = read_file(file, at_most=LARGEST_MODEL)
        return opened(data, origin=str(file), name=path.resolve().stem)
    data = read_file(file, at_most=LARGEST_RANKS)
    if looks_like_sentencepiece(data):
        if pattern is not None or special_tokens is not None:
            raise ArgumentError(
                f"{file} is a SentencePiece model; pattern= and special_tokens= are for rank files"
            )
        return open_sentencepiece(data, origin=str(file), name=path.resolve().stem)
    return _from_ranks(file, data, pattern, special_tokens)


def _from_saved(directory: Path) -> Tokenizer:
    description = saved.describe(directory)
    kind = description.get("kind")
    if kind in adapters.KINDS:
        return adapters.open_saved(directory, description)
    if isinstance(kind, str) and kind in learned.KINDS:
        return learned.open_saved(directory, description)
    return BPETokenizer(saved.load(directory, description), name=directory.resolve().name)


def open_tokenizer_json(data: bytes, *, origin: str, name: str) -> Tokenizer:
    """The tokenizer of a `tokenizer.json`'s bytes: tokloom's engine where that is the same, else the adapter."""
    from tokloom.adapters.huggingface import from_bytes

    return from_bytes(data, origin, name=name)


def open_sentencepiece(data: bytes, *, origin: str, name: str) -> Tokenizer:
    """The tokenizer of the bytes of a SentencePiece `.model`."""
    from tokloom.adapters.sentencepiece import from_bytes

    return from_bytes(data, origin, name=name)


def looks_like_sentencepiece(data: bytes) -> bool:
    """Whether a file begins as a SentencePiece model does: a piece (field 1, its size), in it the text (field 1).

    By content, since a rank file may be called `tokenizer.model`, too.
    """
    return len(data) > 3 and data[0] == 0x0A and data[2] == 0x0A and data[1] >= 2


def _looks_like_path(name: str) -> bool:
    return os.sep in name or (os.altsep is not None and os.altsep in name)


def _by_name(
    name: str, path: str | PathLike[str] | None, offline: bool, pattern: object, special_tokens: object
) -> Tokenizer:
    from tokloom import catalogue

    if name not in catalogue.BY_NAME:
        hint = (
            f"; there is a file or folder of that name here: load it as './{name}'"
            if Path(name).exists()
            else ""
        )
        try:
            catalogue.entry_of(name)
        except VocabularyNotFoundError as error:
            raise VocabularyNotFoundError(
                f"{error}. A file or folder is given with a separator ('./{name}') or as a Path{hint}"
            ) from None
    if pattern is not None or special_tokens is not None:
        raise ArgumentError(
            f"{name!r} has its own pattern and special tokens; pattern= and special_tokens= are for "
            "rank files"
        )
    return catalogue.open_name(name, path=path, offline=offline)


def _file_in(path: Path) -> Path:
    from tokloom import catalogue

    if not path.is_dir():
        return path
    for name in (saved.DESCRIPTION, "tokenizer.json", "tokenizer.model"):
        if (path / name).is_file():
            return path / name
    for pickle in sorted(path.glob("*.pkl")):
        catalogue.refuse_pickle(pickle)
    held = ", ".join(sorted(entry.name for entry in path.iterdir())[:8]) or "nothing"
    raise VocabularyNotFoundError(
        f"{path}: the folder has no {saved.DESCRIPTION}, tokenizer.json or tokenizer.model (it has {held})"
    )


def _from_ranks(
    path: Path,
    data: bytes,
    pattern: PatternLike | None,
    special_tokens: Mapping[str, int] | Iterable[str] | None,
) -> BPETokenizer:
    try:
        tokens = _engine.read_ranks(data, str(path))
    except FormatError as error:
        if path.suffix == ".model":
            raise FormatError(
                f"{path}: neither a SentencePiece model nor a rank file, which are what is called so ({error})"
            ) from None
        raise
    if pattern is None:
        raise ArgumentError(
            f"{path} is a rank file, which carries no split pattern: say it with pattern=, for instance "
            "pattern='gpt4' for cl100k_base, and special_tokens= if it has any (in a shell --pattern and --special-token)"
        )
    first = max((id for id, _ in tokens), default=-1) + 1
    special = [_checked(name, id) for name, id in _numbered(special_tokens, first)]
    splits = resolve(pattern)
    try:
        vocabulary = by_rank(splits, tokens, special)
    except VocabularyError as error:
        raise VocabularyError(f"{path}: {error}") from None
    return BPETokenizer(vocabulary, name=path.stem)


def _numbered(special_tokens: Mapping[str, int] | Iterable[str] | None, first: int) -> list[tuple[str, int]]:
    if special_tokens is None:
        return []
    if isinstance(special_tokens, str):
        raise TypeError("special_tokens is a mapping of names to ids or a list of names, not one str")
    if isinstance(special_tokens, Mapping):
        return list(special_tokens.items())
    return [(name, id) for id, name in enumerate(special_tokens, first)]


def _checked(name: object, id: object) -> tuple[str, int]:
    if not isinstance(name, str) or not isinstance(id, int):
        raise TypeError(f"special tokens are names with ids, not {name!r}: {id!r}")
    require_text("special token", name, SpecialTokenError)
    if not 0 <= id < 2**31 - 1:
        raise SpecialTokenError(f"id {id} of special token {name!r} is out of range")
    return name, id
