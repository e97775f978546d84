"""Rows and tokens out of the files of models: right ones exactly, strange ones refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokloom
from learned.soft_models import model_folder, vocabulary, write_header, write_safetensors
from tokloom.learned import tensors
from tokloom.learned.soft import read_matrix, safetensors_file
from tokloom.learned.soft.token_bytes import bytes_by_id, bytes_of_names


def test_a_tiny_folder_is_read(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model")
    matrix = read_matrix(folder)
    tokenizer = vocabulary()
    assert matrix.rows.shape == (tokenizer.vocab_size, 4)
    assert matrix.rows[5].tolist() == [20, 21, 22, 23]
    assert list(matrix.tokens) == [tokenizer.token_bytes(id) for id in range(tokenizer.vocab_size)]
    assert "model.embed_tokens.weight" in matrix.source


def test_padding_is_nobodys_row(tmp_path: Path) -> None:
    matrix = read_matrix(model_folder(tmp_path / "model", extra_rows=7))
    assert matrix.tokens[-7:] == (None,) * 7
    assert len(matrix.known) == len(matrix.rows) - 7


def test_fewer_rows_than_ids_are_refused(tmp_path: Path) -> None:
    with pytest.raises(tokloom.FormatError, match="another model's"):
        read_matrix(model_folder(tmp_path / "model", extra_rows=-1))


def test_several_files_with_an_index(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model")
    whole = read_matrix(folder).rows
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    write_safetensors(folder / "model-00002-of-00002.safetensors", {"norm.weight": np.ones(4, np.float32)})
    index = {"weight_map": {"model.embed_tokens.weight": "model-00001-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert (read_matrix(folder).rows == whole).all()
    index["weight_map"]["model.embed_tokens.weight"] = "model-00002-of-00002.safetensors"
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(tokloom.FormatError, match=r"the index says|no tensor"):
        read_matrix(folder, tensor="model.embed_tokens.weight")


@pytest.mark.parametrize("place", ["../secret.safetensors", "/etc/passwd", "sub/model.safetensors", 7])
def test_an_index_leads_to_no_other_folder(tmp_path: Path, place: object) -> None:
    folder = model_folder(tmp_path / "model")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"wte.weight": place}}))
    with pytest.raises(tokloom.FormatError, match="no file of this folder"):
        read_matrix(folder)


@pytest.mark.parametrize("index", ["", "[]", "{}", '{"weight_map": 3}', "[" * 100_000])
def test_a_damaged_index_is_refused(tmp_path: Path, index: str) -> None:
    folder = model_folder(tmp_path / "model")
    (folder / "model.safetensors.index.json").write_text(index)
    with pytest.raises(tokloom.FormatError, match="weight_map"):
        read_matrix(folder)


def test_which_tensor_is_asked_where_it_isnt_clear(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model", name="something.weight")
    with pytest.raises(tokloom.ArgumentError, match=r"lm_head\.weight, something\.weight"):
        read_matrix(folder)
    assert read_matrix(folder, tensor="something.weight").rows.shape[1] == 4
    with pytest.raises(tokloom.ArgumentError, match="no tensor 'other'"):
        read_matrix(folder, tensor="other")
    rows = np.zeros((vocabulary().vocab_size, 4), np.float32)
    write_safetensors(folder / "model.safetensors", {"a.wte.weight": rows, "b.wte.weight": rows})
    with pytest.raises(tokloom.ArgumentError, match="several tensors"):
        read_matrix(folder)


def test_pickled_weights_are_never_read(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    vocabulary().save(folder)
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04")
    with pytest.raises(tokloom.VocabularyNotFoundError, match="never read"):
        read_matrix(folder)
    with pytest.raises(tokloom.VocabularyNotFoundError, match="no such file"):
        read_matrix(tmp_path / "nowhere")


def test_a_folder_without_a_tokenizer_says_what_to_give(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "model.safetensors", {"wte.weight": np.zeros((256, 2), np.float32)})
    with pytest.raises(tokloom.VocabularyNotFoundError, match="--tokenizer"):
        read_matrix(tmp_path)
    assert len(read_matrix(tmp_path, tokenizer="bytes").tokens) == 256


def test_rows_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    rows = np.zeros((256, 2), np.float32)
    rows[3, 1] = np.nan
    write_safetensors(tmp_path / "model.safetensors", {"wte.weight": rows})
    with pytest.raises(tokloom.FormatError, match="not finite"):
        read_matrix(tmp_path, tokenizer="bytes")


# The format


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
def test_types_are_read_exactly(tmp_path: Path, dtype: str) -> None:
    torch = pytest.importorskip("torch", reason="writes the types")
    save_file = pytest.importorskip("safetensors.torch", reason="writes the types").save_file
    tensor = torch.randn(7, 3).to(getattr(torch, dtype))
    save_file({"a": tensor, "b": torch.ones(2)}, tmp_path / "x.safetensors")
    entries = safetensors_file.header(tmp_path / "x.safetensors")
    found = safetensors_file.read(tmp_path / "x.safetensors", "a", entries["a"])
    assert (found == tensor.float().numpy()).all()


@given(st.dictionaries(st.text(max_size=8), st.integers(0, 5), max_size=4), st.integers(0, 3))
def test_what_is_written_is_read_and_opens_in_the_library(
    tmp_path_factory: pytest.TempPathFactory, sizes: dict[str, int], columns: int
) -> None:
    sizes.pop("__metadata__", None)
    given_ = {name: np.full((rows, columns), rows, np.float32) for name, rows in sizes.items()}
    path = tmp_path_factory.mktemp("written") / "x.safetensors"
    path.write_bytes(tensors.write(given_))
    found = {
        name: safetensors_file.read(path, name, entry)
        for name, entry in safetensors_file.header(path).items()
    }
    assert {name: array.tolist() for name, array in found.items()} == {
        name: array.tolist() for name, array in given_.items()
    }
    library = pytest.importorskip("safetensors.numpy", reason="the format's own library")
    assert set(library.load_file(path)) == set(given_)


GOOD = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{",
        b"[1, 2]",
        b"[" * 50_000,
        {"a": 3},
        {"a": {}},
        {"a": {**GOOD, "shape": [2, -2]}},
        {"a": {**GOOD, "shape": [True, 4]}},
        {"a": {**GOOD, "shape": [1 << 60, 1 << 60]}},
        {"a": {**GOOD, "shape": "22"}},
        {"a": {**GOOD, "data_offsets": [0, 15]}},
        {"a": {**GOOD, "data_offsets": [8, 24]}},
        {"a": {**GOOD, "data_offsets": [16, 0]}},
        {"a": {**GOOD, "data_offsets": [0, 1 << 62]}},
        {"a": {**GOOD, "data_offsets": [0]}},
        {"a": {**GOOD, "dtype": 7}},
    ],
)
def test_a_damaged_header_is_refused(tmp_path: Path, header: object) -> None:
    write_header(tmp_path / "x.safetensors", header, bytes(16))
    with pytest.raises(tokloom.FormatError):
        safetensors_file.header(tmp_path / "x.safetensors")


def test_a_header_that_claims_to_be_huge_takes_no_memory(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes((1 << 60).to_bytes(8, "little") + b"{}")
    with pytest.raises(tokloom.FormatError, match="no safetensors file"):
        safetensors_file.header(tmp_path / "x.safetensors")


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole = tensors.write({"a": np.ones((3, 2), np.float32)})
    for length in range(len(whole)):
        (tmp_path / "x.safetensors").write_bytes(whole[:length])
        with pytest.raises(tokloom.FormatError):
            safetensors_file.header(tmp_path / "x.safetensors")


def test_integers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_header(path, {"a": {"dtype": "I8", "shape": [16], "data_offsets": [0, 16]}}, bytes(16))
    with pytest.raises(tokloom.FormatError, match="of type I8"):
        safetensors_file.read(path, "a", safetensors_file.header(path)["a"])


# GGUF


def write_gguf(
    path: Path, rows: "np.ndarray", names: list[str], kinds: list[int], model: str = "llama"
) -> None:
    gguf = pytest.importorskip("gguf", reason="reads and writes GGUF")
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model(model)
    writer.add_token_list(names)
    writer.add_token_types(kinds)
    quantised = gguf.quants.quantize(rows, gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("token_embd.weight", quantised, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


NAMES = ["<unk>", "<s>", "<0x00>", "<0x0A>", "▁low", "er"]
KINDS = [2, 3, 6, 6, 1, 1]


def test_a_quantised_gguf_is_read(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((6, 64)).astype(np.float32)
    write_gguf(tmp_path / "tiny.gguf", rows, NAMES, KINDS)
    for place in (tmp_path, tmp_path / "tiny.gguf"):
        matrix = read_matrix(place)
        assert matrix.tokens == (None, None, b"\0", b"\n", b" low", b"er")
        assert np.abs(matrix.rows - rows).max() < 0.05
    with pytest.raises(tokloom.ArgumentError, match="no tensor 'wte'"):
        read_matrix(tmp_path, tensor="wte")


def test_a_gguf_cut_or_changed_anywhere_is_refused_or_read(tmp_path: Path) -> None:
    write_gguf(tmp_path / "tiny.gguf", np.ones((6, 64), np.float32), NAMES, KINDS)
    whole = (tmp_path / "tiny.gguf").read_bytes()
    path = tmp_path / "changed.gguf"
    for length in range(0, len(whole), 23):
        path.write_bytes(whole[:length])
        with pytest.raises(tokloom.TokloomError):
            read_matrix(path)
    generator = np.random.default_rng(0)
    for place in generator.integers(0, len(whole), 200).tolist():
        changed = bytearray(whole)
        changed[place] ^= int(generator.integers(1, 256))
        path.write_bytes(changed)
        try:
            read_matrix(path)
        except tokloom.TokloomError:
            continue


# Bytes of tokens


def test_bytes_of_sentencepiece_and_gpt2_names() -> None:
    assert bytes_of_names(["<0x00>", "▁", "▁▁a", "<0xFF>"]) == [b"\0", b" ", b"  a", b"\xff"]
    assert bytes_of_names(["Ġa", "Ċ", "é", "<x y>"], model="gpt2") == [b" a", b"\n", b"\xe9", b"<x y>"]
    assert bytes_of_names(["[unused3]", "<s>", "x", ""], [1, 3, 4, 1]) == [None, None, b"x", None]


def test_word_pieces_begin_with_a_space_unless_they_go_on() -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="makes WordPiece")
    model = tokenizers.models.WordPiece({"[UNK]": 0, "low": 1, "##er": 2, "[unused1]": 3}, unk_token="[UNK]")
    made = tokenizers.Tokenizer(model)
    made.decoder = tokenizers.decoders.WordPiece()
    made.add_special_tokens(["[UNK]"])
    assert bytes_by_id(tokloom.adapt(made)) == [None, b" low", b"er", None]


def test_control_tokens_have_no_bytes() -> None:
    tokenizer = vocabulary().with_special_tokens(["<|end|>"])
    found = bytes_by_id(tokenizer)
    assert found[-1] is None
    assert None not in found[:-1]
