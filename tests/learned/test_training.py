"""The loop: goes on to the same result, stops with an error that teaches."""

import itertools
import json
import math

import numpy as np
import pytest
import torch

from learned.tasks import Next, Plain, same, weights
from tokloom.errors import ArgumentError, FormatError, TrainingError
from tokloom.learned import TextData, TrainingConfiguration, checkpoint, train
from tokloom.learned.log import read


class Stopped(Next):
    """Raises at a step, as a bug would."""

    stops_at = 17

    def batch(self, step, **choices):
        if step == self.stops_at:
            raise RuntimeError("stopped")
        return super().batch(step, **choices)


class Explodes(Next):
    """The loss is no number from a step on."""

    value = math.nan

    def loss(self, batch, step):
        loss, measures = super().loss(batch, step)
        return loss * (self.value if step >= 17 else 1.0), measures


class Described(Next):
    """Says of itself what must be the same when a run goes on."""

    def __init__(self, description):
        super().__init__()
        self.description = description


def configuration(**choices):
    return TrainingConfiguration(**{"steps": 30, "threads": 1, "checkpoint_every": 7, "warmup": 3, **choices})


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_goes_on_to_the_same_result(tmp_path, precision):
    chosen = configuration(precision=precision)
    whole = Next()
    train(whole, chosen, tmp_path / "whole")
    with pytest.raises(RuntimeError, match="stopped"):
        train(Stopped(), chosen, tmp_path / "parts")
    assert checkpoint.describe(tmp_path / "parts/checkpoint")["step"] == 14
    again = Next(seed=5)  # whatever the weights were
    result = train(again, chosen, tmp_path / "parts")
    assert result.steps == 30
    assert same(weights(again), weights(whole))
    logs = [read(tmp_path / name / "log.jsonl") for name in ("whole", "parts")]
    for line in (*logs[0], *logs[1]):
        line.pop("seconds", None)
    assert logs[0] == logs[1]
    assert [line["step"] for line in logs[0] if "loss" in line] == [1, 10, 20, 30]


def test_the_seed_decides(tmp_path):
    one, two, other = Next(), Next(), Next()
    for number, (task, seed) in enumerate([(one, 0), (two, 0), (other, 1)]):
        torch.manual_seed(number)  # what the caller's generator stands at doesn't matter
        train(task, configuration(seed=seed), tmp_path / str(number))
    assert same(weights(one), weights(two))
    assert not same(weights(one), weights(other))


def test_learns(tmp_path):
    task = Next()
    before = task.evaluate()["loss"]
    result = train(task, configuration(steps=300, learning_rate=0.01), tmp_path)
    assert result.measures["loss"] < 0.6 * before
    assert result.measures == train(task, configuration(steps=300, learning_rate=0.01), tmp_path).measures


def test_leaves_the_callers_settings(tmp_path):
    torch.manual_seed(3)
    threads = torch.get_num_threads()
    expected = torch.rand(1)
    torch.manual_seed(3)
    train(Next_without_seeding(), configuration(steps=2, threads=threads + 1), tmp_path)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.rand(1), expected)


def Next_without_seeding():  # noqa: N802 (stands for a class)
    with torch.random.fork_rng():
        return Next()


def test_minutes_become_steps_and_are_saved(tmp_path):
    timed, counted = Next(), Next()
    result = train(timed, configuration(steps=None, minutes=0.05), tmp_path / "timed")
    assert result.seconds < 15  # three are meant; the machine may be busy
    used = json.loads((tmp_path / "timed/configuration.json").read_text())["training"]
    assert used["steps"] == result.steps
    assert used["minutes"] is None
    train(counted, configuration(steps=result.steps), tmp_path / "counted")
    assert same(weights(timed), weights(counted))  # what was timed left no trace
    again = train(Next(), configuration(steps=None, minutes=0.05), tmp_path / "timed")
    assert again.steps == result.steps


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number(tmp_path, value):
    task = Explodes()
    task.value = value
    with pytest.raises(TrainingError, match=r"step 18.*learning_rate.*of step 14, stays: .*checkpoint"):
        train(task, configuration(), tmp_path)
    kept = checkpoint.load(tmp_path / "checkpoint")
    assert kept.step == 14
    assert all(tensor.isfinite().all() for tensor in kept.model.values())
    good = Next()
    train(good, configuration(), tmp_path / "good")
    assert train(Next(), configuration(), tmp_path).steps == 30  # the checkpoint is one to go on from


def test_no_number_before_the_first_checkpoint(tmp_path):
    with pytest.raises(TrainingError, match="no checkpoint yet"):
        train(Explodes(), configuration(checkpoint_every=100), tmp_path)


