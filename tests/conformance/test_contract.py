"""The contract, method by method, over every kind of tokenizer."""

from __future__ import annotations

import copy
import functools
import multiprocessing
import pickle
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import samples
import tokloom
from conformance.kinds import KINDS, Kind
from tokloom import Ragged, Tokenizer

every_kind = pytest.mark.parametrize("kind", KINDS, ids=repr)
TEXTS = [*samples.NASTY_TEXTS, "▁ ▁▁a▁", "<0x41> <0xFF>", "a<s>b", "\ufdd0 \ufdd00\ufdd0", "[CLS] [UNK] x"]


def some_ids(tokenizer: Tokenizer, seed: int) -> list[int]:
    """Ids at random, special ones among them, holes not."""
    chance = random.Random(seed)
    special = list(tokenizer.special_tokens.values()) or [0]
    known = known_ids(tokenizer)
    return [
        chance.choice(special) if chance.random() < 0.2 else chance.choice(known)
        for _ in range(chance.randrange(12))
    ]


@functools.cache
def known_ids(tokenizer: Tokenizer) -> list[int]:
    return [id for id in range(tokenizer.vocab_size) if stands_for_something(tokenizer, id)]


def stands_for_something(tokenizer: Tokenizer, id: int) -> bool:
    try:
        tokenizer.token_bytes(id)
    except tokloom.UnknownIdError:
        return False
    return True


# --- what it is -----------------------------------------------------------------------------------------------------


@every_kind
def test_what_it_is(kind: Kind):
    tokenizer = kind.tokenizer
    assert tokenizer.guarantees == kind.guarantees
    assert tokenizer.requested == tokenizer.name
    assert tokenizer.substituted is False
    assert len(tokenizer) == tokenizer.vocab_size > 0
    special = tokenizer.special_tokens
    assert list(special.values()) == sorted(set(special.values()))
    assert all(0 <= id < tokenizer.vocab_size for id in special.values())
    assert len(tokenizer.fingerprint) == 64
    again = kind.make()
    assert again == tokenizer
    assert hash(again) == hash(tokenizer)
    assert tokenizer.name in repr(tokenizer)
    special.clear()
    assert tokenizer.special_tokens or not again.special_tokens


@every_kind
def test_it_is_run_by_what_should_run_it(kind: Kind):
    runs = getattr(kind.tokenizer, "runs", "engine")
    assert kind.runs in runs
    if kind.runs == "tokenizers":
        assert ": " in runs  # and why


def test_all_kinds_differ():
    kinds = [kind for kind in KINDS if "Llama" not in kind.name and "Mistral" not in kind.name]
    fingerprints = {kind.tokenizer.fingerprint for kind in kinds}
    assert len(fingerprints) == len(kinds)


@every_kind
def test_roles_are_ids_of_the_vocabulary(kind: Kind):
    tokenizer = kind.tokenizer
    for role in (tokenizer.bos_id, tokenizer.eos_id, tokenizer.pad_id, tokenizer.unk_id):
        assert role is None or role in tokenizer.special_tokens.values()


@every_kind
def test_ids_that_stand_for_nothing(kind: Kind):
    tokenizer = kind.tokenizer
    assert stands_for_something(tokenizer, tokenizer.vocab_size - 1)
    for id in (tokenizer.vocab_size, -1, 2**31, 2**64):
        for call in (tokenizer.token_bytes, lambda id: tokenizer.decode([id]), tokenizer.stream().feed):
            with pytest.raises((tokloom.UnknownIdError, OverflowError)):
                call(id)
    with pytest.raises(KeyError):
        tokenizer.decode_bytes([tokenizer.vocab_size])
    with pytest.raises(TypeError):
        tokenizer.decode(["a"])  # type: ignore[list-item]


@every_kind
def test_special_tokens_are_their_names(kind: Kind):
    tokenizer = kind.tokenizer
    for name, id in tokenizer.special_tokens.items():
        if id != tokenizer.unk_id:
            assert tokenizer.token_bytes(id) == name.encode()
            assert tokenizer.decode([id], skip_special_tokens=True) == ""


