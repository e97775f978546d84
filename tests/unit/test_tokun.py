"""The auto-encoder as it is used: without PyTorch, on the model that comes with the package."""

import json
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tokloom
from tokloom.learned import shipped
from tokloom.learned import tensors as numbers
from tokloom.learned.tokun import Shape, TokunAutoencoder
from tokloom.learned.tokun.baseline import ConcatenatedBits
from tokloom.learned.tokun.characters import as_bytes, as_code_points, as_text, chunked, code_points
from tokloom.learned.tokun.report import accuracy, deviations, noised, shift_sensitivity, windows
from tokloom.learned.tokun.space import between, nearest, picture, projected

CHARACTERS = st.characters(exclude_categories=["Cs"])
# What the shipped weights gave on the machine that they were trained on.
SAME = "d02b91a557c40b88"
TEXTS = st.text(CHARACTERS, max_size=60)


@pytest.fixture(scope="module")
def tokun():
    return tokloom.load("tokun-4x16")


# Shapes


@pytest.mark.parametrize(
    ("name", "characters", "rows", "positions", "widths"),
    [
        ("4", 1, 1, 3, (128,)),
        ("4x4", 4, 4, 3, (128,)),
        ("4x16", 16, 16, 3, (128,)),
        ("16x4", 16, 4, 12, (512,)),
        ("64", 16, 1, 48, (512,)),
        ("4x4x4", 16, 16, 3, (128, 512)),
        ("4x4x16", 64, 64, 3, (128, 512)),
    ],
)
def test_a_name_says_what_is_merged(name, characters, rows, positions, widths):
    shape = Shape.named(name)
    assert (shape.characters, shape.rows, shape.positions, shape.widths) == (
        characters,
        rows,
        positions,
        widths,
    )
    assert shape.name == name


@pytest.mark.parametrize("groups", [(), (0,), (3, 4), (4, 0), (4, 512), (True,), (4.0,)])
def test_groups_of_nothing_are_refused(groups):
    with pytest.raises(tokloom.ArgumentError):
        Shape(groups)


def test_a_name_that_is_none_is_refused():
    with pytest.raises(tokloom.ArgumentError, match="4x16"):
        Shape.named("4x")


# Characters


