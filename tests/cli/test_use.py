"""`encode`, `decode`, `count`, `inspect`, `compare`, `export`: right results on standard output, and nothing else there."""

import gzip
import io
import json
import shutil

import numpy as np
import pytest

import tokloom
from cli.conftest import ENGLISH, GREEK

TEXT = "How low is χαμηλό? <|end|>\n"


def numbers(text):
    return [[int(word) for word in line.split()] for line in text.splitlines()]


class TestEncode:
    def test_standard_input(self, run, mine, tokenizer):
        for args in ([], ["-"]):
            result = run("encode", mine, *args, given=TEXT)
            assert result.exit_code == 0, result.stderr
            assert numbers(result.stdout) == [tokenizer.encode(TEXT)]
            assert result.stderr == ""

    def test_one_line_for_each_document(self, run, mine, corpus, tokenizer, tmp_path):
        (tmp_path / "empty.txt").touch()
        (tmp_path / "greek.gz").write_bytes(gzip.compress(GREEK.encode()))
        result = run("encode", mine, corpus / "*.txt", corpus / "rows.jsonl", tmp_path / "*")
        assert result.exit_code == 0, result.stderr
        expected = [ENGLISH, GREEK, "one", "two words", "", GREEK]
        assert numbers(result.stdout) == [tokenizer.encode(text) for text in expected]

    def test_a_large_file_gives_the_ids_of_the_whole(self, run, mine, tokenizer, tmp_path):
        # Larger than a block of reading, so that words and characters are cut by it.
        text = (GREEK + ENGLISH) * 600
        assert len(text.encode()) > 2_000_000
        (tmp_path / "large.txt").write_text(text)
        result = run("encode", mine, tmp_path / "large.txt")
        assert numbers(result.stdout) == [tokenizer.encode(text)]

    def test_control_tokens(self, run, mine, tokenizer):
        end = tokenizer.special_tokens["<|end|>"]
        assert end not in numbers(run("encode", mine, given=TEXT).stdout)[0]
        assert end in numbers(run("encode", mine, "--special", "parse", given=TEXT).stdout)[0]
        refused = run("encode", mine, "--special", "raise", given=TEXT)
        assert refused.exit_code == 1
        assert "<|end|>" in refused.stderr
        assert run("encode", mine, "--special", "maybe", given=TEXT).exit_code == 2

    def test_bytes_that_are_not_utf8(self, run, mine, tokenizer):
        data = b"low \xff\xfe\xc3 low"
        result = run("encode", mine, given=data)
        assert numbers(result.stdout) == [tokenizer.encode(data)]
        assert tokenizer.decode_bytes(numbers(result.stdout)[0]) == data

    def test_show(self, run, mine, tokenizer):
        result = run("encode", mine, "--show", "--special", "parse", given=TEXT)
        assert result.exit_code == 0, result.stderr
        rows = [line for line in result.stdout.splitlines() if line.startswith("│")][1:]
        ids = tokenizer.encode(TEXT, special="parse")
        assert [int(row.split("│")[2]) for row in rows] == ids
        shown = [bytes.fromhex(row.split("│")[3]) for row in rows]
        assert shown == [tokenizer.token_bytes(id) for id in ids]
        assert "<|end|> (special)" in result.stdout
        assert repr("\n") in result.stdout

    def test_show_as_json(self, run, mine, tokenizer):
        result = run("encode", mine, "--show", "--json", given=TEXT)
        (document,) = json.loads(result.stdout)
        assert document["ids"] == tokenizer.encode(TEXT)
        assert b"".join(bytes.fromhex(token["hex"]) for token in document["tokens"]) == TEXT.encode()
        assert [token["id"] for token in document["tokens"]] == document["ids"]

    def test_json(self, run, mine, corpus, tokenizer):
        documents = json.loads(run("encode", mine, "--json", corpus / "rows.jsonl").stdout)
        assert [document["ids"] for document in documents] == [
            tokenizer.encode("one"),
            tokenizer.encode("two words"),
        ]

    def test_numpy(self, process, mine, corpus, tokenizer):
        done = process("encode", mine, "--format", "numpy", corpus / "greek.txt")
        assert done.returncode == 0, done.stderr
        ids = np.load(io.BytesIO(done.stdout), allow_pickle=False)
        assert ids.dtype == np.uint32
        assert ids.tolist() == tokenizer.encode(GREEK)

    @pytest.mark.parametrize("more", [["--json"], ["--show"]])
    def test_numpy_goes_with_nothing_else(self, run, mine, corpus, more):
        assert run("encode", mine, corpus / "greek.txt", "--format", "numpy", *more).exit_code == 2

    def test_numpy_of_two_documents(self, run, mine, corpus):
        result = run("encode", mine, corpus / "rows.jsonl", "--format", "numpy")
        assert result.exit_code == 2
        assert result.stdout_bytes == b""

    def test_a_text_in_place_of_a_file(self, run, mine):
        result = run("encode", mine, "How low?")
        assert result.exit_code == 1
        assert "echo" in result.stderr