# --- one way is as the other ----------------------------------------------------------------------------------------


@every_kind
@pytest.mark.parametrize("special", ["text", "parse", ()])
def test_all_ways_to_encode_give_the_same_ids(kind: Kind, special):
    tokenizer = kind.tokenizer
    ids = [tokenizer.encode(text, special=special) for text in TEXTS]
    assert all(type(id) is int for id in ids[5])
    arrays = [tokenizer.encode_to_numpy(text, special=special) for text in TEXTS]
    assert all(array.dtype == np.uint32 and array.ndim == 1 for array in arrays)
    assert [array.tolist() for array in arrays] == ids
    assert [tokenizer.count_tokens(text, special=special) for text in TEXTS] == [len(one) for one in ids]
    assert [tokenizer.encode(text.encode(), special=special) for text in TEXTS] == ids
    for threads in (None, 1, 3):
        assert tokenizer.encode_batch(iter(TEXTS), special=special, threads=threads) == ids
    ragged = tokenizer.encode_batch_to_numpy(TEXTS, special=special)
    assert isinstance(ragged, Ragged)
    assert ragged.tolist() == ids
    assert ragged.ids.dtype == np.uint32
    assert len(ragged.offsets) == len(TEXTS) + 1


@every_kind
def test_nothing_has_no_ids(kind: Kind):
    tokenizer = kind.tokenizer
    assert tokenizer.encode("") == tokenizer.encode(b"") == []
    assert tokenizer.encode_batch([]) == []
    assert tokenizer.encode_batch_to_numpy([]).tolist() == []
    assert tokenizer.decode([]) == ""
    assert list(tokenizer.encode_stream([])) == list(tokenizer.encode_stream(["", b""])) == []
    assert tokenizer.spans("") == []
    assert tokenizer.truncate("", 3) == ""
    assert list(tokenizer.chunk("", 3)) == []


@every_kind
def test_a_text_in_chunks_is_the_whole(kind: Kind):
    tokenizer, chance = kind.tokenizer, random.Random(5)
    for text in TEXTS:
        ids = tokenizer.encode(text)
        cuts = sorted(chance.randrange(len(text) + 1) for _ in range(3))
        parts = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        assert [id for part in tokenizer.encode_stream(parts) for id in part.tolist()] == ids
        data = text.encode()
        bytes_ = [data[at : at + 1] for at in range(len(data))]
        assert [id for part in tokenizer.encode_stream(bytes_) for id in part.tolist()] == ids


@every_kind
@pytest.mark.parametrize("skip", [False, True])
def test_a_stream_gives_what_decode_gives(kind: Kind, skip: bool):
    tokenizer = kind.tokenizer
    sequences = [tokenizer.encode(text) for text in TEXTS] + [some_ids(tokenizer, seed) for seed in range(60)]
    stream = tokenizer.stream(skip_special_tokens=skip)
    for ids in sequences:
        # The stream is new after each flush.
        parts = [stream.feed(id) for id in ids]
        assert "".join(parts) + stream.flush() == tokenizer.decode(ids, skip_special_tokens=skip)
    assert tokenizer.decode_batch(sequences, skip_special_tokens=skip) == [
        tokenizer.decode(ids, skip_special_tokens=skip) for ids in sequences
    ]


@every_kind
def test_decode_is_decode_bytes(kind: Kind):
    tokenizer = kind.tokenizer
    for ids in [tokenizer.encode(text) for text in TEXTS] + [some_ids(tokenizer, seed) for seed in range(40)]:
        data = tokenizer.decode_bytes(ids)
        assert tokenizer.decode(ids) == data.decode("utf-8", "replace")
        assert tokenizer.decode_bytes(np.array(ids, np.uint32)) == data
    if kind.guarantees != "none":
        *_, broken = tokenizer.encode("\U0010fff0")  # the last byte of a character that no vocabulary has
        with pytest.raises(UnicodeDecodeError):
            tokenizer.decode([broken], errors="strict")
        assert tokenizer.decode([broken], errors="ignore") == ""


