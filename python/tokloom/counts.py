"""Pretokens and how often each occurs: counted once, saved, added, trained from."""

from __future__ import annotations

import operator
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from os import PathLike
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Literal

from tokloom import _engine
from tokloom.corpus.sources import as_source
from tokloom.errors import ArgumentError, TokloomWarning
from tokloom.patterns import PatternLike, resolve
from tokloom.storage import read_file, write_file

if TYPE_CHECKING:
    from tokloom.bpe import BPETokenizer

__all__ = ["PretokenCounts", "Progress", "ProgressCallback", "count_pretokens"]

ProgressCallback = Callable[[Literal["count", "merge"], int, int | None], object]
Progress = bool | ProgressCallback

LARGEST_COUNTS_FILE = 1 << 36
MOST_THREADS = 1024


class PretokenCounts:
    """How often each pretoken occurs in a text. Counts of the same pattern can be added; none is ever rounded.

    Example:
        >>> import tokloom
        >>> counts = tokloom.count_pretokens(["low low"]) + tokloom.count_pretokens(["low"])
        >>> counts.most_common()
        [(b'low', 2), (b' low', 1)]
        >>> counts.train(258).token_bytes(257)
        b'low'
    """

    def __init__(self, engine: _engine.PretokenCounts) -> None:
        self.engine = engine

    @property
    def total_pretokens(self) -> int:
        """How many pretokens were counted, repeats included."""
        return self.engine.total_pretokens

    @property
    def total_bytes(self) -> int:
        """How many bytes of text were counted."""
        return self.engine.total_bytes

    def __len__(self) -> int:
        return len(self.engine)

    def __add__(self, other: PretokenCounts) -> PretokenCounts:
        if not isinstance(other, PretokenCounts):
            return NotImplemented
        return PretokenCounts(self.engine.merged(other.engine))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PretokenCounts):
            return NotImplemented
        return self.engine.to_bytes() == other.engine.to_bytes()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<PretokenCounts: {len(self):,} different of {self.total_pretokens:,}, {self.total_bytes:,} bytes>"

    def __iter__(self) -> Iterator[tuple[bytes, int]]:
        return iter(self.most_common())

    def most_common(self, limit: int | None = None) -> list[tuple[bytes, int]]:
        """(pretoken, count) in descending order of count, ties in ascending order of bytes."""
        return self.engine.most_common(limit)

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the counts to a file: the same bytes for equal counts.

        Raises:
            SourceError: the system refuses (also an OSError); nothing half-written is left.
        """
        write_file(Path(path), self.engine.to_bytes())

    @staticmethod
    def load(path: str | PathLike[str]) -> PretokenCounts:
        """Counts that `save` wrote.

        Raises:
            FormatError: the file is damaged, cut short, or no such file.
            SourceError: the system refuses (also an OSError).
        """
        data = read_file(Path(path), at_most=LARGEST_COUNTS_FILE)
        return PretokenCounts(_engine.PretokenCounts.from_bytes(data, os.fspath(path)))

    def require_text(self) -> None:
        """Raises an error if nothing was counted."""
        if not self.total_bytes:
            raise ArgumentError(
                "the source has no text: nothing was counted, so there is nothing to train on"
            )

    def train(
        self,
        vocab_size: int = 32_768,
        *,
        special_tokens: Iterable[str] = (),
        min_count: int = 1,
        max_token_length: int | None = None,
        progress: Progress = False,
        model: Literal["bpe", "words"] = "bpe",
    ) -> BPETokenizer:
        """A vocabulary from these counts; arguments and errors as of `tokloom.train`."""
        from tokloom.bpe import BPETokenizer, merge_stage, special_list

        special = special_list(special_tokens)
        check_model(model)
        at_least_one("min_count", min_count)
        check_training(vocab_size, special, max_token_length)
        self.require_text()
        with shown(progress) as callback:
            vocabulary = self.engine.train(
                vocab_size,
                special,
                model=model,
                min_count=min_count,
                max_token_length=max_token_length,
                progress=merge_stage(callback),
            )
        warn_if_short(vocabulary.size, vocab_size)
        return BPETokenizer(vocabulary, name="trained")


def count_pretokens(
    source: object,
    *,
    pattern: PatternLike = "gpt4",
    threads: int | None = None,
    memory: int | str | None = None,
    progress: Progress = False,
) -> PretokenCounts:
    """How often each pretoken occurs in a text; arguments and errors as of `tokloom.train`.

    Example:
        >>> import tokloom
        >>> tokloom.count_pretokens(["a b a"]).most_common(1)
        [(b' a', 1)]
    """
    splits = resolve(pattern)
    with shown(progress) as callback:
        return counting(source, splits, threads, memory, callback)


def counting(
    source: object,
    splits: _engine.Splits,
    threads: int | None,
    memory: int | str | None,
    callback: ProgressCallback | None,
) -> PretokenCounts:
    """Counts a source, unless it is counts already."""
    if isinstance(source, PretokenCounts):
        if source.engine.splits != splits:
            raise ArgumentError("these counts were made with another pattern than this vocabulary's")
        return source
    documents = as_source(source)
    total = documents.text_bytes
    counter = _engine.Counter(
        splits,
        threads=default_threads(threads),
        memory=parse_memory(memory),
        progress=None if callback is None else lambda done: callback("count", done, total),
    )
    documents.feed(counter)
    return PretokenCounts(counter.finish())


def shown(progress: Progress) -> AbstractContextManager[ProgressCallback | None]:
    """The callback that a `progress` argument asks for, while it is in use."""
    if progress is True:
        from tokloom.progress import bar

        return bar()
    return nullcontext(None if progress is False else progress)


def default_threads(threads: int | None) -> int:
    """The number of threads asked for, or one for each processor this process may use."""
    if threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return at_least_one("threads", threads, at_most=MOST_THREADS)


def at_least_one(name: str, number: int, *, at_most: int = 2**63 - 1) -> int:
    """The number, unless it is under 1 or over `at_most`; a float is a TypeError."""
    if not 1 <= operator.index(number) <= at_most:
        raise ArgumentError(f"{name} is {number}; it must be from 1 to {at_most:,}")
    return number


def check_model(model: str) -> None:
    """Raises an error for a model that is not known."""
    if model not in ("bpe", "words"):
        raise ArgumentError(f'model={model!r} is not known; it is "bpe" or "words"')


def check_training(vocab_size: int, special: list[str], max_token_length: int | None) -> None:
    """Raises an error for what no training can give, before any text is read."""
    if not 0 <= vocab_size < 2**31:
        raise ArgumentError(f"vocab_size is {vocab_size}; it must be at least 256 and below 2^31")
    if max_token_length is not None and not 0 < max_token_length < 2**31:
        raise ArgumentError(f"max_token_length is {max_token_length}; it must be 1 or more")
    _engine.check_training(vocab_size, special, max_token_length)


def parse_memory(memory: int | str | None) -> int | None:
    """Bytes, from a number or a text such as "256MB" or "1.5 GiB"."""
    if memory is None:
        return None
    if isinstance(memory, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", memory, re.IGNORECASE)
        if match is None:
            raise ArgumentError(
                f'memory={memory!r} is not an amount; give bytes, or a text such as "256MB" or "2GiB"'
            )
        number, prefix, binary = match.groups()
        unit = (1024 if binary else 1000) ** " kmgt".index(prefix.lower() or " ")
        if len(number) > 18:
            raise ArgumentError(f"memory={memory!r} is more than any machine has")
        memory = int(float(number) * unit)
    return at_least_one("memory", memory)


def warn_if_short(size: int, wanted: int) -> None:
    """Warns that the text ran out of pairs, with both numbers."""
    if size < wanted:
        warnings.warn(
            f"the text ran out of pairs: the vocabulary has {size:,} tokens instead of {wanted:,}; "
            "train on more text for more",
            TokloomWarning,
            stacklevel=_callers_level(),
        )


def _callers_level() -> int:
    """The stack level, for a warning of the function that asks, of the first frame outside of tokloom."""
    frame: FrameType | None = sys._getframe(1)
    level = 1
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "tokloom":
        frame, level = frame.f_back, level + 1
    return level
