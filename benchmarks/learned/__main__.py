"""`python -m benchmarks.learned NAME [--minutes M]`: makes a figure of the learned tokenizers, or a shipped model, again.

A figure is a module of this folder with `run(arguments)`, and where it has choices of its own `options(parser)`.
"""

import argparse
from importlib import import_module

# A figure is a line here: its name, and the module that makes it.
FIGURES = {
    "corpora": "benchmarks.learned.corpora",
    "loop": "benchmarks.learned.loop",
    "fsq-adaptive": "benchmarks.learned.fsq_adaptive",
    "fsq-lattice": "benchmarks.learned.fsq_lattice",
    "soft": "benchmarks.learned.soft",
    "soft-rows": "benchmarks.learned.soft_rows",
    "tokun": "benchmarks.learned.tokun",
    "fsq-chunks": "benchmarks.learned.fsq_chunks",
}


def main() -> None:
    """Runs one figure."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.learned", description="Figures of the learned tokenizers."
    )
    commands = parser.add_subparsers(dest="figure", required=True, metavar="NAME")
    for name, module_name in FIGURES.items():
        module = import_module(module_name)
        line = (module.__doc__ or "").partition("\n")[0]
        command = commands.add_parser(name, help=line, description=line)
        command.add_argument("--minutes", type=float, help="of training, on the clock")
        command.add_argument("--threads", type=int, default=1, help="of PyTorch (default: 1)")
        command.add_argument("--seed", type=int, default=0)
        if hasattr(module, "options"):
            module.options(command)
        command.set_defaults(run=module.run)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
