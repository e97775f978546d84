"""A saved, pickled or copied tokenizer is the same one."""

import copy
import json
import pickle
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import samples
import tokloom
from property import making
from tokloom import reference
from tokloom.reference import Added

BYTES: Any = tokloom.load("bytes")

some_pattern = st.sampled_from(making.PATTERNS)


@given(samples.rank_tables(), some_pattern, samples.texts() | samples.byte_strings())
def test_saved_and_loaded_it_is_the_same(ranks, pattern, text):
    tokenizer = making.loaded(
        ranks, pattern, {"<|end|>": max(ranks.values()) + 7, "<|pad|>": max(ranks.values()) + 2}
    )
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(Path(folder) / "saved")
        tokenizer.save(Path(folder) / "again")
        written = {path.name: path.read_bytes() for path in (Path(folder) / "saved").iterdir()}
        assert written == {path.name: path.read_bytes() for path in (Path(folder) / "again").iterdir()}
        copies: list[Any] = [tokloom.load(Path(folder) / "saved")]
    copies += [pickle.loads(pickle.dumps(tokenizer)), copy.deepcopy(tokenizer), copy.copy(tokenizer)]
    for other in copies:
        assert other == tokenizer
        assert (other.fingerprint, other.special_tokens) == (tokenizer.fingerprint, tokenizer.special_tokens)
        assert other.encode(text) == tokenizer.encode(text)
        assert other.tokens() == tokenizer.tokens()
    assert [one.name for one in copies[1:]] == [tokenizer.name] * 3


@given(samples.rank_tables(), samples.rank_tables(), some_pattern, some_pattern)
def test_the_fingerprint_tells_vocabularies_apart(ranks, others, pattern, another):
    one, two = making.loaded(ranks, pattern), making.loaded(others, another)
    assert (one.fingerprint == two.fingerprint) == (ranks == others and pattern == another)
    assert one.with_special_tokens(["<x>"]).fingerprint != one.fingerprint


# --- special tokens -------------------------------------------------------------------------------------------------

CONTENTS = ["<|endoftext|>", "<|", "|>", "the", "<|endof", "\u4eba", "a ", "'s", "aa"]


@st.composite
def added_tokens(draw):
    contents = draw(st.lists(st.sampled_from(CONTENTS), min_size=1, max_size=5, unique=True))
    flags = st.booleans()
    return [
        Added(content, 256 + place, draw(flags), draw(flags), draw(flags), draw(flags), draw(flags))
        for place, content in enumerate(contents)
    ]


def through_our_own_form(added):
    """A byte vocabulary with these added tokens, written and read as tokloom's own directory."""
    vocabulary = BYTES._vocabulary
    made = tokloom.BPETokenizer(vocabulary.with_added_tokens([tuple(one) for one in added]), name="made")
    return pickle.loads(pickle.dumps(made))


def tried(call):
    """What the call gives, or that a special token was refused (by the reference with a plain ValueError)."""
    try:
        return call()
    except ValueError:
        return "refused"


special_texts = st.lists(
    st.sampled_from([*CONTENTS, " ", "x", "\n", "\t", "_", "1", "\u00a0", "\u00e9", "<|endoftext|> "]),
    max_size=14,
).map("".join)


@given(added_tokens(), special_texts | samples.settled_texts(), st.booleans())
def test_added_tokens_with_flags_are_the_references(added, text, as_bytes):
    ours = through_our_own_form(added)
    ranks = {bytes([byte]): byte for byte in range(256)}
    theirs = making.oracle(ranks, making.splits_of("gpt4"), added)
    text = text.encode() if as_bytes else text
    names = {one.content for one in added if one.special}
    choices: list[reference.Special] = ["text", "parse", names, sorted(names)[:1]]
    for special in choices:
        expected = making.reference_ids(theirs, text, special)
        assert ours.encode(text, special=special) == expected
        assert ours.count_tokens(text, special=special) == len(expected)
        assert ours.spans(text, special=special) == reference.spans(theirs, text, special)


@given(added_tokens(), special_texts | samples.settled_texts(), st.booleans())
def test_what_is_refused_is_what_the_reference_refuses(added, text, as_bytes):
    theirs = making.oracle({bytes([byte]): byte for byte in range(256)}, making.splits_of("gpt4"), added)
    text = text.encode() if as_bytes else text
    expected = tried(lambda: making.reference_ids(theirs, text, "raise"))
    assert tried(lambda: through_our_own_form(added).encode(text, special="raise")) == expected


def huggingface_json(added):
    data = json.loads(BYTES._vocabulary.to_huggingface())
    for one in added:
        data["model"]["vocab"].pop(one.content, None)
    data["added_tokens"] = [
        {
            "id": one.id,
            "content": one.content,
            "special": one.special,
            "lstrip": one.strip_left,
            "rstrip": one.strip_right,
            "single_word": one.single_word,
            "normalized": one.normalized,
        }
        for one in added
    ]
    # Without a normaliser, `normalized` changes nothing but the pass.
    return json.dumps(data)


@given(added_tokens(), special_texts)
def test_added_tokens_of_a_tokenizer_json_are_the_references(added, text):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        path.write_text(huggingface_json(added))
        ours = tokloom.load(path)
    ranks = {bytes([byte]): byte for byte in range(256)}
    theirs = making.oracle(ranks, making.splits_of("gpt4"), added)
    for special in ("text", "parse"):
        assert ours.encode(text, special=special) == making.reference_ids(theirs, text, special)
