"""Every measure, on a tokenizer small enough to count by hand."""

import numpy as np
import pytest

import tokloom
from tokloom.errors import ArgumentError
from tokloom.metrics import MEASURES, Sample, compression
from tokloom.metrics.vocabulary import script_of, summarise_vocabulary
from tokloom.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Has ` low` and `low` as tokens, and nothing else above single bytes but their parts."""
    return tokloom.train(["low low low low"], 260, special_tokens=["<|end|>"])


class OneTokenPerByte:
    """A tokenizer whose every answer is known without looking; it loses what is above ASCII if told to."""

    name = "bytes"
    vocab_size = 256
    special_tokens: dict[str, int] = {}  # noqa: RUF012

    def __init__(self, *, lossy: bool = False):
        self.lossy = lossy

    def encode_batch_to_numpy(self, texts, *, special="text", threads=None):  # noqa: ARG002
        encoded = [text.encode() if isinstance(text, str) else text for text in texts]
        return [np.frombuffer(text, np.uint8) for text in encoded]

    def spans(self, text):
        if isinstance(text, bytes):
            return [(index, index + 1) for index in range(len(text))]
        return [(index, index + 1) for index, letter in enumerate(text) for _ in letter.encode()]

    def decode_bytes(self, ids):
        return bytes(id for id in map(int, ids) if id < 128 or not self.lossy)

    def token_bytes(self, id):
        return bytes([id])


def values(sample):
    return {measure.name: measure.compute(sample) for measure in MEASURES if not measure.timed}


def test_one_token_per_byte():
    sample = Sample(OneTokenPerByte(), ["a bc", "d\n", ""])  # type: ignore[arg-type]
    assert values(sample) == {
        "tokens": 6,
        "bytes": 6,
        "bytes_per_token": 1.0,
        "tokens_per_word": 2.0,
        "words_kept_whole": pytest.approx(2 / 3),
        "vocabulary_used": 6 / 256,
        "round_trip": 1.0,
    }


def test_a_character_of_several_tokens_is_not_whole():
    # Each of its tokens has the span of the whole character, so that comparing limits would call it whole.
    assert compression.words_kept_whole(Sample(OneTokenPerByte(), ["é"])) == 0  # type: ignore[arg-type]


def test_a_lossy_tokenizer_is_shown_as_one():
    sample = Sample(OneTokenPerByte(lossy=True), ["fine", "é", "also fine", "ü"])  # type: ignore[arg-type]
    assert compression.round_trip(sample) == 0.5


def test_words_are_whole_where_one_token_has_them_and_the_space(tokenizer):
    assert tokenizer.encode("low low") == [257, 258]
    assert compression.words_kept_whole(Sample(tokenizer, ["low low lowlow xyz"])) == pytest.approx(2 / 4)


def test_bytes_are_text_where_they_are_utf8_and_stay_bytes_where_not(tokenizer):
    as_bytes = Sample(tokenizer, ["löw low".encode()])
    as_str = Sample(tokenizer, ["löw low"])
    assert values(as_bytes) == values(as_str)
    broken = values(Sample(tokenizer, [b"\xff\xfe low"]))
    assert broken["bytes"] == 6
    assert broken["round_trip"] == 1
    assert broken["words_kept_whole"] == 0.5


def test_texts_without_words_have_no_figure_for_words(tokenizer):
    sample = Sample(tokenizer, [" \n "])
    assert compression.words_kept_whole(sample) is None
    assert compression.tokens_per_word(sample) is None


@pytest.mark.parametrize("texts", [[], [""], ["", b""]])
def test_empty_texts_are_an_error(tokenizer, texts):
    with pytest.raises(ArgumentError, match="empty"):
        Sample(tokenizer, texts)


def test_samples_together_are_the_sample_of_all_texts_and_encode_nothing_again():
    class Counting(OneTokenPerByte):
        calls = 0

        def spans(self, text):
            Counting.calls += 1
            return super().spans(text)

    parts = [Sample(Counting(), texts) for texts in (["a bc", "é"], ["d\n"])]  # type: ignore[arg-type]
    alone = [values(part) for part in parts]
    together = values(Sample.together(parts))
    assert Counting.calls == 3
    assert together == values(Sample(OneTokenPerByte(), ["a bc", "é", "d\n"]))  # type: ignore[arg-type]
    assert together["tokens"] == sum(measured["tokens"] for measured in alone)


def test_speed_is_bytes_by_seconds(monkeypatch):
    # A clock that goes on by ten milliseconds for every text encoded makes the speed known: 100 bytes in 0.01 s.
    class Clocked(OneTokenPerByte):
        now = 0.0

        def encode_batch_to_numpy(self, texts, *, special="text", threads=None):
            Clocked.now += 0.01 * len(texts)
            assert threads == 1
            return super().encode_batch_to_numpy(texts, special=special, threads=threads)

    monkeypatch.setattr("time.perf_counter", lambda: Clocked.now)
    assert compression.encoding_speed(Sample(Clocked(), ["x" * 100])) == pytest.approx(10_000)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("token", "script"),
    [
        (b"a", "Latin"),
        ("ё".encode(), "Cyrillic"),
        ("ｗ".encode(), "Latin"),
        ("かな".encode(), "Hiragana"),
        ("한".encode(), "Hangul"),
        ("हिन्दी".encode(), "Devanagari"),
        ("aя".encode(), "several scripts"),
        (b"", "part of a character"),
        (b"\xc3", "part of a character"),
        (b"\x00", "control characters"),
        ("１２".encode(), "digits"),
        (" ½".encode(), "digits"),
        (b"\t", "white space"),
        (b"...\n", "punctuation and symbols"),
        (b"a1", "Latin"),
    ],
)
def test_scripts(token, script):
    if token:
        assert script_of(token) == script


def test_a_vocabulary_in_figures(tokenizer):
    summary = summarise_vocabulary(tokenizer, longest=1)
    assert summary.tokens + summary.holes + 1 == tokenizer.vocab_size
    assert sum(summary.by_script.values()) == sum(summary.by_length.values()) == summary.tokens
    assert summary.by_length[1] == 256
    assert summary.by_script["part of a character"] == 128
    (longest,) = summary.longest
    assert len(longest[1]) == max(summary.by_length)
