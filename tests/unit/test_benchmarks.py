"""The benchmark's own logic: what is cut, what is compared, what becomes a table. Nothing is measured here."""

import doctest
import hashlib
import json
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import checksum, lines, plot, readme, records, setting, sizes, tables, tokens  # noqa: E402
from benchmarks.corpora import debian, store, texts  # noqa: E402


def test_sizes_are_powers_of_ten():
    assert [sizes.parse(text) for text in ("10MB", "500 kB", "1.5G", "7")] == [
        10**7,
        500_000,
        1_500_000_000,
        7,
    ]
    with pytest.raises(ValueError, match="is not a size"):
        sizes.parse("ten")


def test_documents_are_ordered_by_their_own_names_and_cut_between_characters():
    documents = [(name, f"{name} é\n") for name in "abcdefgh"]
    whole = store.ordered(documents, 1_000)
    assert sorted(whole) == sorted(text.encode() for _, text in documents)
    assert whole == store.ordered(reversed(documents), 1_000)
    without = [each for each in whole if each != documents[3][1].encode()]
    assert store.ordered([each for each in documents if each[0] != "d"], 1_000) == without
    cut = store.ordered(
        documents, 8
    )  # five bytes a document; the second one would be cut inside its é at eight
    assert b"".join(cut) == whole[0] + whole[1][:2]


def test_empty_documents_are_left_out_and_the_last_line_is_ended():
    assert store.ordered([("a", " \n"), ("b", "x")], 100) == [b"x\n"]


def test_a_corpus_on_disk_gives_its_documents(tmp_path):
    path = tmp_path / "small-10.txt"
    path.write_bytes("aé\nb\n".encode())
    path.with_suffix(".offsets").write_bytes(struct.pack("<3Q", 0, 4, 6))
    corpus = store.Corpus(
        "small", str(path), 6, 2, hashlib.sha256(path.read_bytes()).hexdigest(), {"p": "gone"}
    )
    assert corpus.texts() == ["aé\n", "b\n"]
    assert corpus.texts(0, 5) == ["aé\n"]
    assert store.described(corpus)["missing"] == {"p": "gone"}


def test_the_table_of_packages_is_whole():
    packages = debian.listed()
    assert len({each.name for each in packages}) == len(packages) >= 50
    for each in packages:
        assert len(each.sha256) == 64
        assert each.corpora <= set(store.NAMES)
        assert each.corpora
        assert ":" not in each.file


def test_a_package_of_another_content_is_missing_and_says_so(tmp_path):
    package = debian.listed()[0]
    (tmp_path / "debian").mkdir()
    (tmp_path / "debian" / package.file).write_bytes(b"not a package")
    found, missing = debian.unpack([package], tmp_path)
    assert not found
    assert "another sha256" in missing[package.name]


def test_the_strings_of_a_message_catalogue():
    strings = [b"header", "één\0twee".encode(), b"drie"]
    start, table, offsets = 28, b"", 28 + 8 * len(strings)
    for each in strings:
        table += struct.pack("<2I", len(each), offsets)
        offsets += len(each)
    catalogue = struct.pack("<7I", 0x950412DE, 0, len(strings), 0, start, 0, 0) + table + b"".join(strings)
    assert texts.message_strings(catalogue) == ["één", "twee", "drie"]
    with pytest.raises(ValueError, match="not a little-endian"):
        texts.message_strings(b"\0" * 28)


@pytest.mark.parametrize(
    "result",
    [
        [1, 2, 3], [[1], [], [2, 3]], np.array([1, 2, 3], np.uint32), [np.array([1, 2]), np.array([3])],
        struct.pack("<3I", 1, 2, 3),
    ],
)  # fmt: skip
def test_whatever_a_peer_gives_becomes_the_same_ids(result):
    assert checksum.flat(result).tolist() == [1, 2, 3]
    assert (
        checksum.checksum(checksum.flat(result))
        == hashlib.sha256(struct.pack("<3I", 1, 2, 3)).hexdigest()[:16]
    )


def test_no_ids_are_no_ids():
    assert len(checksum.flat([])) == 0
    assert len(checksum.flat([[], []])) == 0


