"""`tokloom lm` where PyTorch isn't installed: help, and the extra's name. What trains is in tests/lm."""

import subprocess
import sys

import pytest

BLOCKED = """
import sys
sys.modules["torch"] = None
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "torch" else found(name, *rest)
from tokloom.cli import modelling
modelling.find_spec = importlib.util.find_spec
sys.argv = ["tokloom", *{arguments}]
from tokloom.cli import main
main()
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["lm", "train", "--tokenizer", "bytes", "--data", "a.txt"],
        ["lm", "eval", "runs/lm-1", "--data", "a.txt"],
        ["lm", "generate", "runs/lm-1"],
    ],
)
def test_without_torch_the_extra_is_named(arguments):
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED.format(arguments=arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "needs torch, which isn't installed: pip install 'tokloom[lm]'" in done.stderr


def test_help_names_the_extra(run):
    result = run("lm", "--help")
    assert result.exit_code == 0
    assert "tokloom[lm]" in " ".join(result.stdout.split())
    for command in ("train", "eval", "generate"):
        assert run("lm", command, "--help").exit_code == 0
