"""What the commands of `tokloom learn` share; each kind has its own tests."""

import subprocess
import sys
from typing import Any

import pytest
import typer

from tokloom.cli.learning import run_folder, training_configuration, training_text
from tokloom.errors import ArgumentError, FormatError

BLOCKED = """
import sys
from typing import Any
for name in ("torch", "safetensors"):
    sys.modules[name] = None  # as where it isn't installed
from tokloom.errors import MissingDependencyError
try:
    {call}
except MissingDependencyError as error:
    print(error)
"""


@pytest.mark.parametrize(
    "call",
    [
        "from tokloom.cli.learning import need_torch; need_torch('tokloom learn fsq')",
        "from tokloom.learned import train",
    ],
)
def test_without_torch_the_extra_is_named(call):
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED.format(call=call)], capture_output=True, text=True, check=True
    )
    assert "needs torch, which isn't installed: pip install 'tokloom[learned]'" in done.stdout


def test_help_names_the_extra(run):
    result = run("learn", "--help")
    assert result.exit_code == 0
    assert "tokloom[learned]" in " ".join(result.stdout.split())


def test_defaults_file_and_command_line(tmp_path):
    file = tmp_path / "run.toml"
    file.write_text("[training]\nlearning_rate = 0.5\nminutes = 3\n")
    choices: dict[str, Any] = {
        "resume": False,
        "defaults": {"minutes": 5, "learning_rate": 0.1, "batch_size": 9},
    }
    found = training_configuration(file, tmp_path / "mine", steps=None, seed=3, **choices)
    assert (found.minutes, found.learning_rate, found.batch_size, found.seed) == (3, 0.5, 9, 3)
    found = training_configuration(file, tmp_path / "mine", steps=70, seed=None, **choices)
    assert (found.minutes, found.steps) == (None, 70)
    file.write_text("[training]\nlearning = 0.5\n")
    with pytest.raises(FormatError, match="known: steps"):
        training_configuration(file, tmp_path / "mine", **choices)


def test_resuming_needs_no_option_again(tmp_path):
    torch = pytest.importorskip("torch", reason="torch isn't installed (make test-learned runs this)")
    from tokloom.learned import TrainingConfiguration, train

    class Task:
        def __init__(self):
            self.model = torch.nn.Linear(1, 1)

        def batch(self, step, **_):
            return torch.full((2, 1), float(step))

        def loss(self, batch, step):  # noqa: ARG002 (the protocol's)
            return self.model(batch).square().mean(), {}

        def evaluate(self):
            return {}

    output = tmp_path / "mine"
    given = TrainingConfiguration(steps=5, learning_rate=0.3)
    train(Task(), given, run_folder(output))
    choices: dict[str, Any] = {"resume": True, "defaults": {"minutes": 5, "learning_rate": 0.1}}
    assert training_configuration(None, output, steps=None, **choices) == given
    with pytest.raises(ArgumentError, match="steps is 5 there and 6 here"):
        train(Task(), training_configuration(None, output, steps=6, **choices), run_folder(output))


def test_a_source_is_needed(corpus):
    with pytest.raises(typer.BadParameter, match="--source"):
        training_text(None, "text", held_out=0.02, seed=None, piece=None)
    training, held_out = training_text([str(corpus / "*.txt")], "text", held_out=0.2, seed=None, piece=1_000)
    assert len(training)
    assert len(held_out)
