"""The reference against worked examples, small enough to check on paper, and against tiktoken and tokenizers."""

import json
from collections import Counter
from pathlib import Path

import pytest
import regex
import tiktoken
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

import samples
from tokloom import reference
from tokloom.reference import Added, Tokenizer

CHARACTERS = "characters"
GPT4 = [(samples.CL100K, CHARACTERS)]


def by_rank(pattern, ranks, added=()):
    return Tokenizer(
        [(pattern, CHARACTERS)], ranks, lambda pretoken: reference.encode(pretoken, ranks), added
    )


def in_bytes(*added):
    """A tokenizer whose one token is the byte, beside the added ones."""
    return by_rank(r"\S+|\s+", {bytes([byte]): byte for byte in range(256)}, added)


def ids(tokenizer, text, special="text"):
    return [id for id, _ in reference.tokens(tokenizer, text, special)]


# --- split ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "pretokens"),
    [
        ("", []),
        ("hello  world's", ["hello", " ", " world", "'s"]),
        ("12345", ["123", "45"]),
        ("a\r\n b", ["a", "\r\n", " b"]),
        ("end \n ", ["end", " \n "]),
        ("I'M x'\u017fe", ["I", "'M", " x", "'\u017f", "e"]),
    ],
)
def test_split_by_the_pattern_of_gpt4(text, pretokens):
    assert reference.split(text, GPT4) == [pretoken.encode() for pretoken in pretokens]


def test_what_one_expression_leaves_are_pretokens_of_one_character():
    assert reference.split("ab--é1c", [("[a-z]+", CHARACTERS)]) == [
        b"ab",
        b"-",
        b"-",
        "é".encode(),
        b"1",
        b"c",
    ]


def test_what_a_step_of_a_sequence_leaves_stays_whole_for_the_next():
    digits, letters = (r"\p{N}{1,3}", "whole"), (r"[a-z]+", "whole")
    assert reference.split("1234ab--c", [digits, letters]) == [b"123", b"4", b"ab", b"--", b"c"]


def test_each_piece_of_a_sequence_is_a_text_of_its_own():
    # `^` and `$` hold at the ends of a piece, and what stood beside it can't be seen.
    assert reference.split("a1b", [("1", "whole"), ("(?<=1)b|^b$", "whole")]) == [b"a", b"1", b"b"]
    assert reference.split("aa1bb", [("1", "whole"), ("(?<=1)b", "whole")]) == [b"aa", b"1", b"bb"]


def test_an_empty_match_is_no_pretoken():
    assert reference.split("axxb", [("x*", CHARACTERS)]) == [b"a", b"xx", b"b"]
    assert reference.split("axxb", [("x*", "whole")]) == [b"a", b"xx", b"b"]


@pytest.mark.parametrize(
    ("data", "pretokens"),
    [
        (b"ab\xffcd", [b"ab", b"\xff", b"cd"]),
        (b"ab\xff\xfe\x80 c", [b"ab", b"\xff\xfe\x80", b" c"]),
        (b"\xe4\xba", [b"\xe4\xba"]),
        # The spaces are split as if the text ended after them: both are one pretoken, not one and one.
        (b"a  \xffb", [b"a", b"  ", b"\xff", b"b"]),
        (b"a  b", [b"a", b" ", b" b"]),
        # A character's first bytes, then a whole character: the first bytes alone are broken.
        (b"\xe4\xba\xe4\xba\xba", [b"\xe4\xba", "人".encode()]),
        # A surrogate in UTF-8 is three bytes that aren't UTF-8: one run.
        (b"x\xed\xa0\x80", [b"x", b"\xed\xa0\x80"]),
    ],
)
def test_bytes_that_are_not_utf8(data, pretokens):
    assert reference.split(data, GPT4) == pretokens


def test_a_lone_surrogate_is_an_error_with_its_position():
    with pytest.raises(UnicodeEncodeError, match="position 2"):
        reference.split("ab\ud800c", GPT4)


@given(samples.byte_strings(), samples.patterns())
def test_pretokens_together_are_the_bytes(data, pattern):
    for gaps in (CHARACTERS, "whole"):
        pretokens = reference.split(data, [(pattern, gaps), (r"\s", "whole")])
        assert b"".join(pretokens) == data
        assert b"" not in pretokens


