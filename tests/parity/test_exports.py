"""What we export opens in tiktoken and in tokenizers, with our ids on real text; what they wrote opens here with theirs."""

import base64
import functools
import inspect
import json
import sysconfig
from pathlib import Path
from typing import Literal

import pytest
import tiktoken
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tiktoken.load import load_tiktoken_bpe
from tokenizers import AddedToken, decoders, models, pre_tokenizers, trainers

import samples
import tokloom
from tokloom import BPETokenizer
from tokloom.adapters.huggingface import TokenizersTokenizer

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|endoftext|>2", "한국"]
PATTERNS = tokloom.pattern_names()


@functools.cache
def real_texts() -> list[str]:
    """Sources and their docstrings in English, and the samples in other scripts."""
    library = Path(sysconfig.get_path("stdlib"))
    names = ["argparse.py", "turtle.py", "html/entities.py", "_pydecimal.py", "encodings/cp1253.py"]
    code = [(library / name).read_text("utf-8") for name in names if (library / name).exists()]
    return [
        *code,
        *(inspect.cleandoc(text) for text in code[:1]),
        *samples.NASTY_TEXTS,
        "\n".join(samples.NASTY_TEXTS),
    ]


@functools.cache
def trained(pattern: str, model: Literal["bpe", "words"] = "bpe") -> BPETokenizer:
    return tokloom.train(real_texts(), 3_000, pattern=pattern, special_tokens=SPECIAL, model=model)


def with_special(texts: list[str]) -> list[str]:
    return [
        f"{text[:50]}<|im_start|>{text[50:90]}<|endoftext|> \n<|im_end|><|endoftext|>2x한국말"
        for text in texts
    ]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_tiktoken_opens_our_ranks(pattern, tmp_path):
    ours = trained(pattern)
    expression = ours._vocabulary.tiktoken_pattern()
    if expression is None:
        pytest.skip(f"{pattern} is a sequence of splits, which tiktoken can't say")
    ours.export(tmp_path / "ours.tiktoken", format="tiktoken")
    theirs = tiktoken.Encoding(
        "ours",
        pat_str=expression,
        mergeable_ranks=load_tiktoken_bpe(str(tmp_path / "ours.tiktoken")),
        # tiktoken may find the shorter of two that begin alike, or the longer one: the longer one is left out.
        special_tokens={name: id for name, id in ours.special_tokens.items() if name != "<|endoftext|>2"},
    )
    assert theirs.n_vocab == ours.vocab_size
    for text in real_texts():
        assert theirs.encode_ordinary(text) == ours.encode(text)
        assert theirs.decode_bytes(ours.encode(text)) == text.encode()
    names = set(SPECIAL) - {"<|endoftext|>2"}
    for text in with_special(real_texts()):
        assert theirs.encode(text, allowed_special=names, disallowed_special=()) == ours.encode(
            text, special=names
        )


def assert_same_in_huggingface(ours: BPETokenizer, theirs: tokenizers.Tokenizer) -> None:
    assert theirs.get_vocab_size(with_added_tokens=True) == len(ours.tokens()) + len(
        ours._vocabulary.added_tokens
    )
    assert {name: theirs.token_to_id(name) for name in ours.special_tokens} == ours.special_tokens
    texts = [*real_texts(), *with_special(real_texts())]
    for text in texts:
        # `tokenizers` always looks for the special tokens.
        ids = ours.encode(text, special="parse")
        assert theirs.encode(text, add_special_tokens=False).ids == ids
        assert theirs.decode(ids, skip_special_tokens=False) == text


