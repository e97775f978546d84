"""The loop: goes on to the same result, stops with an error that teaches."""

import json

import pytest
import torch

from learned.tasks import Next
from tokloom.learned import TrainingConfiguration, train
from tokloom.learned.log import read


def weights(task):
    return {name: each.clone() for name, each in task.model.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


class Stopped(Next):
    """Raises at a step, as a bug or a full disk would."""

    stops_at = 17

    def batch(self, step, **choices):
        if step == self.stops_at:
            raise RuntimeError("stopped")
        return super().batch(step, **choices)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_goes_on_to_the_same_result(tmp_path, precision):
    configuration = TrainingConfiguration(
        steps=30, threads=1, checkpoint_every=7, precision=precision, warmup=3
    )
    whole = Next()
    train(whole, configuration, tmp_path / "whole")
    parts = Stopped()
    with pytest.raises(RuntimeError, match="stopped"):
        train(parts, configuration, tmp_path / "parts")
    assert json.loads((tmp_path / "parts/checkpoint/state.json").read_text())["step"] == 14
    again = Next(seed=5)  # whatever the weights were
    result = train(again, configuration, tmp_path / "parts")
    assert result.steps == 30
    assert same(weights(again), weights(whole))
    logs = [read(tmp_path / name / "log.jsonl") for name in ("whole", "parts")]
    for line in (*logs[0], *logs[1]):
        line.pop("seconds", None)
    assert logs[0] == logs[1]
