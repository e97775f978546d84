"""Ids are the reference's and tiktoken's; nothing is lost; spans cover the text."""

import functools
from itertools import pairwise
from typing import Literal

import numpy as np
import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

import samples
import tokloom
from property import making
from tokloom import reference

some_pattern = st.sampled_from(making.PATTERNS)


@functools.cache
def trained(model: Literal["bpe", "words"], pattern: str = "gpt4") -> tokloom.BPETokenizer:
    counts = tokloom.count_pretokens(making.CORPUS, pattern=pattern)
    return counts.train(400, model=model, special_tokens=["<|endoftext|>"])


@given(samples.byte_strings())
@pytest.mark.parametrize("model", ["bpe", "words"])
def test_what_is_encoded_decodes_to_the_same_bytes(model, data):
    tokenizer = trained(model)
    ids = tokenizer.encode(data)
    assert tokenizer.decode_bytes(ids) == data
    assert b"".join(map(tokenizer.token_bytes, ids)) == data


@given(samples.rank_tables(), some_pattern, samples.byte_strings() | samples.texts())
def test_any_rank_table_loses_nothing(ranks, pattern, text):
    tokenizer = making.loaded(ranks, pattern)
    data = text.encode() if isinstance(text, str) else text
    ids = tokenizer.encode(text)
    assert tokenizer.decode_bytes(ids) == data
    assert tokenizer.decode(ids) == data.decode("utf-8", "replace")
    assert tokenizer.count_tokens(text) == len(ids)
    assert tokenizer.encode_to_numpy(text).tolist() == ids


@settings(max_examples=200)
@given(samples.rank_tables(), some_pattern, samples.settled_texts() | samples.byte_strings())
def test_ids_of_any_rank_table_are_the_references(ranks, pattern, text):
    expected = making.reference_ids(making.oracle(ranks, making.splits_of(pattern)), text)
    assert making.loaded(ranks, pattern).encode(text) == expected


@given(samples.settled_texts() | samples.byte_strings())
@pytest.mark.parametrize("model", ["bpe", "words"])
@pytest.mark.parametrize("pattern", [*samples.NAMED_PATTERNS, r" ?\w+|[^\w\s]+|\s+"])
def test_ids_of_a_trained_vocabulary_are_the_references(model, pattern, text):
    tokenizer = trained(model, pattern)
    expected = making.reference_ids(making.oracle_of(tokenizer, making.splits_of(pattern)), text)
    assert tokenizer.encode(text) == expected


@settings(max_examples=200)
@given(samples.rank_tables(), some_pattern, samples.texts())
def test_ids_of_any_rank_table_are_tiktokens(ranks, pattern, text):
    assert making.loaded(ranks, pattern).encode(text) == making.in_tiktoken(ranks, pattern).encode_ordinary(
        text
    )


@given(samples.texts())
@pytest.mark.parametrize("pattern", tokloom.pattern_names())
def test_ids_of_every_named_pattern_are_tiktokens(pattern, text):
    tokenizer = trained("bpe", pattern)
    expression = tokenizer._vocabulary.tiktoken_pattern()
    if expression is None:
        pytest.skip(f"{pattern} is a sequence of splits, which tiktoken can't say")
    theirs = tiktoken.Encoding(
        "trained",
        pat_str=expression,
        mergeable_ranks={token: id for id, token in tokenizer.tokens().items()},
        special_tokens=tokenizer.special_tokens,
    )
    assert tokenizer.encode(text) == theirs.encode_ordinary(text)


@given(st.lists(samples.texts() | samples.byte_strings(), max_size=6), st.integers(1, 4))
def test_a_batch_is_each_text_by_itself(texts, threads):
    tokenizer = trained("bpe")
    expected = [tokenizer.encode(text) for text in texts]
    assert tokenizer.encode_batch(texts, threads=threads) == expected
    ragged = tokenizer.encode_batch_to_numpy(texts, threads=threads)
    assert ragged.tolist() == expected
    assert ragged.offsets.tolist() == np.cumsum([0, *map(len, expected)]).tolist()


@given(samples.rank_tables(), some_pattern, samples.settled_texts() | samples.byte_strings())
def test_spans_cover_the_text(ranks, pattern, text):
    tokenizer = making.loaded(ranks, pattern)
    spans = tokenizer.spans(text)
    assert spans == reference.spans(making.oracle(ranks, making.splits_of(pattern)), text)
    assert len(spans) == tokenizer.count_tokens(text)
    if isinstance(text, bytes):
        assert [text[start:end] for start, end in spans] == [
            *map(tokenizer.token_bytes, tokenizer.encode(text))
        ]
    assert {at for start, end in spans for at in range(start, end)} == set(range(len(text)))
    assert all(before <= after for before, after in pairwise(spans))
