"""What loading a rank file works out, kept in tokloom's cache: the second load takes a quarter of the first's time.

A file for each rank file, called by its sha256: written once, beside its name and then renamed, and read whole. It ends
in a hash of its own; one that doesn't fit (cut short, or of another version) is made anew.
"""

from __future__ import annotations

from pathlib import Path

from tokloom import _engine
from tokloom.catalogue.finding import Found
from tokloom.catalogue.places import cache_folder
from tokloom.errors import FormatError, SourceError
from tokloom.storage import read_file, write_file

LARGEST = 1 << 28


def tables_path(sha256: str) -> Path:
    """Where the tables of the rank file with this hash are kept."""
    return cache_folder() / "tables" / sha256


def vocabulary(
    found: Found, splits: _engine.Splits, added_tokens: list[_engine.AddedToken]
) -> _engine.Vocabulary:
    """The vocabulary of a rank file that was verified, by its tables where they are kept.

    Raises:
        FormatError: it is no rank file.
        VocabularyError: its tokens contradict each other.
    """
    if found.file.sha256 is None:
        return _engine.Vocabulary.from_ranks(found.data, found.place, splits, added_tokens)
    path, ranks = tables_path(found.file.sha256), bytes.fromhex(found.file.sha256)
    try:
        return _engine.Vocabulary.from_compiled(
            read_file(path, at_most=LARGEST), ranks, str(path), splits, added_tokens
        )
    except (FormatError, SourceError):
        pass  # not there yet, or to be made anew: the result is the same
    made = _engine.Vocabulary.from_ranks(found.data, found.place, splits, added_tokens)
    compiled = made.compiled(ranks)
    if compiled is not None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, compiled)
        except OSError:
            pass  # a cache that can't be written costs time, and nothing else
    return made
