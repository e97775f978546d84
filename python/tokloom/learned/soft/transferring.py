"""Rows for tokens that a model doesn't have: a vocabulary that grows, or another tokenizer altogether."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from tokloom.adapters import adapt
from tokloom.bpe import BPETokenizer
from tokloom.errors import ArgumentError, SpecialTokenError, VocabularyError
from tokloom.learned.soft.baselines import Pieces, mean_of_pieces
from tokloom.learned.soft.configuration import Output
from tokloom.learned.soft.embedding import SoftEmbedding
from tokloom.learned.soft.tables import Tables, tables_of
from tokloom.learned.soft.token_bytes import bytes_by_id
from tokloom.tokenizer import Tokenizer

__all__ = ["Change", "Method", "extend_vocabulary", "transfer"]

Method = Literal["pieces", "soft", "random"]


@dataclass(frozen=True)
class Change:
    """What was done to a model's tables.

    Attributes:
        model: the model, changed in place; or, where a matrix was given, the new one.
        tokenizer: the tokenizer that fits it now.
        copied: how many rows are those of the same token before.
        made: how many were made by the method.
        unknown: how many stand for no bytes (new control tokens, holes, padding) and have the mean row.
        ids: the ids of the tokens that were added, by token; of `extend_vocabulary`.
    """

    model: Any
    tokenizer: Any
    copied: int
    made: int
    unknown: int
    ids: dict[str, int] = field(default_factory=dict)


def transfer(
    model: Any,  # noqa: ANN401 (a model of transformers, a tensor or an array)
    old: Any,  # noqa: ANN401
    new: Any,  # noqa: ANN401
    *,
    method: Method = "pieces",
    soft: SoftEmbedding | None = None,
    pad_to_multiple_of: int | None = None,
    seed: int = 0,
) -> Change:
    """Gives a model the rows of another tokenizer's tokens: those it had, and new ones for the rest.

    A token with the same bytes (or, a control token, of the same name) keeps its row. Tied tables stay tied; a head of its
    own gets rows of its own, and its bias goes along. The type of the numbers stays, and so does the device. The ids of
    beginning, end and padding in a model's configuration become those of the same tokens.

    Args:
        model: a model of transformers, which is changed in place; or a matrix, (rows, dimensions), a tensor or an array.
        old: its tokenizer: one of tokloom, or one that `tokloom.adapt` takes.
        new: the tokenizer to be.
        method: how new rows are made: "pieces" (the mean of the rows of the fewest old tokens that spell it), "soft", or
            "random" (as the old rows are distributed).
        soft: for "soft": what predicts them, learned on this model's rows.
        pad_to_multiple_of: rounds the number of rows up.
        seed: for "random".

    Raises:
        ArgumentError: a method that isn't known, "soft" without `soft` or with one of other dimensions, a model without
            tables, fewer rows than the old tokenizer has ids, or no token in common.

    Example:
        >>> import torch, tokloom
        >>> old = tokloom.load("bytes")
        >>> new = tokloom.train(["low lower lowest"] * 3, 258)
        >>> change = transfer(torch.eye(256), old, new)
        >>> change.copied, change.made, change.model[256].nonzero().flatten().tolist()
        (256, 2, [108, 111])
    """
    before, after = _Vocabulary.of(old), _Vocabulary.of(new)
    tables = tables_of(model)
    maker = _Maker(before, tables.rows("input"), method, soft, seed)
    size = _rounded(len(after.tokens), pad_to_multiple_of)
    sources = _sources(before, after, size)
    if not (sources >= 0).any():
        raise ArgumentError(
            "the two tokenizers have no token in common: nothing of the model's rows can be kept"
        )
    changed, made = _rewrite(tables, maker, after, sources)
    tables.renumber({int(old): new for new, old in enumerate(sources) if old >= 0})
    copied = int((sources >= 0).sum())
    return Change(changed, new, copied, made, size - copied - made)


def extend_vocabulary(
    model: Any,  # noqa: ANN401 (a model of transformers, a tensor or an array)
    tokenizer: Any,  # noqa: ANN401 (one of tokloom, or of transformers)
    new_tokens: Sequence[str],
    *,
    method: Method = "pieces",
    soft: SoftEmbedding | None = None,
    pad_to_multiple_of: int | None = None,
    seed: int = 0,
) -> Change:
    """Adds words to a tokenizer, and to a model rows for them: domain terms, a new language's words.

    The old ids and rows stay. Rows that a model has beyond its vocabulary (padding) are used first.

    Args:
        model: as for `transfer`.
        tokenizer: a byte-level vocabulary of tokloom (a new one is made), or a fast tokenizer of transformers (which is
            changed in place, as its `add_tokens` does).
        new_tokens: the words, with the space before them where one belongs to the token. They are found wherever they
            stand in a text, longest first.
        method: as for `transfer`.
        soft: as for `transfer`.
        pad_to_multiple_of: rounds the number of rows up.
        seed: for "random".

    Raises:
        ArgumentError: as for `transfer`; or a word is there already, or the tokenizer can't be extended.

    Example:
        >>> import torch, tokloom
        >>> change = extend_vocabulary(torch.eye(256), tokloom.load("bytes"), [" low"])
        >>> change.ids, change.tokenizer.encode("so low"), change.model[256].count_nonzero().item()
        ({' low': 256}, [115, 111, 256], 4)
    """
    words = _checked_words(new_tokens)
    before = _Vocabulary.of(tokenizer)
    if known := [word for word in words if word.encode() in before.ids or word in before.special]:
        raise ArgumentError(f"{known[0]!r} is a token already; only new ones are added")
    tables = tables_of(model)
    maker = _Maker(before, tables.rows("input"), method, soft, seed)
    extended, ids = _extended(tokenizer, words)
    after = _Vocabulary.of(extended)
    size = _rounded(max(len(after.tokens), len(tables.rows("input"))), pad_to_multiple_of)
    # All rows that were there stay where they are, those of padding too, but for the new words'.
    sources = np.full(size, -1, np.int64)
    kept = min(size, len(tables.rows("input")))
    sources[:kept] = np.arange(kept)
    sources[list(ids.values())] = -1
    changed, made = _rewrite(tables, maker, after, sources)
    copied = int((sources >= 0).sum())
    return Change(changed, extended, copied, made, size - copied - made, ids)


class _Vocabulary(NamedTuple):
    """What is needed of a tokenizer: each id's bytes, the ids by bytes, all and control tokens by name."""

    tokens: list[bytes | None]
    ids: dict[bytes, int]
    names: dict[str, int]
    special: dict[str, int]

    @classmethod
    def of(cls, tokenizer: Any) -> _Vocabulary:  # noqa: ANN401
        adapted = tokenizer if isinstance(tokenizer, Tokenizer) else adapt(tokenizer)
        tokens = bytes_by_id(adapted)
        ids: dict[bytes, int] = {}
        for id, token in enumerate(tokens):
            # Where a byte has two tokens, <0x41> and A, the one of the letter comes later.
            if token is not None and (token not in ids or len(token) == 1):
                ids[token] = id
        names = {name: id for id, name in enumerate(adapted.token_names or ()) if name}
        return cls(tokens, ids, names, adapted.special_tokens)


