"""Training the auto-encoder: an exact start, the loop, and whole numbers that say what PyTorch said."""

import json
from typing import Any

import numpy as np
import pytest
import torch

import tokloom
from tokloom.learned import TextData
from tokloom.learned.tokun import Shape, TokunAutoencoder
from tokloom.learned.tokun.autoencoder import Weights
from tokloom.learned.tokun.characters import as_bytes
from tokloom.learned.tokun.export import exported
from tokloom.learned.tokun.mixture import batch_of, neighbours
from tokloom.learned.tokun.model import Autoencoder
from tokloom.learned.tokun.report import windows
from tokloom.learned.tokun.shape import NOTHING
from tokloom.learned.tokun.task import TokunTask, code_points_of
from tokloom.learned.tokun.training import train_autoencoder

TEXT = TextData.of(
    [f"Satz {number}: Zwölf Boxkämpfer. Вот {number**3}. 日本語の文。\n" * 3 for number in range(99)]
)
POINTS = code_points_of(TEXT)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def made(groups, **choices: Any):
    return TokunTask(Shape(groups, **choices), POINTS, POINTS, batch_size=64)


def whole(task):
    task.model.eval()
    layers, tensors = exported(task.model, task.batch(1, seed=0, rank=0, ranks=1))
    return TokunAutoencoder(Weights(task.shape, layers, tensors, {}))


@pytest.mark.parametrize("groups", [(4,), (4, 4), (4, 16), (16, 4), (4, 4, 4)])
def test_training_starts_from_an_exact_code(groups):
    task = made(groups)
    task.model.eval()
    chunks = windows(POINTS, 200, task.shape.characters)
    symbols = torch.from_numpy(as_bytes(chunks))
    with torch.no_grad():
        right = (Autoencoder.guesses(task.model(symbols)) == symbols.reshape(-1, 3)).all(1).float().mean()
    assert right > 0.999


def test_the_start_is_exact_for_characters_of_any_script_below_the_planes():
    task = made((4, 16))
    task.model.eval()
    chunks = np.random.default_rng(0).integers(0x20, 0xD800, (200, 16))
    found = whole(task)
    assert (found.decode_chunks(found.embed_chunks(chunks)) == chunks).mean() > 0.99


@pytest.mark.parametrize("groups", [(4,), (4, 4), (4, 16), (16, 4), (4, 4, 4), (4, 8)])
def test_whole_numbers_say_what_pytorch_said(groups):
    task = made(groups)
    found = whole(task)
    chunks = windows(POINTS, 200, task.shape.characters, seed=1)
    with torch.no_grad():
        vectors = task.model.encoder(torch.from_numpy(as_bytes(chunks))).numpy()
        guessed = Autoencoder.guesses(task.model.decoder(torch.from_numpy(vectors))).numpy()
    rounded = found.embed_chunks(chunks)
    assert np.abs(rounded - vectors).mean() < 0.05
    assert (as_bytes(found.decode_chunks(vectors)).reshape(-1, 3) == guessed).all(1).mean() > 0.99


def test_the_runner_is_the_specification():
    # Float products in numpy against plain whole numbers.
    reference = pytest.importorskip("tokloom.learned.network_reference")
    task = made((4, 4, 4), vector=64, character=48)
    found = whole(task)
    chunks = windows(POINTS, 40, 16)
    symbols = as_bytes(chunks).reshape(len(chunks), 16, 3)
    tensors = found.weights.tensors
    layers = found.weights.layers
    sums = reference.run_network(layers["encoder"], tensors, symbols, name="encoder")
    assert np.array_equal(
        sums[:, 0].astype(np.float32) * tensors["encoder.scale"], found.embed_chunks(chunks)
    )
    steps = np.random.default_rng(0).integers(0, 128, (40, 1, 64))
    scores = reference.run_network(layers["decoder"], tensors, steps, name="decoder")
    assert np.array_equal(scores.reshape(-1, scores.shape[-1]), found._decoder.run(steps[:, 0]))


def test_a_batch_is_a_function_of_seed_step_and_rank():
    task = made((4, 4))
    assert torch.equal(task.batch(3, seed=1, rank=0, ranks=2), task.batch(3, seed=1, rank=0, ranks=2))
    assert not torch.equal(task.batch(3, seed=1, rank=0, ranks=2), task.batch(3, seed=1, rank=1, ranks=2))
    assert not torch.equal(task.batch(3, seed=1, rank=0, ranks=1), task.batch(4, seed=1, rank=0, ranks=1))
    assert len(task.batch(0, seed=0, rank=0, ranks=2)) == 32


def test_what_it_is_trained_on():
    generator = np.random.default_rng(0)
    chunks = batch_of(POINTS, 400, 16, 0.5, generator)
    assert chunks.shape == (400, 16)
    assert 0.05 < (chunks == NOTHING).any(axis=1).mean() < 0.3
    assert not (chunks >> 11 == 0x1B).any()
    spread = np.ptp(neighbours(2000, 16, generator), axis=1)
    assert np.median(spread) < 1 << 15


