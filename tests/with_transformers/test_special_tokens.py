"""Pad tokens, added tokens, saving, copies: what changes a view, and what it refuses."""

import copy
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import published
import samples
import tokloom

transformers = pytest.importorskip(
    "transformers", reason="transformers isn't installed (make test-transformers has it)"
)


def test_without_a_pad_token_padding_raises_as_transformers_does(make):
    view = make("<|endoftext|>").as_transformers()
    assert view.pad_token is None
    assert view.pad_token_id is None
    with pytest.raises(ValueError, match=r"no pad token to fill up with; .* as_transformers\(pad_token="):
        view(["a", "b c"], padding=True)
    assert view(["a", "b c"])["input_ids"] == view.tokenizer.encode_batch(["a", "b c"])


def test_a_new_pad_token_gets_the_id_after_the_last(make):
    tokenizer = make("<|endoftext|>")
    view = tokenizer.as_transformers(pad_token="<|pad|>")
    assert (view.pad_token, view.pad_token_id) == ("<|pad|>", tokenizer.vocab_size)
    assert len(view) == view.vocab_size == tokenizer.vocab_size + 1
    assert "<|pad|>" not in tokenizer.special_tokens


def test_the_vocabularys_own_pad_token_is_taken_without_a_word(make):
    tokenizer = make("<|endoftext|>", "<pad>")
    assert tokenizer.as_transformers().pad_token == "<pad>"
    view = tokenizer.as_transformers(pad_token="<pad>")
    assert (view.pad_token, len(view)) == ("<pad>", len(tokenizer))


def test_an_existing_pad_token_warns_that_labels_are_masked(make):
    tokenizer = make("<|endoftext|>")
    with pytest.warns(tokloom.TokloomWarning, match="mask the labels of every '<|endoftext|>'") as caught:
        view = tokenizer.as_transformers(pad_token="<|endoftext|>")
    assert caught[0].filename == __file__
    assert len(view) == len(tokenizer)
    with pytest.warns(tokloom.TokloomWarning, match="mask the labels"):
        view.pad_token = view.eos_token
    with pytest.warns(tokloom.TokloomWarning, match="mask the labels"):
        view.pad_token_id = view.eos_token_id


@pytest.mark.parametrize(
    "name", ["<|endofttext|>", "endoftext", "<endoftext>", "<|end_of_text|>", "<|EndOfText|>"]
)
def test_a_slip_of_the_pen_is_no_new_token(make, name):
    tokenizer = make("<|endoftext|>", "<|reserved_1|>")
    with pytest.raises(tokloom.SpecialTokenError, match=r"'<\|endoftext\|>'.*with_special_tokens"):
        tokenizer.as_transformers(pad_token=name)


@pytest.mark.parametrize("name", ["<|pad|>", "[PAD]", "<|reserved_2|>", "<unk>"])
def test_another_name_is_a_new_token(make, name):
    tokenizer = make("<|endoftext|>", "<|reserved_1|>", "<|end|>")
    assert tokenizer.as_transformers(pad_token=name).pad_token_id == len(tokenizer)


def test_a_pad_token_is_a_name(make):
    with pytest.raises(TypeError, match="not int"):
        make("<|endoftext|>").as_transformers(pad_token=0)
    with pytest.raises(tokloom.SpecialTokenError):
        make("<|endoftext|>").as_transformers(pad_token="")


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_real_end_of_text_is_attended_to(make, side):
    """The mask comes from lengths: ids that are the pad id may be a text's own."""
    tokenizer = make("<|endoftext|>")
    with pytest.warns(tokloom.TokloomWarning):
        view = tokenizer.as_transformers(pad_token="<|endoftext|>")
    found = view(["a<|endoftext|>", "a b c d"], padding=True, split_special_tokens=False, padding_side=side)
    end = tokenizer.special_tokens["<|endoftext|>"]
    row, mask = found["input_ids"][0], found["attention_mask"][0]
    assert row.count(end) > 1
    assert sum(mask) == 2
    padded = view.pad({"input_ids": [[97, end], [97, 98, 99]]}, padding_side=side)
    assert sorted(padded["attention_mask"][0]) == [0, 1, 1]


