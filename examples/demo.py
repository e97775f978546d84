"""The main job on real text: train a vocabulary, open it with other libraries, compare it. `make demo` runs this."""

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import known_vocabularies
import rich.progress  # noqa: F401 (loaded before the clock runs)
import standard_library
import tiktoken
import tiktoken.load
import tokenizers
from rich.console import Console
from rich.table import Table

import tokloom
from tokloom.progress import bar

VOCAB_SIZE = 32_768
END_OF_TEXT = "<|endoftext|>"
OUTPUT = Path("tokloom-demo")
TEXTS = Path(__file__).parent / "texts"
LANGUAGES = {
    "ar": "Arabic", "de": "German", "el": "Greek", "en": "English", "es": "Spanish", "fr": "French",
    "hi": "Hindi", "ja": "Japanese", "ko": "Korean", "ru": "Russian", "zh": "Chinese",
}  # fmt: skip

console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def main() -> int:
    """Runs the steps; 1 if another library gave other ids."""
    started = time.perf_counter()
    known = known_vocabularies.find()
    corpus = standard_library.find()
    step(f"The corpus: {len(corpus.training):,} files of Python {platform.python_version()}'s own library")
    tell(f"{megabytes(corpus.training_bytes)} in {corpus.folder}")
    tell(f"held out: {megabytes(size(corpus.code))} of code, {megabytes(size(corpus.prose))} of prose")

    step(f"Training {VOCAB_SIZE:,} tokens")
    training_started = time.perf_counter()
    with bar(delay=0) as progress:  # progress=True is the same, from the first second on
        tokenizer = tokloom.train(
            tokloom.files(*corpus.training), VOCAB_SIZE, special_tokens=[END_OF_TEXT], progress=progress
        )
    training_seconds = time.perf_counter() - training_started
    tell(f"{training_seconds:.1f} s, {megabytes(corpus.training_bytes / training_seconds)}/s")

    folder = OUTPUT / "vocabulary"
    tokenizer.save(folder)
    tell(f"saved to {folder}, fingerprint {tokenizer.fingerprint[:16]}…")

    step("Opening it with tiktoken and with tokenizers")
    by_tiktoken = open_with_tiktoken(folder, tokenizer)
    by_tokenizers = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    held_out = [*corpus.code, *corpus.prose, *language_texts().values()]
    differing = count_differences(held_out, tokenizer, by_tiktoken, by_tokenizers)
    ids = sum(map(tokenizer.count_tokens, held_out))
    if differing:
        console.print(f"[red]  {differing:,} of {len(held_out):,} texts got other ids; please report this[/]")
        return 1
    tell(f"the same {ids:,} ids from all three on {len(held_out):,} texts it never saw")

    step("Comparing")
    words = tokloom.train(tokloom.files(*corpus.training), VOCAB_SIZE, model="words")
    named = {"trained": tokenizer, "words": words, "bytes": tokloom.load("bytes"), **known}
    console.print(comparison(named, {"prose": corpus.prose, "code": corpus.code, **language_texts()}))
    tell(
        f"words: the most frequent words of the same text. Known vocabularies: {', '.join(known) or 'none at hand'}."
    )
    tell("Trained on code and English, so other scripts fall apart: train on your text.")

    ours, theirs = encoding_speeds(corpus.code, tokenizer, by_tiktoken)
    step("Speed and place")
    tell(f"training {megabytes(corpus.training_bytes / training_seconds)}/s")
    tell(
        f"encoding {megabytes(ours)}/s, tiktoken {megabytes(theirs)}/s: {ours / theirs:.1f} times (one thread, lists)"
    )
    tell(f"all of this {time.perf_counter() - started:.0f} s; it lies in {folder.absolute()}")
    show_next(folder)
    return 0


def open_with_tiktoken(folder: Path, tokenizer: tokloom.BPETokenizer) -> tiktoken.Encoding:
    """tiktoken reads the tokens from the saved folder; pattern and special tokens it must be told."""
    # tiktoken keeps a copy of whatever it loads, by path, and would give back an older vocabulary that lay here.
    os.environ["TIKTOKEN_CACHE_DIR"] = ""
    ranks = tiktoken.load.load_tiktoken_bpe(str(folder / "vocabulary.tiktoken"))
    return tiktoken.Encoding(
        "demo",
        pat_str=tokenizer.tiktoken_pattern(),
        mergeable_ranks=ranks,
        special_tokens=tokenizer.special_tokens,
    )


def count_differences(
    texts: list[str],
    tokenizer: tokloom.Tokenizer,
    by_tiktoken: tiktoken.Encoding,
    by_tokenizers: tokenizers.Tokenizer,
) -> int:
    """How many texts get other ids from tiktoken or from tokenizers, or don't decode to themselves."""
    differing = 0
    for text in texts:
        ids = tokenizer.encode(text)
        other = by_tiktoken.encode_ordinary(text), by_tokenizers.encode(text, add_special_tokens=False).ids
        differing += ids != other[0] or ids != other[1] or tokenizer.decode(ids) != text
    return differing


def comparison(tokenizers_by_name: dict[str, tokloom.Tokenizer], texts: dict[str, list[str] | str]) -> Table:
    """Bytes per token, a row for each text."""
    table = Table(title="Bytes per token (more is better)", title_justify="left")
    table.add_column("text")
    for name, tokenizer in tokenizers_by_name.items():
        table.add_column(f"{name}\n{tokenizer.vocab_size:,}", justify="right")
    for label, given in texts.items():
        pieces = [given] if isinstance(given, str) else given
        if pieces:
            counts = [sum(map(each.count_tokens, pieces)) for each in tokenizers_by_name.values()]
            table.add_row(label, *(f"{size(pieces) / count:.2f}" for count in counts))
    return table


def encoding_speeds(
    texts: list[str], tokenizer: tokloom.Tokenizer, by_tiktoken: tiktoken.Encoding
) -> tuple[float, float]:
    """Bytes per second of both, the runs taking turns, so that a busy machine is busy for both."""

    def seconds(encode: Callable[[str], list[int]]) -> float:
        started = time.perf_counter()
        for text in texts:
            encode(text)
        return time.perf_counter() - started

    runs = [(seconds(tokenizer.encode), seconds(by_tiktoken.encode_ordinary)) for _ in range(5)]
    ours, theirs = (statistics.median(times) for times in zip(*runs, strict=True))
    return size(texts) / ours, size(texts) / theirs


def language_texts() -> dict[str, str]:
    """The first articles of the Declaration of Human Rights, by language."""
    return {LANGUAGES[path.stem]: path.read_text("utf-8") for path in sorted(TEXTS.glob("*.txt"))}


def show_next(folder: Path) -> None:
    """Three commands that go on from here."""
    step("Try next")
    for command in (
        f"echo 'How much is it?' | .venv/bin/tokloom encode {folder} --show",
        f".venv/bin/tokloom inspect {folder}",
        f".venv/bin/tokloom compare {folder} bytes --text README.md",
    ):
        console.print(f"  {command}", markup=False, soft_wrap=True)


def size(texts: list[str]) -> int:
    """Bytes of UTF-8."""
    return sum(len(text.encode()) for text in texts)


def megabytes(number: float) -> str:
    """A number of bytes for people."""
    return f"{number / 1e6:,.1f} MB"


def step(text: str) -> None:
    """A new part of the run."""
    console.print(f"\n[bold]{text}[/]")


def tell(text: str) -> None:
    """What came out of it."""
    console.print(f"  {text}", markup=False)


if __name__ == "__main__":
    sys.exit(main())
