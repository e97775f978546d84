"""`tokloom learn fsq`, as a person calls it."""

import json
import random

import pytest
from typer.testing import CliRunner

pytest.importorskip("torch", reason="torch isn't installed (make test-learned runs these)")
pytest.importorskip("vector_quantize_pytorch", reason="vector-quantize-pytorch isn't installed")

import tokloom
from tokloom.cli import app


@pytest.fixture
def corpus(tmp_path):
    draw = random.Random(2)
    words = ["the", "loom", "holds", "threads", "and", "a", "weaver", "reads", "them"]
    rows = [json.dumps({"text": " ".join(draw.choices(words, k=120))}) for _ in range(40)]
    path = tmp_path / "corpus.jsonl"
    path.write_text("\n".join(rows))
    return path


def learn(*args):
    return CliRunner().invoke(app, ["learn", "fsq", "--no-progress", *(str(arg) for arg in args)])


def test_chunks_are_learned_saved_and_loaded(corpus, tmp_path):
    output = tmp_path / "mine"
    small = ("--levels", "5,5,5", "--keys", "300", "--steps", "4", "--batch-size", "32", "--threads", "1")
    result = learn("--source", corpus, "-o", output, "--special-token", "<|end|>", *small)
    assert result.exit_code == 0, result.output
    tokenizer = tokloom.load(output)
    assert tokenizer.decode(tokenizer.encode("the weaver reads 語")) == "the weaver reads 語"
    assert list(tokenizer.special_tokens) == ["<|end|>"]


def test_the_original_is_measured(corpus, tmp_path):
    config = tmp_path / "original.json"
    config.write_text(
        json.dumps(
            {
                "encoder": {"d_char": 8, "channels": [8], "d_latent": 8},
                "fsq": {"levels": [5, 5], "temperature": 1.0},
                "decoder": {},
                "training": {"batch_size": 16, "eval_interval": 2, "steps": 3},
            }
        )
    )
    result = learn("--source", corpus, "-o", tmp_path / "old", "--kind", "original", "--config", config)
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["steps"] == 3


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--levels", "8,x", "numbers with commas"),
        ("--levels", "1,8", "levels"),
        ("--codes-per-chunk", "0", "codes_per_chunk=0"),
    ],
)
def test_what_makes_no_sense_is_said(corpus, tmp_path, option, value, said):
    result = learn("--source", corpus, "-o", tmp_path / "mine", "--steps", "1", option, value)
    assert result.exit_code != 0
    assert said in result.output
