"""Which token fills up a batch: one that is there, or a new one, but never a slip of the pen."""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Iterable

from tokloom.errors import SpecialTokenError, TokloomWarning
from tokloom.tokenizer import PAD_NAMES, Tokenizer

# Of names of four letters or more: `<|endoftext|>` and `<|endofttext|>` are 0.94, `<|im_start|>` and `<|im_end|>` 0.63.
ALIKE = 0.8
SHORTEST = 4


def with_pad_token(tokenizer: Tokenizer, pad_token: str | None) -> Tokenizer:
    """The tokenizer with this pad token: the same one, or one with a new id at the end.

    Raises:
        SpecialTokenError: the name is new, but looks like a slip of the pen.

    Warns:
        TokloomWarning: the token is there, and means something else, too.
    """
    if pad_token is None:
        return tokenizer
    if not isinstance(pad_token, str):
        raise TypeError(f"pad_token is a str or None, not {type(pad_token).__name__}")
    if pad_token in tokenizer.special_tokens:
        warn_if_shared(pad_token, stacklevel=5)
        return tokenizer
    meant = looks_like(pad_token, tokenizer.special_tokens)
    if meant is not None:
        raise SpecialTokenError(
            f"the vocabulary has no special token {pad_token!r}, but {meant!r}: if that is meant, say it so; if a new "
            f"one is, add it first: tokenizer.with_special_tokens([{pad_token!r}])"
        )
    return tokenizer.with_special_tokens([pad_token])


def warn_if_shared(pad_token: str, *, stacklevel: int) -> None:
    """Warns that a token that isn't for padding alone is lost to training."""
    if pad_token not in PAD_NAMES:
        warnings.warn(
            f"{pad_token!r} fills up batches now: collators of transformers mask the labels of every {pad_token!r}, the "
            "real ones too, so that a model doesn't learn when to write it. A name of its own, such as "
            "pad_token='<|pad|>', avoids that",
            TokloomWarning,
            stacklevel=stacklevel,
        )


def looks_like(name: str, known: Iterable[str]) -> str | None:
    """The known name of which this one looks like a misspelling, or None.

    Example:
        >>> looks_like("<|endofttext|>", ["<|bos|>", "<|endoftext|>"])
        '<|endoftext|>'
        >>> looks_like("<|pad|>", ["<|bos|>", "<|endoftext|>"])
    """
    letters = _letters(name)
    for other in known:
        theirs = _letters(other)
        if letters == theirs and letters:
            return other
        if _without_digits(letters) == _without_digits(theirs):
            continue  # <|reserved_1|> and <|reserved_2|>: numbered on purpose
        alike = difflib.SequenceMatcher(None, letters, theirs).ratio() >= ALIKE
        if alike and min(len(letters), len(theirs)) >= SHORTEST:
            return other
    return None


def _letters(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()


def _without_digits(letters: str) -> str:
    return re.sub(r"\d", "", letters)
