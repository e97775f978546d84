"""Spans: candidates out of text, cutting into the fewest, and which to keep; each against plain Python."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import samples
import tokloom
from tokloom.learned.fsq import adaptive_segmenting
from tokloom.learned.fsq.adaptive_candidates import candidates
from tokloom.learned.fsq.adaptive_segmenting import Segmenter, segment
from tokloom.learned.fsq.adaptive_selection import prune
from tokloom.learned.fsq.adaptive_text import SpanText, hash_of, hashes, read_text
from tokloom.learned.fsq.cuts import cuts, show_cuts

LETTERS = st.text("ab é", max_size=24).map(str.encode)
SPANS = st.sets(st.text("ab é", min_size=2, max_size=5).map(lambda text: text.encode()[:16]), max_size=12)


def text_of(*documents: bytes) -> SpanText:
    offsets = np.cumsum([0, *map(len, documents)])
    return SpanText(np.frombuffer(b"".join(documents), np.uint8), offsets)


def all_ways(text: bytes, spans: set[bytes]) -> list[list[bytes]]:
    if not text:
        return [[]]
    pieces = [text[:1], *(span for span in spans if text.startswith(span))]
    return [[piece, *rest] for piece in pieces for rest in all_ways(text[len(piece) :], spans)]


@given(
    text=st.text("ab", max_size=9).map(str.encode),
    spans=st.sets(st.text("ab", min_size=2, max_size=4).map(str.encode)),
)
def test_the_fewest_and_of_these_the_longest_first(text, spans):
    ways = all_ways(text, spans)
    fewest = min(map(len, ways))
    best = max((way for way in ways if len(way) == fewest), key=lambda way: [len(piece) for piece in way])
    assert segment(text, spans) == best


@given(text=LETTERS, spans=SPANS)
def test_counting_in_numpy_is_as_plain_python(text, spans):
    if not text:
        return
    listed = sorted(spans)
    uses, single = Segmenter(listed).uses(text_of(text))
    expected = Counter(segment(text, spans))
    assert dict(zip(listed, uses.tolist(), strict=True)) == {span: expected[span] for span in listed}
    assert single == sum(count for piece, count in expected.items() if len(piece) == 1)


@given(documents=st.lists(LETTERS.filter(len), min_size=1, max_size=4), spans=SPANS)
def test_no_piece_goes_from_one_document_into_the_next(documents, spans):
    listed = sorted(spans)
    uses, _ = Segmenter(listed).uses(text_of(*documents))
    expected = Counter(itertools.chain.from_iterable(segment(document, spans) for document in documents))
    assert uses.tolist() == [expected[span] for span in listed]


def test_windows_cost_little_at_their_edges(monkeypatch):
    text = b"in the beginning was the word. " * 400
    spans = [b"in the ", b"beginning ", b"was the ", b"word. "]
    whole = len(segment(text, set(spans)))
    for window in (64, 256):
        monkeypatch.setattr(adaptive_segmenting, "_WINDOW", window)
        uses, single = Segmenter(spans).uses(text_of(text))
        # At each edge a span may fall into single bytes, no more.
        assert whole <= int(uses.sum()) + single <= whole + 10 * (len(text) // window + 1)


@given(spans=st.lists(st.binary(min_size=1, max_size=16), min_size=1, max_size=8))
def test_a_hash_is_the_same_wherever_a_span_stands(spans):
    text = np.frombuffer(b"".join(spans), np.uint8)
    by_length = list(hashes(text))
    start = 0
    for span, expected in zip(spans, hash_of(spans), strict=True):
        assert by_length[len(span) - 1][start] == expected
        start += len(span)


def test_cutting_spans_without_themselves():
    found = Segmenter([b"ab", b"abc", b"bcd", b"abcd"], whole=False).fewest([b"ab", b"abc", b"abcd", b"bcd"])
    assert found.tolist() == [2, 2, 2, 3]


# --- candidates -----------------------------------------------------------------------------------------------------


@given(documents=st.lists(LETTERS.filter(len), min_size=1, max_size=4), least=st.integers(2, 4))
def test_candidates_are_counted_rightly(documents, least):
    found, counts = candidates(text_of(*documents), 10_000, min_count=least)
    plain = Counter(
        document[start : start + length]
        for document in documents
        for length in range(1, 17)
        for start in range(len(document) - length + 1)
    )
    assert len(set(found)) == len(found)
    for span, count in zip(found, counts.tolist(), strict=True):
        assert 2 <= len(span) <= 16
        assert span.decode()  # whole characters
        assert plain[span] == count >= least
    # What is left out is shadowed by one that is a byte longer, or breaks a character.
    for span, count in plain.items():
        if count >= least and len(span) >= 2 and span not in found and is_text(span):
            longer = [
                other for other in plain if len(other) == len(span) + 1 and span in other and is_text(other)
            ]
            assert any(plain[other] >= 0.95 * count for other in longer)


def is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_candidates_cross_words_and_end_with_documents():
    found, _ = candidates(text_of(b"of the", b"of the", b"of the"), 100, min_count=3)
    assert found == [b"of the"]
    assert candidates(text_of(b"abcd", b"efgh"), 100, min_count=2)[0] == []


# --- which to keep --------------------------------------------------------------------------------------------------


def test_what_others_cover_is_dropped():
    text = text_of(b"of the house of the king of the land " * 30)
    spans = [b"of", b"of the ", b"f the ", b"the ", b"house ", b"king ", b"land "]
    kept = prune(text, spans, 4)
    assert set(kept.spans) == {b"of the ", b"house ", b"king ", b"land "}
    assert (np.diff(kept.savings) <= 0).all()
    assert kept.bytes_per_token == pytest.approx(37 / 6, rel=0.02)


def test_fewer_than_wanted_are_all_kept():
    kept = prune(text_of(b"abab"), [b"ab"], 10)
    assert kept.spans == [b"ab"]
    assert kept.savings.tolist() == [2]


def test_the_same_text_gives_the_same_spans():
    text = text_of(*(text.encode() for text in samples.NASTY_TEXTS if text), b"low lower lowest " * 9)
    runs = []
    for _ in range(2):
        found, counts = candidates(text, 500, min_count=2)
        runs.append(prune(text, found, 40, weights=counts).spans)
    assert runs[0] == runs[1]


# --- text -----------------------------------------------------------------------------------------------------------


def test_a_large_source_is_looked_at_all_over():
    documents = [bytes([65 + number]) * 1_000_000 for number in range(8)]
    text = read_text(documents, 2_000_000)
    assert 1_900_000 < len(text.data) <= 2_100_000
    assert len(set(text.data.tolist())) == 8
    assert read_text(documents, 10_000_000).data.tobytes() == b"".join(documents)


@pytest.mark.parametrize("source", [[], [""], [b"", ""]])
def test_no_text(source):
    with pytest.raises(tokloom.ArgumentError, match="no text"):
        read_text(source, 100)


# --- what is cut ----------------------------------------------------------------------------------------------------


def test_cuts_are_together_the_text():
    tokenizers = {"bytes": tokloom.load("bytes"), "BPE": tokloom.train(["low lower lowest"] * 3, 262)}
    for text in samples.NASTY_TEXTS:
        for one in cuts(text, tokenizers):
            assert "".join(one.pieces) == text
            assert one.tokens == len(tokenizers[one.name].encode(text))
    with pytest.raises(tokloom.ArgumentError):
        show_cuts("", tokenizers)
