"""Objects already made, by other libraries; and files that are one thing or another by what they hold."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from typing import Any

import pytest
import sentencepiece
import tiktoken
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers

import samples
import tokloom
from conformance import kinds
from conformance import models as trained
from property import making
from tokloom.adapters.adapted import AdaptedTokenizer
from tokloom.adapters.huggingface import TokenizersTokenizer
from tokloom.adapters.sentencepiece import SentencePieceTokenizer


def library_ids(object: tokenizers.Tokenizer, text: str) -> list[int]:
    ids: list[int] = object.encode(text, add_special_tokens=False).ids
    return ids


# --- tiktoken -------------------------------------------------------------------------------------------------------


@given(st.data())
def test_any_encoding_has_its_ids_here(data):
    pattern = data.draw(st.sampled_from([*samples.NAMED_PATTERNS.values()]))
    ranks = data.draw(samples.rank_tables())
    highest = max(ranks.values())
    theirs = tiktoken.Encoding(
        "made", pat_str=pattern, mergeable_ranks=ranks, special_tokens={"<|a|>": highest + 3}
    )
    ours = tokloom.adapt(theirs)
    assert isinstance(ours, tokloom.BPETokenizer)
    assert ours.name == "made"
    assert ours.vocab_size == theirs.n_vocab
    for text in data.draw(st.lists(samples.texts(20), max_size=5)):
        assert ours.encode(text) == theirs.encode_ordinary(text)
        marked = f"{text}<|a|>{text}"
        assert ours.encode(marked, special="parse") == theirs.encode(marked, allowed_special="all")


def test_what_tiktoken_drops_is_kept():
    theirs = tiktoken.Encoding(
        "made",
        pat_str="[a-z]+",
        mergeable_ranks={bytes([byte]): byte for byte in range(256)},
        special_tokens={},
    )
    assert theirs.encode("a b") == [97, 98]
    assert tokloom.adapt(theirs).encode("a b") == [97, 32, 98]


def test_an_encoding_that_the_engine_can_not_run():
    ranks = {bytes([byte]): byte for byte in range(255)}  # no token for one byte
    theirs = tiktoken.Encoding("short", pat_str=r"\s+|\S+", mergeable_ranks=ranks, special_tokens={})
    with pytest.raises(tokloom.VocabularyError, match="short"):
        tokloom.adapt(theirs)


# --- tokenizers and transformers ------------------------------------------------------------------------------------


def test_a_byte_level_object_goes_to_the_engine():
    made = making_byte_level()
    ours = tokloom.adapt(made, name="mine")
    assert isinstance(ours, tokloom.BPETokenizer)
    assert ours.name == "mine"
    for text in samples.NASTY_TEXTS:
        assert ours.encode(text, special="parse") == library_ids(made, text)


def making_byte_level() -> tokenizers.Tokenizer:
    made = tokenizers.Tokenizer.from_str(kinds.trained()._vocabulary.to_huggingface().decode())  # type: ignore[attr-defined]
    made.enable_truncation(3)  # of a call, not of the vocabulary
    made.enable_padding(length=9)
    made.no_truncation()
    made.no_padding()
    return made


@pytest.mark.parametrize(
    "text", [trained.word_piece, trained.unigram, trained.llama_like, trained.byte_level]
)
def test_an_object_is_as_its_file(text, tmp_path):
    made = tokenizers.Tokenizer.from_str(text())
    made.no_truncation()
    made.no_padding()
    ours = tokloom.adapt(made)
    assert isinstance(ours, TokenizersTokenizer)
    made.enable_truncation(2)
    made.add_special_tokens(["<|later|>"])
    assert "<|later|>" not in ours.special_tokens
    path = tmp_path / "tokenizer.json"
    ours.export(path, format="huggingface")
    again = tokloom.load(path)
    assert again == ours
    opened = tokenizers.Tokenizer.from_file(str(path))
    for text_ in samples.NASTY_TEXTS:
        assert again.encode(text_, special="parse") == library_ids(opened, text_)


def test_fast_tokenizers_of_transformers():
    transformers = pytest.importorskip("transformers", reason="transformers isn't installed")
    backend = tokenizers.Tokenizer.from_str(trained.word_piece())
    theirs = transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, cls_token="[CLS]", pad_token="[PAD]"
    )
    ours = tokloom.adapt(theirs)
    assert isinstance(ours, TokenizersTokenizer)
    for text in samples.NASTY_TEXTS:
        assert ours.encode(text, special="parse") == theirs(text, add_special_tokens=False)["input_ids"]
    byte_level = transformers.PreTrainedTokenizerFast(tokenizer_object=making_byte_level())
    assert isinstance(tokloom.adapt(byte_level), tokloom.BPETokenizer)


def test_transformers_opens_what_an_adapter_saved(tmp_path):
    transformers = pytest.importorskip("transformers", reason="transformers isn't installed")
    ours = kinds.from_file(trained.word_piece().encode(), "tokenizer.json")
    ours.save(tmp_path / "saved")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "saved")
    text = "How much is it, [SEP] the low tide?"
    assert theirs(text, add_special_tokens=False)["input_ids"] == ours.encode(text, special="parse")
    assert theirs.pad_token_id == ours.pad_id


# --- sentencepiece --------------------------------------------------------------------------------------------------


def test_a_processor_is_as_its_file(tmp_path):
    data = trained.sentencepiece_model(model_type="bpe", vocab_size=600, **trained.REVERSIBLE)
    processor = sentencepiece.SentencePieceProcessor(model_proto=data)
    ours = tokloom.adapt(processor)
    assert isinstance(ours, SentencePieceTokenizer)
    assert (ours.bos_id, ours.eos_id, ours.unk_id, ours.pad_id) == (1, 2, 0, None)
    ours.export(tmp_path / "mine.model", format="sentencepiece")
    assert (tmp_path / "mine.model").read_bytes() == processor.serialized_model_proto()
    assert tokloom.load(tmp_path / "mine.model") == ours
    (tmp_path / "folder").mkdir()
    ours.export(tmp_path / "folder" / "tokenizer.model", format="sentencepiece")
    assert tokloom.load(tmp_path / "folder") == ours


def test_what_the_file_can_not_hold_is_saved_but_not_exported(tmp_path):
    data = trained.sentencepiece_model(model_type="bpe", vocab_size=600, **trained.REVERSIBLE)
    ours = kinds.from_file(data, "m.model").with_special_tokens(["<|new|>"])
    with pytest.raises(tokloom.VocabularyError, match=r"<\|new\|>"):
        ours.export(tmp_path / "mine.model", format="sentencepiece")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(tokloom.ArgumentError, match="sentencepiece"):
        ours.export(tmp_path / "mine.json", format="huggingface")


def test_a_rank_file_may_be_called_tokenizer_model(tmp_path):
    path = tmp_path / "tokenizer.model"
    path.write_bytes(making.rank_file({bytes([byte]): byte for byte in range(256)}))
    assert tokloom.load(path, pattern="llama3").vocab_size == 256
    with pytest.raises(tokloom.ArgumentError, match="pattern="):
        tokloom.load(path)
    path.write_bytes(trained.sentencepiece_model(model_type="unigram", vocab_size=400))
    assert isinstance(tokloom.load(path), SentencePieceTokenizer)
    with pytest.raises(tokloom.ArgumentError, match="SentencePiece"):
        tokloom.load(path, pattern="llama3")


# --- other objects, and libraries that are missing ------------------------------------------------------------------


def test_other_objects():
    tokenizer = tokloom.load("bytes")
    assert tokloom.adapt(tokenizer) is tokenizer
    objects: tuple[object, ...] = ("gpt2", 5, None, [], json)
    for object in objects:
        with pytest.raises(tokloom.ArgumentError, match=r"tiktoken\.Encoding"):
            tokloom.adapt(object)


@pytest.mark.parametrize(
    ("library", "name", "data"),
    [
        ("tokenizers", "tokenizer.json", lambda: trained.word_piece().encode()),
        (
            "sentencepiece",
            "tokenizer.model",
            lambda: trained.sentencepiece_model(model_type="unigram", vocab_size=400),
        ),
    ],
)
def test_a_missing_library_is_named_with_its_extra(tmp_path, library, name, data):
    path = tmp_path / name
    path.write_bytes(data())
    program = f"import sys; sys.modules[{library!r}] = None; import tokloom, pathlib\n"
    call = f"try: tokloom.load(pathlib.Path({str(path)!r}))\nexcept tokloom.MissingDependencyError as e: print(e)"
    done = subprocess.run(
        [sys.executable, "-c", program + call], capture_output=True, text=True, check=True, timeout=120
    )
    assert f"pip install 'tokloom[{library}]'" in done.stdout


def test_importing_tokloom_imports_no_library():
    program = "import tokloom, sys; print([n for n in ('tokenizers', 'sentencepiece', 'tiktoken') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# --- settings that stand against a promise --------------------------------------------------------------------------


def changed(text: str, change) -> AdaptedTokenizer:
    file = json.loads(text)
    change(file)
    tokenizer = kinds.from_file(json.dumps(file, ensure_ascii=False).encode(), "tokenizer.json")
    assert isinstance(tokenizer, AdaptedTokenizer)
    return tokenizer


def section(made: Any) -> dict:
    return json.loads(made.__getstate__())


AGAINST = {
    "NFKC": (lambda file: file.update(normalizer=section(normalizers.NFKC())), "ﬁ"),
    "no bytes": (lambda file: file["model"].update(byte_fallback=False), "\U0001f600"),
    "Metaspace": (
        lambda file: file.update(
            normalizer=None,
            pre_tokenizer=section(pre_tokenizers.Metaspace()),
            decoder=section(decoders.Metaspace()),
        ),
        " a",
    ),
    "no strip": (lambda file: file["decoder"]["decoders"].pop(), "a"),
    "takes white space": (
        lambda file: file["added_tokens"].append(
            {"id": len(file["model"]["vocab"]), "content": "<x>", "single_word": False, "lstrip": True}
            | {"rstrip": False, "normalized": False, "special": False}
        ),
        "a <x>",
    ),
    "put behind": (
        lambda file: file["added_tokens"].append(
            {"id": len(file["model"]["vocab"]), "content": "<x>", "single_word": False, "lstrip": False}
            | {"rstrip": False, "normalized": False, "special": False}
        ),
        "a<x>a",
    ),
}


@pytest.mark.parametrize("name", AGAINST)
def test_a_setting_that_loses_text_takes_the_promise_away(name):
    change, text = AGAINST[name]
    tokenizer = changed(trained.llama_like(), change)
    assert tokenizer.guarantees == "none"
    assert tokenizer.why
    assert tokenizer.decode(tokenizer.encode(text)) != text  # and rightly so


def test_unigram_reads_the_name_of_a_piece_but_not_of_a_control_token():
    vocabulary = [("<unk>", 0.0), ("<s>", 0.0), ("a", -1.0), ("s", -2.0), ("<", -3.0), (">", -3.1)]
    made = tokenizers.Tokenizer(models.Unigram(vocabulary, 0, False))
    made.add_special_tokens([AddedToken("<s>", special=True)])
    made.encode_special_tokens = True
    assert library_ids(made, "a<s>") == [2, 1]  # what the library calls encoding special tokens as text
    ours = tokloom.adapt(made)
    assert ours.encode("a<s>") == [2, 4, 3, 5]
    assert ours.encode("a<s>", special="parse") == [2, 1]


def test_marks_of_hidden_names_in_a_text():
    ours = kinds.from_file(trained.word_piece().encode(), "tokenizer.json")
    hostile = "".join(f"\ufdd0{number}" for number in range(100_000)) + "\ufdd0"
    for text in (hostile, "\ufdd00\ufdd00", "\ufdd00\ufdd01 \ufdd01\ufdd02", "\ufdd0" * 9):
        assert not set(ours.encode(text)) & (set(ours.special_tokens.values()) - {ours.unk_id})


def test_base64_of_a_model_is_none(tmp_path):
    path = tmp_path / "tokenizer.model"
    path.write_bytes(base64.b64encode(trained.sentencepiece_model(model_type="unigram", vocab_size=400)))
    with pytest.raises(tokloom.FormatError, match="neither"):
        tokloom.load(path)
