"""The promises, by what each kind guarantees; and the same ids and text as the libraries that own the formats."""

from __future__ import annotations

import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import samples
import tokloom
from conformance.kinds import KINDS, Kind
from property.fitting import assert_chunked, assert_truncated

every_kind = pytest.mark.parametrize("kind", KINDS, ids=repr)
of_text = pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.guarantees != "none"], ids=repr)
of_bytes = pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.guarantees == "bytes"], ids=repr)
of_nothing = pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.guarantees == "none"], ids=repr)
beside_a_library = pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.encode], ids=repr)

# What formats write for something else: a space, a byte, a token that belongs to the word before.
MARKS = ["▁", "▁▁", " ▁", "<0x41>", "<0x0A>", "##a", "Ġ", "</w>", "\ufdd0", "\ufdd00\ufdd0", "\ufdd00\ufdd01"]
NAMES = [
    "<s>",
    "</s>",
    "<unk>",
    "<pad>",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "[PAD]",
    "<|endoftext|>",
    "[INST]",
    "<tool>",
]


def any_texts() -> st.SearchStrategy[str]:
    pieces = st.sampled_from([*MARKS, *NAMES, *samples.PIECES]) | st.text(max_size=4)
    return st.lists(pieces, max_size=20).map("".join) | samples.texts(20)


@of_text
@given(text=any_texts())
def test_every_text_comes_back(kind: Kind, text):
    tokenizer = kind.tokenizer
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode_bytes(ids) == text.encode()
    stream = tokenizer.stream()
    assert "".join(map(stream.feed, ids)) + stream.flush() == text


@of_text
@pytest.mark.parametrize("mark", ["▁", "\ufdd0", "\u0800", "<0x41>", " ", "\0"])
def test_texts_of_one_mark(kind: Kind, mark):
    for text in (mark, mark * 2, f" {mark} ", f"a{mark}", f"{mark}a", f"{mark}{mark} {mark}"):
        assert kind.tokenizer.decode(kind.tokenizer.encode(text)) == text


@of_bytes
@given(data=samples.byte_strings())
def test_every_byte_string_comes_back(kind: Kind, data):
    assert kind.tokenizer.decode_bytes(kind.tokenizer.encode(data)) == data


@of_nothing
def test_where_nothing_is_promised_something_is_lost(kind: Kind):
    assert kind.loses is not None
    assert kind.tokenizer.decode(kind.tokenizer.encode(kind.loses)) != kind.loses
    assert kind.tokenizer.why  # type: ignore[attr-defined]


@every_kind
@given(text=any_texts())
def test_text_never_becomes_a_control_token(kind: Kind, text):
    tokenizer = kind.tokenizer
    # What is unknown becomes the unknown token where there are no bytes for it.
    control = {*tokenizer.special_tokens.values()} - {tokenizer.unk_id}
    for special in ("text", ()):
        assert control.isdisjoint(tokenizer.encode(text, special=special))


@every_kind
def test_special_tokens_four_ways(kind: Kind):
    tokenizer = kind.tokenizer
    names = [name for name in tokenizer.special_tokens if not name.isspace()][:3]
    for name in names:
        id = tokenizer.special_tokens[name]
        text = f"low {name} low"
        if id != tokenizer.unk_id:
            assert id not in tokenizer.encode(text)
        assert tokenizer.encode(text, special="parse").count(id) == 1
        assert tokenizer.encode(text, special={name}) == tokenizer.encode(text, special="parse")
        assert tokenizer.encode(name, special=[name]) == [id]
        with pytest.raises(tokloom.SpecialTokenError, match="character 4"):
            tokenizer.encode(text, special="raise")
        with pytest.raises(tokloom.SpecialTokenError, match="byte 6"):
            tokenizer.encode(f"löw {name} low".replace("w", "ö").encode(), special="raise")
        for other in names:
            if other != name:
                assert tokenizer.encode(text, special={other}) == tokenizer.encode(text)
        at = tokenizer.spans(text, special="parse")[tokenizer.encode(text, special="parse").index(id)]
        assert text[slice(*at)] == name
    assert tokenizer.encode("low low", special="raise") == tokenizer.encode("low low")


@every_kind
@given(text=any_texts())
def test_what_is_refused_is_what_parsing_finds(kind: Kind, text):
    tokenizer = kind.tokenizer
    control = {*tokenizer.special_tokens.values()} - {tokenizer.unk_id}
    found = not control.isdisjoint(tokenizer.encode(text, special="parse"))
    if found:
        with pytest.raises(tokloom.SpecialTokenError):
            tokenizer.encode(text, special="raise")
    elif not any(name in text for name in tokenizer.special_tokens):
        assert tokenizer.encode(text, special="raise") == tokenizer.encode(text)


