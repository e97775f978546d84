"""What transformers calls a token: a str for every id, as `tokenize` and `get_vocab` give it.

Where a vocabulary carries bytes, that is GPT-2's alphabet, in which every byte is a visible character: the names that
`tokenizers` has for the same vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tokloom.bpe import BPETokenizer
from tokloom.byte_alphabet import text_of
from tokloom.errors import UnknownIdError
from tokloom.tokenizer import Tokenizer


class TokenNames(NamedTuple):
    """Names by id and ids by name; ids that stand for nothing have none."""

    by_id: dict[int, str]
    by_name: dict[str, int]


class Added(NamedTuple):
    """A token that was added to a vocabulary, and how it is looked for in a text."""

    content: str
    id: int
    special: bool
    strip_left: bool = False
    strip_right: bool = False
    single_word: bool = False
    normalized: bool = False


def added_tokens(tokenizer: Tokenizer) -> list[Added]:
    """The tokens that were added to the vocabulary, special or not, with what they do to the text around them."""
    if isinstance(tokenizer, BPETokenizer):
        return [Added(*token) for token in tokenizer._vocabulary.added_tokens]
    return [Added(content, id, True) for content, id in tokenizer.special_tokens.items()]


def token_names(tokenizer: Tokenizer) -> TokenNames:
    """A name for every id of the tokenizer.

    Two ids with the same bytes (an `A` and a `<0x41>`) must be told apart: the later one's name ends in `#` and its id.
    """
    added = {token.id: token.content for token in added_tokens(tokenizer)}
    by_id: dict[int, str] = {}
    by_name = {content: id for id, content in added.items()}
    for id, name in _ordinary(tokenizer):
        if id in added:
            continue
        by_id[id] = f"{name}#{id}" if name in by_name else name
        by_name[by_id[id]] = id
    return TokenNames(dict(sorted((by_id | added).items())), by_name)


def _ordinary(tokenizer: Tokenizer) -> Iterator[tuple[int, str]]:
    """Each token that wasn't added, and what it is called."""
    if isinstance(tokenizer, BPETokenizer):
        yield from ((id, text_of(token)) for id, token in tokenizer.tokens().items())
        return
    if tokenizer.token_names is not None:
        yield from ((id, name) for id, name in enumerate(tokenizer.token_names) if name is not None)
        return
    for id in range(tokenizer.vocab_size):
        try:
            token = tokenizer.token_bytes(id)
        except UnknownIdError:
            continue  # ids may have holes
        yield (
            id,
            text_of(token) if tokenizer.guarantees == "bytes" else token.decode("utf-8", "backslashreplace"),
        )
