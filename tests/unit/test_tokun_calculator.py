"""Parameters, counted against published numbers and real models."""

import json

import pytest

import tokloom
from tokloom.learned.tokun.calculator import MODELS, ModelShape, as_table, parameters


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("llama3-8b", 8_030_261_248),
        ("llama3-70b", 70_553_706_496),
        ("mistral-7b", 7_241_732_096),
        ("smollm2-135m", 134_515_008),
    ],
)
def test_published_sizes(name, published):
    shape = MODELS[name]
    table = parameters(shape)[0]
    assert table.embedding + shape.body + table.head == published


def test_grouped_query_attention_has_smaller_keys_and_values():
    full = ModelShape(4096, 1, 32, 14_336, 10)
    grouped = ModelShape(4096, 1, 32, 14_336, 10, key_value_heads=8)
    assert full.attention == 4 * 4096**2
    assert grouped.attention == 2 * 4096**2 + 2 * 4096 * 1024


def test_reducing_the_width_of_a_square_matrix_sixteenfold_divides_it_by_256():
    assert ModelShape(4096, 1, 1, 1, 1).attention == 256 * ModelShape(256, 1, 1, 1, 1).attention


def test_what_vectors_replace():
    table, composed, digits, vectors = parameters(MODELS["llama3-8b"])
    assert table.embedding == table.head == 128_256 * 4096
    assert vectors.embedding == 256 * 4096 + 4096
    assert vectors.head == 4096 * 256 + 256
    assert composed.embedding == 256 * 4096
    assert digits.embedding == 40 * 4096
    assert "8,030,261,248" in str(as_table(MODELS["llama3-8b"], [table, vectors]))


@pytest.mark.parametrize(
    "choices",
    [
        {"width": 0},
        {"heads": 3},
        {"key_value_heads": 5},
        {"layers": 1.5},
        {"vocabulary": -1},
        {"heads": True},
    ],
)
def test_sizes_that_are_none_are_refused(choices):
    with pytest.raises(tokloom.ArgumentError):
        ModelShape(
            **{"width": 64, "layers": 1, "heads": 4, "feed_forward": 128, "vocabulary": 100, **choices}
        )


def test_interfaces_that_are_none_are_refused():
    with pytest.raises(tokloom.ArgumentError, match="divide"):
        parameters(MODELS["llama3-8b"], token_bytes=3)
    with pytest.raises(tokloom.ArgumentError, match="at least 1"):
        parameters(MODELS["llama3-8b"], levels=[])


CONFIGURATION = {
    "model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "intermediate_size": 96, "vocab_size": 500, "tie_word_embeddings": True,
}  # fmt: skip


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"tie_word_embeddings": False, "head_dim": 32},
        {"model_type": "mistral", "num_key_value_heads": 1},
        {"model_type": "qwen2"},
    ],
)
def test_a_configuration_is_counted_as_transformers_builds_it(tmp_path, other):
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    told = {**CONFIGURATION, **other}
    (tmp_path / "config.json").write_text(json.dumps(told), "utf-8")
    shape = ModelShape.read(tmp_path)
    configuration = transformers.AutoConfig.for_model(**told)
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(configuration)
    table = parameters(shape)[0]
    assert table.embedding + shape.body + table.head == sum(each.numel() for each in model.parameters())


@pytest.mark.parametrize(
    "text", ["", "[1]", "{}", json.dumps({**CONFIGURATION, "model_type": "mamba"}),
             json.dumps({**CONFIGURATION, "hidden_size": "64"}), json.dumps({**CONFIGURATION, "vocab_size": 0})],
)  # fmt: skip
def test_other_files_are_refused(tmp_path, text):
    (tmp_path / "config.json").write_text(text, "utf-8")
    with pytest.raises((tokloom.FormatError, tokloom.ArgumentError)):
        ModelShape.read(tmp_path)


def told(args, capsys):
    from tokloom.cli import app

    with pytest.raises(SystemExit) as ended:
        app(args, prog_name="tokloom")
    return ended.value.code, capsys.readouterr().out


def test_the_command_counts(tmp_path, capsys):
    code, out = told(["learn", "parameters", "llama3-8b"], capsys)
    assert code == 0
    assert "8,030,261,248" in out
    code, out = told(["learn", "parameters", "llama3-8b", "--width", "256", "--json"], capsys)
    assert code == 0
    assert json.loads(out)["interfaces"][0]["embedding"] == 128_256 * 256
    (tmp_path / "config.json").write_text(json.dumps(CONFIGURATION), "utf-8")
    code, out = told(["learn", "parameters", str(tmp_path), "--json"], capsys)
    assert code == 0
    assert json.loads(out)["interfaces"][0] == {
        "name": "table", "embedding": 32_000, "head": 0, "beside": 0, "unit": "a token",
    }  # fmt: skip


@pytest.mark.parametrize("args", [["no-such-model"], ["llama3-8b", "--levels", "8,x"]])
def test_the_command_refuses_what_it_does_not_know(args, capsys):
    assert told(["learn", "parameters", *args], capsys)[0] == 2


def test_inspect_shows_the_auto_encoder(capsys):
    code, out = told(["inspect", "tokun-4x16"], capsys)
    assert code == 0
    assert "numpy, in whole numbers" in out
    code, out = told(["inspect", "tokun-4x16", "--json"], capsys)
    assert json.loads(out)["fingerprint"] == tokloom.load("tokun-4x16").fingerprint
