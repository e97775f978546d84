"""Files that are damaged, hostile or something else: an error of ours that says where, and nothing run or held."""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import pickle
import random
import zipfile

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

import tokloom
from conformance import models
from tokloom import catalogue
from tokloom.adapters import huggingface, sentencepiece


def small_model() -> bytes:
    return models.sentencepiece_model(model_type="unigram", vocab_size=400)


@functools.cache
def file_of(make) -> dict:
    return json.loads(make())


def opened(tmp_path, data: bytes, name: str) -> tokloom.Tokenizer:
    path = tmp_path / name
    path.write_bytes(data)
    return tokloom.load(path)


class Trap:
    """A pickle that says when it is read."""

    def __reduce__(self):
        return pytest.fail, ("the pickle was read",)


@pytest.mark.parametrize("name", ["tokenizer.model", "tokenizer.json", "x.bin", "x.tiktoken"])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "held",
    [
        Trap(),
        {"a": [1, 2, object]},
        {},
        [],
        ["x", 1],
        ("x", 1),
        (1, 2.5, None, True, 10**30),
        5,
        "text",
        {b"token": 5},
        list(range(5_000)),
        {str(number): number for number in range(2_000)},
    ],
    ids=lambda held: type(held).__name__,
)
def test_a_pickle_is_refused_unread(tmp_path, name, protocol, held):
    with pytest.raises(tokloom.FormatError, match="a pickle, which is a program") as caught:
        opened(tmp_path, pickle.dumps(held, protocol), name)
    assert str(tmp_path / name) in str(caught.value)
    assert "pickle.load(file)" in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b".",
        b"Hello.",
        b"(see below).",
        b"cat\ndog\n",
        b"cat\ndog.",
        b"c is a letter.\nd is one.",
        b"(I think so.)\n" * 1_000 + b".",
        b"IQ== 0\nIg== 1",
        b"\n\x04\n\x02ab.",
        b'{"model": {}}',
    ],
)
def test_what_is_no_pickle_is_not_called_one(tmp_path, data):
    (tmp_path / "x.tiktoken").write_bytes(data)
    catalogue.refuse_pickle(tmp_path / "x.tiktoken")


@pytest.mark.parametrize("name", ["x.pt", "tokenizer.model", "x.json", "x.pkl"])
def test_a_checkpoint_of_pytorch_is_called_what_it_is(tmp_path, name):
    """As `torch.save` writes it: an archive with the pickle first."""
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Trap()))
        archive.writestr("archive/data/0", bytes(8))
    with pytest.raises(tokloom.FormatError, match=r"a checkpoint of PyTorch.*Export the vocabulary"):
        tokloom.load(tmp_path / name)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"not a model",
        b"\x0a\x05\x0a\x03abc",  # one piece, no unknown one
        b"\x0a\xff\xff\xff\xff\x0f\x0a",  # a piece of 4 GB
        b"\x0a\x03\x0a\x01\xff",  # a piece that isn't UTF-8
        b"\x0a\x02\x0a\x00",  # an empty piece
        b"\x0a" * 1000,
        b"\x00" * 100,
        b"{}",
    ],
)
def test_a_model_that_is_none(tmp_path, data):
    with pytest.raises(tokloom.FormatError, match=r"x\.model"):
        opened(tmp_path, data, "x.model")


