"""Are the ids tiktoken's? On every byte of the corpora, and on texts made to find a difference."""

import random
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import jobs, truth
from benchmarks.checksum import first_difference, flat
from benchmarks.corpora.store import open_corpus
from benchmarks.jobs import Job, Result
from benchmarks.peers import named
from benchmarks.records import Record, summed
from benchmarks.setting import Setting
from benchmarks.vocabularies import VOCABULARIES

_RANDOM_TEXTS = 30_000
_POOLS = {
    "odd white space": [*" \t\n\r\x0b\x0c\x85\xa0", *map(chr, range(0x2000, 0x200C)), "\u2028", "\u2029", "\u202f",
                        "\u205f", "\u3000", "\u180e", "\ufeff", "a", "1", ".", "é"],
    "contractions": ["'", "’", "ſ", "\u212a", "İ", "ı", "s", "S", "t", "T", "re", "RE", "ve", "Ll", "lL", "d", "m", " ", "a",
                     "ﬀ", "ß", "ẞ", "ǅ", "é", "中", "1"],
    "line ends and NUL": ["\r\n", "\n", "\r", "\0", " ", "\t", "a", "B", "1", ";", "\n\n", "  ", "{"],
    "special tokens": ["<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|endofprompt|>", "<|", "|>",
                       "endoftext", " ", "a", "\n", "<"],
    "digits and marks": [*"0123456789", "٣", "½", "Ⅷ", "\u0301", "\u0300", "_", "-", ".", ",", " ", "a", "Ω", "ा", "क"],
    "cases": ["a", "B", "ǅ", "ʰ", "中", "É", "ñ", "\u0301", "'s", "'S", " ", "1", "/", "\n", "ß", "ª", "ℵ", "क"],
}  # fmt: skip


def measure(setting: Setting) -> Iterator[Record]:
    """The number of tokens compared, and whether all were the same."""
    if "tokloom" not in setting.peers:
        return
    for vocabulary in VOCABULARIES:
        for corpus in setting.corpora.values():
            right = truth.prepare(vocabulary, corpus, setting.size)
            job = {"task": "exact", "vocabulary": vocabulary, "corpus": corpus.path, "size": setting.size}
            result = jobs.run({**job, "kind": "corpus", "truth": str(right)})
            yield _record(f"{vocabulary}, {corpus.name}, {setting.size:,} bytes", result)
        for name in ("code points", "random code points", *_POOLS):
            job = {"task": "exact", "kind": name, "vocabulary": vocabulary}
            yield _record(f"{vocabulary}, {name}", jobs.run(job))


def _record(row: str, result: Result) -> Record:
    return summed(
        "exact", row, "tokloom", "tokens", [result["tokens"]] if "tokens" in result else [], [result]
    )


def run(job: Job) -> Iterator[Result]:
    """A corpus against the ids on disk; made texts against tiktoken in the same process."""
    vocabulary = VOCABULARIES[job["vocabulary"]]
    tokloom = named("tokloom")(vocabulary)
    if job["kind"] == "corpus":
        texts = open_corpus(Path(job["corpus"])).texts(0, job["size"])
        yield truth.compared(flat(tokloom.arrays(texts)), job["truth"])
        return
    tiktoken, tokens = named("tiktoken")(vocabulary), 0
    for text in made(job["kind"]):
        right, ids = tiktoken.one_list(text), tokloom.one_list(text)
        tokens += len(right)
        if ids != right or flat(tokloom.one_array(text)).tolist() != right:
            at = first_difference(flat(ids), flat(right))
            yield {
                "tokens": tokens,
                "exact": False,
                "differs": f"token {at} of {text[:80]!r} ({len(text)} characters)",
            }
            return
    yield {"tokens": tokens, "exact": True}


def made(kind: str, number: int = _RANDOM_TEXTS) -> Iterator[str]:
    """Every code point in three contexts; texts of random code points; random texts out of a pool of pieces."""
    chance = random.Random(kind)
    if kind == "code points":
        points = [chr(point) for point in range(sys.maxunicode + 1) if not 0xD800 <= point < 0xE000]
        for start in range(0, len(points), 64):
            block = points[start : start + 64]
            yield "".join(f"a{each}b {each}{each} 1{each}\n" for each in block)
            yield "".join(block)
    elif kind == "random code points":
        for _ in range(number):
            yield "".join(_point(chance) for _ in range(chance.randrange(1, 40)))
    else:
        pool = _POOLS[kind]
        for _ in range(number):
            yield "".join(chance.choices(pool, k=chance.randrange(1, 40)))


def _point(chance: random.Random) -> str:
    """Half of them from the first 3,000: a text of rare ones alone has no letters side by side."""
    while True:
        point = chance.randrange(3_000 if chance.random() < 0.5 else sys.maxunicode + 1)
        if not 0xD800 <= point < 0xE000:
            return chr(point)
