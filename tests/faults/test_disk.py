"""A full disk, a directory without permission, a kill in the middle: nothing half-written is left."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tokloom

pytestmark = pytest.mark.faults


@contextlib.contextmanager
def mounted(folder: Path, options: str):
    """A small file system in memory, where this user may mount one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip("a small file system can't be mounted by this user")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def documents():
    rng = random.Random(3)
    return [rng.randbytes(3_000).hex(" ", 4) for _ in range(100)]


@pytest.fixture(scope="module")
def counts(documents):
    return tokloom.count_pretokens(documents)


@pytest.fixture(scope="module")
def tokenizer(counts):
    return counts.train(3_000)


def writers(tokenizer, counts):
    return {
        "save": lambda folder: tokenizer.save(folder / "saved"),
        "tiktoken": lambda folder: tokenizer.export(folder / "ours.tiktoken", format="tiktoken"),
        "huggingface": lambda folder: tokenizer.export(folder / "tokenizer.json", format="huggingface"),
        "counts": lambda folder: counts.save(folder / "some.counts"),
    }


@pytest.mark.parametrize("what", ["save", "tiktoken", "huggingface", "counts"])
def test_a_full_disk(what, tokenizer, counts, tmp_path):
    with mounted(tmp_path / "small", "size=16k") as folder:
        with pytest.raises(OSError, match="No space") as caught:
            writers(tokenizer, counts)[what](folder)
        assert type(caught.value) is tokloom.SourceError
        assert str(folder) in str(caught.value)
        assert list(folder.rglob("*")) == []


def test_a_full_disk_keeps_what_was_there(tokenizer, tmp_path):
    with mounted(tmp_path / "small", "size=48k") as folder:
        small = tokloom.load("bytes")
        small.save(folder / "saved")
        before = {path.name: path.read_bytes() for path in (folder / "saved").iterdir()}
        with pytest.raises(tokloom.SourceError, match="No space"):
            tokenizer.save(folder / "saved")
        assert {path.name: path.read_bytes() for path in (folder / "saved").iterdir()} == before
        assert tokloom.load(folder / "saved") == small


@pytest.mark.parametrize("what", ["save", "tiktoken", "huggingface", "counts"])
def test_no_permission_to_write(what, tokenizer, counts, tmp_path):
    with contextlib.ExitStack() as stack:
        folder = tmp_path / "closed"
        if os.geteuid() == 0:  # root may write anywhere, but not here
            stack.enter_context(mounted(folder, "ro,size=64k"))
        else:
            folder.mkdir(mode=0o500)
        with pytest.raises(OSError, match=r"Read-only|Permission") as caught:
            writers(tokenizer, counts)[what](folder)
        assert type(caught.value) is tokloom.SourceError
        assert str(folder) in str(caught.value)
        assert list(folder.iterdir()) == []


SAVE_ON_AND_ON = """
import sys, tokloom
one, two = tokloom.load(sys.argv[1] + "/one"), tokloom.load(sys.argv[1] + "/two")
counts = tokloom.count_pretokens(["some text"])
print("ready", flush=True)
while True:
    for tokenizer in (one, two):
        tokenizer.save(sys.argv[1] + "/saved")
        tokenizer.export(sys.argv[1] + "/ours.tiktoken", format="tiktoken")
        counts.save(sys.argv[1] + "/some.counts")
"""


def test_killed_while_saving(tokenizer, tmp_path):
    one, two = tokenizer, tokenizer.prune(keep=2_000)[0]
    one.save(tmp_path / "one")
    two.save(tmp_path / "two")
    for round_ in range(12):
        with subprocess.Popen(
            [sys.executable, "-c", SAVE_ON_AND_ON, str(tmp_path)], stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            time.sleep(0.013 * round_)
            child.send_signal(signal.SIGKILL)
        if (tmp_path / "saved").exists():
            assert tokloom.load(tmp_path / "saved") in (one, two)
        if (tmp_path / "ours.tiktoken").exists():
            assert tokloom.load(tmp_path / "ours.tiktoken", pattern="gpt4") in (one, two)
        if (tmp_path / "some.counts").exists():
            assert dict(tokloom.PretokenCounts.load(tmp_path / "some.counts")) == {b"some": 1, b" text": 1}
    # Saving again works beside what a kill left.
    one.save(tmp_path / "saved")
    assert tokloom.load(tmp_path / "saved") == one
