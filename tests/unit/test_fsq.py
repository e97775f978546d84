"""Learned tokenizers by examples that can be checked on paper, and what can't be one."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import networks
import tokloom
from tokloom.learned import tensors
from tokloom.learned.fsq import AdaptiveTokenizer, ChunkTokenizer, FSQTokenizer, LatticeTokenizer
from tokloom.learned.fsq.coordinates import Coordinates

CODES = 8**4
PATCHES = 256 + CODES


def letters(**choices) -> ChunkTokenizer:
    return ChunkTokenizer.from_network(*networks.letters(), **choices)


def spans(**choices) -> AdaptiveTokenizer:
    codes = np.array([[0, 1], [2, 0], [1, 1]])
    return AdaptiveTokenizer.from_spans([b"low ", b"lower", b"er"], codes, (3, 2), **choices)


def lattice() -> LatticeTokenizer:
    inner = tokloom.train(["low lower lowest"] * 3, 260, special_tokens=["<|end|>"])
    digits = np.stack([np.arange(260) % 16, np.arange(260) // 16], axis=1)
    digits[259] = -1
    coordinates = Coordinates("random", "digits", (16, 17), digits.astype(np.int32), None)
    return LatticeTokenizer(inner, coordinates, description={"note": "é"})


KINDS: list[Callable[[], ChunkTokenizer | AdaptiveTokenizer | LatticeTokenizer]] = [letters, spans, lattice]


# --- chunks ---------------------------------------------------------------------------------------------------------


def code(text: str) -> int:
    """The code of four symbols; "." is the end."""
    digits = [networks.KNOWN.index(networks.END if symbol == "." else ord(symbol)) for symbol in text]
    return 256 + sum(digit * 8**place for place, digit in enumerate(digits))


def patch(position: int, symbol: int) -> int:
    return PATCHES + 257 * position + symbol


def test_a_chunk_is_its_codes():
    assert letters().encode("a tall tale not ") == [code("a ta"), code("ll t"), code("ale "), code("not ")]


def test_what_is_wrong_is_patched():
    tokenizer = letters()
    ids = [code("a  a"), code("ll t"), code("ale "), code("not "), patch(2, ord("b"))]
    assert tokenizer.encode("a ball tale not ") == ids
    assert tokenizer.decode(ids) == "a ball tale not "
    # The patch changes what the codes say: they share the bytes.
    assert tokenizer.spans("a ball tale not ") == [(0, 3), (3, 6), (6, 9), (9, 12), (12, 16)]


def test_a_chunk_that_ends_before_it_is_full():
    tokenizer = letters()
    assert tokenizer.encode("a tall") == [code("a ta"), code("ll.."), code("...."), code("....")]
    assert tokenizer.decode([code("a ta"), code("ll.."), 256, 256]) == "a tall"
    assert tokenizer.decode([code("a ta"), code("ll.."), code("...."), code("...."), patch(1, 256)]) == "a"


def test_where_codes_do_not_pay_the_bytes_stand_themselves():
    tokenizer = letters()
    assert tokenizer.encode("eat") == list(b"eat")
    assert tokenizer.encode("not!") == list(b"not!")
    assert tokenizer.encode(bytes(range(100, 116))) == list(range(100, 116))


def test_ids_that_a_model_may_give():
    tokenizer = letters()
    assert tokenizer.decode([code("tall")]) == "tall" + " " * 12  # missing codes are code 0
    assert tokenizer.decode([patch(3, ord("x")), ord("y")]) == "xy"
    assert tokenizer.decode([patch(3, 256)]) == ""
    assert tokenizer.decode([code("tall"), code("e..."), 33, code("l...")]) == "talle!l"
    five = [code("tall")] * 5
    assert tokenizer.decode(five) == "tall" * 5 + " " * 12


def test_digits_of_codes():
    digits = letters(special_tokens=["<|a|>"]).digits()
    assert digits.shape == (256 + CODES + 16 * 257 + 1, 4)
    assert digits.dtype == np.int32
    assert digits[code("tale")].tolist() == [2, 3, 5, 1]
    assert (digits[:256] == -1).all()
    assert (digits[PATCHES:] == -1).all()


def test_what_the_networks_say():
    tokenizer = letters()
    codes = tokenizer.raw_encode(np.array([list(b"a ball tale not ")]))
    assert codes.tolist() == [
        [code("a  a") - 256, code("ll t") - 256, code("ale ") - 256, code("not ") - 256]
    ]
    assert bytes(tokenizer.raw_decode(codes)[0].tolist()) == b"a  all tale not "
    for call, wrong in [
        (tokenizer.raw_encode, np.zeros((2, 15), int)),
        (tokenizer.raw_encode, np.full((1, 16), 257)),
        (tokenizer.raw_encode, np.full((1, 16), -1)),
        (tokenizer.raw_decode, np.full((1, 4), CODES)),
        (tokenizer.raw_decode, np.zeros(4, int)),
    ]:
        with pytest.raises(tokloom.ArgumentError):
            call(wrong)


def test_names_of_ids():
    names = letters(special_tokens=["<|a|>"]).token_names
    assert len(set(names)) == len(names) == letters().vocab_size + 1
    assert (names[65], names[code("e   ")], names[patch(2, 256)]) == (
        "<0x41>",
        "<code 1,0,0,0>",
        "<patch 2 end>",
    )
    assert names[-1] == "<|a|>"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"chunk_size": 0}, "chunk_size is 0"),
        ({"levels": [8, 8, 8, 1]}, "a level is 1"),
        ({"levels": []}, "their product"),
        ({"levels": [8, 8, 8]}, "the encoder gives 4 values"),
        ({"levels": [8.0, 8, 8, 8]}, "invalid type"),
        ({"levels": [True, 8, 8, 8]}, "invalid type"),
        ({"codes_per_chunk": 3}, "the encoder gives 4 values"),
        ({"codes_per_chunk": -4}, "invalid value"),
        ({"network": {}}, "missing field `encoder`"),
        ({"network": {"encoder": [], "decoder": []}}, "it has 0 layers"),
        ({"network": {"encoder": [{"op": "relu"}], "decoder": []}}, "unknown variant `relu`"),
    ],
)
def test_descriptions_that_can_not_be(change, said):
    description, numbers = networks.letters()
    with pytest.raises(tokloom.FormatError) as caught:
        ChunkTokenizer.from_network({**description, **change}, numbers)
    assert said in str(caught.value)


def test_tensors_that_can_not_be():
    description, numbers = networks.letters()
    for name, change, said in [
        ("encoder.1.table", None, "encoder.1.table is missing"),
        ("encoder.1.table", np.zeros((1, 256, 1), np.int8), "[1, 256, 1]"),
        ("encoder.1.table", np.zeros((1, 257, 1), np.float32), "F32"),
        ("encoder.1.shift", np.zeros(1, np.int32), "its shift is [0]"),
        ("decoder.2.weight", np.full((257, 8), -128, np.int8), "weight 0 is -128"),
        ("decoder.2.bias", np.full(257, 2**31 - 1, np.int32), "could overflow"),
        ("encoder.4.thresholds", np.arange(28, 0, -1).astype(np.int32), "ascending order"),
    ]:
        changed = {key: value for key, value in numbers.items() if key != name}
        if change is not None:
            changed[name] = change
        with pytest.raises(tokloom.FormatError) as caught:
            ChunkTokenizer.from_network(description, changed)
        assert said in str(caught.value)
    with pytest.raises(tokloom.ArgumentError, match="complex128"):
        ChunkTokenizer.from_network(description, {**numbers, "more": np.zeros(1, complex)})
    with pytest.raises(tokloom.ArgumentError, match="JSON"):
        ChunkTokenizer.from_network({**description, "more": object()}, numbers)


# --- spans ----------------------------------------------------------------------------------------------------------


def test_the_fewest_spans():
    tokenizer = spans(special_tokens=["<|a|>"])
    assert tokenizer.encode("lower low <|a|>", special="parse") == [257, 32, 256, 259]
    assert tokenizer.encode("slower") == [ord("s"), 257]
    assert tokenizer.spans("lower é") == [(0, 5), (5, 6), (6, 7), (6, 7)]
    assert tokenizer.digits()[255:].tolist() == [[-1, -1], [0, 1], [2, 0], [1, 1], [-1, -1]]
    assert tokenizer.spans_table() == [b"low ", b"lower", b"er"]
    assert tokenizer.codes().tolist() == [[0, 1], [2, 0], [1, 1]]


def test_no_spans_are_bytes():
    tokenizer = AdaptiveTokenizer.from_spans([], np.zeros((0, 2), int), (3, 2))
    assert tokenizer.encode("low") == list(b"low")


@pytest.mark.parametrize(
    ("given", "codes", "levels", "error", "said"),
    [
        ([b"a"], [[0]], [2], tokloom.VocabularyError, "span 0 has 1 bytes"),
        ([b"ab", b"ab"], [[0], [1]], [2], tokloom.VocabularyError, "there twice"),
        ([b"a" * 17], [[0]], [2], tokloom.VocabularyError, "17 bytes"),
        ([b"a" * 300], [[0]], [2], tokloom.ArgumentError, "255"),
        (["ab"], [[0]], [2], TypeError, "bytes"),
        ([b"ab"], [[2]], [2], tokloom.ArgumentError, "out of range"),
        ([b"ab"], [[-1]], [2], tokloom.ArgumentError, "digits"),
        ([b"ab"], [[0.5]], [2], tokloom.ArgumentError, "float64"),
        ([b"ab"], [[0], [1]], [2], tokloom.ArgumentError, "doesn't fit"),
        ([b"ab"], [[0, 0]], [2], tokloom.ArgumentError, "doesn't fit"),
        ([b"ab", b"bc"], [[1], [1]], [2], tokloom.ArgumentError, "spans 0 and 1 have the same digits"),
        ([b"ab"], [[0]], [1], tokloom.FormatError, "levels are"),
        ([b"ab"], [[0]], [], tokloom.FormatError, "levels are"),
    ],
)
def test_tables_that_can_not_be(given, codes, levels, error, said):
    with pytest.raises(error, match=said):
        AdaptiveTokenizer.from_spans(given, np.array(codes), levels)


def test_a_special_token_that_is_a_span():
    with pytest.raises(tokloom.SpecialTokenError, match="lower"):
        spans(special_tokens=["lower"])
    with pytest.raises(tokloom.SpecialTokenError):
        letters().with_special_tokens(["x"])


# --- a vocabulary with digits ---------------------------------------------------------------------------------------


def test_a_lattice_has_the_ids_of_its_vocabulary():
    tokenizer = lattice()
    assert tokenizer.encode("lower low") == tokenizer.inner.encode("lower low")
    assert tokenizer.digits()[257].tolist() == [1, 16]
    assert tokenizer.fingerprint != tokenizer.inner.fingerprint
    larger = tokenizer.with_special_tokens(["<|more|>"])
    assert larger.digits().shape == (261, 2)
    assert larger.digits()[260].tolist() == [-1, -1]


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", KINDS)
def test_what_is_told_beside_is_kept_and_changes_nothing(make, tmp_path):
    tokenizer = make()
    if isinstance(tokenizer, LatticeTokenizer):
        tokenizer.save(tmp_path / "saved")
        opened = tokloom.load(tmp_path / "saved")
        assert isinstance(opened, LatticeTokenizer)
        assert opened.description["note"] == "é"
        assert opened.fingerprint == tokenizer.fingerprint
        return
    description = {**tokenizer.description, "trained": {"minutes": 5, "text": "é"}}
    more = {"extra": np.arange(3, dtype=np.float32)}
    told: ChunkTokenizer | AdaptiveTokenizer
    if isinstance(tokenizer, ChunkTokenizer):
        told = ChunkTokenizer.from_network(description, {**tokenizer.tensors(), **more})
    else:
        table = (tokenizer.spans_table(), tokenizer.codes(), tokenizer.levels)
        told = AdaptiveTokenizer.from_spans(*table, tensors=more, description=description)
    assert told.fingerprint == tokenizer.fingerprint
    told.save(tmp_path / "saved")
    again = tokloom.load(tmp_path / "saved")
    assert isinstance(again, (ChunkTokenizer, AdaptiveTokenizer))
    assert again.description["trained"] == {"minutes": 5, "text": "é"}
    assert again.tensors()["extra"].tolist() == [0, 1, 2]
    assert pickle.loads(pickle.dumps(told)).description == told.description


@pytest.mark.parametrize("make", KINDS)
def test_a_file_cut_anywhere_is_refused(make, tmp_path):
    make().save(tmp_path / "saved")
    path = tmp_path / "saved" / "model.safetensors"
    data = path.read_bytes()
    for length in [0, 1, 7, 8, 9, len(data) // 3, len(data) // 2, len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(tokloom.FormatError, match=r"model\.safetensors"):
            tokloom.load(tmp_path / "saved")
    path.write_bytes(bytes(100))
    with pytest.raises(tokloom.FormatError, match=r"not a whole safetensors file"):
        tokloom.load(tmp_path / "saved")
    path.unlink()
    with pytest.raises(tokloom.SourceError):
        tokloom.load(tmp_path / "saved")


@pytest.mark.parametrize("make", KINDS)
def test_a_number_that_was_changed_is_refused(make, tmp_path):
    make().save(tmp_path / "saved")
    path = tmp_path / "saved" / "model.safetensors"
    numbers = {name: tensor.copy() for name, tensor in tensors.read(path.read_bytes(), "x").items()}
    name = {letters: "decoder.2.bias", spans: "spans.bytes", lattice: "digits"}[make]
    numbers[name].reshape(-1)[-1:] = 0 if numbers[name].reshape(-1)[-1] else 1
    path.write_bytes(tensors.write(numbers))
    with pytest.raises(tokloom.FormatError, match=r"tokloom\.json"):
        tokloom.load(tmp_path / "saved")


ALL: list[dict] = [
    {"fingerprint": "0" * 64},
    {"vocab_size": 5},
    {"levels": None},
    {"levels": "8"},
    {"levels": [10**30]},
    {"tokloom": 2},
    {"kind": "fsq-new"},
    {"kind": ["fsq-chunks"]},
]
NAMED: list[dict] = [{"special_tokens": names} for names in (5, [5], ["\ud800"], [""])]
CHANGES = [
    *((letters, change) for change in [*ALL, *NAMED, {"network": None}, {"chunk_size": None}]),
    *((spans, change) for change in [*ALL, *NAMED]),
    *((lattice, change) for change in [*ALL, {"inner": None}, {"inner": {}}, {"layout": "rows"}]),
]


@pytest.mark.parametrize(("make", "change"), CHANGES)
def test_a_description_that_was_changed_is_refused(make, change, tmp_path):
    make().save(tmp_path / "saved")
    path = tmp_path / "saved" / "tokloom.json"
    description = json.loads(path.read_text("utf-8"))
    assert description.keys() >= change.keys()
    path.write_text(json.dumps({**description, **change}), "utf-8")
    with pytest.raises(tokloom.FormatError, match=r"tokloom\.json"):
        tokloom.load(tmp_path / "saved")


def test_tensors_come_back():
    numbers: tensors.Tensors = {
        "b": np.arange(6, dtype=np.int32).reshape(2, 3),
        "a": np.array([1.5, -2], np.float64),
        "c": np.array(7, np.uint8),
        "d": np.zeros((0, 4), np.int8),
        "e": np.arange(3, dtype=">i4"),
    }
    data = tensors.write(numbers)
    assert data == tensors.write(dict(sorted(numbers.items(), reverse=True)))
    read = tensors.read(data, "file")
    assert sorted(read) == sorted(numbers)
    for name, tensor in numbers.items():
        assert (read[name] == tensor).all()
        assert read[name].shape == tensor.shape
    with pytest.raises(tokloom.FormatError, match="file: not a whole safetensors file"):
        tensors.read(data[:-1], "file")


# --- training is elsewhere ------------------------------------------------------------------------------------------


def test_a_kind_that_can_not_be_trained():
    with pytest.raises(tokloom.ArgumentError, match="'lattice'"):
        FSQTokenizer.train(["text"], kind="nonsense")


def test_learned_tokenizers_need_no_torch(tmp_path):
    for number, make in enumerate(KINDS):
        make().save(tmp_path / str(number))
    program = f"""
import sys, pathlib
for name in ("torch", "safetensors", "einops"):
    sys.modules[name] = None
import tokloom, tokloom.learned
assert "tokloom.learned.fsq" not in sys.modules
for path in sorted(pathlib.Path({str(tmp_path)!r}).iterdir()):
    tokenizer = tokloom.load(path)
    assert tokenizer.decode(tokenizer.encode("a tall tale")) == "a tall tale"
assert tokloom.learned.FSQTokenizer.__name__ == "FSQTokenizer"
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120, cwd=Path(__file__).parent)
