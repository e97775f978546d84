"""The search for better codes: what it finds on paper, that it is what the specification says, and what it costs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import networks
import tokloom
from tokloom.learned.fsq import ChunkTokenizer
from tokloom.learned.fsq.search_reference import searched, wrong_symbols
from tokloom.learned.network_reference import run_network

TEXT = "a tall tale not eaten"


def confused() -> ChunkTokenizer:
    return ChunkTokenizer.from_network(*networks.confused())


def test_a_code_that_decodes_rightly_is_found():
    plain, better = confused(), confused().with_search()
    right = ChunkTokenizer.from_network(*networks.letters())
    assert plain.search is None
    assert better.search == better.facts["search"] == "nearest"
    assert plain.encode(TEXT) != right.encode(TEXT)
    assert better.encode(TEXT) == right.encode(TEXT)
    assert better.decode(better.encode(TEXT)) == plain.decode(plain.encode(TEXT)) == TEXT


def test_what_no_code_stands_for_is_patched_as_before():
    text = "a ball tale not "
    assert confused().with_search().encode(text) == ChunkTokenizer.from_network(*networks.letters()).encode(
        text
    )


def test_it_is_part_of_what_a_tokenizer_is(tmp_path):
    plain, better = confused(), confused().with_search()
    assert plain.fingerprint != better.fingerprint
    better.save(tmp_path / "better")
    again = tokloom.load(tmp_path / "better")
    assert again == better
    assert again.encode(TEXT) == better.encode(TEXT)
    more = better.with_special_tokens(["<|end|>"])
    assert more.encode(TEXT) == better.encode(TEXT)


@given(
    st.integers(0, 50),
    st.sampled_from([(16, 4), (12, 3), (8, 1)]),
    st.binary(min_size=1, max_size=90),
)
def test_the_engine_does_what_the_specification_says(seed, sizes, text):
    size, count = sizes
    description, tensors = networks.at_random(seed, chunk_size=size, codes_per_chunk=count, levels=(4, 3, 5))
    plain = ChunkTokenizer.from_network(description, tensors)
    better = plain.with_search()
    # Strings that are in the text, or chance would never find anything.
    strings = better.tensors()["search.strings"].copy()
    data = np.frombuffer(text * strings.size, np.uint8)
    strings[::2] = np.lib.stride_tricks.sliding_window_view(data, strings.shape[1])[: len(strings) : 2]
    better = ChunkTokenizer.from_network(better.description, {**better.tensors(), "search.strings": strings})
    symbols = np.full(-(-len(text) // size) * size, 256)
    symbols[: len(text)] = list(text)
    chunks = symbols.reshape(-1, size)

    def decode(codes: np.ndarray) -> np.ndarray:
        digits = codes[:, None] // np.cumprod([1, *plain.levels[:-1]]) % np.array(plain.levels)
        layers = description["network"]["decoder"]
        return run_network(layers, tensors, digits.reshape(1, 1, -1), name="decoder").reshape(-1)

    wanted = [
        searched(codes.astype(np.int64), chunk, strings, decode)
        for codes, chunk in zip(plain.raw_encode(chunks), chunks, strict=True)
    ]
    assert better.raw_encode(chunks).tolist() == np.array(wanted).tolist()
    for codes, chunk, before in zip(wanted, chunks, plain.raw_encode(chunks), strict=True):
        found = wrong_symbols(chunk, better.raw_decode(codes[None])[0])
        assert found <= wrong_symbols(chunk, plain.raw_decode(before[None])[0])
    assert better.decode_bytes(better.encode(text)) == text
    assert better.count_tokens(text) == len(better.encode(text)) <= len(plain.encode(text))
    assert better.encode(text * 99, threads=3) == better.encode(text * 99, threads=1)


def test_searches_that_can_not_be():
    better = confused().with_search()
    description, tensors = better.description, better.tensors()
    cases: list[tuple[dict, networks.Tensors, str]] = [
        ({"search": "widest"}, {}, "isn't known"),
        ({"search": 5}, {}, "invalid type"),
        ({}, {"search.strings": np.zeros((4096, 3), np.uint8)}, "4096, 3"),
        ({}, {"search.strings": np.zeros((4096, 4), np.int8)}, "I8"),
    ]
    for change, numbers, said in cases:
        with pytest.raises(tokloom.FormatError, match=said):
            ChunkTokenizer.from_network({**description, **change}, {**tensors, **numbers})
    del tensors["search.strings"]
    with pytest.raises(tokloom.FormatError, match=r"search\.strings is missing"):
        ChunkTokenizer.from_network(description, tensors)
    uneven = ChunkTokenizer.from_network(*networks.at_random(1, chunk_size=10, codes_per_chunk=3))
    with pytest.raises(tokloom.FormatError, match="each for as many bytes"):
        uneven.with_search()