class TestDecode:
    @pytest.mark.parametrize("data", [b"low", GREEK.encode(), b"\xff\r\n\x00\xc3", b""])
    def test_exactly_the_bytes(self, process, mine, data):
        ids = process("encode", mine, given=data)
        assert ids.returncode == 0, ids.stderr
        back = process("decode", mine, given=ids.stdout)
        assert back.returncode == 0, back.stderr
        assert back.stdout == data

    def test_documents_follow_each_other(self, run, mine, corpus):
        ids = run("encode", mine, corpus / "rows.jsonl").stdout
        assert run("decode", mine, given=ids).stdout == "onetwo words"

    def test_lists_as_programs_print_them(self, run, mine, tokenizer, tmp_path):
        (tmp_path / "ids.txt").write_text(str(tokenizer.encode(TEXT)))
        assert run("decode", mine, tmp_path / "ids.txt").stdout_bytes == TEXT.encode()

    def test_numpy(self, run, mine, tokenizer, tmp_path):
        np.save(tmp_path / "ids.npy", tokenizer.encode_to_numpy(TEXT))
        result = run("decode", mine, "--format", "numpy", tmp_path / "ids.npy")
        assert result.stdout_bytes == TEXT.encode()

    @pytest.mark.parametrize(
        ("ids", "expected"),
        [
            ("1 2\n3 4.5", "line 2: '4.5' is no id"),
            ("1 -2", "'-2' is no id"),
            ("low", "'low' is no id"),
            ("99999999", "99999999"),
            ("1" * 40, "is no id"),
        ],
    )
    def test_what_is_no_id(self, run, mine, ids, expected):
        result = run("decode", mine, given=ids)
        assert result.exit_code == 1
        assert expected in result.stderr

    @pytest.mark.parametrize("array", [np.zeros(3), np.zeros((2, 2), int), np.array([{}], object)])
    def test_arrays_that_are_no_ids(self, run, mine, tmp_path, array):
        np.save(tmp_path / "bad.npy", array, allow_pickle=True)
        result = run("decode", mine, "--format", "numpy", tmp_path / "bad.npy")
        assert result.exit_code == 1
        assert "bad.npy" in result.stderr

    def test_a_missing_file(self, run, mine, tmp_path):
        result = run("decode", mine, tmp_path / "missing.txt")
        assert result.exit_code == 1
        assert "missing.txt: No such file" in result.stderr