def test_trainings_are_compared_token_by_token():
    ours, theirs = tokens.digest([b"a", b"b", b"ab"]), tokens.digest([b"a", b"b", b"ba"])
    assert tokens.compared(ours, ours["tokens"]) == {"exact": True}
    assert tokens.compared(ours, theirs["tokens"]) == {"exact": False, "differs": "token 2"}
    assert tokens.compared({"failed": "died"}, theirs["tokens"]) == {}


def test_a_record_keeps_the_median_the_extremes_and_the_first_reason():
    results: list[dict[str, Any]] = [
        {"exact": True, "checksum": "c"},
        {"exact": False, "differs": "token 7"},
        {"failed": "over 20 s"},
    ]
    record = records.summed("encode", "row", "peer", "MB/s", [3.0, 1.0], results)
    assert (record.median, record.low, record.high, record.rounds) == (2.0, 1.0, 3.0, 2)
    assert (record.exact, record.checksum, record.note) == (False, "c", "token 7")
    assert records.summed("hard", "row", "peer", "ns/byte", [], [{"failed": "died (SIGSEGV)"}]).described() == {
        "part": "hard", "row": "row", "peer": "peer", "unit": "ns/byte", "rounds": 0, "note": "died (SIGSEGV)",
    }  # fmt: skip


def test_counts_are_not_rounded():
    assert records.summed("exact", "row", "peer", "tokens", [27_283_456], []).median == 27_283_456


def test_every_peer_begins_a_round():
    assert {setting.rotated("abc", each)[0] for each in range(3)} == set("abc")


def test_lines_of_code_leave_out_blanks_and_comments():
    assert lines.code("#[derive(Debug)]\nfn f() {}\n\n// no\n  # no\n") == 2


RESULTS = {
    "machine": {"processor": "P", "cores": 2, "system": "S", "versions": {"python": "3"}},
    "corpora": {"prose": {"size": 100, "sha256": "ab" * 32, "missing": {"dict-wn": "gone"}}},
    "parts": {
        "exact": {"records": [{"row": "r", "median": 10, "exact": True}]},
        "encode": {
            "size": 10**7, "rounds": 3, "load": {"start": 0.1, "end": 0.2}, "date": "2026-01-01", "command": "c",
            "records": [
                {"row": "cl100k_base, prose, small documents, arrays, first pass", "peer": peer, "unit": "MB/s",
                 "median": median, "exact": exact}
                for peer, median, exact in (("tokloom", 30.0, True), ("tiktoken", 10.0, True), ("wrong", 99.0, False))
            ],
        },
    },
}  # fmt: skip


def test_the_best_right_figure_is_bold_and_a_wrong_one_is_marked(tmp_path):
    page = tmp_path / "README.md"
    page.write_text(f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n", "utf-8")
    readme.rewrite(page, json.loads(json.dumps(RESULTS)))
    text = page.read_text("utf-8")
    assert "first pass | **30.0** | 10.0 | 99.0 ✗ |" in text
    assert "10 tokens in 1 comparisons with tiktoken, no difference" in text
    assert "without dict-wn" in text
    assert "old" not in text
    assert text.startswith("before")
    assert text.endswith("after\n")


def test_less_is_better_where_the_unit_is_a_time():
    found = [
        {"row": "r", "peer": peer, "unit": "s", "median": median} for peer, median in (("a", 2.0), ("b", 1.0))
    ]
    assert "| r | 2.00 | **1.00** |" in tables.table(found)


def test_what_is_not_exact_is_told():
    told = tables.exactness(
        [{"row": "r", "exact": False, "note": "token 3"}, {"row": "s", "median": 1, "exact": True}]
    )
    assert told.startswith("**Not exact** in 1 of 2")
    assert "- r: token 3" in told


def test_a_readme_without_its_markers_is_refused(tmp_path):
    page = tmp_path / "README.md"
    page.write_text("nothing", "utf-8")
    with pytest.raises(ValueError, match="markers"):
        readme.rewrite(page, RESULTS)


def test_the_plot_shows_times_tiktokens_speed():
    assert plot.bars(RESULTS) == {
        "tokloom": {"prose": 3.0},
        "tiktoken": {"prose": 1.0},
        "wrong": {"prose": 9.9},
    }


@pytest.mark.parametrize("module", [checksum, lines, records, setting, sizes, tables, texts, tokens])
def test_the_examples_in_the_docstrings(module):
    failed, tried = doctest.testmod(module)
    assert tried
    assert not failed
