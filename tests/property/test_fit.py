"""Texts that fit: truncated, cut into chunks; and long texts without a space."""

import base64
import functools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import samples
import tokloom
from property import making
from property.fitting import assert_chunked, assert_truncated


@functools.cache
def trained(pattern: str = "gpt4") -> tokloom.BPETokenizer:
    return tokloom.train(making.CORPUS, 400, pattern=pattern)


some_tokenizer = st.sampled_from([trained(), trained("gpt2"), trained(r"\w+"), tokloom.load("bytes")])


@given(some_tokenizer, samples.texts(), st.integers(0, 60))
def test_truncated_texts_fit(tokenizer, text, most):
    assert_truncated(tokenizer, text, most)


@given(some_tokenizer, samples.texts(), st.integers(4, 40), st.integers(0, 3))
def test_chunks_fit_and_are_together_the_text(tokenizer, text, most, overlap):
    # A character has at most four bytes, so four tokens are enough for each.
    assert_chunked(tokenizer, text, most, overlap)


# --- long -----------------------------------------------------------------------------------------------------------

MILLION = 1_000_000
RANDOM = random.Random(7)
LONG = {
    **{f"{character!r}": character * MILLION for character in "a \n7!\u4eba'\u0301\U0001f600_"},
    "ab": "ab" * (MILLION // 2),
    "spaces and newlines": " \n" * (MILLION // 2),
    "letters": "".join(RANDOM.choices("abcdefghijklmnopqrstuvwxyz", k=MILLION)),
    "base64": base64.b64encode(RANDOM.randbytes(MILLION * 3 // 4)).decode(),
    "Han": "".join(RANDOM.choices([chr(point) for point in range(0x4E00, 0x9000)], k=MILLION // 3)),
}


# What is quadratic takes hours here: a million pretokens' bytes squared. The time limit of all tests is the proof.
@pytest.mark.parametrize("pattern", ["gpt4", "o200k", "gpt2"])
@pytest.mark.parametrize("name", LONG)
def test_long_texts_end(name, pattern):
    tokenizer, text = trained(pattern), LONG[name]
    ids = tokenizer.encode_to_numpy(text)
    assert tokenizer.decode_bytes(ids) == text.encode()
    assert tokenizer.count_tokens(text) == len(ids)
    # Merges are local: far from the end, the ids of a long run begin as those of a shorter one do.
    short = tokenizer.encode(text[:3_000])
    assert ids[: len(short) // 2].tolist() == short[: len(short) // 2]


@pytest.mark.parametrize("name", ["'a'", "ab", "letters"])
def test_training_on_one_long_word_ends(name):
    tokenizer = tokloom.train([LONG[name]], 262)
    assert tokenizer.vocab_size == 262
