"""What a `source` means: paths, globs, files with choices, documents; and what is refused."""

import gzip
import os
import sys
import warnings
from pathlib import Path

import pytest

from tokloom.corpus import Source, as_source, files
from tokloom.corpus.documents import BATCH_LENGTH, batches
from tokloom.corpus.formats import format_of
from tokloom.errors import (
    ArgumentError,
    FormatError,
    MissingDependencyError,
    SourceError,
    SourceNotFoundError,
    TextError,
    TokloomWarning,
)


class RecordingCounter:
    """Stands where the engine's counter does, and remembers what it was given."""

    def __init__(self):
        self.documents = []
        self.batches = []
        self.files = []

    def add_documents(self, documents):
        for document in documents:
            if isinstance(document, str) and any("\ud800" <= character <= "\udfff" for character in document):
                raise TextError("the engine's own words")
        self.documents += documents
        self.batches.append(list(documents))

    def add_file(self, path, *, format, compression, field):
        self.files.append((Path(path).name, format, compression, field))


def fed(source: Source) -> RecordingCounter:
    counter = RecordingCounter()
    source.feed(counter)  # type: ignore[arg-type]
    return counter


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / "b.txt").write_text("bb")
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "deep" / "c.txt").write_text("ccc")
    (tmp_path / "deep" / "deeper" / "d.txt").write_text("dddd")
    (tmp_path / "notes.md").write_text("# notes")
    (tmp_path / ".hidden.txt").write_text("hidden")
    return tmp_path


def names(source: Source) -> list[str]:
    return [file.path.name for file in source.files]


class TestPaths:
    def test_one_str_is_a_path(self, folder):
        assert names(as_source(str(folder / "a.txt"))) == ["a.txt"]

    def test_one_path_is_a_path(self, folder):
        assert names(as_source(folder / "a.txt")) == ["a.txt"]

    def test_a_glob_is_sorted_and_leaves_hidden_files_out(self, folder):
        assert names(as_source(str(folder / "*.txt"))) == ["a.txt", "b.txt"]

    def test_two_stars_go_into_every_depth(self, folder):
        assert names(as_source(folder / "**" / "*.txt")) == ["a.txt", "b.txt", "c.txt", "d.txt"]

    def test_a_glob_skips_folders(self, folder):
        assert names(as_source(str(folder / "*"))) == ["a.txt", "b.txt", "notes.md"]

    def test_a_list_of_paths_is_files_in_its_order(self, folder):
        assert names(as_source([folder / "b.txt", folder / "a.txt"])) == ["b.txt", "a.txt"]

    def test_a_generator_of_paths_is_files(self, folder):
        assert sorted(names(as_source(folder.rglob("[cd].txt")))) == ["c.txt", "d.txt"]

    def test_a_file_that_two_globs_match_is_read_once(self, folder):
        assert names(files(folder / "b.txt", folder / "*.txt")) == ["b.txt", "a.txt"]

    def test_a_name_with_brackets_that_exists_is_that_file(self, folder):
        (folder / "[a].txt").write_text("x")
        assert names(as_source(str(folder / "[a].txt"))) == ["[a].txt"]

    def test_a_leading_tilde_is_the_home_folder(self, folder, monkeypatch):
        monkeypatch.setenv("HOME", str(folder))
        assert names(as_source("~/a.txt")) == ["a.txt"]

    def test_a_missing_file_is_named(self, folder):
        with pytest.raises(SourceNotFoundError, match=r"missing\.txt") as caught:
            as_source(folder / "missing.txt")
        assert isinstance(caught.value, FileNotFoundError)
        assert isinstance(caught.value, SourceError)

    def test_a_glob_without_matches_is_named(self, folder):
        with pytest.raises(SourceNotFoundError, match=r"\*\.csv: no file matches"):
            as_source(folder / "*.csv")

    def test_a_glob_that_matches_only_folders_says_so(self, folder):
        with pytest.raises(SourceNotFoundError, match="only 1 folders"):
            as_source(folder / "dee*")

    def test_a_text_instead_of_a_path_gets_the_fix(self):
        with pytest.raises(SourceNotFoundError, match=r"give a list of documents: \[text\]"):
            as_source("this is a text and no path")

    @pytest.mark.parametrize("wrap", [lambda path: path, str, lambda path: [path]])
    def test_a_folder_is_refused_with_the_glob_to_write(self, folder, wrap):
        with pytest.raises(SourceError, match=r"is a folder.*\*\*.*\*\.txt"):
            as_source(wrap(folder))

    def test_a_broken_link_in_a_glob_is_an_error_and_not_skipped(self, folder):
        (folder / "link.txt").symlink_to(folder / "nowhere")
        with pytest.raises(SourceError, match=r"link\.txt"):
            as_source(folder / "*.txt")

    def test_a_file_without_permission_is_refused_at_once(self, folder, monkeypatch):
        # Asked, not tried: root, who runs tests in containers, may read everything.
        monkeypatch.setattr(os, "access", lambda path, mode: mode != os.R_OK)  # noqa: ARG005
        with pytest.raises(SourceError, match="permission denied"):
            as_source(folder / "a.txt")

    def test_files_without_any_path(self):
        with pytest.raises(ArgumentError, match="at least one"):
            files()

    def test_files_of_a_list_says_how_to_unpack(self, folder):
        with pytest.raises(TypeError, match=r"\*paths"):
            files([folder / "a.txt"])  # type: ignore[arg-type]

    def test_a_list_that_mixes_paths_and_str(self, folder):
        with pytest.raises(TypeError, match="item 1 is a str in a list of paths"):
            as_source([folder / "a.txt", str(folder / "b.txt")])

    def test_a_source_stays_as_it_is(self, folder):
        source = files(folder / "a.txt")
        assert as_source(source) is source