class TestCount:
    def test_json(self, run, mine, corpus, tokenizer):
        counted = json.loads(run("count", mine, corpus / "*.txt", corpus / "rows.jsonl", "--json").stdout)
        english, greek, rows = counted["files"]
        assert english["tokens"] == len(tokenizer.encode(ENGLISH))
        assert (greek["bytes"], greek["documents"]) == (len(GREEK.encode()), 1)
        assert (rows["bytes"], rows["documents"]) == (len("onetwo words"), 2)
        for key in ("tokens", "bytes", "documents"):
            assert counted["total"][key] == sum(file[key] for file in counted["files"])
        assert counted["total"]["bytes_per_token"] == counted["total"]["bytes"] / counted["total"]["tokens"]

    def test_a_table(self, run, mine, corpus, tokenizer):
        result = run("count", mine, corpus / "*.txt")
        total = len(tokenizer.encode(ENGLISH)) + len(tokenizer.encode(GREEK))
        assert f"{total:,}" in result.stdout
        assert "total" in result.stdout

    def test_nothing_to_count(self, run, mine):
        counted = json.loads(run("count", mine, "--json", given="").stdout)
        assert counted["total"] == {"documents": 1, "bytes": 0, "tokens": 0, "bytes_per_token": None}
        assert run("count", mine, given="").exit_code == 0

    def test_another_field(self, run, mine, corpus):
        counted = json.loads(
            run("count", mine, corpus / "rows.jsonl", "--text-field", "body", "--json").stdout
        )
        assert counted["total"]["bytes"] == len("einszwei")


class TestInspect:
    def test_json(self, run, mine, tokenizer):
        shown = json.loads(run("inspect", mine, "--json", "--longest", 3).stdout)
        assert shown["vocab_size"] == tokenizer.vocab_size
        assert shown["fingerprint"] == tokenizer.fingerprint
        assert shown["guarantees"] == "bytes"
        assert shown["special_tokens"] == tokenizer.special_tokens
        assert sum(shown["by_script"].values()) == shown["tokens"]
        assert shown["by_script"]["Greek"] > 10
        assert len(shown["longest"]) == 3
        assert tokenizer.token_bytes(shown["longest"][0]["id"]).hex() == shown["longest"][0]["hex"]
        assert shown["substituted"] is False

    def test_tables(self, run, mine, tokenizer):
        result = run("inspect", mine)
        for expected in (tokenizer.fingerprint, "'<|pad|>'", "Greek", "Longest tokens", "400"):
            assert expected in result.stdout
        assert result.stderr == ""


class TestCompare:
    def test_json_with_labels_of_files(self, run, mine, corpus, tokenizer):
        result = run(
            "compare", mine, "--text", corpus / "english.txt", corpus / "greek.txt", "--json", "--no-speed"
        )
        rows = {row["label"]: row for row in json.loads(result.stdout)["rows"]}
        assert set(rows) == {"english", "greek", "all"}
        assert rows["greek"]["tokens"] == len(tokenizer.encode(GREEK))
        assert rows["all"]["round_trip"] == 1

    def test_two_tokenizers_in_tables(self, run, mine, corpus, tmp_path):
        tokloom.train([ENGLISH], 300).save(tmp_path / "small")
        result = run("compare", mine, tmp_path / "small", "--text", corpus / "*.txt")
        assert result.exit_code == 0, result.stderr
        for expected in ("english", "greek", "mine", "small", "words whole", "MB/s", "exact"):
            assert expected in result.stdout
        markdown = run("compare", mine, tmp_path / "small", "--markdown", "--text", corpus / "*.txt").stdout
        assert "| english" in markdown

    def test_files_of_one_name_keep_their_paths(self, run, mine, tmp_path):
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "text.txt").write_text(folder)
        result = run("compare", mine, "--json", "--no-speed", "--text", tmp_path / "*" / "text.txt")
        labels = [row["label"] for row in json.loads(result.stdout)["rows"]]
        assert labels == [str(tmp_path / "a" / "text.txt"), str(tmp_path / "b" / "text.txt"), "all"]

    def test_an_empty_text(self, run, mine, tmp_path):
        (tmp_path / "empty.txt").touch()
        result = run("compare", mine, "--text", tmp_path / "empty.txt")
        assert result.exit_code == 1
        assert "'empty' are empty" in result.stderr

    @pytest.mark.parametrize("args", [[], ["--text"], ["--text", "--json"]])
    def test_without_texts(self, run, mine, args):
        assert run("compare", mine, *args).exit_code == 2


