"""Bytes → rows: numpy and torch agree, tokens don't see each other, and folders are whole or refused."""

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import tokloom
from learned.soft_models import drawn
from tokloom.cli import app
from tokloom.learned import tensors
from tokloom.learned.soft import NoIdsError, SoftConfiguration, SoftEmbedding
from tokloom.learned.soft.configuration import shapes
from tokloom.learned.soft.features import PAD, ngrams, symbols

torch = pytest.importorskip("torch", reason="torch isn't installed")

SMALL = {
    "transformer": SoftConfiguration(dimensions=6, width=8, layers=2, heads=2, max_bytes=12),
    "bag": SoftConfiguration(dimensions=6, kind="bag", width=5, buckets=64, max_bytes=12),
    "both": SoftConfiguration(dimensions=6, width=8, layers=1, heads=2, outputs=("input", "head")),
}
KINDS = pytest.mark.parametrize("kind", SMALL)
TOKENS = [b" low", b"", b"\x00", b"\xff\xfe", "né".encode(), b"a" * 40, b" low"]


@KINDS
def test_numpy_and_torch_agree(kind):
    soft = drawn(SMALL[kind])
    module = soft.module().eval()
    for output in soft.outputs:
        with torch.no_grad():
            found = module.rows(TOKENS, output).numpy()
        np.testing.assert_allclose(soft.rows(TOKENS, output), found, rtol=2e-5, atol=2e-5)


@KINDS
@given(tokens=st.lists(st.binary(max_size=20), min_size=1, max_size=8))
def test_a_row_depends_on_its_own_token_alone(kind, tokens):
    soft = drawn(SMALL[kind])
    together = soft.rows(tokens)
    alone = np.concatenate([soft.rows([token]) for token in tokens])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-4)


@KINDS
def test_positions_matter_and_every_byte_is_seen(kind):
    soft = drawn(SMALL[kind])
    rows = soft.rows([b"abc", b"acb", b"abd", b"xbc", b"ab"])
    assert len(np.unique(rows.round(5), axis=0)) == 5


@KINDS
def test_bytes_beyond_the_longest_are_not_read(kind):
    soft, most = drawn(SMALL[kind]), SMALL[kind].max_bytes
    rows = soft.rows([b"a" * most + b"b", b"a" * most + b"c"])
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-5)


@KINDS
def test_the_module_has_gradients_for_every_weight(kind):
    module = drawn(SMALL[kind]).module()
    module(TOKENS).square().sum().backward()
    assert all(each.grad is not None and each.grad.abs().sum() > 0 for each in module.parameters())


@KINDS
def test_no_tokens_have_no_rows(kind):
    soft = drawn(SMALL[kind])
    assert soft.rows([]).shape == (0, 6)
    assert soft.module().rows([]).shape == (0, 6)


def test_what_isnt_bytes_is_refused():
    soft = drawn(SMALL["bag"])
    for wrong in ("low", b"low", ["low"]):
        with pytest.raises(TypeError, match="bytes"):
            soft.rows(wrong)  # type: ignore[arg-type]
    with pytest.raises(tokloom.ArgumentError, match="no rows for the 'head'"):
        soft.rows([b"a"], "head")
    with pytest.raises(tokloom.ArgumentError, match="no rows for the 'head'"):
        soft.module().rows([b"a"], "head")


@given(st.lists(st.binary(max_size=9), min_size=1, max_size=5))
def test_ngrams_are_those_of_each_token(tokens):
    hashed, offsets = ngrams(tokens, longest=3, buckets=10**9, max_bytes=9)
    parts = np.split(hashed, offsets[1:])
    for token, part in zip(tokens, parts, strict=True):
        own, _ = ngrams([token], longest=3, buckets=10**9, max_bytes=9)
        assert sorted(part) == sorted(own)
        size = len(token) + 2
        assert len(part) == size + (size - 1) + max(0, size - 2)
    assert (symbols(tokens, 9) == PAD).sum() == sum(max(map(len, tokens)) - len(token) for token in tokens)


# Saved and loaded


@KINDS
def test_saved_and_loaded_it_is_the_same(kind, tmp_path):
    soft = drawn(SMALL[kind])
    soft.save(tmp_path / "soft")
    opened: Any = tokloom.load(tmp_path / "soft")
    for loaded in (SoftEmbedding.load(tmp_path / "soft"), opened):
        assert loaded == soft
        assert (loaded.rows(TOKENS) == soft.rows(TOKENS)).all()
        assert loaded.name == "soft"
    assert pickle.loads(pickle.dumps(soft)) == soft
    soft.save(tmp_path / "soft")  # in place of its own


def test_other_weights_are_another_fingerprint():
    assert drawn(SMALL["bag"]) != drawn(SMALL["bag"], seed=1)
    assert len({drawn(SMALL["bag"]), drawn(SMALL["bag"])}) == 1


