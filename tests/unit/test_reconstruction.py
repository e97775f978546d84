"""Measures of what comes back from codes alone, on figures that can be checked by hand."""

import numpy as np
import pytest

from tokloom.errors import ArgumentError
from tokloom.metrics.reconstruction import (
    StringTable,
    Words,
    frequent_strings,
    nearest,
    reconstruction,
    shared_codes,
    symbols_of,
)


class FirstBytes:
    """Chunks of four bytes in two codes: each code keeps its first byte, and gives it twice."""

    codes_per_chunk, chunk_size, codes = 2, 4, 257

    def raw_encode(self, symbols):
        return symbols[:, ::2].astype(np.uint32)

    def raw_decode(self, codes):
        return np.repeat(codes, 2, axis=1)

    def encode_to_numpy(self, text):
        symbols = symbols_of(np.frombuffer(text, np.uint8), 4)
        wrong = (self.raw_decode(self.raw_encode(symbols)) != symbols).sum(axis=1)
        lengths = (symbols != 256).sum(axis=1)
        return np.zeros(int(np.minimum(2 + wrong, lengths).sum()), np.uint32)


def test_shares_are_of_what_comes_back_right():
    found = reconstruction(FirstBytes(), b"aabbabcdaabc")
    # aabb whole; abcd two bytes of four; aabc three.
    assert found.characters == 9 / 12
    assert found.tokens == 3 / 6
    assert found.chunks == 1 / 3
    assert found.bytes_per_token == 12 / (2 + 4 + 3)
    assert found.escaped == 1 / 3
    assert (found.codes_used, found.codes_seen) == (3, 6)
    assert found.entropy == pytest.approx(
        -(3 / 6 * np.log2(3 / 6) + 2 / 6 * np.log2(2 / 6) + 1 / 6 * np.log2(1 / 6))
    )


def test_the_end_of_a_text_is_no_byte():
    found = reconstruction(FirstBytes(), b"aabba")
    assert found.bytes == 5
    assert found.characters == 1.0
    assert found.chunks == 0.5  # the last chunk's second symbol is its end, and comes back as a byte


def test_a_table_gives_the_entry_with_the_most_bytes_in_common():
    ranked = np.array([int.from_bytes(string, "big") for string in (b"abcd", b"xbcz", b"wxyz")], np.uint64)
    asked = np.array(
        [int.from_bytes(string, "big") for string in (b"wxyz", b"abcz", b"xb..", b"....")], np.uint64
    )
    assert nearest(asked, ranked, 4).tolist() == [2, 0, 1, 0]


def test_a_table_with_all_strings_gives_all_back():
    data = np.frombuffer(b"one two three four five six seven eight nine ten", np.uint8)
    found = StringTable(data, 4, 1000).reconstruction(data)
    assert found.characters == found.tokens == found.chunks == 1.0
    assert found.bytes_per_token == 4.0


def test_frequent_strings_take_stretches_of_a_long_text():
    data = np.frombuffer(b"ab" * 200_000 + b"cd" * 200_000, np.uint8)
    strings = frequent_strings(data, 2, 10, most=1 << 17)
    assert {int(string).to_bytes(2, "big") for string in strings} >= {b"ab", b"cd"}


def test_words_that_are_not_known_are_bytes():
    words = Words(b"the loom the loom the weaver", 2)
    assert words.bytes_per_token(b" the loom") == 4.5
    assert words.bytes_per_token(b" rest") == 1.0
    assert words.known(b" loom rest") == 0.5


def test_texts_that_use_the_same_codes_share_all_of_them():
    shared = shared_codes({"a": np.array([3, 1]), "b": np.array([6, 2]), "c": np.array([0, 0])})
    assert shared["a"]["b"] == 1.0
    assert shared["a"]["c"] == 0.0


@pytest.mark.parametrize("wrong", [0, 9])
def test_strings_of_a_length_that_is_not_counted_are_refused(wrong):
    with pytest.raises(ArgumentError, match="1 to 8"):
        frequent_strings(np.zeros(20, np.uint8), wrong, 5)


def test_nothing_is_measured_on_nothing():
    with pytest.raises(ArgumentError, match="empty"):
        reconstruction(FirstBytes(), b"")
    with pytest.raises(ArgumentError, match="fewer than one string"):
        frequent_strings(np.zeros(2, np.uint8), 4, 5)
