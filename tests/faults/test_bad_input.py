"""What bad input gets: an error of our hierarchy that is also the one a Python user expects, and that says where."""

import base64
import contextlib
import json
import re
import time
from pathlib import Path

import pytest

import tokloom

BYTES = tokloom.load("bytes")


@contextlib.contextmanager
def refused(kind: type[tokloom.TokloomError], builtin: type[Exception], *says: str):
    """The block raises exactly this class, which is also the built-in one, and the message has these words."""
    with pytest.raises(builtin) as caught:
        yield
    assert type(caught.value) is kind, repr(caught.value)
    assert isinstance(caught.value, tokloom.TokloomError)
    message = str(caught.value)
    for words in says:
        assert words in message, message


def test_no_file_matches(tmp_path):
    not_found = tokloom.errors.SourceNotFoundError
    with refused(not_found, FileNotFoundError, str(tmp_path / "*.txt")):
        tokloom.train(str(tmp_path / "*.txt"), 300)
    with refused(not_found, FileNotFoundError, "none.txt"):
        tokloom.train(tmp_path / "none.txt", 300)
    with refused(not_found, OSError, "none.txt"):
        tokloom.count_pretokens([tmp_path / "none.txt"])


@pytest.mark.parametrize("source", [[], [""], ["", b""]])
def test_an_empty_corpus(source):
    with refused(tokloom.ArgumentError, ValueError, "no text"):
        tokloom.train(source, 300)


def test_a_file_with_nothing_in_it(tmp_path):
    (tmp_path / "empty.txt").write_bytes(b"")
    with refused(tokloom.ArgumentError, ValueError, "no text"):
        tokloom.train(tmp_path / "empty.txt", 300)


def test_bytes_that_are_not_utf8_are_counted_and_encoded(tmp_path):
    data = b"ab\xff\xfe ab\xff\xfe"
    (tmp_path / "one.txt").write_bytes(data)
    for source in (tmp_path / "one.txt", [data]):
        assert dict(tokloom.count_pretokens(source)) == {b"ab": 1, b" ab": 1, b"\xff\xfe": 2}
    tokenizer = tokloom.train([data], 258)
    assert tokenizer.decode_bytes(tokenizer.encode(data)) == data


def test_a_lone_surrogate():
    for use in (BYTES.encode, BYTES.count_tokens, BYTES.spans, BYTES.encode_to_numpy):
        with refused(tokloom.TextError, ValueError, "surrogate", "3"):
            use("abc\ud800d")
    with refused(tokloom.TextError, ValueError, "surrogate", "3"):
        list(BYTES.encode_stream(["abc\ud800d"]))
    with refused(tokloom.TextError, ValueError, "DFFF", "document 2", "position 1"):
        tokloom.train(["a", b"b", "c\udfff"], 300)
    with refused(tokloom.TextError, ValueError, "surrogate"):
        BYTES.encode_batch(["a", "abc\ud800d"])


@pytest.mark.parametrize("id", [256, -1, 2**31, 2**32 + 1, 2**70, -(2**70)])
def test_an_id_that_stands_for_nothing(id):
    for use in (
        lambda: BYTES.decode([97, id]),
        lambda: BYTES.decode_bytes([id]),
        lambda: BYTES.stream().feed(id),
    ):
        with refused(tokloom.UnknownIdError, KeyError, str(id)):
            use()


@pytest.mark.parametrize("ids", [[1.0], [97, 98.5], ["97"], [None], "97", 97, [[97]]])
def test_an_id_that_is_no_integer(ids):
    with pytest.raises(TypeError):
        BYTES.decode(ids)


@pytest.mark.parametrize("vocab_size", [-1, 0, 255, 257, 2**31 + 1, 2**40, 2**70])
def test_a_vocabulary_too_small_or_too_large(vocab_size):
    with refused(tokloom.ArgumentError, ValueError, "vocab_size"):
        tokloom.train(["text"], vocab_size, special_tokens=["<a>", "<b>"])


def test_numbers_out_of_range():
    for wrong in (
        {"min_count": 0},
        {"threads": 0},
        {"memory": 0},
        {"memory": "much"},
        {"max_token_length": 0},
    ):
        with refused(tokloom.ArgumentError, ValueError, next(iter(wrong))):
            tokloom.train(["text"], 300, **wrong)


@pytest.mark.parametrize("pattern", ["(", r"\p{Nonsense}", "[z-a]", r"(?<n", "*a"])
def test_an_expression_that_does_not_compile(pattern):
    with refused(tokloom.PatternError, ValueError, pattern):
        tokloom.train(["text"], 300, pattern=pattern)


