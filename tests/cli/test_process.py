"""What only a real process shows: streams, exit codes, closed pipes, Ctrl-C, terminals, start-up."""

import json
import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import time

import pytest

from cli.conftest import ENGLISH, command


def test_results_and_remarks_go_apart(process, mine):
    done = process("encode", mine, given=b"low")
    assert done.returncode == 0
    assert done.stdout.strip().isdigit() or b" " in done.stdout
    assert done.stderr == b""
    failed = process("encode", mine, "missing.txt")
    assert (failed.returncode, failed.stdout) == (1, b"")
    assert failed.stderr.startswith(b"Error: missing.txt")
    assert len(failed.stderr.splitlines()) == 1


def test_used_wrongly(process):
    for args in (["encode"], ["nonsense"], ["train", "--nonsense"], ["encode", "x", "--special", "y"]):
        done = process(*args)
        assert done.returncode == 2, args
        assert done.stdout == b""
        assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("by_environment", [True, False])
def test_a_traceback_for_those_who_ask(process, mine, by_environment):
    env = {"TOKLOOM_TRACEBACK": "1"} if by_environment else {}
    before = [] if by_environment else ["--traceback"]
    done = process(*before, "encode", mine, "missing.txt", env=env)
    assert done.returncode == 1
    assert b"Traceback" in done.stderr
    assert b"SourceError" in done.stderr


def test_a_closed_pipe_is_quiet(spawn, mine, tmp_path):
    (tmp_path / "large.txt").write_text(ENGLISH * 3_000)
    child = spawn("encode", mine, tmp_path / "large.txt")
    assert len(child.stdout.read(10)) == 10
    child.stdout.close()
    child.stdout = None
    assert child.wait(timeout=30) == 0
    assert child.stderr.read() == b""


def test_a_pipe_closed_before_anything_is_written(spawn, mine, tmp_path):
    # All fits into the buffer, so that the last flush is what fails.
    (tmp_path / "small.txt").write_text("low")
    child = spawn("encode", mine, "-")
    child.stdout.close()
    child.stdout = None
    child.stdin.write(b"low")
    child.stdin.close()
    child.stdin = None
    assert child.wait(timeout=30) == 0
    assert child.stderr.read() == b""


def test_ids_come_while_the_text_still_does(spawn, mine):
    """`tail -f log | tokloom encode` is of use only if it doesn't wait for the end."""
    child = spawn("encode", mine)
    child.stdin.write(b"low tide " * 1_000)
    child.stdin.flush()
    ready, _, _ = select.select([child.stdout], [], [], 20)
    assert ready, "nothing came while standard input was open"
    assert child.stdout.read(1).isdigit()


def test_ctrl_c_while_reading(spawn, mine):
    child = spawn("encode", mine)
    time.sleep(1.5)
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=10) == 130
    message = child.stderr.read()
    assert b"Stopped" in message
    assert b"Traceback" not in message


@pytest.mark.parametrize("after", [0.8, 2.5, 4.5])
def test_ctrl_c_while_training_leaves_nothing(spawn, very_slow_corpus, tmp_path, after):
    child = spawn("train", very_slow_corpus, "-o", tmp_path / "out", "--vocab-size", 100_000)
    time.sleep(after)
    assert child.poll() is None, "it was over too soon to tell anything"
    child.send_signal(signal.SIGINT)
    start = time.monotonic()
    assert child.wait(timeout=10) == 130
    assert time.monotonic() - start < 2
    message = child.stderr.read()
    assert b"Stopped" in message
    assert b"Traceback" not in message
    assert list(tmp_path.iterdir()) == []


def test_kill_leaves_no_half_of_a_tokenizer(spawn, very_slow_corpus, tmp_path):
    child = spawn("train", very_slow_corpus, "-o", tmp_path / "out", "--vocab-size", 100_000)
    time.sleep(1.5)
    assert child.poll() is None, "it was over too soon to tell anything"
    child.kill()
    child.wait()
    assert list(tmp_path.iterdir()) == []


def on_a_terminal(*args, cwd=None) -> tuple[int, str]:
    """Runs a command whose standard error is a terminal; gives its exit code and what it drew there."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        command(*args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs, cwd=cwd,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )  # fmt: skip
    os.close(theirs)
    drawn = b""
    while True:
        try:
            block = os.read(ours, 65_536)
        except OSError:  # Linux's way to say that the other side is closed
            break
        if not block:
            break
        drawn += block
    child.communicate()
    os.close(ours)
    return child.returncode, drawn.decode(errors="replace")


def test_long_work_has_a_bar_on_a_terminal(slow_corpus, tmp_path):
    code, drawn = on_a_terminal("train", slow_corpus, "-o", tmp_path / "out", "--vocab-size", 20_000)
    assert code == 0, drawn
    assert "Merging" in drawn
    assert "20,000 tokens" in drawn


def test_short_work_has_none(corpus, tmp_path):
    code, drawn = on_a_terminal("train", corpus / "english.txt", "-o", tmp_path / "out", "--vocab-size", 300)
    assert code == 0, drawn
    assert "Merging" not in drawn
    assert "Counting" not in drawn


def test_quiet_has_none(slow_corpus, tmp_path):
    args = ["train", slow_corpus, "-o", tmp_path / "out", "--vocab-size", 20_000, "--quiet"]
    assert on_a_terminal(*args) == (0, "")


def test_no_bar_where_there_is_no_terminal(process, slow_corpus, tmp_path):
    done = process("train", slow_corpus, "-o", tmp_path / "out", "--vocab-size", 20_000)
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert b"Merging" not in done.stderr


def test_an_error_on_a_terminal_is_red(mine):
    code, drawn = on_a_terminal("encode", mine, "missing.txt")
    assert code == 1
    assert "\x1b[31m" in drawn


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from tokloom.cli import app\n"
        "heavy = {'torch', 'transformers', 'pyarrow', 'ray', 'tokenizers', 'tiktoken', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_help_and_version(process):
    done = process("--help")
    assert done.returncode == 0
    for name in ("train", "encode", "decode", "count", "inspect", "export", "prune", "extend", "compare"):
        assert name in done.stdout.decode()
        assert process(name, "--help").returncode == 0
    assert process("--version").stdout.strip().count(b".") >= 1


def test_a_terminal_that_knows_no_box_characters(process, mine):
    latin = {"PYTHONIOENCODING": "latin-1"}
    table, data = process("inspect", mine, env=latin), process("inspect", mine, "--json", env=latin)
    assert (table.returncode, data.returncode) == (0, 0)
    assert b"fingerprint" in table.stdout
    shown = json.loads(data.stdout.decode("latin-1"))
    assert any("χ" in token["text"] for token in shown["longest"])


def test_a_file_name_that_is_no_text(process, mine, tmp_path):
    name = os.fsencode(tmp_path) + b"/\xff.txt"
    with open(name, "wb") as file:  # noqa: PTH123 (pathlib wants text)
        file.write(b"low")
    done = process("count", mine, "--json", os.fsdecode(name))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["total"]["bytes"] == 3


def test_standard_input_that_is_closed(mine):
    line = f"{shlex.join(command('encode', mine))} <&-"
    done = subprocess.run(["sh", "-c", line], capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    assert b"standard input is closed" in done.stderr
