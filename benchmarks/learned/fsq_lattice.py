"""Lattices by every kind of coordinates: time, cells, shared leading bytes beside chance, ids seen.

A BPE vocabulary of the training side of the English prose; measured on its held-out side.
"""

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

import tokloom
from benchmarks.learned import corpora
from tokloom.learned.fsq.lattice import train_lattice
from tokloom.learned.fsq.lattice_measures import measure
from tokloom.storage import write_file

KINDS = (
    ("context", "classes"),
    ("context", "digits"),
    ("frequency", "digits"),
    ("random", "digits"),
    ("spelling", "digits"),
)


def options(parser: argparse.ArgumentParser) -> None:
    """How large the vocabulary is, how long spelling is trained, and where the figures go."""
    parser.add_argument("--vocab-size", type=int, default=32_768)
    parser.add_argument(
        "--steps", type=int, help="of training for spelling (default: 600), in place of --minutes"
    )
    parser.add_argument("--coordinates", help="only this kind")
    parser.add_argument("--text-bytes", type=int, default=20_000_000, help="of training text")
    parser.add_argument("--output", type=Path, default=Path("runs/fsq-lattice.json"))


def run(arguments: argparse.Namespace) -> None:
    """Builds each lattice and prints its measures."""
    documents, size = [], 0
    for document in corpora.training("prose").documents():
        documents.append(document)
        size += len(document)
        if size >= arguments.text_bytes:
            break
    held_out = list(corpora.held_out("prose").documents())
    inner = tokloom.train(documents, arguments.vocab_size)
    rows = []
    for kind, layout in KINDS:
        if arguments.coordinates not in (None, kind):
            continue
        spelling = {}
        if kind == "spelling":
            spelling = {"minutes": arguments.minutes, "steps": None} if arguments.minutes else {}
            spelling = spelling or {"steps": arguments.steps or 600}
        began = time.process_time()
        lattice = train_lattice(
            documents,
            tokenizer=inner,
            coordinates=kind,
            layout=layout,
            seed=arguments.seed,
            threads=arguments.threads,
            **spelling,
        )
        seconds = round(time.process_time() - began, 1)
        report = asdict(measure(lattice, held_out))
        rows.append({"coordinates": kind, "layout": layout, "cpu_seconds": seconds, **report})
        print(json.dumps(rows[-1]), flush=True)
    write_file(arguments.output, json.dumps(rows, indent=1).encode())
