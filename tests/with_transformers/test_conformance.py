"""The view gives what transformers' own fast tokenizer gives, over odd texts as over plain ones.

The differences that are meant are asserted, too: special tokens in text, holes in the ids, what raises.
"""

import itertools

import pytest
from hypothesis import given, settings

import samples
import tokloom

pytest.importorskip("transformers", reason="transformers isn't installed (make test-transformers has it)")

from with_transformers.views import both

TEXTS = [*samples.NASTY_TEXTS, "plain text, of words. And more", "the lower the slower"]


def test_ids_and_masks(pair):
    ours, theirs = pair.view(TEXTS), pair.fast(TEXTS, split_special_tokens=True)
    assert ours["input_ids"] == theirs["input_ids"]
    assert ours["attention_mask"] == theirs["attention_mask"]
    assert set(ours) == set(theirs)


def test_special_tokens_are_parsed_only_if_asked_for(pair):
    """The documented difference: transformers parses by default, and we don't."""
    text = "a<|endoftext|>b <|im_end|>"
    assert pair.view(text, split_special_tokens=False)["input_ids"] == pair.fast(text)["input_ids"]
    assert pair.view(text)["input_ids"] != pair.fast(text)["input_ids"]
    assert pair.view.decode(pair.view(text)["input_ids"], skip_special_tokens=True) == text
    parsed = pair.view(TEXTS, split_special_tokens=False)["input_ids"]
    assert parsed == pair.fast(TEXTS)["input_ids"]


@settings(max_examples=60)
@given(samples.settled_texts())
@pytest.mark.parametrize("name", ["gpt4", "o200k"])
def test_any_text(name, text):
    view, fast, _ = both(name)
    assert view.encode(text) == fast.encode(text, split_special_tokens=True)
    assert view.encode(text, split_special_tokens=False) == fast.encode(text)
    assert view.tokenize(text) == fast.tokenize(text, split_special_tokens=True)
    assert view.decode(view.encode(text)) == text


@pytest.mark.parametrize("padding", [True, "longest", "max_length", False])
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("tensors", [None, "np"])
def test_padding_and_truncation(pair, padding, side, tensors):
    if tensors and padding is False:
        padding = "max_length"
    choices = {
        "padding": padding, "truncation": True, "max_length": 12, "padding_side": side, "return_tensors": tensors,
    }  # fmt: skip
    ours, theirs = pair.view(TEXTS, **choices), pair.fast(TEXTS, split_special_tokens=True, **choices)
    assert_same(ours, theirs)


def assert_same(ours, theirs):
    assert set(ours) == set(theirs)
    for name in theirs:
        left, right = ours[name], theirs[name]
        if hasattr(left, "tolist"):
            assert left.shape == right.shape
            left, right = left.tolist(), right.tolist()
        assert left == right, name


@pytest.mark.parametrize("truncation_side", ["left", "right"])
@pytest.mark.parametrize("strategy", ["only_first", "only_second", "longest_first"])
@pytest.mark.parametrize("max_length", [3, 4, 7, 10, 11, 30])
def test_pairs(small, strategy, truncation_side, max_length):
    view, fast, _ = small
    firsts = ["hello world there", "a", "the lower the slower they be", "x y z u v w"]
    seconds = ["I'll be there, world", "def f(x): return x", "b", "u v w x y z"]
    if strategy == "only_first":
        firsts, seconds = [text * 9 for text in firsts], ["b"] * 4
    if strategy == "only_second":
        firsts, seconds = ["b"] * 4, [text * 9 for text in seconds]
    view.truncation_side = fast.truncation_side = truncation_side
    try:
        choices = {
            "truncation": strategy, "max_length": max_length, "padding": "max_length", "return_token_type_ids": True,
            "return_special_tokens_mask": True, "return_offsets_mapping": True, "return_length": True,
        }  # fmt: skip
        assert_same(view(firsts, seconds, **choices), fast(firsts, seconds, **choices))
        assert_same(
            view(list(zip(firsts, seconds, strict=True)), **choices), fast(firsts, seconds, **choices)
        )
        assert_same(view(firsts[0], seconds[0], **choices), fast(firsts[0], seconds[0], **choices))
    finally:
        view.truncation_side = fast.truncation_side = "right"


def test_every_length_of_pairs(small):
    view, fast, _ = small
    for first, second in itertools.product(range(1, 6), range(1, 6)):
        for max_length in range(2, first + second + 1):
            choices = {"truncation": True, "max_length": max_length}
            texts = "x" * 0 + " y" * first, " z" * second
            assert_same(view(*texts, **choices), fast(*texts, **choices))


def test_offsets(pair):
    ours = pair.view(TEXTS, return_offsets_mapping=True, padding=True, return_special_tokens_mask=True)
    theirs = pair.fast(
        TEXTS,
        return_offsets_mapping=True,
        padding=True,
        return_special_tokens_mask=True,
        split_special_tokens=True,
    )
    assert_same(ours, theirs)


def test_words(small):
    view, fast, _ = small
    words = [["hello", "world"], ["I'll", "be", " there", ""], []]
    choices = {"is_split_into_words": True, "padding": True, "return_offsets_mapping": True}
    assert_same(view(words, **choices), fast(words, **choices))
    assert_same(view(words[0], is_split_into_words=True), fast(words[0], is_split_into_words=True))