def test_a_run_trains_saves_and_goes_on(tmp_path):
    choices: dict[str, Any] = {
        "groups": (4, 4),
        "vector": 64,
        "character": 48,
        "batch_size": 64,
        "threads": 1,
    }
    found = train_autoencoder(TEXT_PAIR, directory=tmp_path / "run", steps=20, **choices)
    assert found.card["steps"] == 20
    assert found.card["held-out non-ascii"] > 0.9
    assert found.card["trained"]["groups"] == [4, 4]
    again = train_autoencoder(TEXT_PAIR, directory=tmp_path / "run", steps=20, **choices)
    assert again.fingerprint == found.fingerprint
    found.save(tmp_path / "model")
    assert tokloom.load(tmp_path / "model") == found
    with pytest.raises(tokloom.ArgumentError, match="another"):
        train_autoencoder(TEXT_PAIR, directory=tmp_path / "run", steps=20, **{**choices, "groups": (4, 8)})


TEXT_PAIR = (TEXT.take(range(80)), TEXT.take(range(80, 99)))


def test_training_lowers_the_loss():
    task = made((4, 8), vector=64, character=64)
    task.model.train()
    optimiser = torch.optim.AdamW(task.model.parameters(), 2e-3)
    losses = []
    for step in range(40):
        torch.manual_seed(step)
        loss, _ = task.loss(task.batch(step, seed=0, rank=0, ranks=1), step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


@pytest.mark.parametrize(
    "choices",
    [
        {"groups": (4, 4), "name": "4x4"},
        {"groups": (0,)},
        {"vector": 0},
        {"share": 2},
        {"noise": -1},
        {"configuration": None, "steps": 0},
    ],
)
def test_choices_that_are_none_are_refused(choices):
    with pytest.raises(tokloom.ArgumentError):
        train_autoencoder(TEXT_PAIR, **{"steps": 1, **choices})


def test_a_text_shorter_than_a_chunk_is_refused():
    short = TextData.of(["short"])
    with pytest.raises(tokloom.ArgumentError, match="train on more text"):
        train_autoencoder((short, short), steps=1)


def test_a_failed_training_is_told():
    with pytest.raises(tokloom.TrainingError):
        train_autoencoder(
            TEXT_PAIR, groups=(4, 4), steps=30, learning_rate=1e30, warmup=0, clip=1e30, batch_size=32
        )


def test_a_model_that_holds_nan_is_not_exported():
    task = made((4, 4))
    with torch.no_grad():
        task.model.decoder.head.bias[0] = float("nan")
    with pytest.raises(tokloom.ArgumentError, match="finite"):
        exported(task.model, task.batch(0, seed=0, rank=0, ranks=1))


def test_attention_trains_and_is_not_exported():
    task = TokunTask(Shape((4, 4)), POINTS, POINTS, batch_size=32, attention=True)
    loss, _ = task.loss(task.batch(0, seed=0, rank=0, ranks=1), 0)
    loss.backward()
    attention = task.model.encoder.attention
    assert attention is not None
    assert attention.asks.weight.grad is not None
    # It hears later units as well as earlier ones.
    torch.nn.init.normal_(attention.gives.weight)
    given = torch.rand(4, attention.asks.in_features)
    other = given.clone()
    other[3] += 1
    assert not torch.equal(attention(given)[0], attention(other)[0])
    with pytest.raises(tokloom.ArgumentError, match="attention"):
        exported(task.model, task.batch(0, seed=0, rank=0, ranks=1))
    with pytest.raises(tokloom.ArgumentError, match="one unit"):
        Autoencoder(Shape((64,)), attention=True)


def test_the_command_trains_and_inspects(tmp_path, capsys):
    from tokloom.cli import app

    (tmp_path / "text.jsonl").write_text(
        "\n".join(json.dumps({"text": bytes(each).decode()}) for each in TEXT.documents()), "utf-8"
    )
    args = ["learn", "tokun", "--source", str(tmp_path / "text.jsonl"), "-o", str(tmp_path / "mine"), "--name", "4x4",
            "--character", "48", "--steps", "3", "--no-progress", "--threads", "1"]  # fmt: skip
    with pytest.raises(SystemExit) as ended:
        app(args, prog_name="tokloom")
    assert ended.value.code == 0
    assert isinstance(tokloom.load(tmp_path / "mine"), TokunAutoencoder)
    with pytest.raises(SystemExit) as ended:
        app(["inspect", str(tmp_path / "mine"), "--json"], prog_name="tokloom")
    assert ended.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert told["characters to a vector"] == 4
    assert told["card"]["steps"] == 3