def test_padding_does_not_shorten(make):
    view = make("<|pad|>").as_transformers()
    with pytest.raises(tokloom.ArgumentError, match=r"5 ids is to be padded to 3.*truncation=True"):
        view.pad({"input_ids": [[97, 98], [97, 98, 99, 100, 101]]}, padding="max_length", max_length=3)
    with pytest.raises(tokloom.ArgumentError, match="padding doesn't shorten"):
        view("hello world", padding="max_length", max_length=2)
    assert view.pad({"input_ids": [97]}, padding="max_length", max_length=3)["attention_mask"] == [1, 0, 0]


def test_special_tokens_can_be_added_later(make):
    view = make("<|endoftext|>").as_transformers()
    before = len(view)
    assert view.add_special_tokens({"pad_token": "[PAD]", "extra_special_tokens": ["<a>", "<b>"]}) == 3
    assert view.pad_token_id in range(before, before + 3)
    assert len(view) == before + 3
    assert {"[PAD]", "<a>", "<b>"} <= set(view.all_special_tokens)
    assert view.encode("x<a>", split_special_tokens=False)[-1] == view.convert_tokens_to_ids("<a>")
    assert view.encode("x<a>") == view.tokenizer.encode("x<a>")
    assert view.add_special_tokens({"pad_token": "[PAD]"}) == 0
    assert view.add_tokens(["<c>"], special_tokens=True) == 1
    assert view.convert_tokens_to_ids("<c>") == len(view) - 1
    assert view.decode([len(view) - 1, 97], skip_special_tokens=True) == "a"


def test_what_would_change_text_is_not_added(make):
    view = make("<|endoftext|>").as_transformers()
    with pytest.raises(tokloom.ArgumentError, match="with_special_tokens"):
        view.add_tokens(["newword"])
    with pytest.raises(tokloom.ArgumentError, match="with_special_tokens"):
        view.add_tokens("newword")
    with pytest.raises(tokloom.ArgumentError, match="white space"):
        view.add_tokens([transformers.AddedToken("<m>", lstrip=True, special=True)], special_tokens=True)
    with pytest.raises(tokloom.SpecialTokenError, match="no special token of this vocabulary"):
        view.pad_token = "[PAD]"
    with pytest.raises(tokloom.SpecialTokenError, match="no special token"):
        view.pad_token_id = 10**6
    assert view.add_tokens(["<|endoftext|>"]) == 0


def test_the_error_of_transformers_is_good_advice(make):
    """It says: `tokenizer.pad_token = tokenizer.eos_token`, or `add_special_tokens({'pad_token': '[PAD]'})`."""
    view = make("<|endoftext|>").as_transformers()
    view.add_special_tokens({"pad_token": "[PAD]"})
    assert view(["a", "b c"], padding=True)["attention_mask"][0][-1] == 0


def test_a_saved_folder_opens_everywhere_with_the_same_ids(make, tmp_path):
    view = make("<|endoftext|>", "<|im_end|>").as_transformers(pad_token="<|pad|>")
    view.chat_template = "{{ messages[0].content }}"
    view.model_max_length = 77
    (tmp_path / "model.safetensors").write_bytes(b"somebody's")
    written = view.save_pretrained(tmp_path)
    assert all(Path(path).is_file() for path in written)
    held = sorted(path.name for path in tmp_path.iterdir())
    assert held == [
        "chat_template.jinja", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "tokloom.json",
        "vocabulary.tiktoken",
    ]  # fmt: skip
    assert tokloom.load(tmp_path).fingerprint == view.tokenizer.fingerprint
    for opened in (
        transformers.AutoTokenizer.from_pretrained(tmp_path),
        transformers.PreTrainedTokenizerFast.from_pretrained(tmp_path),
    ):
        assert (
            opened(list(samples.NASTY_TEXTS))["input_ids"]
            == view(list(samples.NASTY_TEXTS), split_special_tokens=False)["input_ids"]
        )
        assert len(opened) == len(view)
        assert (opened.pad_token_id, opened.eos_token_id) == (view.pad_token_id, view.eos_token_id)
        assert opened.model_max_length == 77
        assert opened.chat_template == view.chat_template
    view.save_pretrained(tmp_path)  # again, over the old files
    view.save_vocabulary(str(tmp_path))


def test_saving_over_a_file(make, tmp_path):
    path = tmp_path / "model"
    path.write_text("mine")
    with pytest.raises(tokloom.SourceError, match="this is a file; give another path") as caught:
        make().as_transformers().save_pretrained(path)
    assert caught.value.filename == str(path)
    assert path.read_text() == "mine"


