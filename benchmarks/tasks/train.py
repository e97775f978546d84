"""Training 32,768 tokens on a corpus held in memory, one thread; ours also 131,072."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks import jobs
from benchmarks.clock import timed
from benchmarks.corpora.store import open_corpus
from benchmarks.jobs import Job, Result
from benchmarks.memory import peak
from benchmarks.peers import named
from benchmarks.records import Record, summed
from benchmarks.setting import Setting, rotated
from benchmarks.tokens import compared, digest

_SIZE, _LARGE = 32_768, 131_072
# The others' merges are another rule's (tokenizers breaks ties otherwise, ffbpe and gigatoken split by GPT-2's
# pattern): rustbpe's are ours to the last one.
_ORACLE = "rustbpe"
_PEERS = ("tokloom", "gigatoken", "ffbpe", "rustbpe", "tokenizers")
# Tens of seconds a run: once is enough to stand beside a median.
_ONCE = {"rustbpe", "tokenizers"}


def measure(setting: Setting) -> Iterator[Record]:
    """CPU seconds, counting included; and how our merges compare with the oracle's."""
    for corpus in setting.corpora.values():
        results: dict[str, list[Result]] = {peer: [] for peer in _PEERS if peer in setting.peers}
        large: list[Result] = []
        for round_ in range(setting.rounds):
            for peer in rotated(list(results), round_):
                if peer not in _ONCE or not results[peer]:
                    results[peer].append(jobs.run(_job(peer, corpus.path, setting.size, _SIZE)))
            if "tokloom" in results:
                large.append(jobs.run(_job("tokloom", corpus.path, setting.size, _LARGE)))
        right = next((each.get("tokens") for each in results.get(_ORACLE, [])), None)
        for peer, found in results.items():
            checked = [
                {**result, **compared(result, right)} if peer == "tokloom" else result for result in found
            ]
            values = [result["cpu"] for result in found if "cpu" in result]
            yield summed("train", f"{corpus.name}, {_SIZE:,} tokens", peer, "s", values, checked)
        values = [result["cpu"] for result in large if "cpu" in result]
        yield summed("train", f"{corpus.name}, {_LARGE:,} tokens", "tokloom", "s", values, large)


def _job(peer: str, corpus: str, size: int, vocab_size: int) -> Job:
    return {"task": "train", "peer": peer, "corpus": corpus, "size": size, "vocab_size": vocab_size}


def run(job: Job) -> Iterator[Result]:
    """The time, the peak of resident memory, and a digest of the tokens."""
    adapter = named(job["peer"])
    texts = open_corpus(Path(job["corpus"])).texts(0, job["size"])
    options = {"threads": job["threads"]} if job.get("threads", 1) > 1 else {}
    tokens, time = timed(lambda: adapter.train(texts, job["vocab_size"], **options))
    yield {**time.described(), **digest(tokens), "peak": peak()}
