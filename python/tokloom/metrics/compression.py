"""How far a tokenizer shortens texts, what it keeps whole, whether it gives them back, and how fast it is."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tokloom.metrics.measure import Measure, Sample

if TYPE_CHECKING:
    from tokloom.tokenizer import Tokenizer

_RUNS = 5
_SECONDS = 1.0
# A run shorter than this measures the clock and the call, not the encoder.
_SECONDS_PER_RUN = 0.02


def bytes_per_token(sample: Sample) -> float | None:
    """UTF-8 bytes of the texts by their tokens: the higher, the shorter the sequences."""
    return sample.bytes / sample.tokens if sample.tokens else None


def tokens_per_word(sample: Sample) -> float | None:
    """Tokens by words, a word being a longest run without white space: 1 is the best where words are spaced."""
    words = sum(words for _, words in sample.by_text(_whole_words))
    return sample.tokens / words if words else None


def words_kept_whole(sample: Sample) -> float | None:
    """The share of words that one token covers alone: no token begins or ends inside the word.

    A word is a longest run without white space, punctuation included; the token may hold white space beside it. It is
    judged where it stands, in its context. In bytes that aren't UTF-8 only ASCII white space counts.
    """
    counted = sample.by_text(_whole_words)
    words = sum(words for _, words in counted)
    return sum(whole for whole, _ in counted) / words if words else None


def _whole_words(tokenizer: Tokenizer, text: str | bytes) -> tuple[int, int]:
    """(words kept whole, words)."""
    words = _runs_without_space(text)
    spans = np.array(tokenizer.spans(text), dtype=np.int64).reshape(-1, 2)
    # Tokens that touch a word: those that start before its end, less those that end before its start. Counting them
    # (and not comparing limits) is right for tokens that share a character, too: all of them have its whole span.
    started = np.searchsorted(spans[:, 0], words[:, 1], "left")
    ended = np.searchsorted(spans[:, 1], words[:, 0], "right")
    return int((started - ended == 1).sum()), len(words)


def _runs_without_space(text: str | bytes) -> NDArray[np.int64]:
    """[start, end) of each word, shape (words, 2): in code points of a str, in bytes of bytes."""
    if isinstance(text, bytes):
        found = [match.span() for match in re.finditer(rb"\S+", text)]
    else:
        found = [match.span() for match in re.finditer(r"\S+", text)]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def vocabulary_used(sample: Sample) -> float | None:
    """The share of the vocabulary that occurs: distinct ids by `vocab_size`. It grows with the texts' length."""
    distinct = len(np.unique(np.concatenate(sample.encoded)))
    return distinct / sample.tokenizer.vocab_size


def round_trip(sample: Sample) -> float | None:
    """The share of texts that `decode_bytes` gives back byte by byte."""
    exact = 0
    for text, ids in zip(sample.texts, sample.encoded, strict=True):
        original = text if isinstance(text, bytes) else text.encode()
        exact += sample.tokenizer.decode_bytes(ids) == original
    return exact / len(sample.texts)


def encoding_speed(sample: Sample) -> float | None:
    """Bytes encoded per second by `encode_batch_to_numpy` on one thread: the median of up to 5 runs, a second in all.

    Every cache has seen these texts, so new text is slower; it serves to compare tokenizers on the same machine.
    """
    _seconds(sample, 1)  # caches and pages that the measured runs shall find
    repeats = 1
    while (elapsed := _seconds(sample, repeats)) < _SECONDS_PER_RUN:
        # At least doubled, so that a clock which stands still ends the loop too.
        repeats = max(repeats * 2, int(repeats * _SECONDS_PER_RUN / max(elapsed, 1e-6)))
    runs = [elapsed]
    while len(runs) < _RUNS and sum(runs) < _SECONDS:
        runs.append(_seconds(sample, repeats))
    return sample.bytes * repeats / float(np.median(runs))


def _seconds(sample: Sample, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        sample.tokenizer.encode_batch_to_numpy(sample.texts, threads=1)
    return time.perf_counter() - start


MEASURES: tuple[Measure, ...] = (
    Measure("tokens", "tokens", "count", "ids of all texts", lambda sample: sample.tokens),
    Measure("bytes", "bytes", "count", "UTF-8 bytes of all texts", lambda sample: sample.bytes),
    Measure("bytes_per_token", "bytes/token", "ratio", "UTF-8 bytes by tokens", bytes_per_token),
    Measure("tokens_per_word", "tokens/word", "ratio", "tokens by runs without white space", tokens_per_word),
    Measure(
        "words_kept_whole",
        "words whole",
        "share",
        "words (runs without white space) that are one token",
        words_kept_whole,
    ),
    Measure("vocabulary_used", "vocabulary used", "share", "distinct ids by vocab_size", vocabulary_used),
    Measure("round_trip", "round trip", "share", "texts that decode to the same bytes", round_trip),
    Measure(
        "speed",
        "speed",
        "bytes per second",
        "one thread, caches warm, median of up to 5 runs",
        encoding_speed,
        timed=True,
    ),
)