# --- count and train ------------------------------------------------------------------------------------------------


def test_count():
    assert reference.count(["a b a", b"a \xff"], [(r" ?\w+", CHARACTERS)]) == {
        b"a": 2,
        b" b": 1,
        b" a": 1,
        b" ": 1,
        b"\xff": 1,
    }


def test_the_most_frequent_pair_merges_first():
    # h u g ×15, p u g ×5, p u n ×12, b u n ×4: u g is 20, u n 16; then h ug 15, p un 12, p ug 5, b un 4.
    counts = {b"hug": 15, b"pug": 5, b"pun": 12, b"bun": 4}
    ranks = reference.train(counts, 1000)
    assert list(ranks)[256:] == [b"ug", b"un", b"hug", b"pun", b"pug", b"bun"]
    assert [ranks[token] for token in (b"h", b"ug", b"bun")] == [104, 256, 261]


def test_of_equally_frequent_pairs_the_one_of_smaller_ids_merges_first():
    assert list(reference.train({b"zy": 3, b"ba": 3, b"ab": 3}, 258))[256:] == [b"ab", b"ba"]
    # `ab` is 256, which is more than any byte: (z, 256) comes after (z, y), (256, z) after both.
    assert list(reference.train({b"ab": 9, b"zab": 3, b"abz": 3, b"zy": 3}, 260))[256:] == [
        b"ab",
        b"zy",
        b"zab",
        b"abz",
    ]


def test_runs_merge_from_the_left():
    # a a a: two pairs (a, a), of which the first merges. Then (aa, a) once.
    assert list(reference.train({b"aaa": 1}, 1000))[256:] == [b"aa", b"aaa"]
    # a×5 is aa aa a after the first merge: (aa, a) and (aa, aa) once each; (256, 97) is the smaller.
    assert list(reference.train({b"aaaaa": 1}, 1000))[256:] == [b"aa", b"aaa", b"aaaaa"]


def test_training_stops_at_the_size_the_count_and_the_length_asked_for():
    counts = {b"hug": 15, b"pug": 5, b"pun": 12, b"bun": 4}
    assert len(reference.train(counts, 258)) == 258
    assert list(reference.train(counts, 1000, min_count=12))[256:] == [b"ug", b"un", b"hug", b"pun"]
    assert list(reference.train(counts, 1000, max_token_length=2))[256:] == [b"ug", b"un"]
    assert len(reference.train({}, 1000)) == 256


def test_words():
    counts = {b"b": 100, b" the": 5, b"an": 7, b" a": 5, b"rare": 1}
    assert list(reference.words(counts, 1000))[256:] == [b"an", b" a", b" the", b"rare"]
    assert list(reference.words(counts, 258))[256:] == [b"an", b" a"]
    assert list(reference.words(counts, 1000, min_count=5))[256:] == [b"an", b" a", b" the"]


# --- encode one pretoken --------------------------------------------------------------------------------------------


def ranks_of(*tokens):
    return {token: id for id, token in enumerate([bytes([byte]) for byte in range(256)] + list(tokens))}


def test_the_lowest_rank_merges_first_and_the_leftmost_at_ties():
    assert reference.encode(b"abcd", ranks_of(b"bc", b"ab", b"cd")) == [b"a", b"bc", b"d"]
    assert reference.encode(b"aaaaa", ranks_of(b"aa")) == [b"aa", b"aa", b"a"]
    assert reference.encode(b"aaaaa", ranks_of(b"aa", b"aaa")) == [b"aa", b"aaa"]


def test_any_two_neighbours_merge_whose_bytes_are_a_token():
    # bcd was made of bc and d; here b and cd stand side by side, and it is theirs as well.
    assert reference.encode(b"bcde", ranks_of(b"cd", b"bcd")) == [b"bcd", b"e"]


def test_a_pretoken_that_is_a_token_becomes_it_though_no_merges_lead_there():
    ranks = ranks_of(b"abcd")
    assert reference.encode(b"abcd", ranks) == [b"abcd"]
    assert reference.encode(b"abcde", ranks) == [b"a", b"b", b"c", b"d", b"e"]


