"""Configurations: defaults, file, command line; what they refuse; the schedule."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tokloom.errors import ArgumentError, FormatError, SourceError
from tokloom.learned.configuration import TrainingConfiguration, as_json, configured, from_json, only_sections
from tokloom.learned.schedule import learning_rate

TOML = """
[training]
steps = 200
learning_rate = 1  # a whole number is a number
betas = [0.8, 0.9]
schedule = "constant"

[fsq]
levels = [8, 8, 5]
"""
JSON = '{"training": {"steps": 200, "learning_rate": 1, "betas": [0.8, 0.9], "schedule": "constant"}}'


@dataclass(frozen=True)
class Shape:
    """A configuration as the kinds have one."""

    levels: tuple[int, ...] | tuple[tuple[int, ...], ...] = (8, 8)
    name: str = "chunks"
    residual: bool = False


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(("name", "text"), [("run.toml", TOML), ("run.json", JSON)])
def test_file_over_default_and_command_line_over_file(tmp_path, name, text):
    path = written(tmp_path, name, text)
    found = configured(TrainingConfiguration, "training", path, {"seed": 4, "steps": None}, {"batch_size": 8})
    assert (found.steps, found.learning_rate, found.betas, found.schedule) == (
        200,
        1.0,
        (0.8, 0.9),
        "constant",
    )
    assert (found.seed, found.batch_size, found.weight_decay) == (
        4,
        8,
        TrainingConfiguration(steps=1).weight_decay,
    )
    assert configured(TrainingConfiguration, "training", path, {"learning_rate": 0.5}).learning_rate == 0.5


def test_steps_and_minutes_replace_each_other(tmp_path):
    path = written(tmp_path, "run.toml", TOML)
    found = configured(TrainingConfiguration, "training", path, {"minutes": 2.0}, {"minutes": 5.0})
    assert (found.steps, found.minutes) == (None, 2.0)
    found = configured(TrainingConfiguration, "training", path, None, {"minutes": 5.0})
    assert (found.steps, found.minutes) == (200, None)
    both = written(tmp_path, "both.toml", "[training]\nsteps = 1\nminutes = 1")
    with pytest.raises(ArgumentError, match="contradict"):
        configured(TrainingConfiguration, "training", both)


def test_other_configurations(tmp_path):
    path = written(tmp_path, "run.toml", TOML)
    assert configured(Shape, "fsq", path).levels == (8, 8, 5)
    assert configured(Shape, "tokun", path) == Shape()
    staged = written(tmp_path, "staged.toml", "[fsq]\nlevels = [[8, 8], [5]]\nresidual = true")
    assert configured(Shape, "fsq", staged) == Shape(((8, 8), (5,)), residual=True)
    only_sections(path, ["training", "fsq"])
    with pytest.raises(FormatError, match=r"no section \[fsq\]; known: soft, training"):
        only_sections(path, ["training", "soft"])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "a.toml",
            "[training]\nlearningrate = 1",
            r"no key 'learningrate'; known: steps, minutes, batch_size",
        ),
        ("a.toml", '[training]\nsteps = "ten"', "steps must be a whole number, not 'ten'"),
        ("a.toml", "[training]\nsteps = true", "steps must be a whole number"),
        ("a.toml", "[training]\nbetas = [0.1]", "betas must be a list of float of length 2"),
        (
            "a.toml",
            '[training]\nschedule = "cos"',
            "one of 'cosine', 'constant', 'constant-then-decay', not 'cos'",
        ),
        ("a.toml", "[training]\nsteps = 0", "steps must be at least 1"),
        ("a.toml", "[training\n", "not TOML"),
        ("a.json", "{", "not JSON"),
        ("a.json", "[1]", "expected sections"),
        ("a.json", "[" * 100_000, "not JSON"),
        ("a.json", '{"training": 3}', "expected keys and values"),
        ("a.yaml", "training: 3", r"ends in \.toml or \.json"),
        ("a.toml", "[training]\nsteps = 1\nlearning_rate = nan", "learning_rate must be more than 0"),
    ],
)
def test_files_that_are_refused(tmp_path, name, text, message):
    with pytest.raises((FormatError, ArgumentError), match=message) as caught:
        configured(TrainingConfiguration, "training", written(tmp_path, name, text))
    assert name in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SourceError, match="No such file"):
        configured(TrainingConfiguration, "training", tmp_path / "none.toml")


@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"steps": 1, "minutes": 1},
        {"minutes": 0},
        {"steps": 1, "batch_size": 0},
        {"steps": 1, "learning_rate": float("inf")},
        {"steps": 1, "seed": -1},
        {"steps": 1, "betas": (0.9, 1.0)},
        {"steps": 1, "final_learning_rate": 2},
        {"steps": 1, "threads": 0},
        {"steps": 1, "precision": "float16"},
    ],
)
def test_values_out_of_range(choices):
    with pytest.raises(ArgumentError):
        TrainingConfiguration(**choices)


def test_json_and_back():
    one = TrainingConfiguration(minutes=2, betas=(0.5, 0.6))
    assert from_json(TrainingConfiguration, as_json(one), "here") == one
    refused: list[object] = [{"steps": 1, "what": 2}, {"steps": -1}, [], {}]
    for wrong in refused:
        with pytest.raises(FormatError, match="here"):
            from_json(TrainingConfiguration, wrong, "here")


@pytest.mark.parametrize("schedule", ["cosine", "constant", "constant-then-decay"])
def test_the_learning_rate(schedule):
    rates = [
        learning_rate(step, 100, peak=2.0, warmup=8, schedule=schedule, final=0.1) for step in range(100)
    ]
    assert rates[:8] == [0.25 * (step + 1) for step in range(8)]
    assert all(before >= after for before, after in pairwise(rates[7:]))
    assert rates[-1] == (2.0 if schedule == "constant" else pytest.approx(0.2, abs=0.1))
    if schedule == "constant-then-decay":
        assert rates[80] == 2.0
    # A warm-up as long as the run is cut to a tenth of it.
    assert learning_rate(1, 10, peak=2.0, warmup=100, schedule=schedule) > 1.9
    assert learning_rate(0, 1, peak=2.0, warmup=100, schedule=schedule) == 2.0
