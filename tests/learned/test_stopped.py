"""Runs that are killed, stopped, out of disk, or of several processes: real ones."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from faults.test_disk import mounted
from learned.tasks import Next, Slow, same, weights
from tokloom.errors import SourceError
from tokloom.learned import TrainingConfiguration, checkpoint, train
from tokloom.learned.log import read

pytestmark = pytest.mark.faults

TESTS = Path(__file__).parents[1]
WORK = """
import sys
from faults.test_disk import mounted
from learned.tasks import Slow
from tokloom.learned import TrainingConfiguration, train
configuration = TrainingConfiguration(steps=60, threads=1, warmup=3, checkpoint_every=10, log_every=3)
try:
    train(Slow(), configuration, sys.argv[1])
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
KILLED_IN_A_CHECKPOINT = """
import os, signal
from tokloom import storage
write, written = storage._write, []
def write_or_die(path, data):
    if path.name == "optimiser.safetensors":
        written.append(path)
        if len(written) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
    write(path, data)
storage._write = write_or_die
"""
CONFIGURATION = TrainingConfiguration(steps=60, threads=1, warmup=3, checkpoint_every=10, log_every=3)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path]), "OMP_NUM_THREADS": "1"}


def stopped_at(folder: Path, step: int, how: int) -> tuple[int, list[str]]:
    """A run in a process of its own that gets a signal when it is at a step."""
    command = [sys.executable, "-c", WORK, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line == f"step {step}\n":
                child.send_signal(how)
                break
        said = child.stdout.read().splitlines()
    return child.returncode, said


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody stopped, and its log."""
    folder, task = tmp_path_factory.mktemp("whole"), Slow()
    train(task, CONFIGURATION, folder)
    return weights(task), read(folder / "log.jsonl")


def assert_goes_on(folder, whole):
    task = Slow(seed=9)
    train(task, CONFIGURATION, folder)
    assert same(weights(task), whole[0])
    log = read(folder / "log.jsonl")
    assert [line["step"] for line in log] == [line["step"] for line in whole[1]]
    assert [line.get("loss") for line in log] == [line.get("loss") for line in whole[1]]
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint", "configuration.json", "log.jsonl"]


def test_kill_9(tmp_path, whole):
    code, _ = stopped_at(tmp_path, 37, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert checkpoint.describe(tmp_path / "checkpoint")["step"] == 30
    with (tmp_path / "log.jsonl").open("ab") as log:
        log.write(b'{"step": 39, "lo')  # a line may be cut short
    assert_goes_on(tmp_path, whole)


def test_killed_while_a_checkpoint_is_written(tmp_path, whole):
    """The process kills itself when the third checkpoint's first file is written, and its second isn't."""
    child = KILLED_IN_A_CHECKPOINT + WORK
    done = subprocess.run([sys.executable, "-c", child, str(tmp_path)], env=environment(), check=False)
    assert done.returncode == -signal.SIGKILL
    assert list(tmp_path.glob(".checkpoint.*.partial/model.safetensors"))
    assert checkpoint.load(tmp_path / "checkpoint").step == 20
    assert_goes_on(tmp_path, whole)


def test_killed_again_and_again(tmp_path, whole):
    for step in (12, 58):
        stopped_at(tmp_path, step, signal.SIGKILL)
    assert_goes_on(tmp_path, whole)


def test_ctrl_c_finishes_the_step_and_saves(tmp_path, whole):
    code, said = stopped_at(tmp_path, 37, signal.SIGINT)
    assert code == 0
    assert said[-1] == "interrupted"
    assert checkpoint.describe(tmp_path / "checkpoint")["step"] in {38, 39}
    assert_goes_on(tmp_path, whole)


def test_a_polite_kill_does_too(tmp_path, whole):
    code, _ = stopped_at(tmp_path, 37, signal.SIGTERM)
    assert code == -signal.SIGTERM
    assert checkpoint.describe(tmp_path / "checkpoint")["step"] in {38, 39}
    assert_goes_on(tmp_path, whole)


def test_a_full_disk(tmp_path):
    """The first checkpoint fits beside nothing: the second has no room while the first is there."""
    with mounted(tmp_path / "small", "size=300k") as folder:
        with pytest.raises(SourceError, match="No space left"):
            train(Next(), CONFIGURATION, folder / "run")
        assert checkpoint.load(folder / "run/checkpoint").step == 10
        assert not list((folder / "run").glob(".*"))


DISTRIBUTED = """
import sys
from faults.test_disk import mounted
from learned.tasks import Plain
from tokloom.learned import TrainingConfiguration, train
choices = dict(threads=1, warmup=3, log_every=1, checkpoint_every=10, precision="float32", learning_rate=0.01)
length = {"minutes": 0.02} if sys.argv[2] == "minutes" else {"steps": int(sys.argv[2])}
train(Plain(), TrainingConfiguration(**length, **choices), sys.argv[1])
from pathlib import Path
left = [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]
assert not any("gloo" in name for name in left), left  # they would meet the end of Python
"""


def torchrun(folder: Path, script: Path, processes: int, length: str) -> None:
    script.write_text(DISTRIBUTED)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command += [str(script), str(folder), length]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr[-3_000:]


@pytest.mark.slow
def test_two_processes_are_as_one(tmp_path):
    """The same windows in all; sums in another order, so the losses agree to 1e-4 and not to the bit."""
    for processes in (1, 2):
        torchrun(tmp_path / str(processes), tmp_path / "work.py", processes, "30")
    one, two = (
        [line["loss"] for line in read(tmp_path / str(processes) / "log.jsonl") if "loss" in line]
        for processes in (1, 2)
    )
    assert len(one) == 30
    assert one[-1] < 0.9 * one[0]
    assert two == pytest.approx(one, rel=1e-4)
    first, second = (checkpoint.load(tmp_path / str(processes) / "checkpoint") for processes in (1, 2))
    for name, tensor in first.model.items():
        torch.testing.assert_close(second.model[name], tensor, atol=1e-3, rtol=1e-3)


@pytest.mark.slow
def test_two_processes_agree_on_the_steps_of_minutes(tmp_path):
    torchrun(tmp_path / "run", tmp_path / "work.py", 2, "minutes")
    assert checkpoint.describe(tmp_path / "run/checkpoint")["measures"] is not None
