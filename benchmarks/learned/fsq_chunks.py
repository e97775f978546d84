"""Chunks: trains `fsq-chunks` on English prose and reports it beside a table, words and the original design.

    python -m benchmarks.learned corpora
    python -m benchmarks.learned fsq-chunks --minutes 60 --threads 2

With `--minutes 1`, 5, 20, 60 it makes a row of the documentation each. The run goes on where it was stopped; the model
lies in `learned/fsq-chunks-<minutes>m/model` of the cache, the figures beside it as `report.json` and `report.md`.
"""

import argparse
import dataclasses
import json
from pathlib import Path

import numpy as np

from benchmarks.learned import corpora
from tokloom.learned import TextData, TrainingConfiguration

LANGUAGES = ("de", "fr", "ru", "ar", "ja", "zh")
# Codes used are counted over at least so much text.
AT_LEAST = 4_000_000


def options(parser: argparse.ArgumentParser) -> None:
    """What to train on, and which design."""
    parser.add_argument("--text", default="prose", help="prose, code, or language-de and so on")
    parser.add_argument("--keys", type=int, help="strings that the encoder remembers; 0 for none")
    parser.add_argument("--codes-per-chunk", type=int, default=4)
    parser.add_argument("--no-search", action="store_true", help="the encoder's codes as they are")
    parser.add_argument("--original", action="store_true", help="the literal design in place of ours")


def run(arguments: argparse.Namespace) -> None:
    """Trains, saves, measures, prints."""
    minutes = arguments.minutes or 10.0
    text, held_out = corpora.training(arguments.text), corpora.held_out(arguments.text)
    kind = "original" if arguments.original else f"chunks-{arguments.text}-{arguments.codes_per_chunk}"
    if arguments.keys is not None:
        kind += f"-{arguments.keys}"
    if arguments.no_search:
        kind += "-no-search"
    folder = corpora.folder() / f"fsq-{kind}-{minutes:g}m"
    if arguments.original:
        _original(text, held_out, minutes, arguments, folder)
        return
    from tokloom.learned.fsq.chunk_training import TRAINING, chosen_shape, train_on
    from tokloom.learned.fsq.report import as_markdown, report

    training = TrainingConfiguration(
        **{**TRAINING, "minutes": minutes, "threads": arguments.threads, "seed": arguments.seed}
    )
    shape = chosen_shape(arguments.codes_per_chunk, (8, 8, 8, 8, 8), arguments.keys)
    tokenizer = train_on(
        text,
        held_out,
        shape,
        training=training,
        directory=folder / "run",
        search=not arguments.no_search,
        name="fsq-chunks-en",
        progress=True,
    )
    tokenizer.save(folder / "model")
    texts = {"prose (held-out)": np.asarray(held_out.data)}
    texts["code"] = np.asarray(corpora.held_out("code").data[: 1 << 20])
    for language in set(LANGUAGES) & set(corpora.languages()):
        texts[language] = np.asarray(corpora.held_out(f"language-{language}").data[: 1 << 20])
    # Two per cent held out may be less than 4 MB; the codes' use is counted on training text, too, and said so.
    texts["prose (training, 4 MB)"] = np.asarray(text.data[:AT_LEAST])
    found = report(tokenizer, texts, np.asarray(text.data), folder=folder / "model")
    markdown = as_markdown(found.tables())
    (folder / "report.md").write_text(markdown, encoding="utf-8")
    (folder / "report.json").write_text(json.dumps(found.to_dict(), indent=1), encoding="utf-8")
    print(markdown)


def _original(
    text: TextData, held_out: TextData, minutes: float, arguments: argparse.Namespace, folder: Path
) -> None:
    from tokloom.learned.fsq.original import OriginalConfiguration, train_original

    training = TrainingConfiguration(
        minutes=minutes, batch_size=256, learning_rate=1e-3, threads=arguments.threads, seed=arguments.seed
    )
    result = train_original(
        text, held_out, OriginalConfiguration(), training=training, directory=folder / "run", progress=True
    )
    print(json.dumps(dataclasses.asdict(result) | {"directory": str(result.directory)}, indent=1))
