"""A vocabulary with a cell for each token: what it shows, how it is saved, what is refused; its tools."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

import tokloom
from tokloom.learned import tensors
from tokloom.learned.fsq import lattice as lattices
from tokloom.learned.fsq.coordinates import Coordinates
from tokloom.learned.fsq.lattice import LatticeTokenizer, train_lattice
from tokloom.learned.fsq.lattice_measures import measure
from tokloom.learned.fsq.tools import EncodingCache, frequencies, neighbours, reassign

TEXT = [
    "the cat sat on the mat . the dog sat on the rug . we saw one two three four . we saw two four five . "
] * 40


@pytest.fixture(scope="module")
def inner():
    return tokloom.train(TEXT, 280, special_tokens=["<|endoftext|>"])


@pytest.fixture(scope="module")
def classes(inner):
    return train_lattice(TEXT, tokenizer=inner)


@pytest.fixture(scope="module")
def digits(inner):
    return train_lattice(TEXT, tokenizer=inner, layout="digits")


def test_ids_are_the_inner_tokenizers(inner, classes):
    texts: list[str | bytes] = [*TEXT[:2], "the <|endoftext|> zebra", b"\xff\xfe"]
    for text in texts:
        assert classes.encode(text) == inner.encode(text)
        assert classes.spans(text, special="parse") == inner.spans(text, special="parse")
        assert classes.decode_bytes(classes.encode(text)) == (
            text if isinstance(text, bytes) else text.encode()
        )
    assert classes.special_tokens == inner.special_tokens
    assert classes.fingerprint != inner.fingerprint


def test_cells_and_ids_are_one_another(classes, digits):
    for tokenizer in (classes, digits):
        codes = [tokenizer.code_of(id) for id in range(tokenizer.vocab_size)]
        assert len(set(codes)) == tokenizer.vocab_size
        assert [tokenizer.id_of(code) for code in codes] == list(range(tokenizer.vocab_size))
        assert tokenizer.id_of(max(codes) + 1) is None
        with pytest.raises(tokloom.UnknownIdError):
            tokenizer.code_of(tokenizer.vocab_size)
        with pytest.raises(ValueError, match="read-only"):
            tokenizer.digits()[0, 0] = 1
    # The code is what the issue says: basis 1, L₁, …
    row = digits.digits()[97].tolist()
    assert digits.code_of(97) == sum(digit * 8**place for place, digit in enumerate(row))


def test_the_shortlist_begins_with_special_tokens(classes):
    id = classes.special_tokens["<|endoftext|>"]
    assert classes.digits()[id].tolist() == [0, -1]
    assert classes.vectors.shape == (classes.vocab_size, 48)


def test_added_special_tokens_have_no_cell(digits):
    larger = digits.with_special_tokens(["<|more|>"])
    assert larger.digits()[-1].tolist() == [-1] * 5
    assert larger.digits()[:-1].tolist() == digits.digits().tolist()
    with pytest.raises(tokloom.UnknownIdError, match="no cell"):
        larger.code_of(digits.vocab_size)


def test_the_same_text_gives_the_same_lattice_whatever_the_threads(inner, classes):
    import subprocess
    import sys

    script = (
        "import sys, tokloom; from tokloom.learned.fsq.lattice import train_lattice\n"
        f"text = {TEXT[0]!r}\n"
        "inner = tokloom.train([text] * 40, 280, special_tokens=['<|endoftext|>'])\n"
        "print(train_lattice([text] * 40, tokenizer=inner).fingerprint)"
    )
    for threads in ("1", "3"):
        import os

        told = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert told.stdout.strip() == classes.fingerprint
    assert inner.vocab_size == classes.vocab_size


def test_a_pickled_one_is_the_same(classes):
    again = pickle.loads(pickle.dumps(classes))
    assert again == classes
    assert again.digits().tolist() == classes.digits().tolist()


def test_saved_and_loaded_it_is_the_same(classes, digits, tmp_path):
    for tokenizer in (classes, digits, digits.with_special_tokens(["<|more|>"])):
        tokenizer.save(tmp_path / "saved")
        again = tokloom.load(tmp_path / "saved")
        assert isinstance(again, LatticeTokenizer)
        assert again == tokenizer
        assert again.digits().tolist() == tokenizer.digits().tolist()
        assert np.array_equal(np.asarray(again.vectors), np.asarray(tokenizer.vectors))
        assert (again.levels, again.coordinates, again.layout) == (
            tokenizer.levels,
            tokenizer.coordinates,
            tokenizer.layout,
        )


def test_saved_files_that_were_changed(classes, tmp_path):
    classes.save(tmp_path / "saved")
    model, description = tmp_path / "saved" / "model.safetensors", tmp_path / "saved" / "tokloom.json"
    data, told = model.read_bytes(), json.loads(description.read_text("utf-8"))
    changed = bytearray(data)
    changed[-1] ^= 1
    for damaged in (
        data[:-5],
        b"",
        bytes(changed),
        b"\xff" * 16,
        tensors.write({"digits": np.zeros((3, 2), np.int32)}),
    ):
        model.write_bytes(damaged)
        with pytest.raises(tokloom.FormatError, match=r"tokloom\.json"):
            tokloom.load(tmp_path / "saved")
    model.write_bytes(data)
    for field, value in (
        ("levels", [8]),
        ("levels", "many"),
        ("coordinates", "nonsense"),
        ("layout", None),
        ("inner", {"kind": "fsq-lattice"}),
        ("inner", []),
        ("fingerprint", "0" * 64),
    ):
        description.write_text(json.dumps({**told, field: value}), "utf-8")
        with pytest.raises(tokloom.FormatError, match=r"tokloom\.json"):
            tokloom.load(tmp_path / "saved")


def test_digits_that_can_not_be(inner):
    levels = (8,) * 5
    good = np.arange(inner.vocab_size)[:, None] // [1, 8, 64, 512, 4096] % 8
    with pytest.raises(tokloom.ArgumentError, match="under 2"):
        LatticeTokenizer(inner, Coordinates("random", "digits", (8, 1), good[:, :2], None))
    with pytest.raises(tokloom.ArgumentError, match="float64; they must be whole"):
        LatticeTokenizer(inner, Coordinates("random", "digits", levels, good.astype(float), None))
    for bad, message in (
        (good[:-1], "shape"),
        (np.where(good == good[7], 8, good), "out of range"),
        (good * 0, "its own cell"),
    ):
        with pytest.raises(tokloom.ArgumentError, match=message):
            LatticeTokenizer(inner, Coordinates("random", "digits", levels, bad.astype(np.int32), None))


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"coordinates": "nonsense"}, "not known"),
        ({"coordinates": "random", "layout": "classes"}, "by context"),
        ({"coordinates": "random", "steps": 3}, "trains a network"),
        ({"layout": "digits", "levels": (8, 8)}, "don't fit into 64 cells"),
        ({"layout": "digits", "levels": (1, 1_000)}, "under 2"),
    ],
)
def test_choices_that_can_not_be(inner, choices, message):
    with pytest.raises(tokloom.ArgumentError, match=message):
        train_lattice(TEXT, tokenizer=inner, **choices)


def test_a_source_that_can_be_read_once_is_enough():
    lattice = lattices.train_lattice(iter(TEXT), vocab_size=270, coordinates="frequency")
    assert lattice.vocab_size == 270
    with pytest.raises(tokloom.ArgumentError, match="no text"):
        train_lattice([""], tokenizer=tokloom.load("bytes"))


# --- measures and tools ---------------------------------------------------------------------------------------------


def test_measures(digits):
    report = measure(digits, ["the cat sat"])
    assert (report.tokens, report.unique_cells) == (281 - 1, 281 - 1)
    assert report.looked_at == len(digits.encode("the cat sat"))
    assert report.ids_seen == len(set(digits.encode("the cat sat"))) / report.tokens
    assert report.bytes_per_token == pytest.approx(11 / report.looked_at)


def test_neighbours_in_the_alphabet_share_their_first_letters():
    tokens = tokloom.train(["abba abbess abbey cat cater category dog dogma doge " * 9], 276)
    by_spelling = sorted(range(tokens.vocab_size), key=tokens.token_bytes)
    places = np.empty((tokens.vocab_size, 5), np.int32)
    places[by_spelling] = np.arange(tokens.vocab_size)[:, None] // [4096, 512, 64, 8, 1] % 8
    lattice = LatticeTokenizer(tokens, Coordinates("spelling", "digits", (8,) * 5, places, None))
    report = measure(lattice, ["abba"])
    assert report.neighbours_share_leading_bytes > 2 * report.random_pairs_share_leading_bytes


def test_frequencies(inner):
    found = frequencies(inner, ["the the cat", b"\xff"])
    ids = [*inner.encode("the the cat"), 255]
    assert found.tokens == len(ids)
    assert found.used == len(set(ids))
    assert dict(found.most_common()) == {id: ids.count(id) for id in set(ids)}
    assert found.byte_share == sum(id < 256 for id in ids) / len(ids)
    assert found.bytes_per_token == 12 / len(ids)
    assert 0 < found.entropy <= np.log2(found.used)
    with pytest.raises(tokloom.ArgumentError, match="no text"):
        frequencies(inner, [])


def test_neighbours_by_digits_and_by_context(classes, digits):
    two = digits.encode(" two")[-1]
    near = neighbours(digits, two, 3)
    assert [one.distance for one in near] == sorted(one.distance for one in near)
    assert two not in [one.id for one in near]
    row = digits.digits().astype(int)
    assert near[0].distance == min(
        ((row[id] - row[two]) ** 2).sum() for id in range(digits.vocab_size) if id != two
    )
    assert neighbours(classes, two, 3, by="vectors")[0].distance < 0.6
    with pytest.raises(tokloom.ArgumentError, match="no distance"):
        neighbours(classes, two)
    with pytest.raises(tokloom.UnknownIdError):
        neighbours(digits, digits.vocab_size)
    with pytest.raises(tokloom.ArgumentError, match="not known"):
        neighbours(digits, two, by="nonsense")  # type: ignore[arg-type]
    with pytest.raises(tokloom.ArgumentError, match="for FSQ tokenizers"):
        neighbours(tokloom.load("bytes"), 97)


def test_reassigned_cells(digits):
    wanted = np.zeros((digits.vocab_size, 5), np.int64)
    made = reassign(digits, wanted, first=list(range(digits.vocab_size))[::-1])
    assert made.digits()[-1].tolist() == [0] * 5
    assert len(np.unique(made.digits(), axis=0)) == digits.vocab_size
    assert made.encode("the cat") == digits.encode("the cat")
    assert made.fingerprint != digits.fingerprint
    smaller = reassign(digits, wanted[:, :2] % 4, levels=(20, 20))
    assert smaller.levels == (20, 20)
    for bad, message in ((wanted[:5], "shape"), (wanted + 8, "out of range")):
        with pytest.raises(tokloom.ArgumentError, match=message):
            reassign(digits, bad)
    with pytest.raises(tokloom.ArgumentError, match="don't fit"):
        reassign(digits, wanted[:, :2], levels=(8, 8))
    with pytest.raises(tokloom.ArgumentError, match="once"):
        reassign(digits, wanted, first=[1, 2])


def test_a_cache_gives_the_same_and_forgets_what_is_oldest(inner):
    cache = EncodingCache(inner, most=12)
    for text in ("the cat", "the mat", "the cat", "the cat", "a text that is too long to keep"):
        assert cache.encode(text).tolist() == inner.encode(text)
    assert (cache.hits, cache.misses) == (1, 4)
    assert cache.encode("<|endoftext|>", special="parse").tolist() != cache.encode("<|endoftext|>").tolist()
    with pytest.raises(tokloom.ArgumentError):
        EncodingCache(inner, most=0)