class _Maker:
    """Makes the rows of tokens that weren't there."""

    def __init__(
        self,
        before: _Vocabulary,
        rows: NDArray[np.float32],
        method: Method,
        soft: SoftEmbedding | None,
        seed: int,
    ) -> None:
        if method not in get_args(Method):
            raise ArgumentError(f"method={method!r}: new rows are made by 'pieces', 'soft' or 'random'")
        if method == "soft" and soft is None:
            raise ArgumentError(
                "method='soft' needs soft=, a SoftEmbedding learned on this model's rows (tokloom learn soft --model DIR)"
            )
        if method == "soft" and soft is not None and soft.dimensions != rows.shape[1]:
            raise ArgumentError(
                f"the soft embedding gives rows of {soft.dimensions} numbers, and the model's have {rows.shape[1]}: it was "
                "learned on another model"
            )
        if len(rows) < len(before.tokens):
            raise ArgumentError(
                f"the model has {len(rows):,} rows, and its tokenizer {len(before.tokens):,} ids: it is another's"
            )
        self.before, self.method, self.soft = before, method, soft
        self._known = np.array(sorted(before.ids.values()), np.int64)
        self._pieces = Pieces(before.ids)
        self._seed = seed

    def mean(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The mean of the rows that stand for bytes."""
        return rows[self._known].mean(axis=0)

    def make(self, tokens: Sequence[bytes], rows: NDArray[np.float32], output: Output) -> NDArray[np.float32]:
        """New rows for a table, shape (tokens, dimensions)."""
        if self.method == "pieces":
            return mean_of_pieces(tokens, self._pieces, rows, self.mean(rows))
        if self.method == "soft" and self.soft is not None:
            return self.soft.rows(tokens, output)
        known = rows[self._known]
        drawn = np.random.default_rng((self._seed, output == "head")).standard_normal(
            (len(tokens), rows.shape[1])
        )
        return (known.mean(axis=0) + known.std(axis=0) * drawn).astype(np.float32)

    def bias(self, tokens: Sequence[bytes], bias: NDArray[np.float32]) -> NDArray[np.float32]:
        """New entries of the head's bias: always the mean of the pieces', since nothing predicts them."""
        column = bias[:, None]
        return mean_of_pieces(tokens, self._pieces, column, self.mean(column))[:, 0]


def _sources(before: _Vocabulary, after: _Vocabulary, size: int) -> NDArray[np.int64]:
    """For each new row the old id whose row it is, or -1."""
    found = np.full(size, -1, np.int64)
    for id, token in enumerate(after.tokens):
        if token is not None:
            found[id] = before.ids.get(token, -1)
    for name, id in after.names.items():
        # The same token by name, too: <0x41> isn't A, and a token kept in reserve has no bytes.
        same = before.names.get(name, -1)
        if same >= 0 and before.tokens[same] == after.tokens[id]:
            found[id] = same
    for name, id in after.special.items():
        found[id] = before.special.get(name, -1)
    return found


def _rewrite(
    tables: Tables, maker: _Maker, after: _Vocabulary, sources: NDArray[np.int64]
) -> tuple[Any, int]:
    """Writes all tables anew; gives what they belong to, and how many rows were made."""
    size = len(sources)
    if maker.method == "soft" and maker.soft is not None:
        wanted = set(tables.outputs)
        if missing := wanted.difference(maker.soft.outputs):
            raise ArgumentError(
                f"the model has a table of its own for the {missing.pop()}, and the soft embedding gives rows for the "
                f"{' and the '.join(maker.soft.outputs)} only: learn it with outputs=('input', 'head')"
            )
    new_ids = [id for id, token in enumerate(after.tokens) if token is not None and sources[id] < 0]
    names = [after.tokens[id] or b"" for id in new_ids]
    kept = sources >= 0
    written: dict[str, NDArray[np.float32]] = {}
    for output in tables.outputs:
        rows = tables.rows(output)
        fresh = np.tile(maker.mean(rows), (size, 1))
        fresh[kept] = rows[sources[kept]]
        if names:
            fresh[new_ids] = maker.make(names, rows, output)
        written[output] = fresh
    bias = tables.bias()
    if bias is not None:
        fresh = np.full(size, maker.mean(bias[:, None])[0], np.float32)
        fresh[kept] = bias[sources[kept]]
        if names:
            fresh[new_ids] = maker.bias(names, bias)
        written["bias"] = fresh
    return tables.write(written, sources), len(names)


def _rounded(size: int, multiple: int | None) -> int:
    if multiple is None:
        return size
    if multiple < 1:
        raise ArgumentError(f"pad_to_multiple_of={multiple}: it is 1 or more")
    return -(-size // multiple) * multiple


def _checked_words(new_tokens: Sequence[str]) -> list[str]:
    if isinstance(new_tokens, (str, bytes)):
        raise TypeError("new_tokens is a list of str, not one str")
    words = list(new_tokens)
    if not all(words):
        raise ArgumentError("a new token is empty")
    if len(set(words)) < len(words):
        raise ArgumentError("a new token is given twice")
    return words


def _extended(tokenizer: Any, words: list[str]) -> tuple[Any, dict[str, int]]:  # noqa: ANN401
    """The tokenizer with these words, and their ids."""
    if isinstance(tokenizer, BPETokenizer):
        first = tokenizer.vocab_size
        added = [(word, first + place, False, False, False, False, False) for place, word in enumerate(words)]
        try:
            grown = BPETokenizer(tokenizer._vocabulary.with_added_tokens(added), name=tokenizer.name)
        except (VocabularyError, SpecialTokenError) as error:
            raise ArgumentError(str(error)) from None
        return grown, {word: id for word, id, *_ in added}
    if hasattr(tokenizer, "add_tokens") and hasattr(tokenizer, "convert_tokens_to_ids"):
        tokenizer.add_tokens(words)
        return tokenizer, dict(zip(words, tokenizer.convert_tokens_to_ids(words), strict=True))
    raise ArgumentError(
        f"a {type(tokenizer).__name__} can't be extended by words; a byte-level vocabulary of tokloom can, and a fast "
        "tokenizer of transformers"
    )