def test_saving_refuses_what_would_not_open(make, tmp_path):
    view = make("<|endoftext|>").as_transformers()
    for choices in ({"filename_prefix": "x"}, {"legacy_format": True}, {"push_to_hub": True}):
        with pytest.raises(tokloom.ArgumentError, match=r"tokenizer\.json"):
            view.save_pretrained(tmp_path / "new", **choices)
    with pytest.raises(tokloom.ArgumentError, match="filename_prefix"):
        view.save_vocabulary(str(tmp_path), "x")
    with pytest.raises(tokloom.ArgumentError, match=r"tokloom\.load"):
        type(view).from_pretrained(str(tmp_path))
    (tmp_path / "file").write_text("x")
    with pytest.raises(tokloom.SourceError):
        view.save_pretrained(tmp_path / "file")


def test_a_pattern_that_means_something_else_there_is_saved_in_our_own_form(make, tmp_path):
    view = make("<|endoftext|>", pattern=r"\w+|\s+").as_transformers()
    with pytest.warns(
        tokloom.TokloomWarning, match=r"without a tokenizer\.json .*AutoTokenizer can't open it"
    ):
        view.save_pretrained(tmp_path)
    held = sorted(path.name for path in tmp_path.iterdir())
    assert held == ["tokenizer_config.json", "tokloom.json", "vocabulary.tiktoken"]
    assert tokloom.load(tmp_path).fingerprint == view.tokenizer.fingerprint
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises((ValueError, ImportError), match=r"Couldn't instantiate|protobuf"):
        transformers.AutoTokenizer.from_pretrained(tmp_path)
    with pytest.warns(tokloom.TokloomWarning):
        view.save_pretrained(tmp_path)  # again, over the old files


@pytest.mark.parametrize("name", ["tekken", "mistral-v1", "mistral-v3"])
def test_a_published_vocabulary_without_a_tokenizer_json(name, tmp_path):
    tokenizer = published.load(name)
    view = tokenizer.as_transformers(pad_token="<|pad|>" if tokenizer.pad_id is None else None)
    with pytest.warns(tokloom.TokloomWarning, match=r"without a tokenizer\.json"):
        view.save_pretrained(tmp_path)
    again = tokloom.load(tmp_path)
    assert again.fingerprint == view.tokenizer.fingerprint
    opened = again.as_transformers(pad_token=view.pad_token)
    assert len(opened) == len(view)
    assert opened(["a b", "c"], padding=True)["attention_mask"][1][-1] == 0


@pytest.mark.filterwarnings("ignore::tokloom.TokloomWarning")
def test_an_old_file_stays_whole_when_saving_fails(make, tmp_path):
    """One that AutoTokenizer would open in place of what was saved."""
    make("<|endoftext|>").as_transformers().save_pretrained(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    view = make("<|endoftext|>", pattern=r"\w+|\s+").as_transformers()
    for save in (view.save_pretrained, lambda folder: view.save_vocabulary(str(folder))):
        with pytest.raises(tokloom.VocabularyError, match=r"has a tokenizer\.json"):
            save(tmp_path)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_configuration_names_a_class_that_is_there(make, tmp_path):
    make("<|endoftext|>").as_transformers().save_pretrained(tmp_path)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text("utf-8"))
    assert config["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert "split_special_tokens" not in config  # else its chat templates would be encoded as text


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda view: pickle.loads(pickle.dumps(view))])
def test_copies(make, copied):
    view = make("<|endoftext|>").as_transformers(pad_token="<|pad|>")
    view.chat_template = "{{ messages[0].content }}"
    view.get_vocab()
    other = copied(view)
    assert type(other) is type(view)
    texts = list(samples.NASTY_TEXTS)
    assert other(texts, padding=True) == view(texts, padding=True)
    assert (other.pad_token_id, len(other), other.chat_template) == (
        view.pad_token_id,
        len(view),
        view.chat_template,
    )
    assert other.split_special_tokens
    assert other.get_vocab() == view.get_vocab()


def test_another_process_gets_it(make, tmp_path):
    view = make("<|endoftext|>").as_transformers()
    (tmp_path / "view.pickle").write_bytes(pickle.dumps(view))
    code = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')).encode('hello world'))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "view.pickle")],
        capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert json.loads(done.stdout) == view.encode("hello world")


def test_another_version_of_transformers_is_told(make, monkeypatch):
    monkeypatch.setattr(transformers, "__version__", "4.57.1")
    with pytest.raises(tokloom.MissingDependencyError, match=r"4\.57\.1.*tokloom\[transformers\]"):
        make("<|endoftext|>").as_transformers()
