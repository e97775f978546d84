"""Readers of the catalogue on files small enough to check by hand, and what the list of known names says."""

import base64
import hashlib
import json
from pathlib import Path

import pytest

import tokloom
from tokloom.catalogue import opening
from tokloom.catalogue.entries import Entry, File
from tokloom.catalogue.finding import Found
from tokloom.catalogue.places import cache_folder
from tokloom.catalogue.table import ENTRIES
from tokloom.catalogue.tekken import read_tekken


def entry(file: File, vocab_size: int, **more) -> Entry:
    return Entry("made", "a kind", vocab_size, "tests", "here", files=(file,), **more)


def test_a_rank_file_with_the_entrys_pattern_and_special_tokens(tmp_path):
    tokens = [bytes([byte]) for byte in range(256)] + [b"lo"]
    data = b"".join(base64.b64encode(token) + b" %d\n" % id for id, token in enumerate(tokens))
    (tmp_path / "made").write_bytes(data)
    file = File("made", "ranks", hashlib.sha256(data).hexdigest(), len(data))
    made = entry(file, 260, pattern="gpt2", special_tokens={"<|end|>": 259})
    tokenizer = opening._open(made, tmp_path / "made", offline=True)
    assert tokenizer.encode("lo") == [256]
    assert tokenizer.encode("<|end|>", special="parse") == [259]
    with pytest.raises(KeyError):
        tokenizer.decode_bytes([258])


def test_a_file_without_a_published_hash_is_taken_from_a_path_if_the_hubs_is_kept_and_its_size_in_ids_fits(
    tmp_path,
):
    trained = tokloom.train(["low lower lowest"] * 3, 260)
    trained.export(tmp_path / "tokenizer.json", format="huggingface")
    data = (tmp_path / "tokenizer.json").read_bytes()
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    (tmp_path / "tokenizer.json.hash").write_text(f"{blob}\n")
    file = File("made.json", "tokenizer.json", None, None)
    tokenizer = opening._open(entry(file, 260), tmp_path / "tokenizer.json", offline=True)
    assert tokenizer.encode("lower") == trained.encode("lower")
    with pytest.raises(tokloom.FormatError, match="another vocabulary"):
        opening._open(entry(file, 261), tmp_path / "tokenizer.json", offline=True)


def test_word_pieces_of_a_vocabulary_in_lines():
    pytest.importorskip("tokenizers")
    lines = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##able", "able", "hello", ","]
    data = "".join(f"{line}\n" for line in lines).encode()
    file = File("vocab.txt", "wordpiece", hashlib.sha256(data).hexdigest(), len(data))
    tokenizer = opening._from_wordpiece(entry(file, 10), Found(file, data, "here"))
    assert tokenizer.vocab_size == 10
    assert tokenizer.encode("Unable, HELLO") == [5, 6, 9, 8]
    assert tokenizer.encode("able xyz") == [7, 1]
    assert tokenizer.guarantees == "none"


def test_tekken_shifts_ranks_by_its_special_tokens_and_takes_only_what_fits(tmp_path):
    vocab = [bytes([byte]) for byte in range(256)] + [b"lo", b"low", b"too many"]
    data = json.dumps(
        {
            "config": {
                "pattern": r"\w+|\W+",
                "default_vocab_size": 261,
                "default_num_special_tokens": 3,
                "version": "v7",
            },
            "vocab": [
                {"rank": rank, "token_bytes": base64.b64encode(token).decode(), "token_str": None}
                for rank, token in enumerate(vocab)
            ],
            "special_tokens": [{"rank": 0, "token_str": "<unk>", "is_control": True}],
        }
    ).encode()
    read = read_tekken(data, "tekken.json")
    assert read.tokens[0] == (3, b"\0")
    assert read.tokens[-1] == (260, b"low")
    assert read.special_tokens == {"<unk>": 0, "<SPECIAL_1>": 1, "<SPECIAL_2>": 2}
    (tmp_path / "tekken.json").write_bytes(data)
    tokenizer = tokloom.load(tmp_path / "tekken.json")
    assert tokenizer.encode("low <unk>") == [260, *(3 + byte for byte in b" <unk>")]
    assert tokenizer.encode("<unk>low", special="parse") == [0, 260]


def test_the_cache_is_the_named_folder_else_the_platforms(monkeypatch, tmp_path):
    monkeypatch.setenv("TOKLOOM_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("TOKLOOM_CACHE")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "tokloom"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "tokloom"
    monkeypatch.setattr("sys.platform", "darwin")
    assert cache_folder() == tmp_path / "home" / "Library" / "Caches" / "tokloom"
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert cache_folder() == Path(tmp_path / "local" / "tokloom" / "Cache")


def test_the_table_is_the_issues():
    sizes = {one.name: one.vocab_size for one in ENTRIES}
    assert sizes["gpt2"] == 50_257
    assert sizes["gpt3"] == 50_281
    assert sizes["p50k_edit"] == 50_284
    assert sizes["gpt4"] == 100_277
    assert sizes["gpt4o"] == 200_019
    assert sizes["o200k_harmony"] == 201_088
    assert (sizes["llama2"], sizes["codellama"]) == (32_000, 32_016)
    assert (sizes["mistral-v1"], sizes["mistral-v3"], sizes["tekken"]) == (32_000, 32_768, 131_072)
    for one in ENTRIES:
        if one.special_tokens:
            assert max(one.special_tokens.values()) < one.vocab_size
            assert len(set(one.special_tokens.values())) == len(one.special_tokens)
