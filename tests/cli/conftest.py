"""A small corpus, tokenizers trained on it, and two ways to run the command: in this process, and as a process."""

import os
import random
import string
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import tokloom
from tokloom.cli import app

ENGLISH = (
    """How much is it? The low tide is lower than the lowest of the low, isn't it?
Every morning the baker carries warm bread through narrow streets, whistling an old tune about sailors.
Children learn 12 new words before breakfast; by 1999 nobody counted them any more.
"""
    * 20
)
GREEK = (
    """Πόσο κάνει; Το χαμηλό είναι χαμηλότερο από το χαμηλότερο.
Κάθε πρωί ο φούρναρης φέρνει ζεστό ψωμί μέσα από στενούς δρόμους και σφυρίζει ένα παλιό τραγούδι.
"""
    * 20
)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "english.txt").write_text(ENGLISH)
    (folder / "greek.txt").write_text(GREEK)
    (folder / "rows.jsonl").write_text(
        '{"text": "one", "body": "eins"}\n{"text": "two words", "body": "zwei"}\n'
    )
    return folder


@pytest.fixture(scope="session")
def tokenizer(corpus) -> tokloom.Tokenizer:
    return tokloom.train(str(corpus / "*.txt"), 400, special_tokens=["<|end|>", "<|pad|>"])


@pytest.fixture(scope="session")
def mine(tokenizer, tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("tokenizers") / "mine"
    tokenizer.save(folder)
    return str(folder)


@pytest.fixture
def run():
    """Runs a command in this process."""

    def invoke(*args, given: str | bytes | None = None):
        return CliRunner().invoke(app, [str(arg) for arg in args], input=given)

    return invoke


def command(*args) -> list[str]:
    return [sys.executable, "-m", "tokloom.cli", *map(str, args)]


@pytest.fixture
def process():
    """Runs a command as a process of its own: real pipes, real exit codes."""

    def start(*args, given: bytes = b"", env: dict[str, str] | None = None, **options):
        return subprocess.run(
            command(*args),
            input=given,
            capture_output=True,
            timeout=60,
            check=False,
            env={**os.environ, **(env or {})},
            **options,
        )

    return start


@pytest.fixture
def spawn():
    """Starts a command and leaves its pipes open; ends it with the test."""
    running = []

    def start(*args, **options):
        defaults = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        running.append(subprocess.Popen(command(*args), **{**defaults, **options}))
        return running[-1]

    yield start
    for child in running:
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout, child.stderr):
            if stream is not None:
                stream.close()


def random_words(size: int) -> bytes:
    """So many bytes of words, hardly one of them twice."""
    letters = (string.ascii_lowercase * 10)[:232].encode() + b" " * 24
    return random.Random(0).randbytes(size).translate(letters)


@pytest.fixture(scope="session")
def slow_corpus(tmp_path_factory) -> Path:
    """Some seconds of training."""
    path = tmp_path_factory.mktemp("slow") / "words.txt"
    path.write_bytes(random_words(20_000_000))
    return path


@pytest.fixture(scope="session")
def very_slow_corpus(tmp_path_factory) -> Path:
    """More seconds of training than anyone waits for before Ctrl-C."""
    path = tmp_path_factory.mktemp("slow") / "words.txt"
    path.write_bytes(random_words(20_000_000))
    return path
