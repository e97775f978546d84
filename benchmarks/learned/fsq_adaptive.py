"""Adaptive spans beside the same dictionary without a network, BPE and words: bytes per token, codes in use, speed.

Trains on the training side of the English prose (`--text all`: code and every language, too), reports on held-out text of
each. The run is kept beside the output and goes on there when it is called again.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

import tokloom
from benchmarks.learned import corpora
from tokloom.learned.fsq import AdaptiveTokenizer, adaptive_training
from tokloom.learned.fsq.cuts import show_cuts
from tokloom.learned.fsq.tools import frequencies
from tokloom.storage import write_file
from tokloom.tokenizer import Tokenizer

SENTENCE = "All human beings are born free and equal in dignity and rights, as one of the declarations says."
_TIMED = 4_000_000  # bytes


def options(parser: argparse.ArgumentParser) -> None:
    """What to train on, how long, and where the result goes."""
    parser.add_argument("--steps", type=int, help="of training, in place of --minutes")
    parser.add_argument("--text", choices=("prose", "all"), default="prose")
    parser.add_argument(
        "--sample", type=int, default=32_000_000, help="bytes of text that spans are chosen by"
    )
    parser.add_argument("--vocab-size", type=int, default=32_768)
    parser.add_argument("--output", type=Path, default=Path("runs/fsq-adaptive"))


def run(arguments: argparse.Namespace) -> None:
    """Trains, reports, and saves tokenizer and figures."""
    names = ["prose", "code", *(f"language-{code}" for code in corpora.languages())]
    texts = names if arguments.text == "all" else ["prose"]
    source = [document for name in texts for document in corpora.training(name).documents()]
    began = time.process_time()
    pool = adaptive_training.gather(
        source, vocab_size=arguments.vocab_size, sample=arguments.sample, tell=_told
    )
    gathered = time.process_time() - began
    carried = adaptive_training.carry(
        pool,
        steps=arguments.steps,
        minutes=None if arguments.steps else arguments.minutes or 10,
        threads=arguments.threads,
        seed=arguments.seed,
        directory=arguments.output.with_name(arguments.output.name + ".run"),
        progress=True,
    )
    trained = time.process_time() - began - gathered
    made: dict[str, Tokenizer] = {
        "adaptive": _tokenizer(pool, carried, arguments.vocab_size, "adaptive"),
        "dictionary": _tokenizer(pool, None, arguments.vocab_size, "dictionary"),
        "BPE": tokloom.train(source, arguments.vocab_size),
        "words": tokloom.train(source, arguments.vocab_size, model="words"),
    }
    made["adaptive"].save(arguments.output)
    figures = {
        "command": f"python -m benchmarks.learned fsq-adaptive --minutes {arguments.minutes} --text {arguments.text}",
        "cpu_seconds": {"gather": gathered, "train": trained, "all": time.process_time() - began},
        "pool": len(pool.selected.spans),
        "measures": carried.measures,
        "held_out": {name: _figures(made, name) for name in names},
        "megabytes": _size(arguments.output),
    }
    write_file(arguments.output.with_suffix(".json"), json.dumps(figures, indent=1).encode())
    print(json.dumps({key: value for key, value in figures.items() if key != "held_out"}))
    for name, rows in figures["held_out"].items():
        for kind, row in rows.items():
            print(name, kind, json.dumps(row))
    print(show_cuts(SENTENCE, made))


def _told(what: str, numbers: dict[str, float]) -> None:
    print(what, json.dumps(numbers), flush=True)


def _tokenizer(
    pool: adaptive_training.Pool, carried: adaptive_training.Carried | None, vocab_size: int, name: str
) -> AdaptiveTokenizer:
    """With the spans that the network carries, or with all: then codes are numbers in order, nothing learned."""
    selected = adaptive_training.keep(pool, carried, vocab_size=vocab_size, tell=_told)
    levels = adaptive_training.LEVELS
    if carried is None:
        order = np.arange(len(selected.spans))[:, None]
        codes = order // np.cumprod([1, *levels[:-1]]) % np.array(levels)
        return AdaptiveTokenizer.from_spans(selected.spans, codes, levels, name=name)
    cells = dict(zip(pool.selected.spans, carried.cells.tolist(), strict=True))
    return AdaptiveTokenizer.from_spans(
        selected.spans,
        np.array([cells[span] for span in selected.spans], np.int32),
        levels,
        tensors=carried.tensors,
        description={"network": carried.network, "trained": {"measures": carried.measures}},
        name=name,
    )


def _figures(made: dict[str, Tokenizer], name: str) -> dict[str, dict[str, float]]:
    documents = list(corpora.held_out(name).documents())
    rows = {}
    for kind, tokenizer in made.items():
        found = frequencies(tokenizer, documents)
        began = time.process_time()
        size = 0
        for document in documents:
            tokenizer.encode_to_numpy(document)
            size += len(document)
            if size > _TIMED:
                break
        rows[kind] = {
            "bytes_per_token": round(found.bytes_per_token, 3),
            "byte_share": round(found.byte_share, 4),
            "tokens": found.tokens,
            "share_used": round(found.share_used, 3),
            "entropy": round(found.entropy, 2),
            "MB_per_second": round(size / (time.process_time() - began) / 1e6, 1),
        }
    return rows


def _size(folder: Path) -> float:
    return round(sum(path.stat().st_size for path in folder.iterdir()) / 1e6, 2)
