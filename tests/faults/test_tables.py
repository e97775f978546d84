"""The tables that loading keeps: quick when they are there, and nothing lost when they are damaged or can't be written."""

from __future__ import annotations

import pytest

import published
import tokloom
from tokloom.catalogue import opening, tables

TEXT = "Hello, naïve wörld 12345 <|endoftext|>\n\n  你好"


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """Loads gpt4 as a new process would, with a cache of its own; and where its tables lie."""
    published.load("gpt4")
    monkeypatch.setenv("TOKLOOM_CACHE", str(tmp_path))

    def load():
        opening.forget()
        return tokloom.load("gpt4", offline=True)

    yield load
    opening.forget()


def kept(tmp_path):
    return sorted((tmp_path / "tables").iterdir())


def test_the_second_load_is_by_the_tables_and_the_same(loaded, tmp_path):
    first = loaded()
    (path,) = kept(tmp_path)
    written = path.stat().st_mtime_ns
    second = loaded()
    assert path.stat().st_mtime_ns == written  # read, not written again
    assert second.fingerprint == first.fingerprint
    assert second.encode(TEXT) == first.encode(TEXT)
    assert second.special_tokens == first.special_tokens


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda _: b"", lambda data: b"x" + data[1:]])
def test_damaged_tables_are_made_anew(loaded, tmp_path, damage):
    first = loaded()
    (path,) = kept(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert loaded().fingerprint == first.fingerprint
    assert path.read_bytes() == whole


def test_tables_of_another_file_under_the_name_are_made_anew(loaded, tmp_path):
    first = loaded()
    (path,) = kept(tmp_path)
    whole = path.read_bytes()
    other = tokloom.train(["low lower lowest"] * 3, 260)
    path.write_bytes(other._vocabulary.compiled(b"\0" * 32))
    assert loaded().fingerprint == first.fingerprint
    assert path.read_bytes() == whole


def test_a_cache_that_can_not_be_written_costs_time_only(loaded, tmp_path):
    (tmp_path / "tables").write_text("a file where the folder would be")
    assert loaded().encode("hello") == [15339]


def test_what_ranks_do_not_say_has_no_tables():
    words = tokloom.train(["low lower lowest"] * 3, 258, model="words")
    assert words._vocabulary.compiled(b"\0" * 32) is None
    assert tables.tables_path("0" * 64).name == "0" * 64