class TestExport:
    @pytest.mark.parametrize(
        ("name", "kind"), [("mine.tiktoken", "tiktoken"), ("tokenizer.json", "huggingface")]
    )
    def test_others_read_it(self, run, mine, tokenizer, tmp_path, name, kind):  # noqa: PLR0917
        result = run("export", mine, tmp_path / name, "--format", kind)
        assert result.exit_code == 0, result.stderr
        if kind == "tiktoken":
            load = pytest.importorskip("tiktoken.load")
            ranks = load.load_tiktoken_bpe(str(tmp_path / name))
            assert all(tokenizer.token_bytes(id) == token for token, id in ranks.items())
            assert len(ranks) == 398
        else:
            tokenizers = pytest.importorskip("tokenizers")
            theirs = tokenizers.Tokenizer.from_file(str(tmp_path / name))
            assert theirs.encode(GREEK).ids == tokenizer.encode(GREEK)

    def test_a_rank_file_needs_its_pattern_and_special_tokens(self, run, mine, tokenizer, tmp_path):
        ranks = tmp_path / "mine.tiktoken"
        assert run("export", mine, ranks, "--format", "tiktoken").exit_code == 0
        without = run("encode", ranks, given=TEXT)
        assert without.exit_code == 1
        assert "pattern" in without.stderr
        end = tokenizer.special_tokens["<|end|>"]
        args = [
            "encode",
            ranks,
            "--pattern",
            "gpt4",
            "--special-token",
            f"<|end|>={end}",
            "--special",
            "parse",
        ]
        assert numbers(run(*args, given=TEXT).stdout) == [tokenizer.encode(TEXT, special="parse")]

    @pytest.mark.parametrize("token", ["<|end|>", "=3", "<|end|>=three", "<|end|>="])
    def test_special_tokens_without_ids(self, run, mine, token):
        assert run("encode", mine, "--special-token", token, given="").exit_code == 2

    def test_a_file_that_is_there(self, run, mine, tmp_path):
        (tmp_path / "precious").write_text("precious")
        result = run("export", mine, tmp_path / "precious", "--format", "tiktoken")
        assert result.exit_code == 1
        assert "--overwrite" in result.stderr
        assert (tmp_path / "precious").read_text() == "precious"

    def test_an_unknown_format(self, run, mine, tmp_path):
        assert run("export", mine, tmp_path / "x", "--format", "nonsense").exit_code == 2


class TestNames:
    def test_a_folder_beside_one_needs_no_separator(self, run, mine, tokenizer, monkeypatch):
        from pathlib import Path

        monkeypatch.chdir(Path(mine).parent)
        assert numbers(run("encode", "mine", given=TEXT).stdout) == [tokenizer.encode(TEXT)]

    def test_what_is_a_name_and_a_folder_is_refused(self, run, mine, monkeypatch, tmp_path):
        for name in ("gpt2", "cl100k_base"):  # a name and an alias
            shutil.copytree(mine, tmp_path / name)
        monkeypatch.chdir(tmp_path)
        assert run("encode", "cl100k_base", given=TEXT).exit_code == 1
        result = run("encode", "gpt2", given=TEXT)
        assert result.exit_code == 1
        assert "./gpt2" in result.stderr

    def test_an_unknown_name(self, run):
        result = run("inspect", "no-such-vocabulary")
        assert result.exit_code == 1
        assert "no-such-vocabulary" in result.stderr
        assert "Traceback" not in result.stderr

    def test_a_folder_without_a_tokenizer(self, run, tmp_path):
        result = run("inspect", tmp_path)
        assert result.exit_code == 1
        assert str(tmp_path) in result.stderr
