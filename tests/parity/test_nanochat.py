"""The nanochat view, and the folder that nanochat opens.

nanochat's `RustBPETokenizer` is a thin wrapper of a `tiktoken.Encoding`: what each of its methods makes of it is stated
here (karpathy/nanochat, `nanochat/tokenizer.py` and `scripts/tok_train.py`, commit 92d63d4), over the real tiktoken.
"""

import base64
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import chats
import samples
import tokloom
from tokloom.errors import (
    ArgumentError,
    ConversationError,
    SourceError,
    TextError,
    UnknownIdError,
    VocabularyError,
)
from tokloom.views.nanochat import NanochatView
from tokloom.views.nanochat_files import files, lengths, tensor_file

pytest.importorskip("tiktoken", reason="tiktoken is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("tokloom.views.tiktoken", reason="as_tiktoken() is not there yet")
    path = tmp_path_factory.mktemp("nanochat") / "tokenizer"
    chats.vocabulary().export(path, format="nanochat")
    return path


@pytest.fixture(scope="module")
def encoding(folder):
    """What nanochat has in its hands after it opened the folder: unpickled here, in a test, never in the package."""
    return pickle.loads((folder / "tokenizer.pkl").read_bytes())


@pytest.fixture(scope="module")
def view():
    return chats.vocabulary().as_nanochat()


def test_what_it_is(view, encoding):
    assert type(encoding).__name__ == "Encoding"
    assert view.get_vocab_size() == encoding.n_vocab
    assert view.get_special_tokens() == encoding.special_tokens_set
    assert view.get_bos_token_id() == view.bos_token_id == encoding.encode_single_token("<|bos|>")


@given(text=chats.texts)
def test_encode(view, encoding, text):
    ids = encoding.encode_ordinary(text)
    assert view.encode(text) == view(text) == ids
    assert view.encode(text, prepend="<|bos|>", append=7) == [view.get_bos_token_id(), *ids, 7]
    assert view.encode(text, 0, "a", num_threads=1) == [0, *ids, 97]
    assert view.decode(ids) == encoding.decode(ids) == text


def test_encode_lists(view, encoding):
    texts = list(samples.NASTY_TEXTS)
    rows = encoding.encode_ordinary_batch(texts)
    assert view.encode(texts) == view(texts, num_threads=2) == rows
    bos = view.get_bos_token_id()
    assert view.encode(texts, prepend="<|bos|>") == [[bos, *ids] for ids in rows]
    assert view.encode(texts, append=bos) == [[*ids, bos] for ids in rows]
    assert view.encode([]) == []


@given(ids=st.lists(st.integers(0, 700), max_size=20))
def test_decode(view, encoding, ids):
    ids = [id for id in ids if id < encoding.n_vocab]
    assert view.decode(ids) == encoding.decode(ids)


def test_single_tokens(view, encoding):
    for id in range(encoding.n_vocab):
        assert view.decode_single_token_bytes(id) == encoding.decode_single_token_bytes(id)
        assert view.id_to_token(id) == encoding.decode([id])
    known = {encoding.decode([id]): id for id in range(encoding.n_vocab)}
    for text in [*chats.CONTROL, "a", " ", "user", *samples.NASTY_TEXTS]:
        if text in chats.CONTROL or encoding.encode_ordinary(text) == [known.get(text)]:
            assert view.encode_special(text) == encoding.encode_single_token(text)
        else:
            for encode in (view.encode_special, encoding.encode_single_token):
                with pytest.raises(KeyError):
                    encode(text)


def test_visualize_tokenization(view):
    ids, mask = view.render_conversation({"messages": [chats.user("a"), chats.assistant("b")]})
    names = [
        "<|bos|>",
        "<|user_start|>",
        "a",
        "<|user_end|>",
        "<|assistant_start|>",
        "b",
        "<|assistant_end|>",
    ]
    colours = ["\x1b[91m"] * 5 + ["\x1b[92m"] * 2
    shown = [f"{colour}{name}\x1b[0m" for colour, name in zip(colours, names, strict=True)]
    assert view.visualize_tokenization(ids, mask) == "|".join(shown)
    with_ids = [
        part for text, id in zip(shown, ids, strict=True) for part in (text, f"\x1b[90m({id})\x1b[0m")
    ]
    assert view.visualize_tokenization(ids, mask, with_token_id=True) == "|".join(with_ids)


def test_what_it_cannot_do_raises(view):
    with pytest.raises(ValueError, match="a str or a list of str, not tuple"):
        view.encode(("a",))
    with pytest.raises(ArgumentError, match="not NoneType"):
        view.encode(None)
    with pytest.raises(TextError):
        view.encode("\ud800")
    with pytest.raises(KeyError):
        view.decode([10_000])
    for wrong in (999_999, -5, True, 1.5):
        for where in ("prepend", "append"):
            with pytest.raises(UnknownIdError):
                view.encode("a", **{where: wrong})
    with pytest.raises(ArgumentError, match="max_tokens is '5'; it must be a whole number"):
        view.render_conversation({"messages": [chats.user()]}, max_tokens="5")
    wrongs: list[Any] = [{}, [], {"messages": []}, {"messages": [chats.assistant()]}, {"messages": "x"}]
    for wrong in wrongs:
        with pytest.raises(ConversationError):
            view.render_conversation(wrong)
    with pytest.raises(ConversationError, match="last message must be the assistant's"):
        view.render_for_completion({"messages": [chats.user()]})
    with pytest.raises(ArgumentError, match="-1"):
        view.render_conversation({"messages": [chats.user()]}, max_tokens=-1)
    with pytest.raises(VocabularyError, match=r"'<\|bos\|>'.*with_special_tokens"):
        tokloom.load("bytes").as_nanochat()
    few = tokloom.load("bytes").with_special_tokens(["<|bos|>"]).as_nanochat()
    with pytest.raises(VocabularyError, match="user_start"):
        few.render_conversation({"messages": [chats.user()]})


def test_fields_that_nanochat_does_not_know_are_left_out(view):
    plain = {"messages": [chats.user(), chats.assistant()]}
    more = {"messages": [{**message, "source": "x"} for message in plain["messages"]], "topic": "y"}
    assert view.render_conversation(more) == view.render_conversation(plain)


# The folder


def test_the_folders_encoding_gives_the_same_ids(encoding):
    tokenizer = chats.vocabulary()
    for text in samples.NASTY_TEXTS:
        assert encoding.encode_ordinary(text) == tokenizer.encode(text)
        assert encoding.encode(text, allowed_special="all") == tokenizer.encode(text, special="parse")


def test_token_bytes(folder, encoding):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    tensor = torch.load(folder / "token_bytes.pt", weights_only=True, map_location="cpu")
    special = {encoding.encode_single_token(name) for name in encoding.special_tokens_set}
    expected = [
        0 if id in special else len(encoding.decode_single_token_bytes(id)) for id in range(encoding.n_vocab)
    ]
    assert tensor.tolist() == expected == lengths(chats.vocabulary()).tolist()
    assert tensor.dtype == torch.int32
    assert tensor.shape == (encoding.n_vocab,)
    mapped = torch.load(folder / "token_bytes.pt", weights_only=True, mmap=True)
    assert torch.equal(mapped, tensor)
    assert mapped.data_ptr() % 64 == 0


@given(numbers=st.lists(st.integers(-(2**31), 2**31 - 1)))
def test_any_numbers_come_back(numbers):
    import io

    import numpy as np

    torch = pytest.importorskip("torch", reason="torch is not installed")
    written = tensor_file(np.array(numbers, np.int32))
    assert torch.load(io.BytesIO(written), weights_only=True).tolist() == numbers


def test_the_same_bytes_every_time(folder):
    again = files(chats.vocabulary())
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == again


def test_ids_of_nothing_have_no_bytes(tmp_path):
    path = tmp_path / "holes.tiktoken"
    path.write_bytes(b"".join(base64.b64encode(bytes([byte])) + b" %d\n" % (2 * byte) for byte in range(256)))
    tokenizer = tokloom.load(path, pattern="gpt4", special_tokens={"<|bos|>": 513})
    assert lengths(tokenizer).tolist() == [1, 0] * 256 + [0, 0]


def test_save_writes_beside_what_is_there(folder, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    NanochatView(chats.vocabulary()).save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "notes.txt",
        "token_bytes.pt",
        "tokenizer.pkl",
    ]
    assert (tmp_path / "tokenizer.pkl").read_bytes() == (folder / "tokenizer.pkl").read_bytes()
    with pytest.raises(SourceError):
        NanochatView(chats.vocabulary()).save(tmp_path / "notes.txt" / "below")


def test_export_replaces_its_own_folder_and_no_other(folder, tmp_path):
    tokenizer = chats.vocabulary()
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ArgumentError, match=r"notes\.txt"):
        tokenizer.export(tmp_path, format="nanochat")
    tokenizer.export(tmp_path / "new" / "tokenizer", format="nanochat")
    tokenizer.export(tmp_path / "new" / "tokenizer", format="nanochat")
    assert (tmp_path / "new" / "tokenizer" / "token_bytes.pt").read_bytes() == (
        folder / "token_bytes.pt"
    ).read_bytes()
    assert [path.name for path in tmp_path.joinpath("new").iterdir()] == ["tokenizer"]


def test_export_of_what_nanochat_could_not_open(tmp_path):
    with pytest.raises(VocabularyError, match=r"<\|bos\|>"):
        tokloom.load("bytes").export(tmp_path / "x", format="nanochat")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ArgumentError, match="'tiktoken', 'huggingface', 'nanochat'"):
        tokloom.load("bytes").export(tmp_path / "x", format="nanogpt")