def test_listed_merges_are_only_those_listed():
    tokens = ranks_of(b"ab", b"bc", b"abc")
    merges = [(b"b", b"c"), (b"a", b"b"), (b"ab", b"c")]
    assert reference.encode_listed(b"abc", tokens, merges) == [b"a", b"bc"]
    assert reference.encode_listed(b"abc", tokens, merges, ignore_merges=True) == [b"abc"]
    assert reference.encode_listed(b"abab", tokens, merges, ignore_merges=True) == [b"ab", b"ab"]


def test_words_are_a_token_or_bytes():
    tokens = ranks_of(b"the", b"he")
    assert reference.encode_listed(b"the", tokens, [], ignore_merges=True) == [b"the"]
    assert reference.encode_listed(b"they", tokens, [], ignore_merges=True) == [b"t", b"h", b"e", b"y"]


# --- added tokens ---------------------------------------------------------------------------------------------------

END = Added("<|end|>", 300)


def test_text_is_text_unless_the_caller_says_otherwise():
    tokenizer = in_bytes(END, Added("<|pad|>", 301))
    text = "a<|end|><|pad|>"
    assert ids(tokenizer, text) == list(text.encode())
    assert ids(tokenizer, text, "parse") == [97, 300, 301]
    assert ids(tokenizer, text, {"<|end|>"}) == [97, 300, *b"<|pad|>"]
    assert ids(tokenizer, text, ()) == list(text.encode())
    assert ids(tokenizer, "text parse raise", "raise") == list(b"text parse raise")


def test_a_name_is_compared_whole():
    assert ids(in_bytes(Added("e", 300)), "text", "text") == list(b"text")
    assert ids(in_bytes(Added("e", 300)), "text", ["<|e|>"]) == list(b"text")


def test_raise_says_where():
    tokenizer = in_bytes(END, Added("é", 302, special=False))
    with pytest.raises(ValueError, match=r"'<\|end\|>' at 3"):
        reference.tokens(tokenizer, "aéb<|end|>", "raise")
    with pytest.raises(ValueError, match=r"'<\|end\|>' at 4"):
        reference.tokens(tokenizer, "aéb<|end|>".encode(), "raise")


def test_the_leftmost_is_found_and_of_these_the_longest():
    tokenizer = in_bytes(Added("ab", 300), Added("abcd", 301), Added("bcde", 302), Added("bc", 303))
    assert ids(tokenizer, "xabcdex", "parse") == [120, 301, 101, 120]
    assert ids(tokenizer, "abcde", {"ab", "bcde"}) == [300, 99, 100, 101]
    # One that isn't allowed hides nothing.
    assert ids(tokenizer, "abcde", {"bc"}) == [97, 303, 100, 101]


def test_one_that_is_not_special_is_always_found():
    tokenizer = in_bytes(Added("word", 300, special=False), END)
    assert ids(tokenizer, "a word<|end|>") == [97, 32, 300, *b"<|end|>"]


def test_white_space_beside_a_token_is_its_own_where_it_strips():
    left, right = Added("<l>", 300, strip_left=True), Added("<r>", 301, strip_right=True)
    tokenizer = in_bytes(left, right)
    assert reference.tokens(tokenizer, "a \n<l> b", "parse") == [(97, 1), (300, 5), (32, 1), (98, 1)]
    assert reference.tokens(tokenizer, "a <r>\u3000 b", "parse") == [(97, 1), (32, 1), (301, 7), (98, 1)]
    # What the one before has taken already is not taken again.
    assert reference.tokens(tokenizer, "<r>  <l>", "parse") == [(301, 5), (300, 3)]


def test_a_single_word_has_no_word_beside_it():
    tokenizer = in_bytes(Added("cat", 300, single_word=True), Added("<|end|>", 301))
    assert ids(tokenizer, "cat cats 'cat'", "parse") == [300, *b" cats '", 300, *b"'"]
    assert ids(tokenizer, "écat cat_ <|end|>cat", "parse") == [*"écat cat_ ".encode(), 301, 300]


def test_the_normalized_are_looked_for_in_what_the_others_left():
    tokenizer = in_bytes(Added("ab", 300, normalized=True), Added("bc", 301))
    assert ids(tokenizer, "abc ab", "parse") == [97, 301, 32, 300]


