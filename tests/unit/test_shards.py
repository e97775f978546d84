"""Shards: what was written is what is read, in parts as whole; what was changed or is another's is refused."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokloom
from tokloom.chat import Chat, named_format
from tokloom.corpus import open_shards, packing, write_conversations, write_shards
from tokloom.corpus.sequences import PADDING, Sequences
from tokloom.errors import ArgumentError, FormatError, SourceError

BYTES = tokloom.load("bytes")
TEXTS = ["one", "zwei, das zweite", "", "три", b"\xff\xfe", "five" * 40]


@given(st.lists(st.binary(max_size=40), min_size=1).filter(any), st.integers(1, 30), st.integers(1, 5))
def test_what_was_written_is_read(tmp_path_factory, documents, shard_tokens, unit):
    folder = tmp_path_factory.mktemp("shards")
    shards = write_shards(documents, BYTES, folder, shard_tokens=shard_tokens, unit=unit, padding=256)
    kept = [document for document in documents if document]
    found = list(shards.documents())
    assert [bytes(each.ids[each.ids < 256].tolist()) for each in found] == kept
    assert [each.text_bytes for each in found] == [len(document) for document in kept]
    assert shards.text_bytes == sum(map(len, kept))
    assert all(len(each.ids) % unit == 0 for each in found)
    assert open_shards(folder, verify=True).digest == shards.digest


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1), st.integers(1, 7), st.integers(1, 30))
def test_every_unit_is_in_one_sequence(tmp_path_factory, documents, length, shard_tokens):
    shards = write_shards(documents, BYTES, tmp_path_factory.mktemp("shards"), shard_tokens=shard_tokens)
    length = min(length, shards.size)
    packed = Sequences(shards, length)
    rows = packed.rows(range(len(packed)))
    assert bytes(rows.units[rows.units != PADDING].tolist()) == b"".join(documents)
    numbers = rows.documents[rows.units != PADDING].tolist()
    assert numbers == [number for number, document in enumerate(documents) for _ in document]
    assert (rows.documents[rows.units == PADDING] == PADDING).all()
    assert (rows.counted == (rows.units != PADDING)).all()
    # Batches go through all sequences before one comes again.
    batches = np.concatenate([packed.batch(step, 3, seed=5) for step in range(len(packed))])
    for epoch in range(3):
        assert sorted(batches[epoch * len(packed) :][: len(packed)]) == list(range(len(packed)))


def test_a_long_document_is_streamed_and_counted(tmp_path, monkeypatch):
    whole = write_shards(TEXTS, BYTES, tmp_path / "whole")
    monkeypatch.setattr(packing, "BATCH_BYTES", 10)
    assert write_shards(TEXTS, BYTES, tmp_path / "streamed").digest == whole.digest


def test_the_smallest_type_is_taken(tmp_path):
    wide = BYTES.with_special_tokens([f"<{number}>" for number in range(1 << 16)])
    assert write_shards(["a"], BYTES, tmp_path / "narrow").tokens[0].dtype == np.uint16
    shards = write_shards(["a", "b"], wide, tmp_path / "wide", end=wide.vocab_size - 1)
    assert shards.tokens[0].dtype == np.uint32
    assert shards.read(0, 4).tolist() == [97, wide.vocab_size - 1, 98, wide.vocab_size - 1]
    assert shards.text_bytes == 2  # special tokens are 0 bytes


def test_rows_with_text_are_documents(tmp_path):
    rows = [{"text": "one", "language": "en"}, {"text": "zwei", "language": "de"}]
    assert write_shards(rows, BYTES, tmp_path / "a").digest == (
        write_shards(iter(["one", "zwei"]), BYTES, tmp_path / "b").digest
    )
    with pytest.raises(ArgumentError, match='no "text"'):
        write_shards([{"body": "one"}], BYTES, tmp_path / "c")


def test_conversations_have_their_loss_mask(tmp_path):
    format = named_format("nanochat")
    tokenizer = BYTES.with_special_tokens(format.control_tokens)
    conversation = [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "zwei"}]
    chat = Chat(tokenizer, "nanochat")
    shards = write_conversations([conversation, conversation], chat, tokenizer, tmp_path / "chats")
    ids, mask = chat.render(conversation)
    for document in shards.documents():
        assert document.ids.tolist() == ids
        assert document.trained is not None
        assert document.trained.tolist() == [bool(each) for each in mask]
        assert document.text_bytes == len("zwei")
    rows = Sequences(shards, len(ids)).rows([0, 1])
    assert (rows.counted == np.array([mask, mask], bool)).all()


def test_another_tokenizers_shards_are_refused(tmp_path):
    shards = write_shards(TEXTS, BYTES, tmp_path / "shards")
    shards.check(BYTES)
    with pytest.raises(ArgumentError, match="another tokenizer"):
        shards.check(BYTES.with_special_tokens(["<|end|>"]))


def test_less_text_than_a_sequence_says_what_would_do(tmp_path):
    shards = write_shards(["short"], BYTES, tmp_path / "shards")
    with pytest.raises(ArgumentError, match=r"5 units .* sequence_length=5"):
        Sequences(shards, 6)


@pytest.mark.parametrize("name", ["tokens-00000.bin", "ends-00000.bin", "bytes-00000.bin", "index.json"])
def test_files_that_are_cut_short_are_refused(tmp_path, name):
    write_shards(TEXTS, BYTES, tmp_path / "shards")
    path = tmp_path / "shards" / name
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(FormatError, match="changed"):
        open_shards(tmp_path / "shards")


def test_a_changed_byte_is_found_when_looked_for(tmp_path):
    write_shards(TEXTS, BYTES, tmp_path / "shards")
    path = tmp_path / "shards" / "tokens-00000.bin"
    path.write_bytes(b"\1" + path.read_bytes()[1:])
    with pytest.raises(FormatError, match="changed"):
        open_shards(tmp_path / "shards", verify=True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "x"),
        ("tokloom", 2),
        ("vocab_size", "256"),
        ("shards", -1),
        ("unit", 0),
        ("fingerprint", None),
    ],
)
def test_an_index_that_says_something_else_is_refused(tmp_path, field, value):
    write_shards(TEXTS, BYTES, tmp_path / "shards")
    path = tmp_path / "shards" / "index.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(FormatError, match=r"index\.json"):
        open_shards(tmp_path / "shards")


def test_nothing_is_left_of_what_failed(tmp_path):
    def texts():
        yield "one"
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError):
        write_shards(texts(), BYTES, tmp_path / "shards")
    with pytest.raises(ArgumentError, match="no text"):
        write_shards(["", ""], BYTES, tmp_path / "shards")
    assert not list(tmp_path.iterdir())
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "theirs").write_text("theirs")
    with pytest.raises(SourceError, match="lies there already"):
        write_shards(["one"], BYTES, tmp_path / "full")
