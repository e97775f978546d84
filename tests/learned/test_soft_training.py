"""Rows that follow from the bytes are learned and rows of chance are not; the command; going on."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import tokloom
from learned.soft_models import learnable, model_folder, spelled, write_safetensors
from tokloom.cli import app
from tokloom.learned.soft import EmbeddingMatrix, SoftConfiguration, SoftEmbedding

torch = pytest.importorskip("torch", reason="torch isn't installed")

from tokloom.learned.soft.modules import build  # noqa: E402
from tokloom.learned.soft.regression import Regression  # noqa: E402
from tokloom.learned.soft.splitting import split  # noqa: E402
from tokloom.learned.soft.training import default_training, learn  # noqa: E402

BAG = SoftConfiguration(dimensions=16, kind="bag", width=16, buckets=4_096)
TRANSFORMER = SoftConfiguration(dimensions=16, width=32, layers=1, heads=2)


@pytest.mark.parametrize(("configuration", "steps"), [(BAG, 150), (TRANSFORMER, 250)])
def test_rows_that_follow_from_the_bytes_are_learned(configuration, steps):
    learned = learn(learnable(), configuration, default_training(configuration.kind, steps=steps, threads=1))
    soft = learned.held_out["soft"]
    assert soft.r2 > 0.5
    assert soft.top_10 > 0.3
    assert soft.r2 > learned.held_out["mean of pieces"].r2
    assert learned.held_out["mean row"].r2 == pytest.approx(0, abs=0.02)
    assert 0.3 < soft.variance_ratio < 1.5


def test_rows_of_chance_are_not():
    tokens = learnable().tokens
    rows = np.random.default_rng(3).standard_normal((len(tokens), 16)).astype(np.float32)
    learned = learn(
        EmbeddingMatrix(rows, tokens, "chance"), BAG, default_training("bag", steps=150, threads=1)
    )
    assert learned.trained.cosine > 0.3  # memory, which the scale that validation chose makes small
    assert abs(learned.held_out["soft"].cosine) < 0.1
    assert abs(learned.held_out["soft"].r2) < 0.05
    assert learned.held_out["soft"].top_1 < 0.02


def test_the_same_seed_gives_the_same_and_a_run_goes_on(tmp_path):
    how = default_training("bag", steps=12, threads=1, checkpoint_every=4)
    whole = learn(learnable(), BAG, how, directory=tmp_path / "run").soft
    assert learn(learnable(), BAG, how).soft == whole
    assert learn(learnable(), BAG, how, directory=tmp_path / "run").soft == whole  # done: nothing is trained
    matrix = learnable()
    with pytest.raises(tokloom.ArgumentError, match="rows is"):
        learn(EmbeddingMatrix(matrix.rows * 2, matrix.tokens, "other"), BAG, how, directory=tmp_path / "run")
    other = default_training("bag", steps=12, threads=1, seed=1)
    assert learn(learnable(), BAG, other).soft != whole


def test_two_outputs_have_two_tables():
    matrix = learnable()
    both = SoftConfiguration(dimensions=16, kind="bag", width=16, buckets=4_096, outputs=("input", "head"))
    soft = learn(matrix, both, default_training("bag", steps=100, threads=1), head=-matrix.rows).soft
    tokens = [token for token in matrix.tokens[300:400] if token]
    np.testing.assert_allclose(
        np.corrcoef(soft.rows(tokens, "input").ravel(), soft.rows(tokens, "head").ravel())[0, 1], -1, atol=0.1
    )


def test_batches_are_every_token_once_an_epoch():
    matrix = learnable()
    parts = split(matrix.tokens)
    task = Regression(build(BAG), matrix.tokens, [matrix.rows], parts, batch_size=100)
    count = len(parts.train) + len(parts.single)
    seen: list[bytes] = []
    for step in range(-(-count // 100)):
        seen += task.batch(step, seed=0, rank=0, ranks=1).tokens
    assert len(set(seen[:count])) == count
    held_out = {matrix.tokens[id] for id in (*parts.held_out, *parts.validation)}
    assert not held_out & set(seen)
    halves = [task.batch(3, seed=0, rank=rank, ranks=2).tokens for rank in range(2)]
    assert not set(halves[0]) & set(halves[1])


def test_shapes_that_dont_fit_are_refused():
    matrix = learnable()
    with pytest.raises(tokloom.ArgumentError, match="a model of 1 outputs of 8"):
        learn(matrix, SoftConfiguration(dimensions=8, kind="bag"), default_training("bag", steps=1))
    tokens = tuple(bytes([byte]) for byte in range(256))
    with pytest.raises(tokloom.ArgumentError, match="no token of two bytes"):
        learn(EmbeddingMatrix(spelled(list(tokens)), tokens, "bytes"), BAG, default_training("bag", steps=1))


def test_a_learning_rate_that_ends_in_nan_is_an_error(tmp_path):
    how = default_training("bag", steps=60, threads=1, learning_rate=1e30, warmup=0, clip=1e30)
    with pytest.raises(tokloom.TokloomError, match="the loss is"):
        learn(learnable(), BAG, how, directory=tmp_path / "run")


def command(folder, output, *more):
    return CliRunner().invoke(
        app,
        [
            "learn",
            "soft",
            "--model",
            str(folder),
            "-o",
            str(output),
            "--kind",
            "bag",
            "--no-progress",
            "--threads",
            "1",
            *more,
        ],
    )


def test_the_command(tmp_path):
    folder = model_folder(tmp_path / "model", extra_rows=3)
    done = command(folder, tmp_path / "soft", "--steps", "5", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert set(told["held_out"]) == {"soft", "mean row", "mean of pieces"}
    assert SoftEmbedding.load(tmp_path / "soft").rows([b" low"]).shape == (1, 4)
    assert json.loads((tmp_path / "soft.run" / "judgement.json").read_text()) == told
    again = command(folder, tmp_path / "soft", "--steps", "5")
    assert again.exit_code == 1
    assert "--overwrite" in again.output
    assert "--resume" in command(folder, tmp_path / "soft", "--steps", "5", "--overwrite").output
    on = command(folder, tmp_path / "soft", "--overwrite", "--resume")
    assert on.exit_code == 0, on.output
    assert "mean of pieces" in on.output


def test_the_command_says_what_is_wrong(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    done = command(empty, tmp_path / "soft", "--steps", "1")
    assert done.exit_code == 1
    assert "no .safetensors and no .gguf" in done.output
    write_safetensors(empty / "model.safetensors", {"wte.weight": np.zeros((3, 2), np.float32)})
    done = command(empty, tmp_path / "soft", "--steps", "1", "--tokenizer", "bytes")
    assert "another model's" in done.output
    assert not (tmp_path / "soft").exists()