@pytest.mark.parametrize("model", ["bpe", "words"])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_tokenizers_opens_our_export_and_what_we_saved(pattern, model, tmp_path):
    ours = trained(pattern, model)
    ours.export(tmp_path / "tokenizer.json", format="huggingface")
    assert_same_in_huggingface(ours, tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json")))
    ours.save(tmp_path / "saved")
    assert (tmp_path / "saved/tokenizer.json").read_bytes() == (tmp_path / "tokenizer.json").read_bytes()
    again = tokloom.load(tmp_path / "tokenizer.json")
    assert [again.encode(text) for text in real_texts()] == [ours.encode(text) for text in real_texts()]
    assert again.special_tokens == ours.special_tokens


@given(samples.settled_texts())
@pytest.mark.parametrize("pattern", PATTERNS)
def test_arbitrary_text_has_our_ids_in_tokenizers(pattern, text):
    ours, theirs = trained(pattern), opened(pattern)
    assert theirs.encode(text, add_special_tokens=False).ids == ours.encode(text, special="parse")


@functools.cache
def opened(pattern: str) -> tokenizers.Tokenizer:
    return tokenizers.Tokenizer.from_str(trained(pattern)._vocabulary.to_huggingface().decode())


@pytest.mark.parametrize("pattern", [r"\w+|\s", [r"\d", r"\w+"]])
def test_a_pattern_that_is_not_proven_is_not_exported(pattern, tmp_path):
    ours = tokloom.train(["one two 12"], 258, pattern=pattern)
    with pytest.raises(tokloom.TokloomError, match="pattern"):
        ours.export(tmp_path / "tokenizer.json", format="huggingface")
    assert list(tmp_path.iterdir()) == []
    ours.save(tmp_path / "saved")
    assert not (tmp_path / "saved/tokenizer.json").exists()


# --- theirs ---------------------------------------------------------------------------------------------------------


def made_by_tokenizers(add_prefix_space: bool = False, **model) -> tokenizers.Tokenizer:
    made = tokenizers.Tokenizer(models.BPE(**model))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1_500,
        special_tokens=["<s>", "<pad>", "</s>"],  # they take the first ids
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(real_texts(), trainer)
    made.add_tokens(
        [AddedToken("word", single_word=True, normalized=False), AddedToken("<x>", normalized=False)]
    )
    made.add_special_tokens([AddedToken("<mask>", lstrip=True, rstrip=True, special=True)])
    return made


THEIRS = [
    "a <mask> b<mask>\n\n  c</s>",
    "word words sword word. (word)",
    "<x><x> <s>x",
    "  <mask>",
    "<mask>  <mask>",
]


@pytest.mark.parametrize("ignore_merges", [False, True])
def test_what_tokenizers_trained_has_its_ids_here(tmp_path, ignore_merges):
    theirs = made_by_tokenizers(ignore_merges=ignore_merges)
    theirs.save(str(tmp_path / "tokenizer.json"))
    ours = tokloom.load(tmp_path / "tokenizer.json")
    assert ours.vocab_size == theirs.get_vocab_size(with_added_tokens=True)
    assert ours.special_tokens.items() >= {"<s>": 0, "<pad>": 1, "</s>": 2}.items()
    texts = [*real_texts(), *THEIRS]
    for text in texts:
        assert ours.encode(text, special="parse") == theirs.encode(text, add_special_tokens=False).ids
        if "<mask>" not in text:
            assert ours.decode(ours.encode(text, special="parse")) == text
        assert ours.decode(ours.encode(text)) == text or "<x>" in text
    ours.save(tmp_path / "saved")
    again = tokloom.load(tmp_path / "saved")
    assert again.fingerprint == ours.fingerprint
    assert [again.encode(text, special="parse") for text in texts] == [
        ours.encode(text, special="parse") for text in texts
    ]
    ours.export(tmp_path / "again.json", format="huggingface")
    reopened = tokenizers.Tokenizer.from_file(str(tmp_path / "again.json"))
    for text in texts:
        assert reopened.encode(text, add_special_tokens=False).ids == ours.encode(text, special="parse")


letters = "abcd"


@st.composite
def listed_merges(draw):
    """Tokens and merges over a few letters, in an order that ids don't say."""
    tokens, merges = list(letters), []
    for left, right in draw(
        st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=12)
    ):
        pair = tokens[left % len(tokens)], tokens[right % len(tokens)]
        if len("".join(pair)) <= 12 and pair not in merges:
            merges.append(pair)
            if "".join(pair) not in tokens:
                tokens.append("".join(pair))
    longer = draw(st.permutations(tokens[len(letters) :]))
    # A merge may come before those that make its parts: any order is one that `tokenizers` takes.
    return longer, draw(st.permutations(merges))


