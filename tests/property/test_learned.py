"""Learned tokenizers: exact for every byte string, whatever the networks and the tables are."""

from __future__ import annotations

import functools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import networks
import samples
from tokloom.learned.fsq import AdaptiveTokenizer, ChunkTokenizer

SHAPES = [(16, 4, (4, 3)), (16, 2, (8, 8)), (5, 1, (2,)), (1, 1, (3,)), (12, 5, (2, 2, 2)), (4, 7, (3,))]


@functools.cache
def unlearned(seed: int, shape: int) -> ChunkTokenizer:
    size, codes, levels = SHAPES[shape]
    made = networks.at_random(seed, chunk_size=size, codes_per_chunk=codes, levels=levels)
    return ChunkTokenizer.from_network(*made, special_tokens=["<|a|>"])


@functools.cache
def letters() -> ChunkTokenizer:
    return ChunkTokenizer.from_network(*networks.letters(), special_tokens=["<|a|>"])


def texts() -> st.SearchStrategy[bytes]:
    known = st.lists(st.sampled_from(b" etaolnx"), max_size=60).map(bytes)
    return st.lists(known | samples.byte_strings() | st.just(b"<|a|>"), max_size=6).map(b"".join)


def assert_exact(tokenizer: ChunkTokenizer | AdaptiveTokenizer, data: bytes) -> None:
    for special in ("text", "parse"):
        ids = tokenizer.encode(data, special=special)
        assert tokenizer.decode_bytes(ids) == data
        assert tokenizer.encode(data, special=special, threads=3) == ids
        assert tokenizer.count_tokens(data, special=special) == len(ids)
        starts, ends = zip(*tokenizer.spans(data, special=special), strict=True) if ids else ((), ())
        assert (0, *ends) == (*starts, len(data))
        stream = tokenizer.stream()
        text = "".join(map(stream.feed, ids)) + stream.flush()
        assert text == data.decode("utf-8", "replace")
    assert len(tokenizer.encode(data)) <= len(data)


@given(seed=st.integers(0, 8), shape=st.integers(0, len(SHAPES) - 1), data=texts())
def test_networks_that_have_learned_nothing_are_exact(seed, shape, data):
    assert_exact(unlearned(seed, shape), data)


@given(data=texts())
def test_a_network_that_is_sometimes_right_is_exact(data):
    assert_exact(letters(), data)


@given(data=texts())
def test_codes_are_used_where_they_pay(data):
    """By the rule: a chunk is its codes and patches, or its bytes where that isn't more."""
    tokenizer = letters()
    expected = 0
    for start in range(0, len(data), 16):
        chunk = [*data[start : start + 16], networks.END][:16]
        wrong = sum(symbol not in networks.KNOWN for symbol in chunk)
        expected += min(4 + wrong, len(data[start : start + 16]))
    assert tokenizer.count_tokens(data) == expected


@given(ids=st.lists(st.integers(0, letters().vocab_size - 1) | st.integers(256, 300), max_size=30))
def test_any_ids_are_decoded_as_they_come(ids):
    tokenizer = letters()
    for skip in (False, True):
        stream = tokenizer.stream(skip_special_tokens=skip)
        text = "".join(map(stream.feed, ids)) + stream.flush()
        assert text == tokenizer.decode(ids, skip_special_tokens=skip)
    for id in ids:
        assert tokenizer.token_bytes(id) == tokenizer.decode_bytes([id])


@st.composite
def tables(draw) -> AdaptiveTokenizer:
    spans = draw(
        st.lists(
            st.lists(st.sampled_from(b"abc"), min_size=2, max_size=6).map(bytes), unique=True, max_size=12
        )
    )
    codes = np.stack([np.arange(len(spans)) % 4, np.arange(len(spans)) // 4], axis=1)
    return AdaptiveTokenizer.from_spans(spans, codes, (4, 4), special_tokens=["<|a|>"])


def fewest(spans: set[bytes], data: bytes) -> list[bytes]:
    """The rule by dynamic programming from the end: the fewest tokens, the longest first."""
    best: list[list[bytes]] = [[]]
    for start in reversed(range(len(data))):
        ways = [
            [data[start:end], *best[-1 - (end - start - 1)]]
            for end in range(start + 1, min(len(data), start + 16) + 1)
            if end == start + 1 or data[start:end] in spans
        ]
        best.append(min(ways, key=lambda way: (len(way), -len(way[0]))))
    return best[-1]


@given(tokenizer=tables(), data=st.lists(st.sampled_from(b"abcd<|a>"), max_size=60).map(bytes))
def test_a_text_is_cut_into_the_fewest(tokenizer, data):
    assert_exact(tokenizer, data)
    tokens = [tokenizer.token_bytes(id) for id in tokenizer.encode(data)]
    assert tokens == fewest(set(tokenizer.spans_table()), data)