@every_kind
def test_many_threads_at_once(kind: Kind):
    tokenizer = kind.make()
    expected = [(tokenizer.encode(text), tokenizer.spans(text)) for text in TEXTS[:20]]
    fresh = kind.make()  # its first calls come at once
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(
            lambda _: [(fresh.encode(text), fresh.spans(text)) for text in TEXTS[:20]], range(16)
        ):
            assert found == expected


# --- saved and sent -------------------------------------------------------------------------------------------------


def assert_same(one: Tokenizer, other: Tokenizer) -> None:
    assert one.fingerprint == other.fingerprint
    assert one.vocab_size == other.vocab_size
    assert one.special_tokens == other.special_tokens
    assert one.guarantees == other.guarantees
    for special in ("text", "parse"):
        for text in TEXTS:
            ids = one.encode(text, special=special)
            assert other.encode(text, special=special) == ids
            assert other.decode_bytes(ids) == one.decode_bytes(ids)


@every_kind
def test_saved_and_loaded_it_is_the_same(kind: Kind, tmp_path):
    tokenizer = kind.tokenizer
    tokenizer.save(tmp_path / "saved")
    again = tokloom.load(tmp_path / "saved")
    assert type(again) is type(tokenizer)
    assert again.name == "saved"
    assert_same(tokenizer, again)
    # A saved one may take the place of another, whatever the kinds, and leaves nothing of it.
    tokloom.load("bytes").save(tmp_path / "other")
    again.save(tmp_path / "other")
    assert sorted(path.name for path in (tmp_path / "other").iterdir()) == sorted(
        path.name for path in (tmp_path / "saved").iterdir()
    )
    assert_same(tokenizer, tokloom.load(tmp_path / "other"))


@every_kind
def test_a_saved_file_that_was_changed_is_refused(kind: Kind, tmp_path):
    kind.tokenizer.save(tmp_path / "saved")
    # `tokenizer.json` is derived where the table of tokens is there.
    for name in ("vocabulary.tiktoken", "tokenizer.json", "tokenizer.model", "model.safetensors"):
        path = tmp_path / "saved" / name
        if path.exists():
            path.write_bytes(path.read_bytes()[:-40])
            break
    with pytest.raises(tokloom.FormatError, match=r"tokloom\.json"):
        tokloom.load(tmp_path / "saved")


def in_another_process(tokenizer: Tokenizer) -> tuple[str, list[list[int]]]:
    return tokenizer.fingerprint, tokenizer.encode_batch(TEXTS, threads=1)


@every_kind
def test_sent_to_a_process_it_is_the_same(kind: Kind):
    tokenizer = kind.tokenizer
    again = pickle.loads(pickle.dumps(tokenizer))
    assert again.name == tokenizer.name
    assert_same(tokenizer, again)
    assert copy.copy(tokenizer) is tokenizer
    assert copy.deepcopy(tokenizer) is tokenizer


def test_a_spawned_process_gives_the_same():
    kinds = [
        kind
        for kind in KINDS
        if kind.name in {"json, WordPiece", "model, BPE", "trained", "FSQ chunks", "FSQ adaptive"}
    ]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        for kind in kinds:
            found = pool.apply(in_another_process, (kind.tokenizer,))
            assert found == in_another_process(kind.tokenizer)


# --- more special tokens --------------------------------------------------------------------------------------------