def test_a_model_cut_anywhere(tmp_path):
    data = small_model()
    whole = sentencepiece.from_bytes(data, "whole", name="whole")
    for length in random.Random(1).sample(range(len(data) - 400), 60):
        # Cut between two pieces it is a smaller model, without the settings at its end: another one.
        with contextlib.suppress(tokloom.FormatError):
            assert opened(tmp_path, data[:length], "cut.model").fingerprint != whole.fingerprint
    for length in (1, len(data) // 2, len(data) - 1):
        with pytest.raises(tokloom.FormatError, match=r"cut\.model"):
            opened(tmp_path, data[:length], "cut.model")


@pytest.mark.parametrize("make", [models.word_piece, models.unigram, models.llama_like, models.byte_level])
def test_a_tokenizer_json_cut_anywhere(tmp_path, make):
    data = make().encode()
    for length in random.Random(1).sample(range(len(data) - 1), 25):
        with pytest.raises(tokloom.FormatError, match=r"cut\.json"):
            opened(tmp_path, data[:length], "cut.json")


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"type": "New"}},
        {"model": None},
        {"model": 5},
        {"normalizer": {"type": "New"}},
        {"pre_tokenizer": {"type": "New"}},
        {"decoder": {"type": "New"}},
        {"post_processor": {"type": "New"}},
        {"version": "9.0"},
        {"added_tokens": [{"id": -1, "content": "a"}]},
        {"added_tokens": 5},
    ],
)
def test_parts_that_nobody_knows(tmp_path, change):
    with pytest.raises(tokloom.FormatError, match=r"x\.json"):
        opened(tmp_path, json.dumps({**file_of(models.word_piece), **change}).encode(), "x.json")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": {"type": "Nope", "vocab": {}}}, "model: the type 'Nope' isn't known to tokenizers "),
        ({"pre_tokenizer": {"type": "Weird"}}, "pre_tokenizer: the type 'Weird' isn't known to tokenizers "),
        (
            {"decoder": {"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "Weird"}]}},
            "decoder.decoders[1]: the type 'Weird' isn't known to tokenizers ",
        ),
        (
            {
                "normalizer": {
                    "type": "Sequence",
                    "normalizers": [{"type": "Sequence", "normalizers": [{"type": "New"}]}],
                }
            },
            "normalizer.normalizers[0].normalizers[0]: the type 'New'",
        ),
        ({"extra": 1}, "the field 'extra' isn't known to tokenizers "),
    ],
)
def test_the_unknown_part_is_named_before_the_librarys_own_words(tmp_path, change, said):
    with pytest.raises(tokloom.FormatError) as caught:
        opened(tmp_path, json.dumps({**file_of(models.word_piece), **change}).encode(), "x.json")
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'x.json'}: {said}")
    assert "The library tokenizers says:" in message


def charsmap(size: int, table: bytes, texts: bytes = b"") -> str:
    return base64.b64encode(size.to_bytes(4, "little") + table + texts).decode()


LEAF = 0x100  # of a unit: a text is named where it leads to


def trie(unit: int, value: int = 0) -> str:
    """A table with one way, by the letter "a", to what this unit says; the texts are "é"."""
    units = [0] * 256
    units[0] = 0
    units[ord("a")] = unit
    units[ord("a") ^ 1] = value
    return charsmap(1024, b"".join(one.to_bytes(4, "little") for one in units), "é".encode())


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("AAAA", "it has 3 bytes"),
        ("", "it has 0 bytes"),
        ("!!!", "it isn't base64"),
        ("AAAAAB==", "bits are left"),
        (charsmap(0, b""), "should have 0 bytes"),
        (charsmap(2**32 - 1, bytes(8)), "should have 4,294,967,295 bytes, and 8 follow"),
        (charsmap(4, bytes(4), b"\xff"), "aren't UTF-8"),
        (charsmap(4, bytes(4)), "outside of itself"),
        (charsmap(1024, (256 << 10).to_bytes(4, "little") * 256), "outside of itself"),
        (trie(LEAF | (256 << 10) | ord("a")), "outside of itself"),
        (trie((256 << 10) | ord("a")), "outside of itself"),
        (trie(LEAF | (1 << 10) | ord("a"), value=9), "leads to no text"),
        (trie(LEAF | (1 << 10) | ord("a"), value=1), "leads to no text"),
        (None, "it is no text"),
        ([1], "it is no text"),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_a_charsmap_on_which_the_library_would_panic(tmp_path, capfd, made, said, nested):
    normalizer = {"type": "Precompiled", "precompiled_charsmap": made}
    path = "normalizer"
    if nested:
        normalizer, path = {"type": "Sequence", "normalizers": [normalizer]}, "normalizer.normalizers[0]"
    data = json.dumps({**file_of(models.unigram), "normalizer": normalizer}).encode()
    with pytest.raises(tokloom.FormatError) as caught:
        opened(tmp_path, data, "x.json")
    assert f"{tmp_path / 'x.json'}: {path}.precompiled_charsmap: " in str(caught.value)
    assert said in str(caught.value)
    assert capfd.readouterr().err == ""


def test_a_charsmap_that_is_whole_is_taken(tmp_path):
    """SentencePiece's own, out of a model that it trained."""
    from tokloom.adapters.sentencepiece_file import fields

    model = models.sentencepiece_model(
        model_type="unigram", vocab_size=400, normalization_rule_name="nmt_nfkc"
    )
    rule = dict(fields(bytes(dict(fields(model))[3])))
    for made in (base64.b64encode(bytes(rule[2])).decode(), trie(LEAF | (1 << 10) | ord("a"))):
        normalizer = {"type": "Precompiled", "precompiled_charsmap": made}
        data = json.dumps({**file_of(models.unigram), "normalizer": normalizer}).encode()
        tokenizer = opened(tmp_path, data, "x.json")
        one, other = ("ﬁ", "fi") if len(made) > 10_000 else ("a", "é")
        assert tokenizer.encode(one) == tokenizer.encode(other) != []


