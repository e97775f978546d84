"""`names`, `fetch`, `check` and `--fallback`: what is here, files for an offline machine, promises put to the test."""

import json
import shutil
from pathlib import Path

import pytest

import published
import tokloom
from tokloom import checking
from tokloom.catalogue import opening, places


@pytest.fixture
def nothing_here(tmp_path, monkeypatch):
    """Empty caches, no package that carries a file, no network."""
    for name in ("TOKLOOM_CACHE", "TIKTOKEN_CACHE_DIR", "HF_HUB_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(places, "package_folders", lambda _: [])
    opening.forget()
    yield
    opening.forget()


class TestNames:
    def test_the_table(self, run):
        result = run("names")
        assert result.exit_code == 0, result.stderr
        for name in ("gpt2", "cl100k_base", "100,277", "SentencePiece", "baseline"):
            assert name in result.stdout

    @pytest.mark.usefixtures("nothing_here")
    def test_json(self, run):
        known = json.loads(run("names", "--json").stdout)
        assert [one["name"] for one in known] == tokloom.names()
        by_name = {one["name"]: one for one in known}
        assert by_name["bytes"]["here"] == "always"
        assert by_name["gpt4"]["here"] is None
        assert by_name["gpt4"]["special_tokens"]["<|endofprompt|>"] == 100276
        assert by_name["gpt4"]["sha256"].startswith("223921b7")
        assert "pip install" in by_name["gpt4"]["remedy"]

    def test_what_is_here_and_where_from(self, run):
        published.load("gpt2")
        here = {one["name"]: one["here"] for one in json.loads(run("names", "--json").stdout)}
        assert here["gpt2"]


class TestFetch:
    def test_fills_a_folder(self, run, tmp_path):
        published.load("gpt2")
        result = run("fetch", "gpt2", "bytes", "--to", tmp_path / "new" / "folder", "--offline")
        assert result.exit_code == 0, result.stderr
        assert "bytes: needs no file" in result.stderr
        path = tmp_path / "new" / "folder" / "r50k_base.tiktoken"
        assert tokloom.load("gpt2", path=path, offline=True).vocab_size == 50_257

    def test_a_mistyped_name_stops_it_before_anything_is_written(self, run, tmp_path):
        result = run("fetch", "gpt2", "gtp4", "--to", tmp_path / "new", "--offline")
        assert result.exit_code == 1
        assert "'gpt4'" in result.stderr
        assert not (tmp_path / "new").exists()

    def test_a_file_that_is_there_is_verified_and_never_written_over(self, run, tmp_path):
        published.load("gpt2")
        path = tmp_path / "r50k_base.tiktoken"
        path.write_bytes(b"mine")
        result = run("fetch", "gpt2", "--to", tmp_path, "--offline")
        assert result.exit_code == 1
        assert str(path) in result.stderr
        assert "left as it is" in result.stderr
        assert path.read_bytes() == b"mine"
        path.unlink()
        written = tokloom.fetch("gpt2", tmp_path, offline=True)
        assert written == path
        before = path.stat()
        assert tokloom.fetch("gpt2", tmp_path, offline=True) == path
        assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)

    def test_what_fails_keeps_the_others_from_nothing(self, run, tmp_path, monkeypatch):
        published.load("gpt2")
        tokloom.fetch("gpt2", tmp_path / "cache", offline=True)
        for name in ("TOKLOOM_CACHE", "HF_HUB_CACHE"):
            monkeypatch.setenv(name, str(tmp_path / "cache"))
        (tmp_path / "new").mkdir()
        altered = tmp_path / "new" / "cl100k_base.tiktoken"
        altered.write_bytes(b"mine")
        result = run("fetch", "gpt4", "gpt2", "gemma3", "bytes", "--to", tmp_path / "new", "--offline")
        assert result.exit_code == 1
        assert (tmp_path / "new" / "r50k_base.tiktoken").is_file()
        assert altered.read_bytes() == b"mine"
        assert "bytes: needs no file" in result.stderr
        last = result.stderr.partition("Error: ")[2]
        assert last.startswith("2 of 4 could not be fetched: gpt4, gemma3\n")
        assert str(altered) in last
        assert "no file for 'gemma3'" in last

    def test_a_file_where_a_folder_should_be(self, run, tmp_path):
        (tmp_path / "h.txt").write_text("mine")
        result = run("fetch", "gpt2", "--to", tmp_path / "h.txt", "--offline")
        assert result.exit_code == 1
        assert f"{tmp_path / 'h.txt'}: is a file, and `fetch` fills a folder" in result.stderr
        assert (tmp_path / "h.txt").read_text() == "mine"

    @pytest.mark.usefixtures("nothing_here")
    def test_what_is_nowhere(self, run, tmp_path):
        result = run("fetch", "gpt4", "--to", tmp_path / "new")
        assert result.exit_code == 1
        assert "To mend it" in result.stderr