@pytest.mark.parametrize("pattern", ["x*", "", "(?=a)", "a|"])
def test_an_expression_that_matches_nothing(pattern):
    with refused(tokloom.PatternError, ValueError):
        tokloom.train(["a text"], 300, pattern=pattern)


def test_a_name_that_no_pattern_has():
    with refused(tokloom.PatternError, ValueError, "gpt5", "gpt4"):
        tokloom.train(["text"], 300, pattern="gpt5")


def test_an_expression_that_explodes():
    start = time.monotonic()
    with refused(tokloom.PatternError, ValueError, "step"):
        tokloom.train(["a" * 5_000 + "!"], 300, pattern=r"(?:a|a(?=a)|aa)+(?<!b)$(?!!)")
    assert time.monotonic() - start < 60


@pytest.mark.parametrize("special", [["<a>", "<a>"], [""], ["a"]])
def test_special_tokens_that_cannot_be(special):
    with refused(tokloom.SpecialTokenError, ValueError, repr(special[0]).strip("'")):
        tokloom.train(["text"], 300, special_tokens=special)


def test_one_special_token_more_that_cannot_be():
    tokenizer = BYTES.with_special_tokens(["<a>"])
    for names in (["<a>"], [""], ["b", "c"], ["<x>", "<x>"]):
        with refused(tokloom.SpecialTokenError, ValueError):
            tokenizer.with_special_tokens(names)
    with pytest.raises(TypeError):
        BYTES.with_special_tokens("<a>")


def test_a_special_token_in_a_text_that_allows_none():
    tokenizer = BYTES.with_special_tokens(["<a>"])
    with refused(tokloom.SpecialTokenError, ValueError, "<a>", "2"):
        tokenizer.encode("éx<a>", special="raise")
    with refused(tokloom.SpecialTokenError, ValueError, "<b>"):
        tokenizer.encode("x", special={"<b>"})


# --- files ----------------------------------------------------------------------------------------------------------


def rank_lines() -> list[bytes]:
    return [base64.b64encode(bytes([byte])) + b" %d" % byte for byte in range(256)] + [b"YWI= 256"]


def ranks(tmp_path: Path, lines: list[bytes]) -> Path:
    path = tmp_path / "some.tiktoken"
    path.write_bytes(b"\n".join(lines))
    return path


@pytest.mark.parametrize(
    ("line", "number"),
    [
        (b"YWI", 257),
        (b"YW$= 256", 257),
        (b"YWI= x", 257),
        (b"YWI= -1", 257),
        (b"YWI= 99999999999", 257),
        (b" 256", 257),
        (b"YWI= 256 1", 257),
    ],
)
def test_a_bad_line_in_a_rank_file(tmp_path, line, number):
    path = ranks(tmp_path, [*rank_lines()[:256], line, b"YWJj 257"])
    with refused(tokloom.FormatError, ValueError, str(path), f"line {number}"):
        tokloom.load(path, pattern="gpt4")


def test_a_rank_file_with_a_token_or_an_id_twice(tmp_path):
    for line in (b"YWI= 257", b"YWJj 256"):
        path = ranks(tmp_path, [*rank_lines(), line])
        with refused(tokloom.FormatError, ValueError, str(path), "line 258"):
            tokloom.load(path, pattern="gpt4")


def test_a_truncated_rank_file(tmp_path):
    whole = b"\n".join(rank_lines()) + b"\n"
    path = tmp_path / "cut.tiktoken"
    for length in (
        0,
        1,
        100,
        len(whole) // 2,
        whole.index(rank_lines()[255]),
        whole.index(rank_lines()[255]) + 3,
    ):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=re.escape(str(path))) as caught:
            tokloom.load(path, pattern="gpt4")
        assert type(caught.value) in (tokloom.FormatError, tokloom.VocabularyError), repr(caught.value)


def test_a_rank_file_without_a_pattern(tmp_path):
    with refused(tokloom.ArgumentError, ValueError, "pattern="):
        tokloom.load(ranks(tmp_path, rank_lines()))


def tokenizer_json(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"model": 1}',
        b'{"model": {"type": "BPE"}}',
        b"\xff\xfe",
        b"[" * 1_000_000,
        b'{"a":' * 1_000_000,
        b'{"model": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b"\0" * 1_000,
    ],
    ids=range(12),
)
def test_a_tokenizer_json_that_is_none(tmp_path, data):
    path = tokenizer_json(tmp_path, data)
    with refused(tokloom.FormatError, ValueError, str(path)):
        tokloom.load(path)


