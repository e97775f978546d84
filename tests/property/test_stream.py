"""A text in parts is the whole text: ids in, ids out, wherever it was cut."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import samples
import tokloom
from property import making

SPECIAL = ["<|endoftext|>", "<|", "|>", "<|im_start|>", "the"]
PATTERNS = [*tokloom.pattern_names(), *making.CUSTOM, r"[^\n]*\n(?=x)"]


def made(pattern: str) -> tokloom.BPETokenizer:
    return tokloom.count_pretokens(making.CORPUS, pattern=pattern).train(330, special_tokens=SPECIAL)


TOKENIZERS = {pattern: made(pattern) for pattern in PATTERNS}

some_tokenizer = st.sampled_from(list(TOKENIZERS.values()))
some_special = st.sampled_from(["text", "parse", {"<|endoftext|>"}, {"the", "<|"}])


def joined(arrays) -> list[int]:
    return np.concatenate([np.empty(0, np.uint32), *arrays]).tolist()


def cut(text: Any, places) -> list[Any]:
    ends = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in pairwise(ends)]


@settings(max_examples=300)
@given(
    some_tokenizer,
    st.lists(samples.texts() | samples.byte_strings(), min_size=1, max_size=3),
    st.lists(st.integers(0, 2000), max_size=8),
    some_special,
)
def test_a_streamed_text_has_the_ids_of_the_whole(tokenizer, texts, places, special):
    # Cut between bytes, inside characters too.
    data = b"".join(text.encode() if isinstance(text, str) else text for text in texts)
    assert joined(tokenizer.encode_stream(cut(data, places), special=special)) == tokenizer.encode(
        data, special=special
    )


@given(some_tokenizer, samples.texts(), st.lists(st.integers(0, 300), max_size=8), some_special)
def test_a_streamed_str_has_the_ids_of_the_whole(tokenizer, text, places, special):
    expected = tokenizer.encode(text, special=special)
    assert joined(tokenizer.encode_stream(cut(text, places), special=special)) == expected


@pytest.mark.parametrize("special", ["text", "parse"])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_sample_streamed_byte_by_byte(pattern, special):
    tokenizer = TOKENIZERS[pattern]
    for data in [*map(str.encode, samples.NASTY_TEXTS), *samples.BROKEN_BYTES]:
        parts = [bytes([byte]) for byte in data]
        assert joined(tokenizer.encode_stream(parts, special=special)) == tokenizer.encode(
            data, special=special
        )


@given(some_tokenizer, samples.texts(), st.lists(st.integers(0, 300), max_size=4))
def test_a_stream_refuses_the_special_token_that_the_whole_refuses(tokenizer, text, places):
    try:
        whole = tokenizer.encode(text, special="raise")
    except tokloom.SpecialTokenError:
        with pytest.raises(tokloom.SpecialTokenError):
            list(tokenizer.encode_stream(cut(text, places), special="raise"))
    else:
        assert joined(tokenizer.encode_stream(cut(text, places), special="raise")) == whole


@given(st.lists(st.integers(0, TOKENIZERS["gpt4"].vocab_size - 1)), st.booleans())
def test_decoding_one_by_one_is_decoding_all(ids, skip):
    tokenizer = TOKENIZERS["gpt4"]
    stream = tokenizer.stream(skip_special_tokens=skip)
    parts = [stream.feed(id) for id in ids]
    assert "".join(parts) + stream.flush() == tokenizer.decode(ids, skip_special_tokens=skip)


@given(samples.texts())
def test_a_decoding_stream_never_gives_half_a_character(text):
    tokenizer = TOKENIZERS["gpt4"]
    stream = tokenizer.stream()
    given_so_far = ""
    for id in tokenizer.encode(text):
        given_so_far += stream.feed(id)
        assert text.startswith(given_so_far)
    assert stream.flush() == ""
    assert given_so_far == text


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_change_no_id_of_a_large_text(threads):
    tokenizer = tokloom.train(["low lower lowest, naïve 123\n"] * 9, 270, special_tokens=["<|end|>"])
    text = ("low lower <|end|> naïve 12345\n\n  lowest\t" * 5_000) + "你好" * 50_000
    for special in ("text", "parse"):
        one = tokenizer.encode(text, special=special, threads=1)
        assert tokenizer.encode(text, special=special, threads=threads) == one
        assert tokenizer.encode_to_numpy(text, special=special, threads=threads).tolist() == one
        assert tokenizer.count_tokens(text, special=special, threads=threads) == len(one)


@pytest.mark.parametrize("threads", [0, -1, 100_000])
def test_a_number_of_threads_that_can_not_be_is_refused(threads):
    tokenizer = tokloom.train(["low lower"], 257)
    with pytest.raises((tokloom.ArgumentError, OverflowError)):
        tokenizer.encode("a", threads=threads)