class TestFallback:
    @pytest.mark.parametrize(
        "command", [("encode",), ("count",), ("inspect",), ("check",), ("compare", "--no-speed", "--text")]
    )
    @pytest.mark.usefixtures("nothing_here")
    def test_wherever_a_tokenizer_is_taken(self, run, corpus, command):
        name, *options = command
        texts = [corpus / "english.txt"] if options or name in {"encode", "count"} else []
        result = run(name, "gpt4", *options, *texts, "--fallback", "gpt2, bytes")
        assert result.exit_code == 0, result.stderr
        assert "'gpt4'" in result.stderr
        assert "'bytes'" in result.stderr

    @pytest.mark.usefixtures("nothing_here")
    def test_without_it_nothing_substitutes(self, run):
        result = run("encode", "gpt4", given="text")
        assert result.exit_code == 1
        assert result.stdout == ""
        assert "Nearest that is here: 'bytes'" in result.stderr
        assert "--fallback bytes" in result.stderr

    @pytest.mark.usefixtures("nothing_here")
    def test_for_a_command_that_changes_a_vocabulary(self, run, corpus, tmp_path, mine):
        result = run(
            "extend",
            "gpt4",
            corpus / "english.txt",
            "-o",
            tmp_path / "new",
            "--vocab-size",
            450,
            "--fallback",
            mine,
        )
        assert result.exit_code == 0, result.stderr

    @pytest.mark.usefixtures("nothing_here")
    def test_inspect_says_so(self, run):
        shown = json.loads(run("inspect", "gpt4", "--fallback", "bytes", "--json").stdout)
        assert (shown["name"], shown["requested"], shown["substituted"]) == ("bytes", "gpt4", True)


class TestCheck:
    def test_all_promises_on_ones_own_text(self, run, mine, corpus):
        result = run("check", mine, "--text", corpus / "english.txt", corpus / "greek.txt", "--json")
        assert result.exit_code == 0, result.stderr
        done = {one["name"]: one for one in json.loads(result.stdout)}
        assert list(done) == list(checking.CHECKS)
        for name in ("initialisation", "round trip", "batches", "special tokens", "reference"):
            assert done[name]["passed"] is True, done[name]
        assert done["transformers"]["passed"] is not False, done["transformers"]

    def test_a_table_for_people(self, run, mine):
        result = run("check", mine)
        assert result.exit_code == 0, result.stderr
        assert "round trip" in result.stdout

    @pytest.mark.parametrize("name", ["gpt4o", "tekken", "llama2", "mistral-v3"])
    def test_published_vocabularies(self, run, name):
        published.load(name)
        result = run("check", name, "--json")
        assert result.exit_code == 0, result.stdout

    def test_a_broken_promise_fails_and_the_others_run(self, run, mine, monkeypatch):
        def broken(*_, **__):
            return b""

        monkeypatch.setattr(tokloom.BPETokenizer, "decode_bytes", broken)
        result = run("check", mine, "--json")
        assert result.exit_code == 1
        done = {one["name"]: one["passed"] for one in json.loads(result.stdout)}
        assert done["round trip"] is False
        assert done["batches"] is True

    def test_bytes_that_are_not_utf8(self, run, mine, tmp_path):
        """Checked as bytes, where the tokenizer takes them; what takes text alone is skipped, not kept."""
        (tmp_path / "odd").write_bytes(b"low \xff\xfe <|end|>")
        result = run("check", mine, "--text", tmp_path / "odd", "--json")
        assert result.exit_code == 0, result.stdout
        done = {one["name"]: one for one in json.loads(result.stdout)}
        for name in ("round trip", "batches", "special tokens"):
            assert done[name]["passed"] is True
            assert "1 documents" in done[name]["told"]
        assert done["transformers"]["passed"] is None

    @pytest.mark.parametrize("text", [b"", b"\xff\xfe"])
    def test_what_was_tried_on_nothing_is_skipped_with_its_reason(self, run, mine, tmp_path, text):
        pytest.importorskip("tokenizers")
        words = {"type": "WordLevel", "vocab": {"a": 0, "[UNK]": 1}, "unk_token": "[UNK]"}
        added = {"id": 1, "content": "[UNK]", "special": True}
        flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
        file = {"version": "1.0", "added_tokens": [{**added, **flags}], "model": words}
        (tmp_path / "words.json").write_text(json.dumps(file))
        (tmp_path / "text").write_bytes(text)
        for tokenizer in (tmp_path / "words.json", *([mine] if not text else [])):
            result = run("check", tokenizer, "--text", tmp_path / "text", "--json")
            assert result.exit_code == 0, result.stdout
            done = {one["name"]: one for one in json.loads(result.stdout)}
            assert done.pop("initialisation")["passed"] is True
            assert {name for name, one in done.items() if one["passed"] is not None} == set()
            reason = "no document is UTF-8" if text else "the text is empty"
            for name in ("round trip", "batches", "special tokens"):
                assert reason in done[name]["told"]

    def test_the_reference_is_part_of_the_package(self, mine, tmp_path, process):
        """Nothing but the package's folder is there, as where it is installed."""
        pytest.importorskip("regex")
        folder = Path(tokloom.__file__).parent
        shutil.copytree(folder, tmp_path / "tokloom", ignore=shutil.ignore_patterns("__pycache__"))
        result = process("check", mine, "--json", env={"PYTHONPATH": str(tmp_path)}, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        done = {one["name"]: one for one in json.loads(result.stdout)}
        assert done["reference"]["passed"] is True, done["reference"]
