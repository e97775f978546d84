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


def call(*args, given=None):
    return CliRunner().invoke(app, [str(arg) for arg in args], input=given)


def learn(*args):
    return call("learn", "fsq", "--no-progress", *args)


SPANS = ("--vocab-size", 300, "--levels", "8,8,5,5", "--steps", 60, "--batch-size", 64, "--threads", 1)


def use(output, *shown):
    """Loads, looks at and uses what a command made, as a person would."""
    tokenizer = tokloom.load(output)
    text = "the weaver reads 語"
    ids = call("encode", output, given=text).stdout.split()
    assert ids == [str(id) for id in tokenizer.encode(text)]
    assert call("decode", output, given=" ".join(ids)).stdout == text
    inspected = call("inspect", output)
    assert inspected.exit_code == 0
    assert all(part in inspected.stdout for part in shown)
    return tokenizer


def test_spans_are_learned_saved_and_loaded(corpus, tmp_path):
    output = tmp_path / "mine"
    result = learn(
        "--kind", "adaptive", "--source", corpus, "-o", output, "--special-token", "<|end|>", *SPANS
    )
    assert result.exit_code == 0, result.output
    tokenizer = use(output, "fsq-adaptive", "8 × 8 × 5 × 5")
    assert list(tokenizer.special_tokens) == ["<|end|>"]
    assert len(tokenizer.encode("the weaver reads")) < len("the weaver reads")
    # It goes on without being told again how long; what is done already stays the same.
    shape = ("--kind", "adaptive", "--vocab-size", 300, "--levels", "8,8,5,5", "--special-token", "<|end|>")
    again = learn(*shape, "--source", corpus, "-o", output, "--resume", "--overwrite")
    assert again.exit_code == 0, again.output
    assert tokloom.load(output) == tokenizer
    refused = learn("--kind", "adaptive", "--source", corpus, "-o", output, "--overwrite", *SPANS)
    assert refused.exit_code == 1
    assert "--resume" in refused.output


def test_a_lattice_by_spelling(corpus, tmp_path):
    output = tmp_path / "mine"
    choices = ("--coordinates", "spelling", "--steps", 3, "--vocab-size", 280, "--levels", "9,9,9")
    result = learn("--kind", "lattice", "--source", corpus, "-o", output, "--threads", 1, *choices)
    assert result.exit_code == 0, result.output
    assert use(output, "fsq-lattice", "spelling").levels == (9, 9, 9)


def test_a_network_that_learned_nothing_is_said(corpus, tmp_path):
    small = ("--levels", "5,5,5", "--keys", 0, "--steps", 1, "--batch-size", 8, "--threads", 1)
    result = learn("--source", corpus, "-o", tmp_path / "mine", *small)
    assert result.exit_code == 0
    assert "learned too little" in result.output
    assert use(tmp_path / "mine").encode("the weaver reads") == list(b"the weaver reads")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--learning-rate", "1e30", "--batch-size", 8, "--keys", 300), "the loss is nan"),
        (("--held-out", 0, "--batch-size", 8, "--keys", 300), "no held-out text"),
        (("--batch-size", 1_000_000), "take more text or a smaller batch"),
        (("--kind", "adaptive", "--vocab-size", 256), "no room for a span"),
        (("--kind", "adaptive", "--vocab-size", 300, "--batch-size", 64), "carries no span at all"),
        (("--kind", "adaptive", "--vocab-size", 300, "--learning-rate", "1e30"), "lower learning rate"),
    ],
)
def test_a_training_that_comes_to_nothing(corpus, tmp_path, options, said):
    few = ("--levels", "8,8,5", "--steps", 3, "--threads", 1)
    result = learn("--source", corpus, "-o", tmp_path / "mine", *few, *options)
    assert result.exit_code == 1, result.output
    assert said in result.output
    assert not (tmp_path / "mine").exists()


def test_a_choice_that_spans_do_not_have(corpus, tmp_path):
    config = tmp_path / "spans.toml"
    config.write_text("[training]\nweight_decay = 0.5\n")
    result = learn("--kind", "adaptive", "--source", corpus, "-o", tmp_path / "mine", "--config", config)
    assert result.exit_code == 1
    assert "weight_decay can't be chosen" in result.output


def test_chunks_are_learned_saved_and_loaded(corpus, tmp_path):
    output = tmp_path / "mine"
    small = ("--levels", "5,5,5", "--keys", "300", "--steps", "4", "--batch-size", "32", "--threads", "1")
    result = learn("--source", corpus, "-o", output, "--special-token", "<|end|>", *small)
    assert result.exit_code == 0, result.output
    tokenizer = use(output, "fsq-chunks", "5 × 5 × 5")
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