@pytest.mark.parametrize("text", ["", "hello world", "naïve 人人"])
def test_one_text(pair, text):
    view, fast, _ = pair
    for choices in (
        {},
        {"return_length": True},
        {"padding": "max_length", "max_length": 30},
        {"add_special_tokens": False},
    ):
        assert_same(view(text, **choices), fast(text, **choices))
        if text:
            assert_same(
                view(text, return_tensors="np", **choices), fast(text, return_tensors="np", **choices)
            )
    assert view.encode(text) == fast.encode(text)
    assert view.tokenize(text) == fast.tokenize(text)
    assert view.tokenize(text, pair="x") == fast.tokenize(text, pair="x")


def test_decoding(pair):
    view, fast, tokenizer = pair
    broken = [
        view.encode("né人")[:-1],
        view.encode("人")[1:] or [0],
        [tokenizer.special_tokens["<|endoftext|>"], 97],
    ]
    for ids in [*view(TEXTS, split_special_tokens=False)["input_ids"], *broken]:
        for skip in (False, True):
            assert view.decode(ids, skip_special_tokens=skip) == fast.decode(ids, skip_special_tokens=skip)
    batch = view(TEXTS)["input_ids"]
    assert view.batch_decode(batch) == fast.batch_decode(batch) == TEXTS
    padded = view(TEXTS, padding=True, return_tensors="np")["input_ids"]
    assert view.batch_decode(padded, skip_special_tokens=True) == TEXTS
    assert view.decode(97) == fast.decode(97)


def test_names_and_ids(pair):
    view, fast, tokenizer = pair
    assert view.get_vocab() == fast.get_vocab()
    ids = list(range(0, tokenizer.vocab_size + 3, 7))
    assert view.convert_ids_to_tokens(ids) == fast.convert_ids_to_tokens(ids)
    assert view.convert_ids_to_tokens(tokenizer.special_tokens["<|endoftext|>"]) == "<|endoftext|>"
    names = [name for name in view.convert_ids_to_tokens(ids) if name is not None]
    assert view.convert_tokens_to_ids(names) == fast.convert_tokens_to_ids(names)
    assert view.convert_tokens_to_ids("<|nothing|>") is fast.convert_tokens_to_ids("<|nothing|>") is None
    tokens = view.tokenize("naïve 人人 text\n")
    assert (
        view.convert_tokens_to_string(tokens) == fast.convert_tokens_to_string(tokens) == "naïve 人人 text\n"
    )


def test_special_tokens_are_known_by_the_same_names(pair):
    view, fast, _ = pair
    assert view.special_tokens_map == fast.special_tokens_map
    assert sorted(view.all_special_tokens) == sorted(fast.all_special_tokens)
    assert view.pad_token_id == fast.pad_token_id
    assert view.eos_token_id == fast.eos_token_id


def test_length_is_the_rows_of_an_embedding(pair):
    """Another documented difference: transformers counts tokens, so that holes make its length too small."""
    highest = max(pair.fast.get_vocab().values())
    assert len(pair.view) == pair.view.vocab_size == highest + 1
    assert len(pair.fast) <= len(pair.view)


def test_special_tokens_mask(small):
    view, fast, _ = small
    ids = view.encode("a<|endoftext|>b", split_special_tokens=False)
    for mask in (view, fast):
        assert mask.get_special_tokens_mask(ids, already_has_special_tokens=True).count(1) == 1


@pytest.mark.parametrize("processor", ["template", "roberta", "bert", "llama3"])
def test_tokens_that_the_vocabulary_itself_adds(processor, tmp_path):
    from tokenizers import Tokenizer, processors
    from transformers import AutoTokenizer

    plain = tokloom.train(["hello world there"] * 3, 268, special_tokens=["<s>", "</s>"])
    s, e = plain.special_tokens["<s>"], plain.special_tokens["</s>"]
    plain.save(tmp_path / "plain")
    theirs = Tokenizer.from_file(str(tmp_path / "plain" / "tokenizer.json"))
    template = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1 </s>:1", special_tokens=[("<s>", s), ("</s>", e)]
    )
    theirs.post_processor = {
        "template": lambda: template,
        "roberta": lambda: processors.RobertaProcessing(("</s>", e), ("<s>", s), add_prefix_space=False),
        "bert": lambda: processors.BertProcessing(("</s>", e), ("<s>", s)),
        "llama3": lambda: processors.Sequence([processors.ByteLevel(trim_offsets=True), template]),
    }[processor]()
    theirs.save(str(tmp_path / "tokenizer.json"))
    view = tokloom.load(tmp_path / "tokenizer.json").as_transformers(pad_token="<|pad|>")
    view.save_pretrained(tmp_path / "saved")
    fast = AutoTokenizer.from_pretrained(tmp_path / "saved")
    choices = {
        "return_token_type_ids": True, "return_special_tokens_mask": True, "return_offsets_mapping": True,
        "padding": True,
    }  # fmt: skip
    texts = ["hello world", "", " there  ", "x y  z\n "]
    for more in ({}, {"truncation": True, "max_length": 6}, {"add_special_tokens": False}):
        assert_same(view(texts, **choices, **more), fast(texts, **choices, **more))
        assert_same(view(texts, texts[::-1], **choices, **more), fast(texts, texts[::-1], **choices, **more))
    assert view.num_special_tokens_to_add(True) == fast.num_special_tokens_to_add(True)
    assert view.encode("hello") == fast.encode("hello")
    assert view.encode("hello") != view.tokenizer.encode("hello")  # the contract's own `encode` never adds