@given(TEXTS, st.integers(1, 20))
def test_chunks_hold_the_text(text, size):
    chunks = chunked(code_points(text), size)
    assert chunks.shape == (-(-len(text) // size), size)
    assert as_text(chunks) == text
    assert np.array_equal(as_code_points(as_bytes(chunks)), chunks)


@given(st.lists(TEXTS.filter(bool), max_size=6))
def test_pieces_begin_a_chunk_each(pieces):
    text = "".join(pieces)
    ends = np.cumsum([len(each) for each in pieces]).tolist()
    chunks = chunked(code_points(text), 4, ends)
    assert as_text(chunks) == text
    assert len(chunks) == sum(-(-len(each) // 4) for each in pieces)


def test_pieces_that_end_elsewhere_are_refused():
    with pytest.raises(tokloom.ArgumentError, match="end at 3"):
        chunked(code_points("abcd"), 4, [3])


# The model that is shipped


def test_text_becomes_vectors_and_comes_back(tokun):
    text = "Vectors in place of tokens: naïve, Привет, 日本語, ελληνικά."
    vectors = tokun.embed(text)
    assert vectors.shape == (-(-len(text) // 16), 256)
    assert vectors.dtype == np.float32
    assert tokun.decode(vectors) == text
    assert tokun.guarantees == "none"


def test_the_vectors_are_the_same_everywhere(tokun):
    # What the shipped weights gave on the machine that they were trained on, to the last bit.
    import hashlib

    vectors = tokun.embed("The same text, the same vectors. " * 8)
    assert hashlib.sha256(vectors.tobytes()).hexdigest()[:16] == SAME


def test_a_batch_gives_what_its_texts_give(tokun):
    texts = ["", "one", "sixteen letters, and more", "ein Wort"]
    batch = tokun.embed_batch(texts)
    assert [len(each) for each in batch] == [0, 1, 2, 1]
    for text, vectors in zip(texts, batch, strict=True):
        assert np.array_equal(vectors, tokun.embed(text))
    assert tokun.decode_batch(batch) == texts
    assert tokun.embed_batch([]) == []


@settings(max_examples=60, deadline=None)
@given(text=st.text(CHARACTERS, max_size=80), pieces=st.sampled_from(["grid", "pretokens"]))
def test_verified_text_comes_back_exactly(tokun, text, pieces):
    kept = tokun.embed_verified(text, pieces=pieces)
    assert tokun.decode_verified(kept) == text
    assert kept.nbytes == 7 * kept.corrections


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=80), pieces=st.sampled_from(["grid", "pretokens"]))
def test_verified_bytes_come_back_exactly(tokun, data, pieces):
    assert tokun.decode_verified(tokun.embed_verified(data, pieces=pieces)) == data


def test_verified_keeps_what_the_vectors_lose(tokun):
    generator = np.random.default_rng(0)
    text = "".join(map(chr, generator.integers(0xE000, 0x110000, 320)))
    kept = tokun.embed_verified(text)
    lost = np.sum(tokun.decode_chunks(kept.vectors) != tokun.chunks(text))
    assert kept.corrections == lost > 0


def test_vectors_of_another_model_are_refused(tokun):
    kept = tokun.embed_verified("text")
    with pytest.raises(tokloom.ArgumentError, match="are of the model"):
        tokun.decode_verified(type(kept)(kept.vectors, kept.places, kept.points, False, "0" * 64))


def test_every_vector_is_some_text(tokun):
    vectors = np.random.default_rng(1).normal(size=(50, 256)) * 5
    tokun.decode(vectors).encode("utf-8")


def test_the_likelihood_is_one(tokun):
    text = "It has a likelihood."
    nats = tokun.nats(text)
    assert nats.shape == (2, 16)
    assert (nats > 0).all()
    assert nats[tokun.chunks(text) < 0x110000].mean() < 0.5
    # Over all values of a byte the probabilities sum to 1.
    scores = next(iter(tokun._scores(tokun.embed("a"))))[1] * float(tokun.weights.tensors["decoder.scale"][0])
    assert np.allclose((np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)).sum(axis=1), 1)
    with pytest.raises(tokloom.ArgumentError, match="2 chunks"):
        tokun.nats(text, tokun.embed("a"))


def test_an_inserted_character_moves_a_grid_and_no_pretoken(tokun):
    text = "Every word that follows stays where it is, if chunks begin with pretokens. " * 3
    kept = {
        how: shift_sensitivity([(tokun.embed(text, pieces=how), tokun.embed("A" + text, pieces=how))])["kept"]
        for how in ("grid", "pretokens")
    }
    assert kept["grid"] < 0.1
    assert kept["pretokens"] > 0.9


# The contract


def test_what_of_the_contract_it_has(tokun):
    text = "Zwölf Boxkämpfer jagen Viktor"
    assert tokun.spans(text) == [(0, 16), (16, 29)]
    assert tokun.spans(text.encode()) == [(0, 18), (18, 31)]
    assert tokun.count_tokens(text) == len(tokun.embed(text)) == 2
    assert tokun.truncate(text, 1) == text[:16]
    assert list(tokun.chunk(text, 1)) == [text[:16], text[16:]]
    assert tokun.spans("") == tokun.spans(b"") == []
    assert (tokun.vocab_size, tokun.special_tokens, tokun.eos_id) == (0, {}, None)
    assert tokun == tokloom.load("tokun-4x16")
    assert tokun != tokloom.load("bytes")


@pytest.mark.parametrize(
    "call",
    [
        lambda tokun: tokun.encode("a"),
        lambda tokun: tokun.encode_batch(["a"]),
        lambda tokun: tokun.encode_stream(["a"]),
        lambda tokun: tokun.decode_bytes([1]),
        lambda tokun: tokun.token_bytes(1),
        lambda tokun: tokun.with_special_tokens(["<s>"]),
        lambda tokun: tokun.stream(),
        lambda tokun: tokun.as_tiktoken(),
        lambda tokun: tokun.as_transformers(),
        lambda tokun: tokun.as_nanochat(),
        lambda tokun: tokun.decode([1, 2]),
    ],
)
def test_what_needs_ids_says_that_there_are_none(tokun, call):
    with pytest.raises(tokloom.ArgumentError, match="no ids"):
        call(tokun)


@pytest.mark.parametrize(
    ("vectors", "told"),
    [
        (np.zeros((2, 3), np.float32), "256"),
        (np.zeros((1, 1, 256), np.float32), "shape"),
        (np.full(256, np.nan), "finite"),
        (np.full(256, np.inf), "finite"),
    ],
)
def test_vectors_that_are_none_are_refused(tokun, vectors, told):
    with pytest.raises(tokloom.ArgumentError, match=told):
        tokun.decode(vectors)


def test_texts_that_are_none_are_refused(tokun):
    with pytest.raises(tokloom.TextError, match="position 1"):
        tokun.embed("a\ud800")
    with pytest.raises(tokloom.ArgumentError, match="pretokens"):
        tokun.embed("a", pieces="words")


# Files


def test_what_is_saved_is_loaded(tokun, tmp_path):
    tokun.save(tmp_path / "mine")
    again = tokloom.load(tmp_path / "mine")
    assert isinstance(again, TokunAutoencoder)
    assert again.fingerprint == tokun.fingerprint
    assert again.card == tokun.card
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == [
        "model.safetensors",
        "tokloom.json",
    ]
    again.save(tmp_path / "mine")  # in place of itself
    copied = pickle.loads(pickle.dumps(tokun))
    assert np.array_equal(copied.embed("text"), tokun.embed("text"))


def test_the_shipped_model_is_small():
    assert sum(path.stat().st_size for path in shipped("tokun-4x16").iterdir()) < 5_000_000


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(shipped("tokun-4x16"), tmp_path / "model")
    return tmp_path / "model"


def changed(folder, change):
    description = json.loads((folder / "tokloom.json").read_text("utf-8"))
    change(description)
    (folder / "tokloom.json").write_text(json.dumps(description), "utf-8")


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.pop("groups"),
        lambda told: told.update(groups=[4, 4]),
        lambda told: told.update(groups=["4", 16]),
        lambda told: told.update(groups=[4, 1 << 40]),
        lambda told: told.update(vector=128),
        lambda told: told.update(network={}),
        lambda told: told["network"].update(encoder=[1]),
        lambda told: told["network"]["encoder"].pop(),
        lambda told: told["network"]["decoder"][0].update(op="attention"),
        lambda told: told["network"]["decoder"][1].update(count=0),
        lambda told: told.update(fingerprint="0" * 64),
    ],
)
def test_a_description_that_was_changed_is_refused(copy, change):
    changed(copy, change)
    with pytest.raises(tokloom.FormatError, match=r"tokloom\.json"):
        tokloom.load(copy)


def test_weights_that_were_changed_or_cut_short_are_refused(copy):
    path = copy / "model.safetensors"
    data = path.read_bytes()
    for other in (b"", data[:7], data[:100], data[:-1], data[:-100] + bytes(100), b"\xff" * 64):
        path.write_bytes(other)
        with pytest.raises(tokloom.FormatError):
            tokloom.load(copy)
    path.unlink()
    with pytest.raises(tokloom.SourceError):
        tokloom.load(copy)


def test_foreign_weights_are_refused(copy):
    path = copy / "model.safetensors"
    tensors = numbers.read(path.read_bytes(), "model")
    for name, value in (
        ("encoder.0.table", np.zeros((3, 255, 128), np.int8)),
        ("encoder.0.multiplier", -np.ones(128, np.int32)),
        ("encoder.0.shift", np.array([70], np.int32)),
        ("encoder.2.bias", np.zeros(3, np.int32)),
        ("decoder.0.weight", np.zeros((4, 256), np.float32)),
        ("encoder.scale", np.full(256, np.nan, np.float32)),
        ("decoder.scale", np.zeros(1, np.float32)),
    ):
        path.write_bytes(numbers.write({**tensors, name: value}))
        with pytest.raises(tokloom.FormatError):
            tokloom.load(copy)


@pytest.mark.parametrize(
    "header",
    [
        b"[1]",
        b'{"a": 1}',
        b'{"a": {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}}',
        b'{"a": {"dtype": "I8", "shape": [-1], "data_offsets": [0, 1]}}',
        b'{"a": {"dtype": "I8", "shape": [4000000000, 4000000000], "data_offsets": [0, 1]}}',
        b'{"a": {"dtype": "I8", "shape": [1], "data_offsets": [0]}}',
        b"[" * 5000,
    ],
)
def test_a_header_that_is_none_is_refused(header):
    with pytest.raises(tokloom.FormatError, match="here"):
        numbers.read(len(header).to_bytes(8, "little") + header + b"\0", "here")


# The baseline, and what measures


@given(st.lists(st.integers(0, 0x110000), min_size=16, max_size=16))
def test_the_baseline_is_exact(chunk):
    chunks = np.array([chunk])
    for coder in (ConcatenatedBits(16, 256), ConcatenatedBits(16, 300), ConcatenatedBits(8, 256)):
        rows = chunks.reshape(-1, coder.characters)
        assert np.array_equal(coder.decode_chunks(coder.embed_chunks(rows)), rows)


def test_a_baseline_without_room_is_refused():
    with pytest.raises(tokloom.ArgumentError, match="need 16"):
        ConcatenatedBits(32, 256)


def test_accuracy_counts_apart():
    class Wrong:
        def embed_chunks(self, chunks):
            return chunks.astype(np.float32)

        def decode_chunks(self, vectors):
            found = vectors.astype(np.int64)
            return np.where(found == 233, 234, found)

    chunks = np.array([[97, 233], [98, 99], [232, 0x110000]])
    found = accuracy(Wrong(), chunks)
    assert (found["characters"], found["non-ascii"], found["ascii"]) == (0.8, 0.5, 1.0)
    assert found["chunks"] == round(2 / 3, 6)
    assert found["characters looked at"] == 5
    with pytest.raises(tokloom.ArgumentError, match="sigma"):
        accuracy(Wrong(), chunks, level=1.0)


def test_noise_is_as_large_as_it_says():
    vectors, sigma = np.zeros((20_000, 2), np.float32), np.array([1.0, 3.0])
    assert np.allclose(noised(vectors, 0.5, sigma).std(axis=0), [0.5, 1.5], rtol=0.03)
    assert np.allclose(noised(vectors, 0.5, sigma, "all").std(axis=0), [1.0, 1.0], rtol=0.03)
    with pytest.raises(tokloom.ArgumentError, match="each"):
        noised(vectors, 1, sigma, "some")  # type: ignore[arg-type]


def test_noise_costs_characters_and_little_of_it_few(tokun):
    text = code_points("What is lost at a little noise is little, and at much noise it is much. " * 30)
    chunks = windows(text, 200, 16)
    sigma = deviations(tokun, chunks)
    right = [accuracy(tokun, chunks, level=level, sigma=sigma)["characters"] for level in (0.0, 0.2, 4.0)]
    assert right[0] == 1.0
    assert right[1] > 0.95
    assert right[2] < 0.7


def test_windows_need_a_text_of_their_length():
    with pytest.raises(tokloom.ArgumentError, match="3 characters"):
        windows(code_points("abc"), 5, 16)


# The space


def test_neighbours_and_the_way_between(tokun):
    found = nearest(tokun, "window", ["windows", "Window", "1234567", "window", "漢字漢字"], 2)
    assert {text for text, _ in found} <= {"windows", "Window", "1234567", "漢字漢字"}
    assert found[0][0] in {"windows", "Window"}
    way = between(tokun, "window", "function", 5)
    assert (way[0], way[-1], len(way)) == ("window", "function", 5)
    with pytest.raises(tokloom.ArgumentError, match="chunks"):
        nearest(tokun, "a text of more than one chunk", ["a"])
    with pytest.raises(tokloom.ArgumentError, match="2 points"):
        between(tokun, "a", "b", 1)


def test_a_picture(tokun, tmp_path):
    pytest.importorskip("matplotlib")
    path = picture(
        tokun, {"Latin": "some text " * 20, "Cyrillic": "какой-то текст " * 20}, tmp_path / "a.svg"
    )
    assert "PCA" in path.read_text("utf-8") or path.stat().st_size > 5_000
    with pytest.raises(tokloom.ArgumentError, match="no picture"):
        projected(np.zeros((2, 4)))
    with pytest.raises(tokloom.ArgumentError, match="pca"):
        projected(np.zeros((4, 4)), "tsne")  # type: ignore[arg-type]


def test_two_dimensions_hold_what_two_dimensions_have():
    flat = np.random.default_rng(0).normal(size=(50, 2)) @ np.array([[1, 0, 2, 0], [0, 3, 0, 1.0]])
    points, told = projected(flat)
    assert points.shape == (50, 2)
    assert "100%" in told


def test_it_is_used_without_pytorch():
    code = (
        "import sys, tokloom; model = tokloom.load('tokun-4x16'); model.decode(model.embed('text')); "
        "model.embed_verified('text'); sys.exit(any(name in sys.modules for name in ('torch', 'einops', 'safetensors')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_training_without_pytorch_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in [name for name in sys.modules if name.startswith("tokloom.learned.tokun.t")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(tokloom.MissingDependencyError, match=r"tokloom\[learned\]"):
        TokunAutoencoder.train(["text"], steps=1)