def test_it_is_no_tokenizer_and_says_so(tmp_path):
    drawn(SMALL["bag"]).save(tmp_path / "soft")
    loaded: Any = tokloom.load(tmp_path / "soft")
    with pytest.raises(NoIdsError, match="no tokenizer of ids"):
        loaded.encode("text")
    with pytest.raises(tokloom.TokloomError, match="vocab_size"):
        _ = loaded.vocab_size
    with pytest.raises(AttributeError, match="no attribute 'colour'"):
        _ = loaded.colour
    assert not hasattr(loaded, "decode")


def test_inspect_shows_what_it_has(tmp_path):
    drawn(SMALL["transformer"]).save(tmp_path / "soft")
    shown = CliRunner().invoke(app, ["inspect", str(tmp_path / "soft")])
    assert shown.exit_code == 0, shown.output
    assert "it has no ids" in shown.output
    told = json.loads(CliRunner().invoke(app, ["inspect", str(tmp_path / "soft"), "--json"]).output)
    assert told["dimensions"] == 6
    assert told["kind"] == "soft (transformer)"


def changed(tmp_path: Path, **fields: object) -> Path:
    folder = tmp_path / "soft"
    drawn(SMALL["bag"]).save(folder)
    told = json.loads((folder / "tokloom.json").read_text())
    told["configuration"] |= fields.pop("configuration", {})
    (folder / "tokloom.json").write_text(json.dumps(told | fields))
    return folder


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"fingerprint": "0" * 64}, "don't fit together"),
        ({"configuration": {"width": 7}}, "the shape"),
        ({"configuration": {"width": 1 << 40}}, "width="),
        ({"configuration": {"width": "5"}}, "width="),
        ({"configuration": {"buckets": True}}, "buckets="),
        ({"configuration": {"outputs": "input"}}, "as a list"),
        ({"configuration": {"outputs": ["tail"]}}, "outputs="),
        ({"configuration": {"outputs": [["input"]]}}, "outputs="),
        ({"configuration": {"kind": ["bag"]}}, "kind="),
        ({"configuration": {"colour": 1}}, "unknown fields: colour"),
        ({"configuration": {"kind": "transformer"}}, r"divide|missing"),
        ({"trained": 3}, "must be a table"),
    ],
)
def test_a_changed_description_is_refused(tmp_path, fields, message):
    with pytest.raises(tokloom.FormatError, match=message):
        tokloom.load(changed(tmp_path, **fields))


def test_a_configuration_that_is_none_is_refused(tmp_path):
    folder = changed(tmp_path)
    told = json.loads((folder / "tokloom.json").read_text())
    (folder / "tokloom.json").write_text(json.dumps({**told, "configuration": [1]}))
    with pytest.raises(tokloom.FormatError, match="no soft embedding"):
        tokloom.load(folder)


def test_weights_cut_short_missing_foreign_or_not_finite_are_refused(tmp_path):
    folder = changed(tmp_path)
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    for length in (0, 7, 100, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(tokloom.FormatError):
            tokloom.load(folder)
    path.write_bytes(tensors.write({"a": np.ones(3, np.float32)}))
    with pytest.raises(tokloom.FormatError, match="weights are missing"):
        tokloom.load(folder)
    weights = {name: np.zeros(shape, np.float32) for name, shape in shapes(SMALL["bag"]).items()}
    path.write_bytes(tensors.write({**weights, "more": np.ones(1, np.float32)}))
    with pytest.raises(tokloom.FormatError, match="another model: more"):
        tokloom.load(folder)
    weights["table"][0, 0] = np.inf
    path.write_bytes(tensors.write(weights))
    with pytest.raises(tokloom.FormatError, match="not finite"):
        tokloom.load(folder)
    path.unlink()
    with pytest.raises(tokloom.SourceError):
        tokloom.load(folder)


@pytest.mark.parametrize(
    "wrong", [{"width": 10, "heads": 3}, {"kind": "words"}, {"dimensions": 0}, {"layers": 65}]
)
def test_choices_out_of_range_are_refused(wrong):
    with pytest.raises(tokloom.ArgumentError):
        SoftConfiguration(**{"dimensions": 4, **wrong})


def test_rows_need_no_torch(tmp_path):
    drawn(SMALL["transformer"]).save(tmp_path / "soft")
    code = f"""
import sys
sys.modules["torch"] = None
import tokloom
soft = tokloom.load({str(tmp_path / "soft")!r})
print(soft.rows([b" low"]).shape)
try:
    soft.module()
except tokloom.MissingDependencyError as error:
    print(error)
try:
    from tokloom.learned.soft import learn
    learn(None)
except tokloom.MissingDependencyError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[0] == "(1, 6)", done.stderr
    assert done.stdout.count("tokloom[learned]") == 2


def test_scaled_rows_keep_their_direction():
    soft = drawn(SMALL["both"])
    mean = soft.weights()["mean"]
    far = soft.scaled(2, 0.5)
    for index, (output, factor) in enumerate(zip(soft.outputs, (2, 0.5), strict=True)):
        expected = mean[index] + factor * (soft.rows(TOKENS, output) - mean[index])
        assert np.abs(far.rows(TOKENS, output) - expected).max() < 1e-4
    for wrong in ((1,), (1, 0), (1, float("nan"))):
        with pytest.raises(tokloom.ArgumentError, match="a factor above 0"):
            soft.scaled(*wrong)
