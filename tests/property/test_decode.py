"""Ids to text: whatever holds the ids, the text is that of the tokens' bytes one after another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokloom
from tokloom import BPETokenizer

TEXTS = ["low lower lowest", "naïve café déjà vu", "Каждое утро", "你好吗 世界", "emoji 😀😁😂", "\x00\n\t\r"]
TOKENIZER = tokloom.train(TEXTS * 5, 320, special_tokens=["<|endoftext|>", "<|é|>"])
IDS = st.lists(st.integers(0, TOKENIZER.vocab_size - 1), max_size=60)


def joined(ids: list[int]) -> bytes:
    return b"".join(TOKENIZER.token_bytes(id) for id in ids)


@given(IDS, st.sampled_from(["replace", "ignore", "backslashreplace", "surrogateescape"]))
def test_ids_in_any_container_are_the_same_text(ids, errors):
    expected = joined(ids).decode("utf-8", errors)
    for container in (ids, tuple(ids), iter(ids), np.array(ids, np.uint32), np.array(ids, np.int64)):
        assert TOKENIZER.decode(container, errors=errors) == expected
    assert TOKENIZER.decode_bytes(ids) == joined(ids)


@given(IDS)
def test_strict_refuses_what_python_refuses(ids):
    try:
        expected = joined(ids).decode("utf-8", "strict")
    except UnicodeDecodeError:
        with pytest.raises(UnicodeDecodeError):
            TOKENIZER.decode(ids, errors="strict")
    else:
        assert TOKENIZER.decode(ids, errors="strict") == expected


@given(IDS)
def test_special_tokens_are_left_out_on_request(ids):
    special = set(TOKENIZER.special_tokens.values())
    expected = joined([id for id in ids if id not in special]).decode("utf-8", "replace")
    assert TOKENIZER.decode(ids, skip_special_tokens=True) == expected


@pytest.mark.parametrize("wrong", [-1, 400_000, 2**40, 2**80])
def test_an_unknown_id_in_a_list_is_named(wrong):
    with pytest.raises(tokloom.UnknownIdError, match=str(wrong)):
        TOKENIZER.decode([97, wrong])


@pytest.mark.parametrize("wrong", ["a", 1.5, None])
def test_what_is_no_integer_is_refused(wrong):
    with pytest.raises(TypeError):
        TOKENIZER.decode([97, wrong])


def test_integers_of_other_kinds_count_as_such():
    assert TOKENIZER.decode([True, np.uint8(97), 98]) == "\x01ab"


def test_lists_stay_right_once_the_ints_are_ready():
    tokenizer = tokloom.train(TEXTS * 5, 320)
    text = " ".join(TEXTS) * 3
    first = tokenizer.encode(text)
    for _ in range(10):  # more ids than the vocabulary has: from here on lists share ints
        assert tokenizer.encode(text) == first
    assert tokenizer.encode_batch([text, "", text]) == [first, [], first]
    first[0] = -1  # a list is the caller's own
    assert tokenizer.encode(text)[0] != -1
    assert all(type(id) is int for id in tokenizer.encode(text))


def test_a_subclass_keeps_its_own_methods():
    class Shouting(BPETokenizer):
        def decode(self, ids, *, errors="replace", skip_special_tokens=False):
            return super().decode(ids, errors=errors, skip_special_tokens=skip_special_tokens).upper()

    loud = Shouting(TOKENIZER._vocabulary, name="loud")
    assert loud.decode(loud.encode("low")) == "LOW"
