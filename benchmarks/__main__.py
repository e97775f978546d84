"""`python -m benchmarks` measures and writes `results.json`; `--readme` puts the last results into the README."""

import argparse
import datetime as dt
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine, plot, readme, vocabularies
from benchmarks.corpora import store
from benchmarks.peers import NAMES, named
from benchmarks.setting import Setting
from benchmarks.sizes import parse
from benchmarks.tasks import EXTRA, PARTS

RESULTS = Path(__file__).parent / "results.json"
README = Path(__file__).parents[1] / "README.md"
PAGE = Path(__file__).parents[1] / "docs" / "speed.md"
PLOT = Path(__file__).parents[1] / "docs" / "speed.svg"


def main() -> None:
    """Measures, or only writes the README's tables and the plot."""
    arguments = _arguments()
    if arguments.readme:
        results = json.loads(arguments.results.read_text("utf-8"))
        if "parts" not in results:
            raise SystemExit(
                f"benchmarks: {arguments.results} is of an earlier benchmark: measure first, `make bench`"
            )
        readme.rewrite(README, results, ("first", "encode", "train", "decode"), "docs/speed.svg")
        readme.rewrite(PAGE, results)
        plot.draw(results, PLOT)
        return
    measure(arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parts = [part for part in PARTS if part not in EXTRA]
    parser.add_argument(
        "--only", default=",".join(parts), help=f"parts: {', '.join(PARTS)}; default: all but scaling"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default: 3)")
    parser.add_argument("--size", default="100MB", help="how much of each corpus (default: 100MB)")
    parser.add_argument("--corpora", default="prose,code,languages", help="which corpora")
    parser.add_argument("--peers", default=",".join(NAMES), help="which peers")
    parser.add_argument(
        "--vocabularies", default="cl100k_base", help="which vocabularies the part `encode` takes"
    )
    parser.add_argument("--minbpe", help="a checkout of karpathy/minbpe, for the part `first`")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the results are written")
    parser.add_argument(
        "--readme", action="store_true", help="write the last results' tables and plot, measure nothing"
    )
    return parser.parse_args()


def measure(arguments: argparse.Namespace) -> None:
    """Measures part by part; writes what there is after each, with the parts of earlier runs that weren't measured."""
    parts = _known("part", arguments.only, PARTS)
    peers = _known("peer", arguments.peers, NAMES)
    vocabularies.prepare()
    corpora = store.build(_known("corpus", arguments.corpora, store.NAMES))
    size = min(parse(arguments.size), *(corpus.size for corpus in corpora.values()))
    chosen = _known("vocabulary", arguments.vocabularies, vocabularies.VOCABULARIES)
    setting = Setting(corpora, peers, arguments.rounds, size, arguments.minbpe, chosen)
    about = {
        "machine": machine.described([named(peer).distribution for peer in peers]),
        "corpora": {name: store.described(corpus) for name, corpus in corpora.items()},
    }
    for part in parts:
        started, load = time.perf_counter(), machine.load()
        records = []
        for record in PARTS[part](setting):
            records.append(record.described())
            print(json.dumps(records[-1], ensure_ascii=False), file=sys.stderr, flush=True)
        run = {
            "command": "python -m benchmarks " + " ".join(sys.argv[1:]),
            "date": dt.date.today().isoformat(),
            "size": size,
            "rounds": setting.rounds,
            "load": {"start": load, "end": machine.load()},
            "seconds": round(time.perf_counter() - started),
            "records": records,
        }
        _write(arguments.results, about, part, run)


def _write(path: Path, about: dict[str, Any], part: str, run: dict[str, Any]) -> None:
    results = json.loads(path.read_text("utf-8")) if path.exists() else {}
    parts = {**results.get("parts", {}), part: run}
    ordered = {name: parts[name] for name in PARTS if name in parts}
    beside = path.with_name(path.name + ".part")
    beside.write_text(json.dumps({**about, "parts": ordered}, indent=1, ensure_ascii=False) + "\n", "utf-8")
    beside.replace(path)


def _known(what: str, names: str, known: Any) -> Sequence[str]:  # noqa: ANN401
    found = [name.strip() for name in names.split(",") if name.strip()]
    wrong = [name for name in found if name not in known]
    if wrong:
        raise SystemExit(f"benchmarks: no {what} is called {wrong[0]!r}; there are {', '.join(known)}")
    return found


if __name__ == "__main__":
    main()
