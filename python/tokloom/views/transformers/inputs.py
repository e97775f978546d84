"""What transformers' `text` and `text_pair` may be, brought into one form: a list of pairs of texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tokloom.errors import ArgumentError, UnknownIdError
from tokloom.tokenizer import Special, Tokenizer

EXPECTED = "a text is a str, or with is_split_into_words=True a list of str; ids that are made already are a list of int"

Spans = list[tuple[int, int]]


class Encoded(NamedTuple):
    """The ids of one text, and where each lies in it, if that was asked for."""

    ids: list[int]
    spans: Spans | None


class Sample(NamedTuple):
    """A text, and the second one of a pair or None."""

    first: Any
    second: Any = None


def samples(text: Any, text_pair: Any, *, words: bool) -> tuple[list[Sample], bool]:
    """The texts as a list of samples, and whether they were a batch.

    Raises:
        ArgumentError: texts and second texts don't match, or a sample is neither a text nor a pair.
    """
    if not _is_batch(text, words):
        return [Sample(text, text_pair)], False
    if text_pair is None:
        return [_sample(each, number, words) for number, each in enumerate(text)], True
    if not isinstance(text_pair, (list, tuple)) or len(text_pair) != len(text):
        held = len(text_pair) if isinstance(text_pair, (list, tuple)) else type(text_pair).__name__
        raise ArgumentError(
            f"text is a batch of {len(text)}, so text_pair must be a list of as many, and it is {held}"
        )
    return [Sample(*pair) for pair in zip(text, text_pair, strict=True)], True


def _is_batch(text: Any, words: bool) -> bool:
    if not isinstance(text, (list, tuple)):
        return False
    if not text:
        return not words
    return isinstance(text[0], (list, tuple) if words else (str, list, tuple))


def _sample(text: Any, number: int, words: bool) -> Sample:
    """A sample of a batch: a list or a tuple of two may be a pair."""
    if not isinstance(text, (list, tuple)) or not text or isinstance(text[0], int):
        return Sample(text)
    if words and not isinstance(text, tuple):
        return Sample(text)
    if len(text) == 2:
        return Sample(*text)
    if words:
        return Sample(text)
    if len(text) == 1:
        return Sample(text[0])
    raise ArgumentError(
        f"sample {number} has {len(text)} texts; a sample is a text or a pair of texts. {EXPECTED}"
    )


def encode_all(
    tokenizer: Tokenizer, batch: Sequence[Sample], *, words: bool, special: Special, spans: bool
) -> list[tuple[Encoded, Encoded | None]]:
    """Encodes all texts of a batch at once.

    Raises:
        ArgumentError: something that is no text.
        UnknownIdError: an id that stands for nothing.
        TextError: a text has a lone surrogate.
    """
    texts: list[str] = []
    places = [
        (
            _place(first, number, words, texts, tokenizer),
            None if second is None else _place(second, number, words, texts, tokenizer),
        )
        for number, (first, second) in enumerate(batch)
    ]
    ids = tokenizer.encode_batch(texts, special=special)
    found = [tokenizer.spans(text, special=special) for text in texts] if spans else None
    return [
        (_at(first, ids, found), None if second is None else _at(second, ids, found))
        for first, second in places
    ]


def _place(text: Any, number: int, words: bool, texts: list[str], tokenizer: Tokenizer) -> range | list[int]:
    """Where the ids of this text will be found; or the text itself, if it is ids already."""
    start = len(texts)
    if isinstance(text, str) and not words:
        texts.append(text)
    elif words and isinstance(text, (list, tuple)) and all(isinstance(word, str) for word in text):
        texts.extend(text)
    elif isinstance(text, (list, tuple)) and all(type(id) is int for id in text):
        wrong = next((id for id in text if not 0 <= id < tokenizer.vocab_size), None)
        if wrong is not None:
            raise UnknownIdError(f"sample {number}: id {wrong} stands for no token")
        return list(text)
    else:
        held = type(text).__name__
        if isinstance(text, (list, tuple)):
            held += " of " + ", ".join(sorted({type(each).__name__ for each in text}))
        raise ArgumentError(f"sample {number} is {held}: {EXPECTED}")
    return range(start, len(texts))


def _at(place: range | list[int], ids: list[list[int]], spans: list[Spans] | None) -> Encoded:
    if isinstance(place, list):
        if spans is not None:
            raise ArgumentError(
                "return_offsets_mapping=True needs texts: ids alone don't say where they were"
            )
        return Encoded(place, None)
    if len(place) == 1:
        return Encoded(ids[place[0]], None if spans is None else spans[place[0]])
    return Encoded(
        [id for text in place for id in ids[text]],
        None if spans is None else [span for text in place for span in spans[text]],
    )