def test_a_tokenizer_json_with_100_megabytes_of_garbage(tmp_path):
    for data in (b"x" * 100_000_000, b'{"version": "1.0", "garbage": "' + b"x" * 100_000_000):
        path = tokenizer_json(tmp_path, data)
        start = time.monotonic()
        with refused(tokloom.FormatError, ValueError, str(path)):
            tokloom.load(path)
        assert time.monotonic() - start < 20


def test_a_vocabulary_that_is_nowhere(tmp_path):
    for wrong in ("gpt17", str(tmp_path / "none"), tmp_path / "none", tmp_path):
        with refused(tokloom.VocabularyNotFoundError, FileNotFoundError, str(wrong)):
            tokloom.load(wrong)


def saved(tmp_path: Path) -> Path:
    tokloom.train(["low lower lowest"] * 3, 262, special_tokens=["<|end|>"]).save(tmp_path / "saved")
    return tmp_path / "saved"


def test_a_saved_vocabulary_that_was_changed(tmp_path):
    folder = saved(tmp_path)
    path = folder / "vocabulary.tiktoken"
    whole = path.read_bytes()
    for damaged in (
        whole[: len(whole) // 2],
        whole[: whole.rindex(b"\n", 0, -1) + 1],
        whole.replace(b" 258", b" 300"),
        b"",
    ):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=re.escape(str(folder))) as caught:
            tokloom.load(folder)
        assert type(caught.value) in (tokloom.FormatError, tokloom.VocabularyError), repr(caught.value)
    path.unlink()
    with refused(tokloom.SourceError, OSError, "vocabulary.tiktoken"):
        tokloom.load(folder)


@pytest.mark.parametrize(
    "field", ["kind", "fingerprint", "pattern", "added_tokens", "unicode", "whole_pretoken_first"]
)
@pytest.mark.parametrize("value", [None, 7, "x", [], {}, [7], [{}], {"splits": 1}, {"splits": [{}]}])
def test_a_description_with_a_wrong_field(tmp_path, field, value):
    path = saved(tmp_path) / "tokloom.json"
    description = json.loads(path.read_text())
    path.write_text(json.dumps({**description, field: value}))
    with pytest.raises(ValueError, match="tokloom") as caught:
        tokloom.load(path.parent)
    assert isinstance(caught.value, tokloom.TokloomError), repr(caught.value)


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[" * 100_000, b'{"tokloom": 2}', b'{"tokloom": true}', b"[]", b"\xff"]
)
def test_a_description_that_is_none(tmp_path, data):
    path = saved(tmp_path) / "tokloom.json"
    path.write_bytes(data)
    with refused(tokloom.FormatError, ValueError, str(path)):
        tokloom.load(path.parent)


def test_damaged_counts(tmp_path):
    path = tmp_path / "some.counts"
    tokloom.count_pretokens(["low lower lowest"]).save(path)
    whole = path.read_bytes()
    for length in range(len(whole)):
        with refused(tokloom.FormatError, ValueError, str(path)):
            path.write_bytes(whole[:length])
            tokloom.PretokenCounts.load(path)
    for at in range(len(whole)):  # a flipped bit is found, or means another count
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with contextlib.suppress(tokloom.FormatError, tokloom.PatternError):
            tokloom.PretokenCounts.load(path)


def test_a_bad_line_of_jsonl(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "one"}\n{"text": "two"}\n{"text": \n')
    with refused(tokloom.FormatError, ValueError, str(path), "line 3"):
        tokloom.train(path, 300)
    path.write_text('{"text": "one"}\n{"body": "two"}\n')
    with refused(tokloom.FormatError, ValueError, str(path), "line 2", "text"):
        tokloom.train(path, 300)


def test_a_list_of_str_is_documents(tmp_path):
    (tmp_path / "one.txt").write_text("zzz")
    with pytest.warns(tokloom.TokloomWarning):  # it says that these look like files
        counts = tokloom.count_pretokens([str(tmp_path / "one.txt")])
    assert b"zzz" not in dict(counts)
    with pytest.raises(TypeError, match="document 1"):
        tokloom.count_pretokens(["a", 7])


def test_arguments_of_texts_that_fit():
    for call in (
        lambda: BYTES.truncate("a", -1),
        lambda: BYTES.truncate("a", 1, side="middle"),  # type: ignore[arg-type]
        lambda: BYTES.chunk("a", 0),
        lambda: BYTES.chunk("a", 2, overlap=2),
        lambda: list(BYTES.chunk("aé", 1)),
    ):
        with refused(tokloom.ArgumentError, ValueError):
            call()
