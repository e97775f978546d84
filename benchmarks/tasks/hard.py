"""Texts on which tokenizers go wrong, take for ever, or die: nanoseconds a byte, and whether the ids are tiktoken's."""

import base64
import unicodedata
from collections.abc import Iterator

import numpy as np

from benchmarks import jobs
from benchmarks.checksum import checksum, first_difference, flat
from benchmarks.clock import timed
from benchmarks.corpora.store import cache
from benchmarks.jobs import Job, Result
from benchmarks.peers import named
from benchmarks.records import Record, summed
from benchmarks.setting import Setting
from benchmarks.vocabularies import VOCABULARIES

_VOCABULARIES = ("cl100k_base", "o200k_base")
# Seconds for a text; tiktoken has three times as long, since the others are compared with what it finds. A peer that
# was stopped so often isn't asked for more; one that dies is, since that is quick.
_LIMIT, _FAILURES = 20.0, 3
_CHARACTERS = {
    "letters": "a", "spaces": " ", "tabs": "\t", "newlines": "\n", "digits": "1", "equals signs": "=", "é": "é",
    "中": "中", "combining marks": "\u0301",
}  # fmt: skip


def texts(size: int = 1_000_000) -> dict[str, str]:
    """The texts by name; runs of a tenth of `size` characters and of `size`."""
    random = np.random.default_rng(3)
    han = [chr(point) for point in range(0x4E00, 0x9FA6)]
    marks = "".join(chr(point) for point in range(33, 127) if unicodedata.category(chr(point))[0] in "PS")
    letters = random.integers(ord("a"), ord("z") + 1, size, dtype=np.uint8).tobytes().decode()
    return {
        **{
            f"{n:,} {name}": character * n
            for n in (size // 10, size)
            for name, character in _CHARACTERS.items()
        },
        "random letters": letters,
        "base64": base64.b64encode(random.bytes(size * 3 // 4)).decode(),
        "punctuation": "".join(np.array(list(marks))[random.integers(0, len(marks), size)]),
        "Han without a space": "".join(np.array(han)[random.integers(0, len(han), size // 3)]),
        "words and spaces": "".join(letters[at : at + 7] + " " * (at % 5) for at in range(0, size // 2, 7)),
    }


def measure(setting: Setting) -> Iterator[Record]:
    """tiktoken first, whose ids are then compared with."""
    names = list(texts())
    for vocabulary in _VOCABULARIES:
        for peer in sorted(setting.peers, key=lambda each: each != "tiktoken"):
            if vocabulary in named(peer).vocabularies:
                for name, result in _survived(vocabulary, peer, names):
                    values = [result["cpu"] / result["bytes"] * 1e9] if "cpu" in result else []
                    yield summed("hard", f"{vocabulary}, {name}", peer, "ns/byte", values, [result])


def _survived(vocabulary: str, peer: str, names: list[str]) -> Iterator[tuple[str, Result]]:
    """The result of each text; after one that kills the process a new process goes on with the next."""
    left, failures = list(names), 0
    while left and failures < _FAILURES:
        done = 0
        for result in jobs.stream(
            {"task": "hard", "peer": peer, "vocabulary": vocabulary, "texts": left},
            limit=_LIMIT * (3 if peer == "tiktoken" else 1),
        ):
            yield left[done], result
            done += 1
            failures += result.get("failed", "").startswith("over")
        left = left[max(done, 1) :]
    for name in left:
        yield name, {"failed": "not tried"}


def run(job: Job) -> Iterator[Result]:
    """Each text once, in a process that has seen only the ones before it."""
    all_texts = texts()
    peer = named(job["peer"])(VOCABULARIES[job["vocabulary"]])
    operation = peer.one_array if peer.can("one_array") else peer.one_list
    operation("word")
    for name in job["texts"]:
        text = all_texts[name]
        encoded, time = timed(lambda text=text: operation(text))  # type: ignore[misc]
        ids, size = flat(encoded), len(text.encode())
        result: Result = {**time.described(), "bytes": size, "checksum": checksum(ids)}
        right = cache() / "ids" / f"hard-{job['vocabulary']}-{list(all_texts).index(name)}.npy"
        if job["peer"] == "tiktoken":
            right.parent.mkdir(parents=True, exist_ok=True)
            np.save(right, ids)
        elif right.exists():
            at = first_difference(ids, np.load(right))
            result |= {"exact": at is None} | ({} if at is None else {"differs": f"token {at:,}"})
        yield result
