"""`train`, `extend` and `prune`: what is written, what is refused, and that nothing half-made is left."""

import errno
import json
import sys

import pytest

import tokloom
from cli.conftest import ENGLISH


def listed(folder):
    return sorted(path.name for path in folder.iterdir())


def test_train_gives_what_python_gives(run, corpus, tmp_path, tokenizer):
    result = run(
        "train", corpus / "*.txt", "-o", tmp_path / "out", "--vocab-size", 400,
        "--special-token", "<|end|>", "--special-token", "<|pad|>",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    loaded = tokloom.load(tmp_path / "out")
    assert loaded.fingerprint == tokenizer.fingerprint
    assert loaded.special_tokens == tokenizer.special_tokens
    assert result.stdout == ""
    assert "400 tokens" in result.stderr
    assert tokenizer.fingerprint in result.stderr
    assert listed(tmp_path) == ["out"]


def test_options_reach_the_training(run, corpus, tmp_path):
    result = run(
        "train", corpus / "rows.jsonl", "-o", tmp_path / "out", "--vocab-size", 258, "--text-field", "body",
        "--pattern-regex", r"\p{L}+", "--threads", 1, "--memory", "64MB", "--quiet",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    expected = tokloom.train(["eins", "zwei"], 258, pattern=r"\p{L}+")
    assert tokloom.load(tmp_path / "out").fingerprint == expected.fingerprint


def test_the_model_of_words(run, corpus, tmp_path):
    result = run(
        "train", corpus / "english.txt", "-o", tmp_path / "out", "--vocab-size", 260, "--model", "words"
    )
    assert result.exit_code == 0, result.stderr
    expected = tokloom.train(ENGLISH.split("\0"), 260, model="words")
    assert tokloom.load(tmp_path / "out").fingerprint == expected.fingerprint


def test_train_from_standard_input(process, tmp_path):
    done = process("train", "-", "-o", tmp_path / "out", "--vocab-size", 300, given=ENGLISH.encode())
    assert done.returncode == 0, done.stderr
    assert tokloom.load(tmp_path / "out").fingerprint == tokloom.train([ENGLISH], 300).fingerprint


def test_too_little_text_is_a_warning_in_one_sentence(run, tmp_path):
    (tmp_path / "tiny.txt").write_text("ab ab")
    result = run("train", tmp_path / "tiny.txt", "-o", tmp_path / "out", "--vocab-size", 5000)
    assert result.exit_code == 0, result.stderr
    assert "Warning: " in result.stderr
    assert "5000" in result.stderr.replace(",", "")
    assert ".py" not in result.stderr


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_files_with_hardly_anything_in_them(run, tmp_path, content):
    (tmp_path / "tiny.txt").write_bytes(content)
    result = run("train", tmp_path / "tiny.txt", "-o", tmp_path / "out")
    assert result.exit_code == (1 if not content else 0)
    assert (tmp_path / "out").exists() == bool(content)


class TestRefused:
    @pytest.fixture
    def in_corpus(self, corpus, monkeypatch):
        monkeypatch.chdir(corpus)

    @pytest.mark.parametrize(
        ("args", "code", "expected"),
        [
            (["nothing-*.txt"], 1, "nothing-*.txt: no file matches"),
            (["missing.txt"], 1, "missing.txt: there is no such file"),
            (["."], 1, "is a folder"),
            (["english.txt", "--vocab-size", "10"], 1, "10"),
            (["english.txt", "--vocab-size", "3000000000"], 1, "3000000000"),
            (["english.txt", "--vocab-size", "many"], 2, "--vocab-size"),
            (["english.txt", "--pattern", "gpt44"], 2, "gpt44"),
            (["english.txt", "--pattern-regex", "("], 1, "("),
            (["english.txt", "--special-token", ""], 1, "special"),
            (["english.txt", "--special-token", "<|a|>", "--special-token", "<|a|>"], 1, "<|a|>"),
            (["english.txt", "--memory", "much"], 1, "much"),
            (["english.txt", "--threads", "0"], 2, "threads"),
            (["rows.jsonl", "--text-field", "title"], 1, "title"),
            ([], 2, "SOURCE"),
        ],
    )
    @pytest.mark.usefixtures("in_corpus")
    def test_with_one_sentence_and_nothing_left(self, run, tmp_path, args, code, expected):
        result = run("train", *args, "-o", tmp_path / "out")
        assert result.exit_code == code, result.stderr
        assert result.stdout == ""
        assert expected in result.stderr.replace(",", "") or expected in result.stderr
        assert "Traceback" not in result.stderr
        assert listed(tmp_path) == []

    def test_a_folder_that_holds_something_else(self, run, corpus, tmp_path):
        (tmp_path / "thesis.txt").write_text("years of work")
        for more in ([], ["--overwrite"]):
            result = run("train", corpus / "english.txt", "-o", tmp_path, *more)
            assert result.exit_code == 1
            assert "holds something that tokloom didn't write" in result.stderr
        assert listed(tmp_path) == ["thesis.txt"]

    def test_a_file_in_the_way(self, run, corpus, tmp_path):
        (tmp_path / "out").write_text("a file")
        result = run("train", corpus / "english.txt", "-o", tmp_path / "out", "--overwrite")
        assert result.exit_code == 1
        assert "is a file" in result.stderr

    def test_a_tokenizer_that_is_there_unless_told_so(self, run, corpus, tmp_path):
        train = ["train", corpus / "english.txt", "-o", tmp_path / "out", "--vocab-size"]
        assert run(*train, 300).exit_code == 0
        refused = run(*train, 310)
        assert refused.exit_code == 1
        assert "--overwrite" in refused.stderr
        assert tokloom.load(tmp_path / "out").vocab_size == 300
        replaced = run(*train, 310, "--overwrite")
        assert replaced.exit_code == 0, replaced.stderr
        assert tokloom.load(tmp_path / "out").vocab_size == 310
        assert listed(tmp_path) == ["out"]

    def test_a_folder_that_cant_be_written_before_any_work(self, run, corpus, tmp_path, monkeypatch):
        monkeypatch.setattr(tokloom, "train", lambda *_, **__: pytest.fail("the work began"))
        monkeypatch.setattr("os.access", lambda _, mode: mode == 4)
        result = run("train", corpus / "english.txt", "-o", tmp_path / "deep" / "out")
        assert result.exit_code == 1
        assert "no permission" in result.stderr

    def test_what_was_there_stays_if_saving_fails(self, run, corpus, tmp_path, monkeypatch):
        train = ["train", corpus / "english.txt", "-o", tmp_path / "out", "--vocab-size"]
        assert run(*train, 300).exit_code == 0

        def fail(path, data):  # noqa: ARG001
            path.write_bytes(b"a half")
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

        monkeypatch.setattr(sys.modules["tokloom.storage"], "_write", fail)
        result = run(*train, 310, "--overwrite")
        assert result.exit_code == 1
        assert "No space left on device" in result.stderr
        assert "Traceback" not in result.stderr
        monkeypatch.undo()
        assert tokloom.load(tmp_path / "out").vocab_size == 300
        assert listed(tmp_path) == ["out"]


class TestExtend:
    def test_old_ids_stay(self, run, corpus, mine, tokenizer, tmp_path):
        result = run("extend", mine, corpus / "english.txt", "-o", tmp_path / "out", "--vocab-size", 410)
        assert result.exit_code == 0, result.stderr
        larger = tokloom.load(tmp_path / "out")
        assert larger.vocab_size == 410
        assert "10 new" in result.stderr
        for id in range(tokenizer.vocab_size):
            assert larger.token_bytes(id) == tokenizer.token_bytes(id)

    def test_to_fewer_than_there_are(self, run, corpus, mine, tmp_path):
        result = run("extend", mine, corpus / "english.txt", "-o", tmp_path / "out", "--vocab-size", 300)
        assert result.exit_code == 1
        assert listed(tmp_path) == []


class TestPrune:
    def test_to_a_size_with_the_map(self, run, mine, tokenizer, tmp_path):
        result = run("prune", mine, "-o", tmp_path / "out", "--keep", 300, "--map", tmp_path / "ids.json")
        assert result.exit_code == 0, result.stderr
        smaller = tokloom.load(tmp_path / "out")
        assert smaller.vocab_size < tokenizer.vocab_size
        new_ids = json.loads((tmp_path / "ids.json").read_text())
        assert len(new_ids) <= smaller.vocab_size
        for old, new in new_ids.items():
            assert smaller.token_bytes(new) == tokenizer.token_bytes(int(old))
        assert smaller.decode_bytes(smaller.encode(ENGLISH)) == ENGLISH.encode()
        assert listed(tmp_path) == ["ids.json", "out"]

    def test_by_count_in_texts(self, run, mine, corpus, tokenizer, tmp_path):
        args = ["prune", mine, "-o", tmp_path / "out", "--min-count", 5, "--source"]
        result = run(*args, corpus / "english.txt", corpus / "rows.jsonl")
        assert result.exit_code == 0, result.stderr
        smaller = tokloom.load(tmp_path / "out")
        assert smaller.vocab_size < tokenizer.vocab_size
        assert smaller.encode(ENGLISH) != []

    @pytest.mark.parametrize(
        "args",
        [
            [],
            ["--keep", "300", "--min-count", "5", "--source", "x"],
            ["--min-count", "5"],
            ["--keep", "9", "--source", "x"],
        ],
    )
    def test_wrong_combinations(self, run, mine, tmp_path, args):
        result = run("prune", mine, "-o", tmp_path / "out", *args)
        assert result.exit_code == 2
        assert listed(tmp_path) == []

    def test_a_map_that_is_there(self, run, mine, tmp_path):
        (tmp_path / "ids.json").write_text("precious")
        result = run("prune", mine, "-o", tmp_path / "out", "--keep", 300, "--map", tmp_path / "ids.json")
        assert result.exit_code == 1
        assert (tmp_path / "ids.json").read_text() == "precious"
        assert listed(tmp_path) == ["ids.json"]
