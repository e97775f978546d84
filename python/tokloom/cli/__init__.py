"""The command `tokloom`: one file per group of commands, each of which parses, calls and shows."""

import io
import sys

from tokloom.cli.app import SpreadCommand, app
from tokloom.cli.changing import export, extend, prune
from tokloom.cli.chatting import chat
from tokloom.cli.cutting import cuts
from tokloom.cli.knowing import check, fetch, names
from tokloom.cli.learning import learn
from tokloom.cli.looking import compare, inspect
from tokloom.cli.modelling import add_commands, lm
from tokloom.cli.training import train
from tokloom.cli.using import count, decode, encode

__all__ = ["app", "main"]

for _command in (
    train,
    encode,
    decode,
    count,
    names,
    fetch,
    check,
    chat,
    inspect,
    compare,
    cuts,
    export,
    prune,
    extend,
):  # as the help lists them
    app.command(cls=SpreadCommand)(_command)
app.add_typer(learn)
add_commands()
app.add_typer(lm)


def main() -> None:
    """Runs the command line and exits: 0 done, 1 failed, 2 used wrongly, 130 stopped by Ctrl-C."""
    # A terminal that knows no box characters, or a file name that is no text, is no reason to fail.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    app(prog_name="tokloom")
