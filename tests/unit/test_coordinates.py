"""Cells, statistics, vectors and digits of a lattice: what can be checked on paper."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokloom
from tokloom.learned.fsq import exact
from tokloom.learned.fsq.cells import as_codes, as_digits, check_levels, nearest_free_cells
from tokloom.learned.fsq.coordinates import assign, default_levels
from tokloom.learned.fsq.coordinates_clusters import distances, k_means, nearest_with_room
from tokloom.learned.fsq.coordinates_statistics import statistics
from tokloom.learned.fsq.coordinates_tree import frequency_then_context
from tokloom.learned.fsq.coordinates_vectors import context_vectors

LEVELS = st.lists(st.integers(2, 6), min_size=1, max_size=4)
# Two kinds of words in two kinds of places.
TEXT = [
    "the cat sat on the mat . the dog sat on the rug . we saw one two three four . we saw two four five . "
] * 40


# --- cells ----------------------------------------------------------------------------------------------------------


@given(levels=LEVELS, data=st.data())
def test_codes_and_digits_are_one_another(levels, data):
    codes = data.draw(st.lists(st.integers(0, math.prod(levels) - 1), max_size=20))
    digits = as_digits(np.array(codes, np.int64), levels)
    assert (digits < np.array(levels)).all()
    assert as_codes(digits, levels).tolist() == codes


@given(levels=LEVELS, data=st.data())
def test_each_gets_the_nearest_cell_that_is_free(levels, data):
    cells = math.prod(levels)
    count = data.draw(st.integers(0, min(cells, 60)))
    wanted = as_digits(
        np.array(data.draw(st.lists(st.integers(0, cells - 1), min_size=count, max_size=count)), np.int64),
        levels,
    )
    given_cells = nearest_free_cells(wanted, levels)
    every = as_digits(np.arange(cells), levels)
    taken: set[int] = set()
    for cell, found in zip(wanted, given_cells, strict=True):
        free = [code for code in range(cells) if code not in taken]
        least = min(((every[code] - cell) ** 2).sum() for code in free)
        assert ((found - cell) ** 2).sum() == least
        taken.add(int(as_codes(found[None], levels)[0]))
    assert len(taken) == count


def test_the_last_cells_are_found_far_away():
    crowd = np.zeros((512, 3), np.int64)
    assert len(np.unique(nearest_free_cells(crowd, (8, 8, 8)), axis=0)) == 512


def test_more_tokens_than_cells():
    with pytest.raises(tokloom.ArgumentError, match="don't fit into 4 cells"):
        nearest_free_cells(np.zeros((5, 2), np.int64), (2, 2))


@pytest.mark.parametrize(
    ("levels", "message"), [((), "empty"), ((8, 1), "under 2"), ((2**16, 2**16), r"2\^31")]
)
def test_levels_that_can_not_be(levels, message):
    with pytest.raises(tokloom.ArgumentError, match=message):
        check_levels(levels)


# --- exact arithmetic -----------------------------------------------------------------------------------------------


def test_eigenvectors_are_those_of_numpy():
    chance = np.random.default_rng(0)
    rows = chance.standard_normal((40, 12))
    matrix = rows.T @ rows
    values, vectors = exact.symmetric_eigenvectors(matrix)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(matrix)[::-1], rtol=1e-9)
    np.testing.assert_allclose(matrix @ vectors, vectors * values, atol=1e-8)


def test_orthonormal_columns_span_what_they_spanned():
    columns = np.random.default_rng(1).standard_normal((50, 7))
    columns[:, 3] = columns[:, 0] - columns[:, 1]
    made = exact.orthonormal(columns)
    kept = made[:, [0, 1, 2, 4, 5, 6]]
    np.testing.assert_allclose(kept.T @ kept, np.eye(6), atol=1e-12)
    assert not made[:, 3].any()
    np.testing.assert_allclose(kept @ (kept.T @ columns), columns, atol=1e-9)


def test_the_principal_axis_is_numpys():
    rows = np.random.default_rng(2).standard_normal((300, 5)) * [0.1, 0.2, 0.9, 0.3, 0.1]
    axis = exact.principal_axis(exact.on_grid(rows / 4))
    expected = np.linalg.eigh(np.cov(rows.T))[1][:, -1]
    assert abs(axis @ expected) > 0.999


# --- statistics -----------------------------------------------------------------------------------------------------


def test_pairs_are_counted_within_documents_only():
    found = statistics(tokloom.load("bytes"), ["abc", "ba"])
    columns = found.columns.tolist()
    pairs = {
        (chr(pair // len(columns)), chr(columns[pair % len(columns)])): count
        for pair, count in zip(found.pairs.tolist(), found.pair_counts.tolist(), strict=True)
    }
    # abc: a-b, b-c at one, a-c at two, both ways; ba: b-a, both ways.
    assert pairs == {("a", "b"): 2, ("b", "a"): 2, ("b", "c"): 1, ("c", "b"): 1, ("a", "c"): 1, ("c", "a"): 1}
    assert (found.tokens, found.bytes) == (5, 5)


def test_pairs_of_many_blocks_are_those_of_one(monkeypatch):
    from tokloom.learned.fsq import coordinates_statistics

    texts = [" ".join(TEXT)[start : start + 97] for start in range(0, 2_000, 97)]
    whole = statistics(tokloom.load("bytes"), texts)
    monkeypatch.setattr(coordinates_statistics, "_TOKENS_AT_A_TIME", 200)
    parts = statistics(tokloom.load("bytes"), texts)
    assert whole.pairs.tolist() == parts.pairs.tolist()
    assert whole.pair_counts.tolist() == parts.pair_counts.tolist()


def test_no_text():
    with pytest.raises(tokloom.ArgumentError, match="no text"):
        statistics(tokloom.load("bytes"), ["", b""])


# --- vectors and digits by context ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def words():
    tokenizer = tokloom.train(TEXT, 293)
    return tokenizer, statistics(tokenizer, TEXT)


def test_vectors_are_the_singular_vectors_of_the_whole_matrix(words):
    tokenizer, found = words
    vectors = context_vectors(found, dimensions=6)
    width = len(found.columns)
    dense = np.zeros((tokenizer.vocab_size, width))
    rows, columns = np.divmod(found.pairs, width)
    dense[rows, columns] = found.pair_counts
    total = dense.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        surprise = np.log(dense * total / np.outer(dense.sum(1), dense.sum(0)))
    matrix = np.where(dense > 0, np.log1p(dense) * np.maximum(surprise, 0), 0)
    left, singular, _ = np.linalg.svd(matrix, full_matrices=False)
    expected = left[:, :6] * np.sqrt(singular[:6])
    expected /= np.maximum(np.linalg.norm(expected, axis=1, keepdims=True), 1e-12)
    expected[~dense.any(1)] = 0
    # Up to the signs of the columns.
    np.testing.assert_allclose(vectors @ vectors.T, expected @ expected.T, atol=2e-2)


def test_words_of_like_places_lie_together(words):
    tokenizer, found = words
    vectors = context_vectors(found, dimensions=8)
    ids = {word: tokenizer.encode(f" {word}") for word in ("mat", "rug", "one")}
    assert all(len(one) == 1 for one in ids.values())
    mat, rug, one = (vectors[ids[word][0]] for word in ("mat", "rug", "one"))
    assert mat @ rug > 0.8
    assert mat @ one < 0.5


@given(
    count=st.integers(1, 70),
    levels=st.lists(st.integers(2, 8), min_size=2, max_size=4),
    seed=st.integers(0, 9),
)
def test_the_tree_gives_each_its_own_digits(count, levels, seed):
    if count > math.prod(levels):
        return
    vectors = np.random.default_rng(seed).standard_normal((count, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    digits = frequency_then_context(np.arange(count), vectors, levels)
    assert (digits >= 0).all()
    assert (digits < np.array(levels)).all()
    assert len(np.unique(digits, axis=0)) == count
    # Frequency first, in parts of equal size.
    sizes = np.bincount(digits[:, 0], minlength=levels[0])
    assert sizes.max() - sizes.min() <= 1
    assert (np.diff(digits[:, 0]) >= 0).all()


def test_places_are_given_in_order():
    rows, centres = (
        exact.on_grid(np.array([[0.1], [0.0], [0.2], [0.9]])),
        exact.on_grid(np.array([[0.0], [1.0]])),
    )
    assert nearest_with_room(rows, centres, np.array([2, 2])).tolist() == [0, 0, 1, 1]


def test_k_means_finds_what_is_apart():
    chance = np.random.default_rng(3)
    middles = np.eye(4)
    rows = np.concatenate([middle + 0.01 * chance.standard_normal((20, 4)) for middle in middles]) / 2
    centres = k_means(rows, np.ones(len(rows)), 4, seed=0)
    nearest = distances(exact.on_grid(rows), centres).argmin(1).reshape(4, 20)
    assert (nearest == nearest[:, :1]).all()
    assert len(set(nearest[:, 0])) == 4


@pytest.mark.parametrize(
    ("kind", "layout"),
    [("context", "classes"), ("context", "digits"), ("frequency", "digits"), ("random", "digits")],
)
def test_every_token_has_its_own_cell(words, kind, layout):
    tokenizer, found = words
    made = assign(tokenizer, found, kind, layout=layout)
    assert made.digits.shape == (tokenizer.vocab_size, len(made.levels))
    assert (made.digits < np.array(made.levels)).all()
    assert len(np.unique(made.digits, axis=0)) == tokenizer.vocab_size
    again = assign(tokenizer, found, kind, layout=layout)
    assert again.digits.tobytes() == made.digits.tobytes()


def test_chance_has_a_seed(words):
    tokenizer, found = words
    one, other = (assign(tokenizer, found, "random", layout="digits", seed=seed).digits for seed in (0, 1))
    assert (one != other).any()


def test_classes_have_a_shortlist_of_the_commonest(words):
    tokenizer, found = words
    made = assign(tokenizer, found, "context", shortlist=30, room=50)
    assert made.levels == (30 + 6, 50)
    alone = np.flatnonzero(made.digits[:, 1] == -1)
    assert len(alone) == 30
    assert found.counts[alone].min() >= np.delete(found.counts, alone).max()
    assert np.bincount(made.digits[:, 0], minlength=36)[30:].max() <= 50


def test_the_commonest_share_their_first_digit(words):
    tokenizer, found = words
    for kind in ("context", "frequency"):
        first = assign(tokenizer, found, kind, layout="digits").digits[found.by_frequency, 0]
        assert (np.diff(first) >= 0).all()


def test_default_levels():
    assert default_levels(300) == default_levels(32_768) == (8,) * 5
    assert default_levels(32_769) == default_levels(200_000) == (8,) * 6


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"kind": "nonsense"}, "not known"),
        ({"kind": "spelling"}, "spell"),
        ({"layout": "nonsense"}, "not known"),
        ({"levels": (8, 8, 8)}, "layout of classes"),
        ({"kind": "random", "levels": (8, 8)}, "don't fit into 64 cells"),
        ({"kind": "random", "levels": (8, 8, 8, 1)}, "under 2"),
        ({"shortlist": 1_000}, "shortlist is 1000"),
        ({"room": 1}, "room is 1"),
    ],
)
def test_choices_that_can_not_be(words, choices, message):
    tokenizer, found = words
    with pytest.raises(tokloom.ArgumentError, match=message):
        assign(tokenizer, found, choices.pop("kind", "context"), **choices)
