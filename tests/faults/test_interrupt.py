"""Ctrl-C ends counting and merging within about a second, with KeyboardInterrupt, and leaves nothing behind."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.faults

WORK = """
import sys, tokloom
def progress(stage, done, total):
    if stage == sys.argv[2] and done:
        print("at it", flush=True)
try:
    tokloom.train(sys.argv[1], 2**20, progress=progress, memory=int(sys.argv[3]) or None)
except KeyboardInterrupt:
    print("interrupted", flush=True)
else:
    print("finished", flush=True)
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Millions of words, hardly one of them twice."""
    path = tmp_path_factory.mktemp("slow") / "words.txt"
    path.write_text(random.Random(0).randbytes(30_000_000).hex(" ", 5))
    return path


@pytest.mark.parametrize(("stage", "memory"), [("count", 0), ("count", 20_000_000), ("merge", 0)])
def test_ctrl_c(corpus, tmp_path, stage, memory):
    with subprocess.Popen(
        [sys.executable, "-c", WORK, str(corpus), stage, str(memory)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "at it\n"
        child.send_signal(signal.SIGINT)
        start = time.monotonic()
        said = child.stdout.read().splitlines()
        took = time.monotonic() - start
    assert said[-1] == "interrupted"
    assert took < 3  # a second, and two for a busy machine; the work itself takes longer by far
    assert child.returncode == 0
    assert list(tmp_path.iterdir()) == []
