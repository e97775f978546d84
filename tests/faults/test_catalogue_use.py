"""Pickles, fallbacks, caches that can't be written, many at once: what may go wrong when a known name is loaded."""

import errno
import hashlib
import pickle
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest

import tokloom
from faults.bare_machine import GPT4, put, served, tiktokens_path
from tokloom.catalogue import downloading, tables
from tokloom.catalogue.entries import File

pytestmark = pytest.mark.usefixtures("nothing_here")


class TestPickle:
    def test_is_refused_unread(self, tmp_path):
        ran = tmp_path / "ran"

        class Program:
            def __reduce__(self):
                return (Path.touch, (ran,))

        for name in ("tokenizer.pkl", "vocabulary.tiktoken"):
            path = put(tmp_path / "folder" / name, pickle.dumps(Program()))
            for load in (
                lambda path=path: tokloom.load(path, pattern="gpt4"),
                lambda path=path: tokloom.load("gpt4", path=path),
            ):
                with pytest.raises(tokloom.FormatError) as caught:
                    load()
                message = str(caught.value)
                assert "pickle.load(file)" in message
                assert "tokloom.adapt(encoding)" in message
        with pytest.raises(tokloom.FormatError, match="a pickle"):
            tokloom.load(tmp_path / "folder")
        assert not ran.exists()

    def test_the_two_lines_of_the_message_work(self, tmp_path, monkeypatch):
        tiktoken = pytest.importorskip("tiktoken")
        mine = tokloom.train(["low lower lowest"] * 3, 260, special_tokens=["<|bos|>"])
        encoding = tiktoken.Encoding(
            "mine",
            pat_str=mine.tiktoken_pattern(),
            mergeable_ranks={token: id for id, token in mine.tokens().items()},
            special_tokens=mine.special_tokens,
        )
        path = put(tmp_path / "tokenizer.pkl", pickle.dumps(encoding))
        monkeypatch.chdir(tmp_path)
        with pytest.raises(tokloom.FormatError) as caught:
            tokloom.load(path)
        lines = "\n".join(line.strip() for line in str(caught.value).splitlines()[1:])
        exec(f"import pickle, tokloom\n{lines}")
        assert tokloom.load("./mine").encode("lower<|bos|>") == mine.encode("lower<|bos|>")
        assert tokloom.load("./mine").special_tokens == mine.special_tokens