@every_kind
def test_more_special_tokens_come_at_the_end(kind: Kind, tmp_path):
    tokenizer = kind.tokenizer
    larger = tokenizer.with_special_tokens(["<|one|>", "<|two|>"])
    assert larger.special_tokens == {
        **tokenizer.special_tokens,
        "<|one|>": tokenizer.vocab_size,
        "<|two|>": tokenizer.vocab_size + 1,
    }
    assert larger.vocab_size == tokenizer.vocab_size + 2
    assert larger.guarantees == tokenizer.guarantees
    assert larger.fingerprint != tokenizer.fingerprint
    assert tokenizer.vocab_size == kind.make().vocab_size
    for text in TEXTS:
        assert larger.encode(text) == tokenizer.encode(text)
    two = tokenizer.vocab_size + 1
    assert two in larger.encode("low<|two|>low", special="parse")
    assert two not in larger.encode("low<|two|>low")
    assert larger.decode([two]) == "<|two|>"
    larger.save(tmp_path / "larger")
    assert_same(larger, tokloom.load(tmp_path / "larger"))
    assert_same(larger, pickle.loads(pickle.dumps(larger)))


@every_kind
@pytest.mark.parametrize("names", [[""], ["<|one|>", "<|one|>"], ["\ud800"]])
def test_special_tokens_that_can_not_be(kind: Kind, names):
    with pytest.raises(tokloom.SpecialTokenError):
        kind.tokenizer.with_special_tokens(names)
    with pytest.raises(TypeError):
        kind.tokenizer.with_special_tokens("<|one|>")


@every_kind
def test_a_special_token_that_is_there_already(kind: Kind):
    for name in [*kind.tokenizer.special_tokens][:1]:
        with pytest.raises(tokloom.SpecialTokenError):
            kind.tokenizer.with_special_tokens([name])


# --- bad arguments --------------------------------------------------------------------------------------------------


@every_kind
def test_texts_that_are_none(kind: Kind):
    tokenizer = kind.tokenizer
    for call in (tokenizer.encode, tokenizer.count_tokens, tokenizer.spans, tokenizer.encode_to_numpy):
        with pytest.raises(tokloom.TextError, match="character 2"):
            call("ab\ud800")
        with pytest.raises(TypeError):
            call(5)  # type: ignore[arg-type]
    with pytest.raises(tokloom.TextError, match="text 1"):
        tokenizer.encode_batch(["a", "\ud800"])
    with pytest.raises((tokloom.TextError, UnicodeEncodeError)):
        list(tokenizer.encode_stream(["a\ud800"]))
    for texts in ("one text", b"one text"):
        with pytest.raises(TypeError):
            tokenizer.encode_batch(texts)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            tokenizer.encode_batch_to_numpy(texts)  # type: ignore[arg-type]


@every_kind
def test_bytes_that_are_no_text(kind: Kind):
    tokenizer = kind.tokenizer
    if tokenizer.guarantees == "bytes":
        assert tokenizer.decode_bytes(tokenizer.encode(b"ab\xff")) == b"ab\xff"
        return
    for call in (tokenizer.encode, tokenizer.count_tokens, tokenizer.spans):
        with pytest.raises(tokloom.TextError, match="byte 2"):
            call(b"ab\xff")
    with pytest.raises(tokloom.TextError, match="text 1"):
        tokenizer.encode_batch(["a", b"\xff"])


@every_kind
def test_arguments_out_of_range(kind: Kind):
    tokenizer = kind.tokenizer
    with pytest.raises(tokloom.ArgumentError):
        tokenizer.encode("a", special="nonsense")
    with pytest.raises(tokloom.SpecialTokenError, match="nope"):
        tokenizer.encode("a", special={"nope"})
    with pytest.raises(TypeError):
        tokenizer.encode("a", special=5)  # type: ignore[arg-type]
    with pytest.raises(tokloom.ArgumentError):
        tokenizer.encode_batch(["a"], threads=0)
    with pytest.raises(tokloom.ArgumentError):
        tokenizer.truncate("a", -1)
    with pytest.raises(tokloom.ArgumentError):
        list(tokenizer.chunk("a", 0))
    with pytest.raises(tokloom.ArgumentError):
        tokenizer.export("nowhere", format="nonsense")
