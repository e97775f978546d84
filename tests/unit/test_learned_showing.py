"""The bar of a run: on a terminal, with the measures."""

import io

from rich.console import Console

from tokloom.learned.log import Log, read
from tokloom.learned.showing import shown


def drawn(*, terminal: bool) -> str:
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=140)
    with shown(True, console) as show:
        show(30, 200, {"loss": 1.23456, "right": 0.5, "learning_rate": 0.002})
    return file.getvalue()


def test_the_bar_has_the_measures():
    text = drawn(terminal=True)
    assert "30/200" in text
    assert "loss 1.235  right 0.5" in text
    assert "learning_rate" not in text


def test_without_a_terminal_there_is_no_bar(capsys):
    for progress in (True, False):
        with shown(progress) as show:
            show(1, 2, {"loss": 1.0})
    assert capsys.readouterr() == ("", "")


def test_ones_own_function():
    seen = []
    with shown(lambda *values: seen.append(values)) as show:
        show(1, 2, {"loss": 1.0})
    assert seen == [(1, 2, {"loss": 1.0})]


def test_a_log_is_taken_back(tmp_path):
    path = tmp_path / "log.jsonl"
    log = Log(path, after=0)
    for step in (1, 2, 3):
        log.write(step, loss=float(step), evaluation={"right": float("nan")})
    with path.open("ab") as file:
        file.write(b'no json\n[1]\n{"step": 4, "lo')
    Log(path, after=2).write(3, loss=0.5)
    assert [line["loss"] for line in read(path)] == [1.0, 2.0, 0.5]
    assert read(path)[0]["evaluation"] == {"right": None}
