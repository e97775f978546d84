"""`tiktoken.Encoding` → tokloom's engine: the same ranks, pattern and special tokens, and nothing of tiktoken's after."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tokloom import _engine
from tokloom.bpe import BPETokenizer
from tokloom.errors import TokloomError, VocabularyError
from tokloom.ranks import by_rank
from tokloom.tokenizer import Tokenizer

if TYPE_CHECKING:
    import tiktoken


def takes(object: object) -> bool:
    """Whether it is an encoding of tiktoken."""
    library = sys.modules.get("tiktoken")
    return library is not None and isinstance(object, library.Encoding)


def adapt(object: tiktoken.Encoding, name: str | None) -> Tokenizer:
    """The same encoding. What its pattern leaves between matches, tiktoken drops; here it is kept.

    Raises:
        VocabularyError: its pattern isn't one that the engine runs, or its tables contradict each other.
    """
    called = name or object.name
    # The attributes have no public names; they are those that `Encoding` was made with, and pickles itself by.
    ranks, special, pattern = object._mergeable_ranks, object._special_tokens, object._pat_str
    try:
        vocabulary = by_rank(
            _splits(pattern), sorted((id, token) for token, id in ranks.items()), special.items()
        )
    except TokloomError as error:
        raise VocabularyError(f"the encoding {called!r} can't be run by tokloom's engine: {error}") from None
    return BPETokenizer(vocabulary, name=called)


def _splits(pattern: str) -> _engine.Splits:
    """A pattern of tiktoken's by its text: the known one of the same text where there is one, which is faster."""
    splits: _engine.Splits = [(pattern, "characters")]
    for name in _engine.pattern_names():
        named = _engine.named_pattern(name)
        if named is not None and named[0][0] == pattern and len(named) == 1:
            return named
    _engine.Pretokenizer(splits)
    return splits
