"""The measures by hand, the split, the baselines: what a learned row is held against."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokloom
from tokloom.learned.soft import EmbeddingMatrix, judge, split
from tokloom.learned.soft.baselines import Pieces, mean_of_pieces
from tokloom.learned.soft.splitting import family

ROWS = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]], np.float32)
ALL, MEAN = np.arange(4), np.zeros(2, np.float32)


def test_the_truth_is_perfect():
    judged = judge(ROWS, ALL, ROWS, MEAN, ALL)
    assert judged.to_dict() == {
        "tokens": 4,
        "among": 4,
        "r2": 1,
        "cosine": 1,
        "top_1": 1,
        "top_10": 1,
        "variance_ratio": 1,
    }


def test_the_mean_row_finds_nothing_and_explains_nothing():
    judged = judge(np.broadcast_to(MEAN, (4, 2)), ALL, ROWS, MEAN, np.concatenate([ALL] * 5))
    assert (judged.r2, judged.cosine, judged.top_1, judged.variance_ratio) == (0, 0, 0, 0)
    many = np.concatenate([ROWS] * 5)
    assert judge(np.zeros((20, 2), np.float32), np.arange(20), many, MEAN, np.arange(20)).top_10 == 0


def test_worse_than_the_mean_is_below_zero():
    assert judge(-ROWS, ALL, ROWS, MEAN, ALL).r2 == pytest.approx(-3)
    assert judge(-ROWS, ALL, ROWS, MEAN, ALL).cosine == pytest.approx(-1)


def test_a_figure_by_hand():
    # (1, 0) is predicted as (.5, .5): as near to (0, 1), and a tie counts against it.
    judged = judge(np.array([[0.5, 0.5]], np.float32), [0], ROWS, MEAN, ALL)
    assert judged.r2 == pytest.approx(0.5)
    assert judged.cosine == pytest.approx(0.5**0.5)
    assert (judged.top_1, judged.top_10) == (0, 1)


def test_nothing_to_judge_is_an_error():
    with pytest.raises(tokloom.ArgumentError, match="nothing to judge"):
        judge(ROWS[:0], [], ROWS, MEAN, ALL)
    with pytest.raises(tokloom.ArgumentError, match="don't fit"):
        judge(ROWS, [0], ROWS, MEAN, ALL)


WORDS = [
    f"{space}{word}{end}".encode()
    for space in ("", " ")
    for word in ("connect", "Low", "né", "人")
    for end in ("", "ed")
]


@pytest.mark.parametrize("by", ["token", "family"])
def test_every_token_is_in_one_part(by):
    tokens = [*WORDS, None, b"a"]
    parts = split(tokens, held_out=0.3, by=by)
    assert sorted(np.concatenate(list(parts)).tolist()) == [id for id, token in enumerate(tokens) if token]
    assert parts.single.tolist() == [len(tokens) - 1]


def test_families_stay_together_whatever_the_order():
    tokens = [*WORDS, *(b" %d" % number for number in range(10, 200))]
    for seed in range(5):
        parts = split(tokens, held_out=0.3, by="family", seed=seed)
        held_out = {family(tokens[id]) for id in parts.held_out}
        assert not held_out & {family(tokens[id]) for id in (*parts.train, *parts.validation)}
        turned = split(tokens[::-1], held_out=0.3, by="family", seed=seed)
        assert {tokens[id] for id in parts.held_out} == {tokens[::-1][id] for id in turned.held_out}
    assert family(b" Connected") == family(b"connection") == b"conne"
    assert family("Né".encode()) == b"ne"


@pytest.mark.parametrize(
    "wrong", [{"held_out": 1.0}, {"held_out": -0.1}, {"held_out": 0.7, "validation": 0.3}, {"by": "word"}]
)
def test_shares_out_of_range_are_refused(wrong):
    with pytest.raises(tokloom.ArgumentError):
        split(WORDS, **wrong)


def test_a_vocabulary_of_bytes_has_nothing_to_train_on():
    with pytest.raises(tokloom.ArgumentError, match="no token of two bytes"):
        split([bytes([byte]) for byte in range(256)])


@given(st.sets(st.text("abc", min_size=1, max_size=4), min_size=1), st.text("abc", max_size=9))
def test_pieces_are_the_fewest(known, word):
    pieces = Pieces({token.encode(): id for id, token in enumerate(sorted(known))})
    names = sorted(known)
    found = pieces.of(word.encode())
    fewest = next(
        (
            size
            for size in range(len(word) + 1)
            if any("".join(cut) == word for cut in itertools.product(names, repeat=size))
        )
        if len(names) ** min(len(word), 4) < 400 and len(word) <= 4
        else iter(()),
        None,
    )
    if found or not word:
        assert "".join(names[id] for id in found) == word
    if fewest is not None:
        assert len(found) == fewest


def test_the_mean_of_pieces():
    pieces = Pieces({b"a": 0, b"b": 1})
    rows = mean_of_pieces([b"ab", b"aab", b"xyz"], pieces, ROWS, np.array([7, 7], np.float32))
    assert np.abs(rows - np.array([[0.5, 0.5], [2 / 3, 1 / 3], [7, 7]])).max() < 1e-6


def test_a_matrix_must_fit():
    with pytest.raises(tokloom.ArgumentError, match="a row for each"):
        EmbeddingMatrix(ROWS, (b"a",), "x")
    with pytest.raises(tokloom.ArgumentError, match="a row for each"):
        EmbeddingMatrix(ROWS[:0], (), "x")