def test_another_configuration(tmp_path):
    train(Next(), configuration(), tmp_path)
    with pytest.raises(ArgumentError, match=r"learning_rate is 0.002 there and 0.1 here"):
        train(Next(), configuration(learning_rate=0.1), tmp_path)
    with pytest.raises(ArgumentError, match=r"holds a run at step 30"):
        train(Next(), configuration(), tmp_path, resume=False)
    # What changes no weight may be another.
    assert train(Next(), configuration(checkpoint_every=3, log_every=1), tmp_path).steps == 30


def test_another_task(tmp_path):
    one, other = Described({"levels": (8, 8)}), Described({"levels": (8, 5)})
    train(one, configuration(), tmp_path)
    train(one, configuration(), tmp_path)
    with pytest.raises(ArgumentError, match=r"levels is \[8, 8\] there and \[8, 5\] here"):
        train(other, configuration(), tmp_path)


def test_another_model(tmp_path):
    train(Next(), configuration(), tmp_path)
    with pytest.raises(FormatError, match=r"3.weight is missing: it is the checkpoint of another model"):
        train(Plain(), configuration(), tmp_path)
    wider = Next()
    wider.model[4] = torch.nn.Linear(64, 300)
    with pytest.raises(FormatError, match=r"4.weight is 256×64 float32, and this model's is 300×64 float32"):
        train(wider, configuration(), tmp_path)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        *itertools.product(["model.safetensors", "optimiser.safetensors"], ["cut", "changed", "foreign"]),
        ("state.json", "cut"),
        ("state.json", "foreign"),
    ],
)
def test_a_damaged_checkpoint(tmp_path, name, how):
    train(Next(), configuration(), tmp_path)
    path = tmp_path / "checkpoint" / name
    data = bytearray(path.read_bytes())
    if how == "cut":
        del data[-5:]
    elif how == "changed":
        data[len(data) // 2] ^= 1
    else:
        data = bytearray(b'{"a": 1}')
    path.write_bytes(data)
    with pytest.raises(FormatError, match=str(path)):
        train(Next(), configuration(), tmp_path)


def test_a_checkpoint_that_went_missing_in_part(tmp_path):
    train(Next(), configuration(), tmp_path)
    (tmp_path / "checkpoint/optimiser.safetensors").unlink()
    with pytest.raises(OSError, match="optimiser"):
        train(Next(), configuration(), tmp_path)


def test_a_checkpoint_left_under_another_name(tmp_path):
    """Where folders can't be exchanged at once, a kill may come between two renames."""
    train(Next(), configuration(), tmp_path)
    (tmp_path / "checkpoint").rename(tmp_path / ".checkpoint.abcd.partial")
    (tmp_path / ".checkpoint.cdef.partial").mkdir()
    assert train(Next(), configuration(), tmp_path).steps == 30
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoint",
        "configuration.json",
        "log.jsonl",
    ]


def test_a_device_that_is_not_there(tmp_path):
    for name in ("cuda:7", "tpu", "meta"):
        with pytest.raises(ArgumentError, match=name):
            train(Next(), configuration(device=name), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_corpus_shorter_than_a_window(tmp_path):
    with pytest.raises(ArgumentError, match="no document is as long as a window of 9 bytes"):
        train(Next(text=TextData.of(["short", "shorter"])), configuration(), tmp_path)
    train(Next(text=TextData.of(["nine byte"])), configuration(), tmp_path)  # one window, again and again


def test_nothing_to_train(tmp_path):
    task = Next()
    task.model.requires_grad_(requires_grad=False)
    with pytest.raises(ArgumentError, match="no parameter to train"):
        train(task, configuration(), tmp_path)


def test_what_is_frozen_is_not_kept(tmp_path):
    task = Next()
    task.model[0].weight.requires_grad_(requires_grad=False)
    before = task.model[0].weight.clone()
    train(task, configuration(), tmp_path)
    assert torch.equal(task.model[0].weight, before)
    assert "0.weight" not in checkpoint.load(tmp_path / "checkpoint").model


def test_progress_and_log_have_the_measures(tmp_path):
    seen = []
    train(Next(), configuration(), tmp_path, progress=lambda *values: seen.append(values))
    assert [(done, steps) for done, steps, _ in seen] == [(1, 30), (10, 30), (20, 30), (30, 30)]
    assert {"loss", "right", "learning_rate"} <= seen[-1][2].keys()
    evaluations = [line for line in read(tmp_path / "log.jsonl") if "evaluation" in line]
    assert len(evaluations) == 10
    assert np.isfinite(evaluations[-1]["evaluation"]["loss"])