class TestFormats:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("a.txt", ("text", "none")),
            ("Makefile", ("text", "none")),
            ("a.py", ("text", "none")),
            ("a.TXT.GZ", ("text", "gzip")),
            ("a.zstd", ("text", "zstd")),
            ("a.jsonl", ("jsonl", "none")),
            ("a.ndjson.zst", ("jsonl", "zstd")),
            ("a.parquet", ("parquet", "none")),
            ("jsonl", ("text", "none")),
        ],
    )
    def test_by_ending(self, name, expected):
        assert format_of(Path(name)) == expected

    @pytest.mark.parametrize("name", ["a.zip", "a.txt.xz", "a.tar.gz", "a.pdf", "a.npy"])
    def test_what_is_no_text_is_refused_by_name(self, name):
        with pytest.raises(SourceError, match=name):
            format_of(Path(name))

    def test_a_packed_parquet_is_refused(self):
        with pytest.raises(SourceError, match=r"unpack \.gz first"):
            format_of(Path("a.parquet.gz"))

    def test_the_engine_reads_text_and_jsonl_itself(self, folder):
        (folder / "rows.jsonl.gz").write_bytes(gzip.compress(b'{"body": "x"}\n'))
        counter = fed(files(folder / "a.txt", folder / "rows.jsonl.gz", text="body"))
        assert counter.files == [
            ("a.txt", "text", "none", "body"),
            ("rows.jsonl.gz", "jsonl", "gzip", "body"),
        ]

    def test_sizes_are_known_only_where_they_tell_the_text(self, folder):
        (folder / "x.gz").write_bytes(gzip.compress(b"x"))
        assert files(folder / "a.txt", folder / "b.txt").text_bytes == 3
        assert files(folder / "a.txt", folder / "x.gz").text_bytes is None
        assert as_source(["a"]).text_bytes is None


class TestDocuments:
    def test_a_list_of_str_is_documents(self):
        assert fed(as_source(["one", b"two"])).documents == ["one", b"two"]

    def test_names_of_files_in_a_list_are_counted_as_texts_with_a_warning(self, folder):
        paths = [str(folder / "a.txt"), str(folder / "b.txt")]
        with pytest.warns(TokloomWarning, match=r"tokloom\.files\("):
            source = as_source(paths)
        assert fed(source).documents == paths

    def test_ordinary_texts_give_no_warning(self, folder):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            as_source([str(folder / "a.txt"), "a text", "x" * 100_000, "null\0byte"])

    def test_a_list_can_be_read_twice_and_an_iterator_once(self):
        source = as_source(["one"])
        assert list(source.documents()) == list(source.documents()) == ["one"]
        source = as_source(iter(["one", "two"]))
        assert list(source.documents()) == ["one", "two"]
        with pytest.raises(SourceError, match="read already"):
            source.documents()

    def test_an_iterator_loses_no_document_to_the_look_at_the_first(self):
        assert fed(as_source(text for text in ("one", "two", "three"))).documents == ["one", "two", "three"]

    def test_an_iterator_is_read_in_batches(self):
        seen = []

        def endless():
            for index in range(10):
                seen.append(index)
                yield "x" * BATCH_LENGTH

        documents = as_source(endless())
        first = next(batches(documents.documents()))
        assert len(first) == 1
        assert len(seen) <= 3

    def test_batches_keep_order_and_lose_nothing(self):
        documents = ["x" * (index * 37_000 % 500_000) for index in range(100)]
        counter = fed(as_source(documents))
        assert counter.documents == documents
        assert len(counter.batches) > 1
        assert all(sum(map(len, batch)) <= BATCH_LENGTH for batch in counter.batches)

    def test_empty_documents_and_no_documents(self):
        assert fed(as_source([])).documents == []
        assert fed(as_source(["", "a"])).documents == ["", "a"]

    @pytest.mark.parametrize(
        ("items", "message"),
        [
            (["a", 3], "document 1 is neither str nor bytes but int"),
            ([["a"]], "document 0 is neither str nor bytes but list"),
            (["a", None], "document 1 is a missing value"),
            (["a", float("nan")], "document 1 is a missing value"),
            ([{"text": "a", "id": 1}], r"document 0 is a dict with the keys 'text', 'id'.*row\['text'\]"),
            (["a", {"body": "b"}], r"document 1 is a dict.*row\['body'\]"),
            (["a", Path("x")], "document 1 is a .*Path among documents"),
            (bytearray(b"x"), "one bytes"),
            (b"x", "one bytes"),
            ({"en": "text"}, "a source can't be a dict"),
            (3, "not int"),
            (None, "not NoneType"),
        ],
    )
    def test_what_is_no_text_gets_a_type_error(self, items, message):
        with pytest.raises(TypeError, match=message):
            fed(as_source(items))

    def test_a_data_frame_is_refused_because_it_iterates_over_column_names(self):
        frame = type("DataFrame", (), {"__iter__": lambda _: iter(["text"])})()
        with pytest.raises(TypeError, match=r'frame\["text"\]'):
            as_source(frame)

    def test_a_lone_surrogate_is_named_by_document_and_position(self):
        documents = ["fine"] * 3 + ["ab\ud800"]
        with pytest.raises(TextError, match=r"document 3: .*U\+D800, at position 2"):
            fed(as_source(documents))

    def test_the_index_counts_over_batches(self):
        documents = ["x" * BATCH_LENGTH, "y" * BATCH_LENGTH, "\udfff"]
        with pytest.raises(TextError, match=r"document 2: .*U\+DFFF, at position 0"):
            fed(as_source(documents))


