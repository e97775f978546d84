"""A known name → a tokenizer. A table is parsed once a process, whatever the names and threads that ask for it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TypeVar

from tokloom import _engine
from tokloom.bpe import BPETokenizer
from tokloom.catalogue import tables
from tokloom.catalogue.entries import Entry, Form
from tokloom.catalogue.finding import Found, find
from tokloom.catalogue.table import BY_NAME, ENTRIES
from tokloom.catalogue.tekken import read_tekken
from tokloom.errors import (
    FormatError,
    MissingDependencyError,
    PatternError,
    SpecialTokenError,
    VocabularyError,
)
from tokloom.patterns import resolve
from tokloom.ranks import as_added, by_rank
from tokloom.tokenizer import Tokenizer

T = TypeVar("T", bound=Tokenizer)

_guard = threading.Lock()
_locks: dict[str, threading.Lock] = {}  # by the file's name: whoever waits needs the same table
_opened: dict[str, Tokenizer] = {}
# Of rank files: several names may have one table. It never changes, and what is made from it shares it.
_tables: dict[str, _engine.Vocabulary] = {}


def open_name(name: str, *, path: str | os.PathLike[str] | None = None, offline: bool = False) -> Tokenizer:
    """The tokenizer of a known name or alias.

    Raises:
        VocabularyNotFoundError: its file is nowhere.
        FormatError: its file is not the published one.
        MissingDependencyError: the library that reads it isn't installed.
    """
    entry = BY_NAME[name]
    with _guard:
        lock = _locks.setdefault(entry.files[0].name if entry.files else entry.name, threading.Lock())
    with lock:  # two threads that ask at once: the second one waits, and has what the first one parsed
        tokenizer = None if path is not None else _opened.get(entry.name)
        if tokenizer is None:
            tokenizer = _open(entry, path, offline)
        if path is None:
            _opened[entry.name] = tokenizer
    return renamed(tokenizer, entry.name, requested=name)


def forget() -> None:
    """Lets go of what was parsed; the next one is looked for anew."""
    _opened.clear()
    _tables.clear()


def renamed(tokenizer: T, name: str, *, requested: str, substituted: bool = False) -> T:
    """Another object for the same vocabulary, so that nobody's name for it is everybody's."""
    same = object.__new__(type(tokenizer))
    same.__dict__.update(tokenizer.__dict__)
    same.name, same.requested, same.substituted = name, requested, substituted
    return same


def _open(entry: Entry, path: str | os.PathLike[str] | None, offline: bool) -> Tokenizer:
    if not entry.files and path is None:
        return bytes_tokenizer()
    found = find(entry, path=path, offline=offline)
    tokenizer = _READERS[found.file.form](entry, found)
    if tokenizer.vocab_size != entry.vocab_size:
        raise FormatError(
            f"{found.place}: {tokenizer.vocab_size:,} ids, and {entry.name} has {entry.vocab_size:,}: it is another "
            "vocabulary. Load it by its path alone"
        )
    return tokenizer


def bytes_tokenizer() -> BPETokenizer:
    """A token for each byte."""
    return BPETokenizer(
        by_rank(resolve("gpt4"), [(byte, bytes([byte])) for byte in range(256)], ()), name="bytes"
    )


def _from_ranks(entry: Entry, found: Found) -> Tokenizer:
    special_tokens = dict(entry.special_tokens or {})
    key = f"{found.file.sha256} {entry.pattern}"
    table = _tables.get(key)
    # Of the names with this table, what all have: to add tokens to a vocabulary costs half of making it.
    shared = dict(
        set(special_tokens.items()).intersection(
            *((other.special_tokens or {}).items() for other in ENTRIES if found.file in other.files)
        )
    )
    if table is None:
        try:
            table = tables.vocabulary(found, resolve(entry.pattern or ""), as_added(shared.items()))
        except VocabularyError as error:
            raise FormatError(f"{found.place}: {error}") from None
        _tables[key] = table
    own = {name: id for name, id in special_tokens.items() if name not in shared}
    return BPETokenizer(table.with_added_tokens(as_added(own.items())) if own else table, name=entry.name)


def _from_tekken(entry: Entry, found: Found) -> Tokenizer:
    return open_tekken(found.data, origin=found.place, name=entry.name)


def open_tekken(data: bytes, *, origin: str, name: str) -> BPETokenizer:
    """The tokenizer of a `tekken.json`'s bytes.

    Raises:
        FormatError: they are no such file.
    """
    read = read_tekken(data, origin)
    try:
        vocabulary = by_rank(resolve(read.pattern), read.tokens, read.special_tokens.items())
    except (VocabularyError, SpecialTokenError, PatternError) as error:
        raise FormatError(f"{origin}: {error}") from None
    return BPETokenizer(vocabulary, name=name)


def _from_sentencepiece(entry: Entry, found: Found) -> Tokenizer:
    from tokloom.loading import open_sentencepiece

    return open_sentencepiece(found.data, origin=found.place, name=entry.name)


def _from_tokenizer_json(entry: Entry, found: Found) -> Tokenizer:
    """By our engine where it is provably the same, else by the adapter."""
    from tokloom.loading import open_tokenizer_json

    return open_tokenizer_json(found.data, origin=found.place, name=entry.name)


def _from_wordpiece(entry: Entry, found: Found) -> Tokenizer:
    """A `vocab.txt` of BERT: a token a line, its id the line's number; lower case, as its configuration says."""
    from tokloom.adapters import adapt

    try:
        from tokenizers.implementations.bert_wordpiece import BertWordPieceTokenizer
    except ImportError:
        raise MissingDependencyError(
            f"{entry.name} is {entry.kind}, which the library tokenizers reads, and it isn't installed: "
            "pip install tokloom[tokenizers]"
        ) from None
    tokens = found.data.decode("utf-8", "replace").split("\n")
    vocabulary = {token: id for id, token in enumerate(tokens[:-1] if not tokens[-1] else tokens)}
    return adapt(BertWordPieceTokenizer(vocabulary, lowercase=True)._tokenizer, name=entry.name)


_READERS: dict[Form, Callable[[Entry, Found], Tokenizer]] = {
    "ranks": _from_ranks,
    "tekken": _from_tekken,
    "sentencepiece": _from_sentencepiece,
    "tokenizer.json": _from_tokenizer_json,
    "wordpiece": _from_wordpiece,
}
