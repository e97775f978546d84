"""The first question: 10 MB trained to 32,768 tokens, a million tokens encoded, and how much code each takes."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import jobs, truth
from benchmarks.clock import timed
from benchmarks.corpora.store import open_corpus
from benchmarks.jobs import Job, Result
from benchmarks.lines import counted
from benchmarks.peers import named
from benchmarks.records import Record, summed
from benchmarks.setting import Setting, rotated
from benchmarks.truth import compared
from benchmarks.vocabularies import VOCABULARIES

_VOCABULARY, _VOCAB_SIZE, _TOKENS = "cl100k_base", 32_768, 1_000_000
_TRAINED, _SECONDS = 10_000_000, 60.0
_TRAIN, _ENCODE = (
    ("minbpe", "tokenizers", "rustbpe", "tokloom"),
    ("plain Python", "tokenizers", "tiktoken", "tokloom"),
)


def measure(setting: Setting) -> Iterator[Record]:
    """Wall seconds with all threads to train, CPU seconds of one to encode lists; lines of code."""
    corpus = setting.corpora["prose"]
    size = min(_TRAINED, setting.size)
    found: dict[str, list[Result]] = {peer: [] for peer in _TRAIN}
    for round_ in range(setting.rounds):
        for peer in rotated(_TRAIN, round_):
            if peer == "minbpe" and (setting.minbpe is None or found[peer]):
                continue
            job = {"task": "first", "kind": "train", "peer": peer, "corpus": corpus.path, "size": size}
            found[peer].append(jobs.run({**job, "minbpe": setting.minbpe}))
    for peer, results in found.items():
        values = [result["cpu"] for result in results if "cpu" in result]
        label = f"train {size / 1e6:g} MB of prose to {_VOCAB_SIZE:,} tokens"
        yield _noted(summed("first", label, peer, "s", values, results), results)
    right = truth.prepare(_VOCABULARY, corpus, size)
    encoded: dict[str, list[Result]] = {peer: [] for peer in _ENCODE}
    for round_ in range(setting.rounds):
        for peer in rotated(_ENCODE, round_):
            if peer != "plain Python" or not encoded[peer]:
                job = {"task": "first", "kind": "encode", "peer": peer, "corpus": corpus.path, "size": size}
                encoded[peer].append(jobs.run({**job, "truth": str(right)}))
    for peer, results in encoded.items():
        values = [result["cpu"] for result in results if "cpu" in result]
        yield summed("first", f"encode {_TOKENS:,} tokens of prose into lists", peer, "s", values, results)
    for peer, (lines, note) in counted(setting.minbpe).items():
        yield Record("first", "lines of code", peer, "", lines, note=note)


def _noted(record: Record, results: list[Result]) -> Record:
    """What was reached, where the time was up first."""
    note = next((result["reached"] for result in results if "reached" in result), "")
    return Record(**{**record.__dict__, "note": note}) if note else record


def run(job: Job) -> Iterator[Result]:
    """One training, or one encoding."""
    texts = open_corpus(Path(job["corpus"])).texts(0, job["size"])
    if job["kind"] == "encode":
        yield _encode(job, texts)
    elif job["peer"] == "minbpe":
        yield _minbpe(job["minbpe"], "".join(texts))
    else:
        yield timed(lambda: named(job["peer"]).train(texts, _VOCAB_SIZE))[1].described()


def _encode(job: Job, texts: list[str]) -> Result:
    offsets = np.load(Path(job["truth"]).with_suffix(".offsets.npy"))
    texts = texts[: int(np.searchsorted(offsets, _TOKENS, "right")) - 1] or texts[:1]
    if job["peer"] == "plain Python":
        call = _reference()
    else:
        call = named(job["peer"])(VOCABULARIES[_VOCABULARY]).lists
    call(["word"])
    encoded, time_ = timed(lambda: call(texts))
    ids = np.array([id for each in encoded for id in each], np.uint32)
    return {**time_.described(), **compared(ids, job["truth"], whole=False)}


def _reference() -> Any:  # noqa: ANN401
    """The specification, `tokloom.reference`, as a function on texts; it keeps nothing between two calls."""
    import base64

    import tiktoken

    from tokloom import reference

    vocabulary = VOCABULARIES[_VOCABULARY]
    lines = (line.split() for line in vocabulary.path.read_bytes().splitlines())
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    splits = [(tiktoken.get_encoding(_VOCABULARY)._pat_str, "characters")]

    def encode(texts: list[str]) -> list[list[int]]:
        return [
            [
                ranks[token]
                for pretoken in reference.split(text, splits)
                for token in reference.encode(pretoken, ranks)
            ]
            for text in texts
        ]

    return encode


class _Merges:
    """Stands for the standard output: minbpe writes a line there for each merge. Stops it when the time is up."""

    def __init__(self) -> None:
        self.merges, self.deadline = 0, time.process_time() + _SECONDS

    def write(self, text: str) -> int:
        self.merges += text.startswith("merge ")
        if time.process_time() > self.deadline:
            raise TimeoutError
        return len(text)

    def flush(self) -> None: ...


def _minbpe(path: str, text: str) -> Result:
    sys.path.insert(0, path)
    from minbpe import RegexTokenizer

    merges, output, started = _Merges(), sys.stdout, time.process_time()
    sys.stdout = merges  # type: ignore[assignment]
    try:
        RegexTokenizer().train(text, _VOCAB_SIZE, verbose=True)
        return {"cpu": time.process_time() - started}
    except TimeoutError:
        return {"reached": f"{merges.merges:,} of {_VOCAB_SIZE - 256:,} merges in {_SECONDS:.0f} s"}
    finally:
        sys.stdout = output