def test_text_around_a_token_is_split_by_itself():
    # Were it one text, ` \n` before the token would not end the text.
    tokenizer = by_rank(samples.CL100K, ranks_of(b"  "), [END])
    assert ids(tokenizer, "a  <|end|>b", "parse") == [97, 256, 300, 98]
    assert ids(tokenizer, "a  b") == [97, 32, 32, 98]


# --- spans and decoding ---------------------------------------------------------------------------------------------


def test_a_token_inside_a_character_has_the_characters_it_touches():
    # 人 is e4 ba ba, 亻 is e4 ba bb: the token `ba e4` lies across the two.
    tokenizer = by_rank(r"(?s:.+)", ranks_of(b"\xba\xe4"))
    assert reference.tokens(tokenizer, "人亻") == [(0xE4, 1), (0xBA, 1), (256, 2), (0xBA, 1), (0xBB, 1)]
    assert reference.spans(tokenizer, "人亻") == [(0, 1), (0, 1), (0, 2), (1, 2), (1, 2)]
    assert reference.spans(tokenizer, "人亻".encode()) == [(0, 1), (1, 2), (2, 4), (4, 5), (5, 6)]


def test_decode():
    tokenizer = in_bytes(END, Added("word", 301, special=False))
    assert reference.decode(tokenizer, [97, 300, 301, 0xFF]) == b"a<|end|>word\xff"
    assert reference.decode(tokenizer, [97, 300, 301], skip_special_tokens=True) == b"aword"
    with pytest.raises(KeyError):
        reference.decode(tokenizer, [256])


@given(samples.byte_strings(), samples.patterns(), samples.rank_tables())
def test_what_is_encoded_decodes_to_the_same_bytes(data, pattern, ranks):
    tokenizer = by_rank(pattern, ranks)
    assert reference.decode(tokenizer, ids(tokenizer, data)) == data


@given(samples.texts(), samples.rank_tables(), st.sampled_from(["text", "parse"]))
def test_spans_cover_the_text_in_order(text, ranks, special):
    tokenizer = by_rank(samples.CL100K, ranks, [Added("<|endoftext|>", 10_000, strip_left=True)])
    spans = reference.spans(tokenizer, text, special)
    assert all(start < end for start, end in spans)
    assert spans == sorted(spans)
    assert set(range(len(text))) == {at for start, end in spans for at in range(start, end)}


# --- the real libraries ---------------------------------------------------------------------------------------------


def encoding(pattern, ranks, special_tokens=()):
    """tiktoken's, with the gaps kept as the design says."""
    return tiktoken.Encoding(
        "test", pat_str=rf"{pattern}|[\s\S]", mergeable_ranks=ranks, special_tokens=dict(special_tokens)
    )


# An expression that may match nothing is not among these: tiktoken would look up an empty token.
NON_EMPTY = [
    *samples.NAMED_PATTERNS.values(),
    *(p for p in samples.CUSTOM_PATTERNS if not regex.match(p, "")),
]


@given(samples.settled_texts(), st.sampled_from(NON_EMPTY), samples.rank_tables())
def test_the_ids_are_those_of_tiktoken(text, pattern, ranks):
    assert ids(by_rank(pattern, ranks), text) == encoding(pattern, ranks).encode_ordinary(text)


@pytest.mark.parametrize("pattern", NON_EMPTY)
def test_the_ids_of_the_nasty_texts_are_those_of_tiktoken(pattern):
    ranks = reference.train(reference.count(samples.NASTY_TEXTS, [(pattern, CHARACTERS)]), 400)
    theirs = encoding(pattern, ranks)
    for text in samples.NASTY_TEXTS:
        assert ids(by_rank(pattern, ranks), text) == theirs.encode_ordinary(text)


