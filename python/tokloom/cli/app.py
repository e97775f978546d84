"""The application: what all commands share, and what becomes of errors."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TextIO

import typer
from typer.core import TyperCommand, TyperGroup

from tokloom.errors import TokloomError, TokloomWarning

_STOPPED_BY_CTRL_C = 130


class TokloomGroup(TyperGroup):
    """Shows an expected error as one sentence, and leaves the traceback to those who ask for it."""

    # The context's class lies in another module from one version of typer to the next.
    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401
        """Runs a command; what may go wrong ends in a sentence and an exit code."""
        with _warnings_as_sentences():
            try:
                result = super().invoke(ctx)
                sys.stdout.flush()  # here, where a closed pipe is still caught
                return result
            except BrokenPipeError:
                # The reader has all it wants (`| head`): no failure, and nothing to say.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                raise typer.Exit(0) from None
            except KeyboardInterrupt:
                _say("Stopped. Nothing unfinished was left behind.", colour=typer.colors.YELLOW)
                raise typer.Exit(_STOPPED_BY_CTRL_C) from None
            except (TokloomError, OSError) as error:
                if ctx.params.get("traceback"):
                    raise
                _say(f"Error: {_sentence(error)}", colour=typer.colors.RED)
                raise typer.Exit(1) from None


class SpreadCommand(TyperCommand):
    """A command whose `--text`, `--source` and `--data` take all the names that follow, so that a shell's glob works."""

    spread_options = frozenset({"--text", "--source", "--data"})

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401
        """Reads the arguments."""
        return super().parse_args(ctx, spread(args, self.spread_options))


def spread(args: list[str], options: frozenset[str]) -> list[str]:
    """Repeats an option before each of the values that follow it.

    Raises:
        typer.BadParameter: no value follows.

    Example:
        >>> spread(["mine", "--text", "a.txt", "b.txt", "--json"], frozenset({"--text"}))
        ['mine', '--text', 'a.txt', '--text', 'b.txt', '--json']
    """
    result: list[str] = []
    option: str | None = None
    for position, arg in enumerate(args):
        if arg == "--":
            return result + args[position:]
        if arg.startswith("-") and arg != "-":
            option = arg if arg in options else None
            following = args[position + 1 : position + 2]
            has_value = bool(following) and (following == ["-"] or not following[0].startswith("-"))
            if option is None:
                result.append(arg)
            elif not has_value:
                # Left to the parser, the next option would become the name of a file.
                raise typer.BadParameter(f"{option} needs at least one value")
        elif option is not None:
            result += [option, arg]
        else:
            result.append(arg)
    return result


app = typer.Typer(
    cls=TokloomGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(value: bool) -> None:
    if value:
        import tokloom

        typer.echo(tokloom.__version__)
        raise typer.Exit


@app.callback()
def tokloom(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=_show_version)
    ] = False,
    traceback: Annotated[
        bool, typer.Option("--traceback", envvar="TOKLOOM_TRACEBACK", help="Show where an error comes from.")
    ] = False,
) -> None:
    """Train, use and compare tokenizers.

    Results go to standard output, everything else to standard error; - is standard input.

    Exit codes: 0 done, 1 failed, 2 used wrongly, 130 stopped by Ctrl-C.
    """


@contextmanager
def _warnings_as_sentences() -> Iterator[None]:
    """A warning of ours is for the person at the terminal: without the line of our code that gave it."""
    original = warnings.showwarning

    def show(  # noqa: PLR0917 (the signature is Python's)
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, TokloomWarning):
            _say(f"Warning: {message}", colour=typer.colors.YELLOW)
        else:
            original(message, category, filename, lineno, file, line)

    with warnings.catch_warnings():
        warnings.simplefilter("always", TokloomWarning)
        warnings.showwarning = show
        yield


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__


def _say(text: str, *, colour: str) -> None:
    typer.secho(text, fg=colour, err=True)
