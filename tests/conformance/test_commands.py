"""The commands take every kind of tokenizer, and `inspect` says what runs it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

import tokloom
from conformance.kinds import KINDS, Kind
from tokloom.cli import app

every_kind = pytest.mark.parametrize("kind", KINDS, ids=repr)


def run(*words: object, input: str | None = None) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words], input=input)
    assert result.exit_code == 0, result.output
    return result.stdout


@every_kind
def test_inspect_says_what_runs_it(kind: Kind, tmp_path):
    kind.tokenizer.save(tmp_path / "saved")
    shown = json.loads(run("inspect", tmp_path / "saved", "--json"))
    assert shown["fingerprint"] == kind.tokenizer.fingerprint
    assert shown["guarantees"] == kind.guarantees
    assert kind.runs in shown["runs in"]
    assert shown["runs in"] == getattr(kind.tokenizer, "runs", "tokloom's engine")
    assert shown["doesn't come back"] == (getattr(kind.tokenizer, "why", "") or None)
    assert "runs in" in run("inspect", tmp_path / "saved")


@every_kind
def test_encode_and_decode(kind: Kind, tmp_path):
    kind.tokenizer.save(tmp_path / "saved")
    ids = run("encode", tmp_path / "saved", input="low lower")
    assert list(map(int, ids.split())) == kind.tokenizer.encode("low lower")
    text = run("decode", tmp_path / "saved", input=ids)
    assert text == kind.tokenizer.decode(kind.tokenizer.encode("low lower"))


@every_kind
def test_compare(kind: Kind):
    text = "How much is it? The low tide is lower than the lowest of the low.\n"
    comparison = tokloom.compare([kind.tokenizer], {"text": text}, speed=False)
    (row, *_) = comparison.rows
    assert row.guarantees == kind.guarantees
    tokens = kind.tokenizer.count_tokens(text)
    assert row.values["bytes_per_token"] == pytest.approx(len(text) / tokens)