class TestFallback:
    def test_only_from_the_callers_list_and_said(self):
        with pytest.raises(tokloom.VocabularyNotFoundError):
            tokloom.load("gpt4")
        with pytest.warns(tokloom.TokloomWarning, match="'gpt4'.*'bytes'"):
            tokenizer = tokloom.load("gpt4", fallback=["gpt2", "bytes"])
        assert (tokenizer.name, tokenizer.requested, tokenizer.substituted) == ("bytes", "gpt4", True)
        assert tokloom.load("bytes").substituted is False

    def test_a_library_that_is_not_installed_is_named(self, tmp_path, monkeypatch):
        """The file is there: nobody is told that it isn't."""
        path = put(tmp_path / "x.model", b"\x0a\x0e\x0a\x05<unk>\x15\0\0\0\0\x18\x02")
        monkeypatch.setitem(sys.modules, "sentencepiece", None)
        with pytest.warns(tokloom.TokloomWarning) as told:
            assert tokloom.load(path, fallback=["bytes"]).substituted
        said = str(told[0].message)
        assert said.startswith(f"{str(path)!r} can't be opened; 'bytes', from the fallback list")
        assert "sentencepiece, which isn't installed: pip install 'tokloom[sentencepiece]'" in said
        assert "isn't here" not in said

    def test_what_is_here_needs_none(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tokenizer = tokloom.load("bytes", fallback=["gpt2"])
        assert (tokenizer.name, tokenizer.requested, tokenizer.substituted) == ("bytes", "bytes", False)

    def test_nothing_of_the_list_is_here(self):
        with pytest.raises(
            tokloom.VocabularyNotFoundError, match=r"None of the fallback list.*'gpt2', './none'"
        ):
            tokloom.load("gpt4", fallback=["gpt2", "./none"])

    def test_a_path_may_be_wished_and_be_a_substitute(self, tmp_path):
        tokloom.train(["low lower"], 258).save(tmp_path / "mine")
        with pytest.warns(tokloom.TokloomWarning):
            tokenizer = tokloom.load(tmp_path / "none", fallback=[tmp_path / "mine"])
        assert tokenizer.substituted
        assert tokenizer.requested == str(tmp_path / "none")

    def test_one_str_is_no_list(self):
        with pytest.raises(TypeError, match="not one str"):
            tokloom.load("gpt4", fallback="bytes")

    def test_an_alias_keeps_the_wish(self, files):
        tokenizer = tokloom.load("cl100k_base", path=files)
        assert (tokenizer.name, tokenizer.requested, tokenizer.substituted) == ("gpt4", "cl100k_base", False)


class TestCache:
    def test_one_that_cannot_be_written_is_a_warning(self, nothing_here, monkeypatch):
        put(nothing_here / "ours", b"a file where the folder should be")
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        data = b"IQ== 0\n"
        file = File("f", "ranks", hashlib.sha256(data).hexdigest(), len(data), url=served(nothing_here, data))
        with pytest.warns(tokloom.TokloomWarning, match="TOKLOOM_CACHE"):
            got = downloading.download(file, [])
        assert got is not None
        assert got[0] == data

    def test_a_full_disk_is_a_warning_too(self, monkeypatch):
        def full(*_):
            raise tokloom.SourceError(errno.ENOSPC, "No space left on device", "f")

        monkeypatch.setattr(downloading, "write_file", full)
        with pytest.warns(tokloom.TokloomWarning, match="No space left"):
            downloading.keep(GPT4, b"data")

    def test_fetch_to_a_folder_that_cannot_be_written_is_an_error(self, files, nothing_here):
        put(tiktokens_path(GPT4), (files / GPT4.name).read_bytes())
        put(nothing_here / "file", b"")
        with pytest.raises(tokloom.SourceError):
            tokloom.fetch("gpt4", nothing_here / "file")

    def test_what_comes_from_the_network_is_verified_and_kept(self, nothing_here):
        data = b"IQ== 0\n"
        url = served(nothing_here, data)
        good = File("good", "ranks", hashlib.sha256(data).hexdigest(), len(data), url=url)
        got = downloading.download(good, [])
        assert got is not None
        assert (nothing_here / "ours" / "good").read_bytes() == data
        bad = File("bad", "ranks", "0" * 64, len(data), url=url)
        with pytest.raises(tokloom.FormatError, match="not bad as published"):
            downloading.download(bad, [])
        assert not (nothing_here / "ours" / "bad").exists()

    def test_two_processes_that_fetch_at_once(self, files, nothing_here):
        put(tiktokens_path(GPT4), (files / GPT4.name).read_bytes())
        code = "import sys, tokloom; tokloom.fetch('gpt4', sys.argv[1], offline=True)"
        target = nothing_here / "target"
        command = [sys.executable, "-c", code, str(target)]
        running = [subprocess.Popen(command) for _ in range(4)]
        assert [process.wait(120) for process in running] == [0] * 4
        assert [path.name for path in target.iterdir()] == [GPT4.name]
        assert (target / GPT4.name).read_bytes() == (files / GPT4.name).read_bytes()

    def test_a_fetched_folder_serves_a_machine_without_anything_else(self, files, monkeypatch):
        monkeypatch.setenv("TOKLOOM_CACHE", str(files))
        assert tokloom.load("gpt2", offline=True).vocab_size == 50_257
        here = {one.name for one in tokloom.vocabularies() if one.here}
        assert here == {"gpt2", "gpt3", "p50k_edit", "gpt4", "bytes"}


class TestOnceAProcess:
    def test_a_table_is_parsed_once_whatever_asks(self, files, monkeypatch):
        monkeypatch.setenv("TOKLOOM_CACHE", str(files))
        calls: list[str] = []
        make = tables.vocabulary

        def spied(found, splits, added_tokens):
            calls.append(found.place)
            return make(found, splits, added_tokens)

        monkeypatch.setattr(tables, "vocabulary", spied)
        found: list[tokloom.Tokenizer] = []
        names = ["gpt3", "p50k_base", "p50k_edit", "gpt3"] * 2
        threads = [
            threading.Thread(target=lambda name=name: found.append(tokloom.load(name))) for name in names
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(calls) == 1
        assert len(found) == 8
        assert len({tokenizer.fingerprint for tokenizer in found}) == 2

    def test_anothers_name_for_it_is_not_everybodys(self, files, monkeypatch):
        monkeypatch.setenv("TOKLOOM_CACHE", str(files))
        first, second = tokloom.load("gpt2"), tokloom.load("r50k_base")
        first.name = "mine"
        assert (second.name, second.requested, tokloom.load("gpt2").name) == ("gpt2", "r50k_base", "gpt2")
        assert first == second
