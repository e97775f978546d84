"""The view as a `tiktoken.Encoding`, beside the tokenizer itself: the same ids, or a refusal in a sentence."""

from __future__ import annotations

import functools
import subprocess
import sys

import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st

import samples
import tokloom
from conformance.kinds import KINDS, from_file
from property import making

ENGINE = [
    kind
    for kind in KINDS
    if kind.runs == "engine" and kind.name != "words" and not kind.name.startswith("FSQ")
]
LEARNED = [kind for kind in KINDS if kind.name.startswith("FSQ")]
PATTERNS = [*samples.NAMED_PATTERNS, *making.CUSTOM]


@functools.cache
def trained(pattern: str) -> tokloom.BPETokenizer:
    return tokloom.train(making.CORPUS, 400, pattern=pattern, special_tokens=["<|a|>", "<|b|>"])


@pytest.mark.parametrize("kind", ENGINE, ids=repr)
def test_it_is_the_same_vocabulary(kind):
    tokenizer = kind.tokenizer
    view = tokenizer.as_tiktoken()
    assert type(view) is tiktoken.Encoding
    assert view.name == tokenizer.name
    assert view.n_vocab == tokenizer.vocab_size  # holes counted
    assert view._special_tokens == tokenizer.special_tokens
    assert view.special_tokens_set == set(tokenizer.special_tokens)
    for id, token in tokenizer.tokens().items():
        assert view.decode_single_token_bytes(id) == token
    assert tokloom.adapt(view).fingerprint == tokenizer.fingerprint


@pytest.mark.parametrize("kind", LEARNED, ids=repr)
def test_what_was_learned_is_no_bpe(kind):
    with pytest.raises(tokloom.VocabularyError, match="tiktoken has byte-level BPE alone"):
        kind.tokenizer.as_tiktoken()


@pytest.mark.parametrize("kind", ENGINE, ids=repr)
@given(text=samples.texts())
def test_the_same_ids_and_text(kind, text):
    tokenizer, view = kind.tokenizer, kind.tokenizer.as_tiktoken()
    ids = tokenizer.encode(text)
    assert view.encode_ordinary(text) == view.encode(text, disallowed_special=()) == ids
    assert view.decode(ids) == text
    assert view.decode_bytes(ids) == tokenizer.decode_bytes(ids)
    assert view.encode_ordinary_batch([text, "a"]) == tokenizer.encode_batch([text, "a"])
    assert view.decode_tokens_bytes(ids) == [tokenizer.token_bytes(id) for id in ids]


@pytest.mark.parametrize("pattern", PATTERNS)
@given(text=samples.settled_texts(), allowed=st.sets(st.sampled_from(["<|a|>", "<|b|>"])))
def test_every_pattern_and_special_tokens(pattern, text, allowed):
    tokenizer = trained(pattern)
    view = tokenizer.as_tiktoken()
    text = f"<|a|>{text}<|b|><|a|> {text}"
    assert view.encode(text, allowed_special=allowed, disallowed_special=()) == tokenizer.encode(
        text, special=allowed
    )
    assert view.encode(text, allowed_special="all") == tokenizer.encode(text, special="parse")
    with pytest.raises(ValueError, match=r"<\|a\|>"):
        view.encode(text)


def test_what_the_pattern_leaves_is_kept():
    tokenizer = tokloom.train(["one two"], 257, pattern="[a-z]+")
    assert tokenizer.as_tiktoken().encode("a-b") == tokenizer.encode("a-b")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.runs != "engine"], ids=repr)
def test_an_adapter_is_refused(kind):
    with pytest.raises(tokloom.VocabularyError, match="byte-level BPE alone"):
        kind.tokenizer.as_tiktoken()


def with_added(*added: tuple) -> tokloom.BPETokenizer:
    vocabulary = trained("gpt4")._vocabulary
    return tokloom.BPETokenizer(vocabulary.with_added_tokens(list(added)), name="made")


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: tokloom.train(making.CORPUS, 300, model="words"), "whole words"),
        (lambda: tokloom.train(making.CORPUS, 300, pattern="deepseek-v3"), "sequence of splits"),
        (lambda: tokloom.train(making.CORPUS, 300, pattern=[r"\d", r"\w+"]), "sequence of splits"),
        (lambda: with_added(("<x>", 400, False, False, False, False, False)), "special tokens alone"),
        (lambda: with_added(("<x>", 400, True, True, False, False, False)), "white space on its left"),
        (lambda: with_added(("<x>", 400, True, False, True, True, False)), "right and must be a word"),
        (lambda: trained("gpt4").with_special_tokens(["<|a|>b"]), "chance"),
    ],
)
def test_what_tiktoken_can_not_say_is_refused(make, match):
    with pytest.raises(tokloom.VocabularyError, match=match):
        make().as_tiktoken()


def test_merges_that_ids_do_not_say_are_refused():
    import json

    file = json.loads(trained("gpt4")._vocabulary.to_huggingface())
    file["model"]["merges"].reverse()
    tokenizer = from_file(json.dumps(file).encode(), "tokenizer.json")
    assert isinstance(tokenizer, tokloom.BPETokenizer)
    with pytest.raises(tokloom.VocabularyError, match="list of merges"):
        tokenizer.as_tiktoken()


def test_without_tiktoken_the_extra_is_named():
    program = (
        "import sys; sys.modules['tiktoken'] = None; import tokloom; tokloom.load('bytes').as_tiktoken()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "MissingDependencyError" in done.stderr
    assert "pip install 'tokloom[tiktoken]'" in done.stderr
