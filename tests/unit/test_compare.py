"""`tokloom.compare`: rows that are right, forms that can be read, inputs that are refused."""

import json

import pytest

import tokloom
from tokloom.errors import ArgumentError, SourceError
from tokloom.report.table import Table

GREEK = ["χαμηλό", "το χαμηλό"]
TEXTS = {"english": "the low lower lowest of the low", "greek": GREEK, "bytes": b"\xff\xfe"}


@pytest.fixture(scope="module")
def small():
    return tokloom.train(["the low lower lowest of the low"] * 3, 262)


@pytest.fixture(scope="module")
def large():
    return tokloom.train(["the low lower lowest of the low", "το χαμηλό"] * 3, 275)


@pytest.fixture(scope="module")
def comparison(small, large):
    return tokloom.compare([small, large], TEXTS, speed=False)


def row(comparison, tokenizer, label):
    (found,) = [r for r in comparison.rows if r.label == label and r.tokenizer.startswith(tokenizer)]
    return found


def test_a_row_for_each_tokenizer_and_label_and_one_over_all(comparison):
    assert [r.label for r in comparison.rows] == ["english", "greek", "bytes", "all"] * 2
    assert len({r.tokenizer for r in comparison.rows}) == 2


def test_figures_are_those_of_the_tokenizers(comparison, small, large):
    for tokenizer, rows in ((small, comparison.rows[:4]), (large, comparison.rows[4:])):
        english, greek, raw, everything = (r.values for r in rows)
        assert english["tokens"] == len(tokenizer.encode(TEXTS["english"]))
        assert greek["tokens"] == sum(len(tokenizer.encode(text)) for text in GREEK)
        assert greek["bytes"] == sum(len(text.encode()) for text in GREEK)
        assert raw["bytes_per_token"] == 1
        for name in ("tokens", "bytes"):
            assert everything[name] == english[name] + greek[name] + raw[name]
        assert everything["bytes_per_token"] == everything["bytes"] / everything["tokens"]
        assert everything["round_trip"] == 1
        assert rows[0].vocab_size == tokenizer.vocab_size
        assert rows[0].fingerprint == tokenizer.fingerprint


def test_the_one_that_saw_greek_is_better_at_it(comparison):
    assert comparison.rows[5].values["bytes_per_token"] > comparison.rows[1].values["bytes_per_token"]


def test_speed_is_measured_unless_it_is_not_wanted(comparison, small):
    assert "speed" not in comparison.rows[0].values
    timed = tokloom.compare(small, "some text " * 100)
    assert (timed.rows[0].values["speed"] or 0) > 0
    assert "MB/s" in str(timed)


def test_one_tokenizer_and_one_text_need_no_list(small):
    comparison = tokloom.compare(small, "low", speed=False)
    assert [r.label for r in comparison.rows] == ["texts", "all"]


def test_paths_are_loaded_and_equal_names_are_told_apart(small, tmp_path):
    small.save(tmp_path / "one" / "mine")
    small.save(tmp_path / "two" / "mine")
    paths = [tmp_path / "one" / "mine", str(tmp_path / "two" / "mine")]
    comparison = tokloom.compare(paths, "low", speed=False)
    assert len({r.tokenizer for r in comparison.rows}) == 2
    assert len({r.fingerprint for r in comparison.rows}) == 1


def test_texts_may_be_files(small, tmp_path):
    (tmp_path / "a.txt").write_text("low low")
    comparison = tokloom.compare(small, {"file": tokloom.files(tmp_path / "a.txt")}, speed=False)
    assert comparison.rows[0].values["bytes"] == 7


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({}, "no texts"),
        ({"en": ""}, "'en' are empty"),
        ({"en": "a", "de": []}, "'de' are empty"),
        ({"all": "a"}, "'all' is taken"),
        ([], "empty"),
        ("", "empty"),
    ],
)
def test_empty_texts_are_refused_by_label(small, texts, message):
    with pytest.raises(ArgumentError, match=message):
        tokloom.compare(small, texts)


def test_no_tokenizers(small):  # noqa: ARG001
    with pytest.raises(ArgumentError, match="no tokenizers"):
        tokloom.compare([], "text")


def test_what_is_no_text(small):
    with pytest.raises(TypeError, match="text 1 of 'en' is a int"):
        tokloom.compare(small, {"en": ["a", 3]})
    with pytest.raises(TypeError, match="'en' are a int"):
        tokloom.compare(small, {"en": 3})


def test_a_missing_file_is_the_sources_error(tmp_path):
    with pytest.raises(SourceError):
        tokloom.files(tmp_path / "missing.txt")


def test_the_dictionary_is_json(comparison):
    loaded = json.loads(json.dumps(comparison.to_dict()))
    assert loaded["rows"][0]["bytes_per_token"] == comparison.rows[0].values["bytes_per_token"]
    assert set(loaded["measures"]) <= set(loaded["rows"][0])


def test_every_form_has_every_label_and_figure(comparison):
    figure = f"{comparison.rows[5].values['bytes_per_token']:.2f}"
    for form in (str(comparison), comparison.to_markdown(), comparison._repr_html_()):
        for expected in ("english", "greek", "Bytes per token", "vocabulary used", "exact", figure):
            assert expected in form


def test_rich_draws_the_same(comparison):
    from rich.console import Console

    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    with console.file:
        console.print(comparison)
        assert "english" in console.export_text()


class TestTable:
    table = Table(
        "A | title", ["name", "figure"], [["[red]x[/red]", "1"], ["a|b", "22"], ["<b>", "3"]], ["a note"]
    )

    def test_nothing_in_a_cell_is_markup(self):
        assert "[red]x[/red]" in str(self.table)
        assert "a\\|b" in self.table.to_markdown()
        assert "&lt;b&gt;" in self.table.to_html()
        assert "<b>" not in self.table.to_html()

    def test_markdown_has_as_many_cells_in_every_row(self):
        lines = [line for line in self.table.to_markdown().splitlines() if line.startswith("|")]
        assert {line.replace("\\|", "").count("|") for line in lines} == {3}
        assert len({len(line) for line in lines}) == 1

    def test_no_line_is_folded(self):
        wide = Table("wide", ["x"], [["y" * 500]])
        assert "y" * 500 in str(wide)


def test_nearly_all_is_never_shown_as_all(small):
    comparison = tokloom.compare(small, ["low"] * 10_000, speed=False)
    comparison.rows[-1].values["round_trip"] = 0.99999
    assert "99.9 %" in str(comparison)
    assert "exact" not in str(comparison)