class TestStreams:
    def test_a_text_file_is_one_document_in_blocks(self, tmp_path):
        text = "é".encode() * 1_500_000
        (tmp_path / "large.txt").write_bytes(text)
        source = as_source(tmp_path / "large.txt")
        streams = [list(blocks) for blocks in source.streams()]
        assert len(streams) == 1
        assert len(streams[0]) > 1
        assert b"".join(streams[0]) == text  # type: ignore[arg-type]
        assert list(source.documents()) == [text]

    def test_documents_are_streams_of_one_block(self):
        assert [list(blocks) for blocks in as_source(["a", b"b"]).streams()] == [["a"], [b"b"]]

    def test_files_that_the_engine_unpacks(self, tmp_path):
        (tmp_path / "rows.jsonl.gz").write_bytes(gzip.compress(b'{"text": "one"}\n{"text": "tw\\u00f6"}\n'))
        (tmp_path / "text.gz").write_bytes(gzip.compress(b"one\ntwo"))
        assert list(as_source(tmp_path / "rows.jsonl.gz").documents()) == [b"one", "twö".encode()]
        assert list(as_source(tmp_path / "text.gz").documents()) == [b"one\ntwo"]


class TestParquet:
    @pytest.fixture
    def table(self, tmp_path):
        pa = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        columns = {
            "text": ["one", None, "zwei", "", "三"],
            "id": [1, 2, 3, 4, 5],
            "raw": pa.array([b"\xff", b"a", b"b", b"c", b"d"], pa.binary()),
            "coded": pa.array(["x", "y", "x", "y", "x"]).dictionary_encode(),
            "large": pa.array(["l"] * 5, pa.large_string()),
        }
        parquet.write_table(pa.table(columns), tmp_path / "table.parquet")
        return tmp_path / "table.parquet"

    def test_nulls_are_left_out_and_counted(self, table):
        with pytest.warns(TokloomWarning, match=r"1 rows of the column 'text' are null"):
            counter = fed(as_source(table))
        assert counter.documents == [b"one", b"zwei", b"", "三".encode()]
        assert counter.files == []

    @pytest.mark.parametrize(
        ("column", "expected"),
        [
            ("raw", [b"\xff", b"a", b"b", b"c", b"d"]),
            ("coded", [b"x", b"y", b"x", b"y", b"x"]),
            ("large", [b"l"] * 5),
        ],
    )
    def test_columns_of_strings_and_bytes_of_every_kind(self, table, column, expected):
        assert list(files(table, text=column).documents()) == expected

    def test_a_missing_column_names_file_and_columns(self, table):
        with pytest.raises(FormatError, match=r"table\.parquet.*'body'.*'text', 'id', 'raw'"):
            fed(files(table, text="body"))

    def test_a_column_of_numbers(self, table):
        with pytest.raises(FormatError, match=r"'id' holds int64, not text; columns of text: 'text'"):
            fed(files(table, text="id"))

    def test_a_file_that_is_none(self, tmp_path):
        pytest.importorskip("pyarrow")
        (tmp_path / "bad.parquet").write_bytes(b"no parquet at all")
        with pytest.raises(FormatError, match=r"bad\.parquet"):
            fed(as_source(tmp_path / "bad.parquet"))

    def test_a_file_cut_short(self, table):
        table.write_bytes(table.read_bytes()[:-50])
        with pytest.raises(FormatError, match=r"table\.parquet"):
            fed(as_source(table))

    def test_without_pyarrow_the_extra_is_named(self, table, monkeypatch):
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(MissingDependencyError, match=r"tokloom\[parquet\]"):
            fed(as_source(table))