@given(listed_merges(), st.booleans(), st.lists(st.text(letters + " ", max_size=30), min_size=1, max_size=8))
def test_merges_that_ranks_do_not_say(tmp_path_factory, made, ignore_merges, texts):
    longer, merges = made
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: id for id, token in enumerate([*alphabet, *longer])}
    theirs = tokenizers.Tokenizer(models.BPE(vocabulary, list(merges), ignore_merges=ignore_merges))
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    theirs.decoder = decoders.ByteLevel()
    folder = tmp_path_factory.mktemp("listed")
    theirs.save(str(folder / "tokenizer.json"))
    ours = tokloom.load(folder / "tokenizer.json")
    assert [ours.encode(text) for text in texts] == [theirs.encode(text).ids for text in texts]
    ours.save(folder / "saved")
    again = tokloom.load(folder / "saved")
    assert again.fingerprint == ours.fingerprint
    assert [again.encode(text) for text in texts] == [ours.encode(text) for text in texts]


def test_a_normaliser_is_left_to_tokenizers_and_named(tmp_path):
    made = made_by_tokenizers()
    made.normalizer = tokenizers.normalizers.NFKC()
    made.save(str(tmp_path / "tokenizer.json"))
    loaded = tokloom.load(tmp_path / "tokenizer.json")
    assert isinstance(loaded, TokenizersTokenizer)
    assert "NFKC" in loaded.reason
    assert "tokenizers" in loaded.runs


@pytest.mark.parametrize(
    "model", [models.WordPiece({"a": 0}, unk_token="a"), models.WordLevel({"a": 0}, unk_token="a")]
)
def test_another_model_is_left_to_tokenizers_and_named(tmp_path, model):
    made = tokenizers.Tokenizer(model)
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    made.save(str(tmp_path / "tokenizer.json"))
    loaded = tokloom.load(tmp_path / "tokenizer.json")
    assert isinstance(loaded, TokenizersTokenizer)
    assert type(model).__name__ in loaded.reason


# --- ranks ----------------------------------------------------------------------------------------------------------


def test_a_rank_file_in_any_order(tmp_path):
    ours = trained("gpt4")
    lines = ours._vocabulary.to_tiktoken().splitlines(keepends=True)
    (tmp_path / "one.tiktoken").write_bytes(b"".join(lines))
    (tmp_path / "two.tiktoken").write_bytes(b"".join(reversed(lines)))
    one, two = (
        tokloom.load(tmp_path / name, pattern="gpt4", special_tokens=ours.special_tokens)
        for name in ("one.tiktoken", "two.tiktoken")
    )
    assert one.fingerprint == two.fingerprint == ours.fingerprint


def test_ids_with_holes_and_bytes_in_another_order(tmp_path):
    ranks = {bytes([255 - byte]): 3 * byte for byte in range(256)} | {b"ab": 1_000, b"bc": 900, b"abc": 5_000}
    path = tmp_path / "holes.tiktoken"
    path.write_bytes(b"".join(base64.b64encode(token) + b" %d\n" % id for token, id in ranks.items()))
    ours = tokloom.load(path, pattern="gpt2", special_tokens={"<|endoftext|>": 4_999})
    theirs = tiktoken.Encoding(
        "holes",
        pat_str=samples.NAMED_PATTERNS["gpt2"],
        mergeable_ranks=ranks,
        special_tokens={"<|endoftext|>": 4_999},
    )
    assert ours.vocab_size == 5_001
    for text in [*real_texts(), "abc abcabc ab bc"]:
        assert ours.encode(text) == theirs.encode_ordinary(text)
    assert ours.encode("<|endoftext|>", special="parse") == [4_999]
    with pytest.raises(tokloom.UnknownIdError):
        ours.decode([4_998])
    ours.export(tmp_path / "again.tiktoken", format="tiktoken")
    assert load_tiktoken_bpe(str(tmp_path / "again.tiktoken")) == ranks


def test_a_saved_directory_is_plain_json_and_text(tmp_path):
    trained("gpt4").save(tmp_path / "saved")
    assert (
        json.loads((tmp_path / "saved/tokloom.json").read_text())["fingerprint"]
        == trained("gpt4").fingerprint
    )
    assert (
        load_tiktoken_bpe(str(tmp_path / "saved/vocabulary.tiktoken")).items()
        == {token: id for id, token in trained("gpt4").tokens().items()}.items()
    )