# --- places and parts -----------------------------------------------------------------------------------------------


@every_kind
@given(text=any_texts())
@pytest.mark.parametrize("special", ["text", "parse"])
def test_spans_lie_in_the_text(kind: Kind, special, text):
    tokenizer = kind.tokenizer
    ids, spans = tokenizer.encode(text, special=special), tokenizer.spans(text, special=special)
    assert len(spans) == len(ids)
    assert all(0 <= start <= end <= len(text) for start, end in spans)
    data = text.encode()
    in_bytes = tokenizer.spans(data, special=special)
    assert len(in_bytes) == len(ids)
    assert all(0 <= start <= end <= len(data) for start, end in in_bytes)
    if special == "text" and kind.guarantees != "none":
        assert in_order_and_covering(spans, len(text))
        assert [start for start, _ in in_bytes[1:]] == [end for _, end in in_bytes[:-1]]
        assert in_order_and_covering(in_bytes, len(data))


def in_order_and_covering(spans, length) -> bool:
    """Each begins at most where one before it ended, and not before the one before it."""
    reached = last = 0
    for start, end in spans:
        if not last <= start <= reached:
            return False
        reached, last = max(reached, end), start
    return reached == length


@every_kind
@given(text=any_texts(), most=st.integers(0, 40))
def test_truncated_texts_fit(kind: Kind, text, most):
    assert_truncated(kind.tokenizer, text, most)


@every_kind
@given(text=any_texts(), most=st.integers(6, 40), overlap=st.integers(0, 3))
def test_chunks_fit_and_are_together_the_text(kind: Kind, text, most, overlap):
    try:
        assert_chunked(kind.tokenizer, text, most, overlap)
    except tokloom.ArgumentError:
        # One character, normalised, may be many tokens (U+FDFA is eighteen characters).
        assert kind.guarantees == "none"


# --- beside the libraries -------------------------------------------------------------------------------------------


def names_between(kind: Kind, text: str) -> bool:
    """Whether the library has no reading of its own: sentencepiece never parses."""
    return kind.runs == "sentencepiece" and any(name in text for name in kind.tokenizer.special_tokens)


@beside_a_library
@given(text=any_texts())
def test_the_same_ids_as_the_library(kind: Kind, text):
    assume(not names_between(kind, text))
    assert kind.encode is not None
    tokenizer = kind.tokenizer
    ids = kind.encode(text)
    assert tokenizer.encode(text, special="parse") == ids
    if not any(name in text for name in tokenizer.special_tokens) and (
        "▁" not in text or kind.guarantees == "none"
    ):
        assert tokenizer.encode(text) == ids


@beside_a_library
@given(text=any_texts())
def test_the_same_text_as_the_library(kind: Kind, text):
    assume(not names_between(kind, text))
    assert kind.encode is not None
    assert kind.decode is not None
    ids = kind.encode(text)
    tokenizer = kind.tokenizer
    if tokenizer.unk_id in ids and kind.runs == "sentencepiece":
        return  # skipped here as the special token it is
    assert tokenizer.decode(ids, skip_special_tokens=True) == kind.decode(ids)


@beside_a_library
def test_the_same_text_as_the_library_for_ids_at_random(kind: Kind):
    assert kind.decode is not None
    tokenizer, chance = kind.tokenizer, random.Random(3)
    special = set(tokenizer.special_tokens.values())
    ids = [id for id in range(tokenizer.vocab_size) if id not in special and known(kind, id)]
    compared = 0
    for _ in range(500):
        chosen = chance.choices(ids, k=chance.randrange(10))
        theirs = kind.decode(chosen)
        # Bytes that are no text: a character for each byte there, for each run of them here.
        if "\ufffd" not in theirs:
            assert tokenizer.decode(chosen) == theirs
            compared += 1
    assert compared > 20


def known(kind: Kind, id: int) -> bool:
    try:
        kind.tokenizer.token_bytes(id)
    except tokloom.UnknownIdError:
        return False
    return True


@beside_a_library
def test_a_long_text(kind: Kind):
    assert kind.encode is not None
    text = "\n".join(samples.NASTY_TEXTS * 20)
    if kind.runs == "sentencepiece":
        text = text.replace("<s>", "").replace("</s>", "").replace("[INST]", "").replace("[/INST]", "")
    assert kind.tokenizer.encode(text, special="parse") == kind.encode(text)
