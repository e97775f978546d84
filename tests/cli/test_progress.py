"""The bar: only after a while, only on a terminal, and gone when the work is."""

import io

from rich.console import Console

from tokloom.progress import bar


def drawn(delay: float, *, terminal: bool = True) -> str:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=100, color_system=None)
    with bar(delay=delay, console=console) as progress:
        progress("count", 500_000, 2_000_000)
        progress("count", 1_900_000, 2_000_000)
        progress("merge", 0, 1_000)
        progress("merge", 1_000, 1_000)
        progress("another stage", 3, None)
    return screen.getvalue()


def test_each_stage_has_its_bar():
    screen = drawn(0.0)
    assert "Counting" in screen
    assert "1.9 of 2.0 MB" in screen
    assert "Merging" in screen
    assert "1,000 of 1,000" in screen
    assert "another stage" in screen


def test_short_work_draws_nothing():
    assert drawn(60.0) == ""


def test_nothing_is_drawn_where_there_is_no_terminal():
    assert drawn(0.0, terminal=False) == ""


def test_an_error_goes_through_and_the_cursor_comes_back():
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    try:
        with bar(delay=0.0, console=console) as progress:
            progress("merge", 1, 2)
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert screen.getvalue().count("\x1b[?25l") == screen.getvalue().count("\x1b[?25h") == 1