def with_model(make, **change) -> bytes:
    file = file_of(make)
    return json.dumps({**file, "model": {**file["model"], **change}}).encode()


@pytest.mark.parametrize(
    ("make", "change"),
    [
        (models.word_piece, {"vocab": {"a": 0, "b": 0, "[UNK]": 1}}),  # one id twice
        (
            models.word_piece,
            {"vocab": {"a": 0, "[UNK]": 4_000_000_000}},
        ),  # a table of four thousand million rows
        (models.unigram, {"unk_id": 10**6}),
        (models.unigram, {"vocab": []}),
        (models.unigram, {"vocab": [["a", "b"]]}),
        (models.llama_like, {"merges": [["a", "nowhere"]]}),
        (models.llama_like, {"dropout": 0.1}),
    ],
)
def test_models_that_contradict_themselves(tmp_path, make, change):
    with pytest.raises(tokloom.FormatError, match=r"x\.json"):
        opened(tmp_path, with_model(make, **change), "x.json")


@pytest.mark.parametrize(("open_", "close"), [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize("field", ["normalizer", "pre_tokenizer", "decoder", "model", "extra"])
def test_huge_nesting(tmp_path, field, open_, close):
    nested = f"{open_ * 100_000}0{close * 100_000}"
    text = models.word_piece()[:-1] + f',"{field}":{nested}}}'
    with pytest.raises(tokloom.FormatError, match=r"deep\.json"):
        opened(tmp_path, text.encode(), "deep.json")


def test_nested_sequences_that_the_library_would_follow(tmp_path):
    nested: dict = {"type": "NFC"}
    for _ in range(100):
        nested = {"type": "Sequence", "normalizers": [nested]}
    data = json.dumps({**file_of(models.word_piece), "normalizer": nested}).encode()
    with pytest.raises(tokloom.FormatError, match=r"deep\.json"):
        opened(tmp_path, data, "deep.json")


def test_a_word_that_the_model_can_not_say():
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece({"a": 0}, unk_token="[UNK]"))
    ours = tokloom.adapt(made)
    assert ours.encode("a") == [0]
    with pytest.raises(tokloom.VocabularyError, match="UNK"):
        ours.encode("b")


@given(st.data())
@pytest.mark.parametrize("kind", ["sentencepiece", "huggingface"])
def test_damaged_anywhere_it_is_an_error_of_ours_or_whole(kind, data):
    make = {"sentencepiece": small_model, "huggingface": lambda: models.llama_like().encode()}[kind]
    read = {"sentencepiece": sentencepiece.from_bytes, "huggingface": huggingface.from_bytes}[kind]
    damaged = bytearray(make())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        if data.draw(st.booleans()):
            damaged[at] = data.draw(st.sampled_from(b'0123456789{}[]",:\xff\n'))
        else:
            del damaged[at : at + data.draw(st.integers(1, 20))]
    try:
        tokenizer = read(bytes(damaged), "damaged", name="damaged")
        ids = tokenizer.encode("low <s> é▁")
        text = tokenizer.decode(ids)
    except tokloom.TokloomError:
        return
    assert tokenizer.guarantees == "none" or text == "low <s> é▁"


def test_a_saved_adapter_whose_description_was_changed(tmp_path):
    tokenizer = sentencepiece.from_bytes(small_model(), "m", name="m")
    tokenizer.save(tmp_path / "saved")
    path = tmp_path / "saved" / "tokloom.json"
    description = json.loads(path.read_text("utf-8"))
    for change in (
        {"kind": "new"},
        {"added": "x"},
        {"added": ["<s>"]},
        {"added": [5]},
        {"fingerprint": "0" * 64},
        {"vocab_size": 5},
        {"reason": 5},
        {"tokloom": 2},
    ):
        path.write_text(json.dumps({**description, **change}), "utf-8")
        with pytest.raises(tokloom.FormatError, match=r"tokloom\.json|tokenizer\.model"):
            tokloom.load(tmp_path / "saved")
    path.write_text(json.dumps(description), "utf-8")
    (tmp_path / "saved" / "tokenizer.model").unlink()
    with pytest.raises(tokloom.SourceError):
        tokloom.load(tmp_path / "saved")
