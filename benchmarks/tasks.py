"""What is measured. Every figure is seconds, a ratio of seconds, or MB (10^6 bytes) per second."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import rustbpe
import tiktoken
import tokenizers
from examples.standard_library import Corpus
from tokenizers import pre_tokenizers, trainers

import tokloom
from benchmarks.timing import medians

VOCAB_SIZE = 32_768
# Without possessive quantifiers and `$`, this text means the same to all three libraries; it is the one of `llama3`.
PATTERN = "llama3"
LONG = 1_000_000


def import_time() -> dict[str, float]:
    """Milliseconds to start Python and import: nothing, numpy, tokloom."""
    calls = {
        name: lambda code=code: subprocess.run([sys.executable, "-c", code], check=True)
        for name, code in {"nothing": "", "numpy": "import numpy", "tokloom": "import tokloom"}.items()
    }
    seconds = medians(calls, runs=11)
    return {
        **{f"{name}_ms": second * 1e3 for name, second in seconds.items()},
        "tokloom_above_numpy_ms": (seconds["tokloom"] - seconds["numpy"]) * 1e3,
    }


def training(corpus: Corpus) -> dict[str, float]:
    """The same texts, held in memory, the same pattern and size, all threads; tokenizers' bytes break ties otherwise."""
    texts = [path.read_bytes().decode(errors="replace") for path in corpus.training]
    split = _regex_of(PATTERN)
    calls: dict[str, Callable[[], object]] = {
        "tokloom": lambda: tokloom.train(texts, VOCAB_SIZE, pattern=PATTERN),
        "rustbpe": lambda: rustbpe.Tokenizer().train_from_iterator(iter(texts), VOCAB_SIZE, pattern=split),
        "tokenizers": lambda: _train_tokenizers(texts, split),
    }
    return _rates(medians(calls, runs=3, warm=False), sum(len(text.encode()) for text in texts))


def encoding(corpus: Corpus, tokenizer: tokloom.BPETokenizer) -> dict[str, dict[str, float]]:
    """Text it was not trained on, one thread, lists of ids; caches warm."""
    by_tiktoken, by_tokenizers = _opened(tokenizer)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    result = {}
    for label, texts in {"code": corpus.code, "prose": corpus.prose}.items():
        calls: dict[str, Callable[[], object]] = {
            "tokloom": lambda texts=texts: [tokenizer.encode(text) for text in texts],
            "tiktoken": lambda texts=texts: [by_tiktoken.encode_ordinary(text) for text in texts],
            "tokenizers": lambda texts=texts: by_tokenizers.encode_batch_fast(
                texts, add_special_tokens=False
            ),
        }
        if texts:
            result[label] = _rates(medians(calls, runs=5), sum(len(text.encode()) for text in texts))
    return result


def hard_texts(corpus: Corpus, tokenizer: tokloom.BPETokenizer) -> dict[str, float]:
    """Nanoseconds a byte on ordinary text, and how many times that a hard text takes. The aim is 10 at most."""
    ordinary = "\n".join(corpus.code)[:LONG]
    texts = {
        "ordinary": ordinary,
        **{f"million of {name}": character * LONG for name, character in _CHARACTERS.items()},
        "no space": "".join(ordinary.split()),
        "letters without an end": ("abcdefghijklmnopqrstuvwxyz" * LONG)[:LONG],
    }
    calls = {name: lambda text=text: tokenizer.encode_to_numpy(text) for name, text in texts.items()}
    seconds = medians(calls, runs=5)
    per_byte = {name: second / len(texts[name].encode()) * 1e9 for name, second in seconds.items()}
    base = per_byte["ordinary"]
    return {
        "ordinary_ns_per_byte": base,
        **{name: each / base for name, each in per_byte.items() if name != "ordinary"},
    }


_CHARACTERS = {
    "a": "a", "spaces": " ", "newlines": "\n", "digits": "1", "dots": ".", "é": "é", "你": "你", "😀": "😀",
    "NUL": "\0",
}  # fmt: skip


def counting(corpus: Corpus) -> dict[str, float]:
    """Counting the files with one thread and with two."""
    source = tokloom.files(*corpus.training)
    calls: dict[str, Callable[[], object]] = {
        f"threads_{threads}": lambda threads=threads: tokloom.count_pretokens(source, threads=threads)
        for threads in (1, 2)
    }
    return _rates(medians(calls, runs=5), corpus.training_bytes)


def _rates(seconds: dict[str, float], size: int) -> dict[str, float]:
    """Seconds and MB/s of each, and each one's time by the first one's."""
    first = next(iter(seconds.values()))
    return {
        key: value
        for name, second in seconds.items()
        for key, value in (
            (f"{name}_seconds", second),
            (f"{name}_mb_per_second", size / second / 1e6),
            (f"{name}_times_first", second / first),
        )
    }


def _regex_of(name: str) -> str:
    import json
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        tokloom.train(["a b"], 257, pattern=name).save(folder)
        description = json.loads(Path(folder, "tokloom.json").read_text("utf-8"))
    return str(description["pattern"]["splits"][0]["regex"])


def _train_tokenizers(texts: list[str], regex: str) -> None:
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(tokenizers.Regex(regex), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(_batches(texts), trainer)


def _batches(texts: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(texts), 64):
        yield texts[start : start + 64]


def _opened(tokenizer: tokloom.BPETokenizer) -> tuple[tiktoken.Encoding, tokenizers.Tokenizer]:
    import tempfile

    by_tiktoken = tiktoken.Encoding(
        "benchmark",
        pat_str=tokenizer.tiktoken_pattern(),
        mergeable_ranks={token: id for id, token in tokenizer.tokens().items()},
        special_tokens={},
    )
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(folder)
        return by_tiktoken, tokenizers.Tokenizer.from_file(str(Path(folder, "tokenizer.json")))