@given(st.lists(st.sampled_from(["<|a|>", "<|b|>", " ", "x", "<|", "|>"]), max_size=12).map("".join))
def test_special_tokens_are_found_as_tiktoken_finds_them(text):
    ranks = ranks_of(b"<|", b"|>")
    ours = by_rank(samples.CL100K, ranks, [Added("<|a|>", 1000), Added("<|b|>", 1001)])
    theirs = encoding(samples.CL100K, ranks, {"<|a|>": 1000, "<|b|>": 1001})
    assert ids(ours, text, "parse") == theirs.encode(text, allowed_special="all")
    assert ids(ours, text, {"<|b|>"}) == theirs.encode(text, allowed_special={"<|b|>"}, disallowed_special=())
    assert ids(ours, text) == theirs.encode(text, disallowed_special=())


def alphabet():
    """Hugging Face's character for each byte: printable ones stand for themselves, others from U+0100 on."""
    printable = {
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    }
    others = iter(range(256, 512))
    return {byte: chr(byte if byte in printable else next(others)) for byte in range(256)}


def huggingface(pattern, vocabulary, merges, ignore_merges, added):
    """A `tokenizer.json` of a byte-level BPE, opened by Hugging Face's library."""
    characters = alphabet()

    def readable(token):
        return "".join(characters[byte] for byte in token)

    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    flags = {"lstrip": "strip_left", "rstrip": "strip_right"}
    return tokenizers.Tokenizer.from_str(
        json.dumps(
            {
                "version": "1.0",
                "added_tokens": [
                    {flag: getattr(one, flags.get(flag, flag)) for flag in ADDED_FLAGS} for one in added
                ],
                "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
                "decoder": byte_level,
                "model": {
                    "type": "BPE",
                    "vocab": {readable(token): id for token, id in vocabulary.items()}
                    | {one.content: one.id for one in added},
                    "merges": [[readable(left), readable(right)] for left, right in merges],
                    "ignore_merges": ignore_merges,
                },
            }
        )
    )


ADDED_FLAGS = ("content", "id", "special", "lstrip", "rstrip", "single_word", "normalized")
# None of these is ever a pretoken: they stand in the model's vocabulary too, where `ignore_merges` would find them.
FLAGGED = [
    Added("<l>", 1000, strip_left=True),
    Added("<r>", 1001, strip_right=True),
    Added("c-t", 1002, single_word=True),
    Added("t-e", 1003, special=False, normalized=True),
    Added("<l><r>", 1004),
    Added("he ", 1005, special=False, normalized=True, single_word=True),
]
AROUND_FLAGGED = ["<l>", "<r>", "c-t", "t-e", "he ", " ", "\n", "\u3000", "s", "_", "é", "人", "1", "<", "'"]


@given(
    st.lists(st.sampled_from(AROUND_FLAGGED), max_size=14).map("".join) | samples.settled_texts(12),
    st.booleans(),
)
def test_listed_merges_and_flags_are_those_of_tokenizers(text, ignore_merges):
    pattern = r" ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+"
    pairs = [
        (b"a", b"t"),
        (b"t", b"s"),
        (b"c", b"a"),
        (b" ", b"c"),
        (b"a", b"a"),
        (b"aa", b"a"),
        (b"h", b"e"),
    ]
    merges = [*pairs, (b"\xe4", b"\xba")]
    vocabulary = ranks_of(b"cats", *(left + right for left, right in merges))
    ours = Tokenizer(
        [(pattern, "whole")],
        vocabulary,
        lambda pretoken: reference.encode_listed(pretoken, vocabulary, merges, ignore_merges),
        FLAGGED,
    )
    theirs = huggingface(pattern, vocabulary, merges, ignore_merges, FLAGGED)
    assert ids(ours, text, "parse") == theirs.encode(text, add_special_tokens=False).ids


# --- its own promises -----------------------------------------------------------------------------------------------


def test_it_can_be_read_at_one_sitting():
    source = Path(reference.__file__).read_text(encoding="utf-8")
    assert len(source.splitlines()) < 200


@given(st.lists(samples.texts(10), max_size=4), st.integers(256, 280))
def test_no_token_is_trained_twice_and_each_is_used(documents, vocab_size):
    counts = reference.count(documents, GPT4)
    ranks = reference.train(counts, vocab_size)
    assert len(ranks) <= vocab_size
    assert list(ranks.values()) == list(range(len(ranks)))
    used = Counter(part for pretoken in counts for part in reference.encode(pretoken, ranks))
    last = list(ranks)[-1]
    assert len(ranks) == 256 or used[last]
