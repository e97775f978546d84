"""Memory: what a tokenizer keeps of words that never repeat, and training within a budget."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import jobs
from benchmarks.clock import timed
from benchmarks.corpora.store import open_corpus
from benchmarks.jobs import Job, Result
from benchmarks.memory import peak, resident
from benchmarks.peers import named
from benchmarks.records import Record, summed
from benchmarks.setting import Setting
from benchmarks.tokens import compared, digest
from benchmarks.vocabularies import VOCABULARIES

_VOCABULARY = "cl100k_base"
_WORDS, _BATCH = 120_000_000, 200_000
_BUDGET, _VOCAB_SIZE = "256MB", 32_768


def measure(setting: Setting) -> Iterator[Record]:
    """MB above what was resident after the first word; MB at the peak of a training, and whether it's the same."""
    for peer in setting.peers:
        if _VOCABULARY in named(peer).vocabularies and named(peer).share == 1:
            size = min(_WORDS, setting.size * _WORDS // 100_000_000)
            result = jobs.run({"task": "memory", "kind": "words", "peer": peer, "size": size})
            values = [result["growth"] / 1e6] if "growth" in result else []
            row = f"{_VOCABULARY}, {size // 1_000_000} MB of words that never repeat, growth"
            yield summed("memory", row, peer, "MB", values, [result])
    if "tokloom" in setting.peers:
        yield from _budget(setting)


def _budget(setting: Setting) -> Iterator[Record]:
    corpus = setting.corpora.get("languages") or next(iter(setting.corpora.values()))
    found = {}
    for memory in (None, _BUDGET):
        job = {
            "task": "memory",
            "kind": "train",
            "corpus": corpus.path,
            "size": setting.size,
            "memory": memory,
        }
        found[memory] = jobs.run(job, limit=900)
    for memory, result in found.items():
        row = f"{corpus.name} and words that never repeat, {_VOCAB_SIZE:,} tokens, peak, memory={memory}"
        values = [result["peak"] / 1e6] if "peak" in result else []
        checked = {**result, **compared(result, found[None].get("tokens"))} if memory else result
        yield summed("memory", row, "tokloom", "MB", values, [checked])
        seconds = [result["cpu"]] if "cpu" in result else []
        yield summed("memory", f"{row}, CPU", "tokloom", "s", seconds, [checked])


def run(job: Job) -> Iterator[Result]:
    """The growth of resident memory, or the peak of a training."""
    yield _train(job) if job["kind"] == "train" else _grow(job)


def _grow(job: Job) -> Result:
    peer = named(job["peer"])(VOCABULARIES[_VOCABULARY])
    operation = peer.arrays if peer.can("arrays") else peer.lists
    random = np.random.default_rng(1)
    operation(["word"])
    before = resident()
    for _ in range(job["size"] // _BATCH):
        operation([words(random, _BATCH)])
    return {"growth": resident() - before}


def _train(job: Job) -> Result:
    random = np.random.default_rng(2)
    texts = open_corpus(Path(job["corpus"])).texts(0, job["size"])
    texts += [words(random, _BATCH) for _ in range(job["size"] // _BATCH)]
    before = resident()
    options = {} if job["memory"] is None else {"memory": job["memory"]}
    tokens, time = timed(lambda: named("tokloom").train(texts, _VOCAB_SIZE, **options))
    return {**time.described(), **digest(tokens), "peak": peak() - before}


def words(random: np.random.Generator, size: int) -> str:
    """Words of ten random letters: of 26^10 none comes twice in hundreds of megabytes, but by a rare chance."""
    letters = random.integers(ord("a"), ord("z") + 1, (size // 11, 11), dtype=np.uint8)
    letters[:, 10] = ord(" ")
    return letters.tobytes().decode("ascii")
