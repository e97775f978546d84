"""Tokens that merge by rank, as tiktoken's do → the engine's vocabulary."""

from __future__ import annotations

from collections.abc import Iterable

from tokloom import _engine

__all__ = ["as_added", "by_rank"]


def by_rank(
    splits: _engine.Splits, tokens: list[tuple[int, bytes]], special_tokens: Iterable[tuple[str, int]]
) -> _engine.Vocabulary:
    """A vocabulary whose tokens merge in the order of their ids.

    Args:
        splits: the split pattern, as `patterns.resolve` gives it.
        tokens: ids and their bytes, by id.
        special_tokens: names and ids.

    Raises:
        VocabularyError: the tokens contradict each other.
        SpecialTokenError: a special token is empty, given twice or equal to a token.
    """
    return _engine.Vocabulary.from_parts(
        splits,
        tokens,
        kind="bpe",
        merges=None,
        whole_pretoken_first=True,
        added_tokens=as_added(special_tokens),
        post_processor=None,
    )


def as_added(special_tokens: Iterable[tuple[str, int]]) -> list[_engine.AddedToken]:
    """Special tokens as the engine takes them, by id: they strip nothing, and are found within words too."""
    return [
        (name, id, True, False, False, False, False)
        for name, id in sorted(special_tokens, key=lambda item: item[1])
    ]
