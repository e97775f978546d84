"""Byte-level BPE in Rust behind the contract; continuing, pruning."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from tokloom import _engine, saved
from tokloom.corpus.sources import Source, as_source
from tokloom.counts import (
    Progress,
    ProgressCallback,
    at_least_one,
    check_training,
    counting,
    default_threads,
    shown,
    warn_if_short,
)
from tokloom.errors import ArgumentError, SpecialTokenError, VocabularyError
from tokloom.patterns import require_text
from tokloom.storage import write_file
from tokloom.tokenizer import Ids, Ragged, Special, Text, Tokenizer

__all__ = ["BPETokenizer"]


class BPETokenizer(Tokenizer):
    """A byte-level vocabulary: BPE, or the most frequent pretokens with bytes for the rest (`kind` "words").

    Made by `tokloom.train` and `tokloom.load`.

    Attributes:
        kind: "bpe" or "words".
    """

    guarantees: Literal["bytes", "text", "none"] = "bytes"

    def __init__(self, vocabulary: _engine.Vocabulary, *, name: str) -> None:
        self._vocabulary = vocabulary
        self.name = self.requested = name
        self.substituted = False
        self._special = {content: id for content, id, special, *_ in vocabulary.added_tokens if special}
        # A call on a short text takes a fifth less without the methods below, which only pass their arguments on.
        for method, passes_on in _PASSES_ON.items():
            if getattr(type(self), method) is passes_on:  # a subclass that overrides it keeps its own
                setattr(self, method, getattr(vocabulary, method))

    @property
    def kind(self) -> Literal["bpe", "words"]:
        return self._vocabulary.kind

    @property
    def vocab_size(self) -> int:
        return self._vocabulary.size

    @property
    def special_tokens(self) -> dict[str, int]:
        return dict(self._special)

    @property
    def fingerprint(self) -> str:
        return self._vocabulary.fingerprint

    @property
    def pattern(self) -> str | list[str]:
        """The name of the split pattern, or its regular expressions where it has none."""
        splits = self._vocabulary.splits
        name = _engine.pattern_name(splits)
        regexes = [regex for regex, _ in splits]
        return name or (regexes[0] if len(regexes) == 1 else regexes)

    @property
    def post_processor(self) -> str | None:
        return self._vocabulary.post_processor

    def tokens(self) -> dict[int, bytes]:
        """Bytes of all ordinary tokens by id, in ascending order of id.

        Example:
            >>> import tokloom
            >>> tokloom.load("bytes").tokens()[97]
            b'a'
        """
        return dict(self._vocabulary.tokens())

    def token_id(self, token: bytes) -> int | None:
        """The id of the ordinary token with exactly these bytes, or None.

        Example:
            >>> import tokloom
            >>> tokloom.load("bytes").token_id(b"a")
            97
        """
        return self._vocabulary.token_id(token)

    def encode(self, text: Text, *, special: Special = "text", threads: int | None = None) -> list[int]:
        """The ids of a text, as the contract says.

        Args:
            text: a str, or bytes that need not be UTF-8.
            special: as the contract says.
            threads: for a large text, which is cut where that changes nothing (default: one a processor from 4 MiB on).
        """
        return self._vocabulary.encode(text, special=special, threads=threads)

    def encode_to_numpy(
        self, text: Text, *, special: Special = "text", threads: int | None = None
    ) -> NDArray[np.uint32]:
        return self._vocabulary.encode_to_numpy(text, special=special, threads=threads)

    def encode_batch(
        self, texts: Iterable[Text], *, special: Special = "text", threads: int | None = None
    ) -> list[list[int]]:
        return self._vocabulary.encode_batch(
            _as_list(texts), special=special, threads=default_threads(threads)
        )

    def encode_batch_to_numpy(
        self, texts: Iterable[Text], *, special: Special = "text", threads: int | None = None
    ) -> Ragged:
        return Ragged(
            *self._vocabulary.encode_batch_to_numpy(
                _as_list(texts), special=special, threads=default_threads(threads)
            )
        )

    def encode_stream(
        self, chunks: Iterable[Text], *, special: Special = "text"
    ) -> Iterator[NDArray[np.uint32]]:
        encoder = self._vocabulary.stream_encoder(special=special)
        return _encode_parts(encoder, chunks)

    def count_tokens(self, text: Text, *, special: Special = "text", threads: int | None = None) -> int:
        return self._vocabulary.count_tokens(text, special=special, threads=threads)

    def spans(self, text: Text, *, special: Special = "text") -> list[tuple[int, int]]:
        return self._vocabulary.spans(text, special=special)

    def decode_bytes(self, ids: Ids) -> bytes:
        return self._vocabulary.decode_bytes(ids)

    def decode(self, ids: Ids, *, errors: str = "replace", skip_special_tokens: bool = False) -> str:
        return self._vocabulary.decode(ids, errors=errors, skip_special_tokens=skip_special_tokens)

    def token_bytes(self, id: int) -> bytes:
        return self._vocabulary.token_bytes(id)

    def with_special_tokens(self, names: Iterable[str]) -> BPETokenizer:
        if isinstance(names, str):
            raise TypeError("names is a list of str, not one str")
        added: list[_engine.AddedToken] = [
            (name, id, True, False, False, False, False)
            for id, name in enumerate(special_list(names), self.vocab_size)
        ]
        return BPETokenizer(self._vocabulary.with_added_tokens(added), name=self.name)

    def train_more(
        self,
        source: object,
        vocab_size: int,
        *,
        min_count: int = 1,
        max_token_length: int | None = None,
        threads: int | None = None,
        memory: int | str | None = None,
        progress: Progress = False,
    ) -> BPETokenizer:
        """A larger vocabulary: every id stays, new merges from this text get the ids after the highest one.

        Args:
            source: as for `tokloom.train`, or `PretokenCounts` made with the same pattern.
            vocab_size: everything counted, as always.
            min_count: a pair met fewer times is not merged.
            max_token_length: no new token gets longer, in bytes.
            threads: for counting; default: one a processor.
            memory: as for `tokloom.train`.
            progress: as for `tokloom.train`.

        Raises:
            ArgumentError: `vocab_size` is no larger than it is, the text is empty, or this is no BPE.

        Example:
            >>> import tokloom
            >>> small = tokloom.train(["low lower lowest"] * 3, 259)
            >>> large = small.train_more(["newer lower"] * 3, 261)
            >>> [large.token_bytes(id) for id in range(256, 261)]
            [b'lo', b'low', b' low', b'er', b'ew']
        """
        if self.kind != "bpe":
            raise ArgumentError(
                "a vocabulary of words has no merges to go on from; train one with model='bpe'"
            )
        if vocab_size <= self.vocab_size:
            raise ArgumentError(
                f"vocab_size is {vocab_size:,}; this vocabulary has {self.vocab_size:,} already"
            )
        check_training(vocab_size, [], max_token_length)
        with shown(progress) as callback:
            counts = counting(source, self._vocabulary.splits, threads, memory, callback)
            counts.require_text()
            vocabulary = counts.engine.train_more(
                self._vocabulary,
                vocab_size,
                min_count=at_least_one("min_count", min_count),
                max_token_length=max_token_length,
                progress=merge_stage(callback),
            )
        warn_if_short(vocabulary.size, vocab_size)
        return BPETokenizer(vocabulary, name=self.name)

    def prune(
        self, *, keep: int | Iterable[int] | None = None, min_count: int | None = None, source: object = None
    ) -> tuple[BPETokenizer, dict[int, int]]:
        """A smaller vocabulary, and the map from old ids to new ones.

        The 256 bytes and all special tokens stay, and so does every token through which a kept one is made, so that
        each kept token can still come out of text. The order of the ids stays too.

        Args:
            keep: how many tokens to keep at most, special ones counted (the highest ids go first); or the ids to keep.
            min_count: instead: keep the tokens that `source` uses at least so many times.
            source: the text for `min_count`, as for `tokloom.train`.

        Raises:
            ArgumentError: not exactly one of `keep` and `min_count`, or `min_count` without `source`.
            UnknownIdError: an id in `keep` stands for nothing.

        Example:
            >>> import tokloom
            >>> tokenizer = tokloom.train(["low lower lowest"] * 3, 262)
            >>> smaller, new_ids = tokenizer.prune(keep=258)
            >>> smaller.vocab_size, smaller.token_bytes(257), new_ids[257]
            (258, b'low', 257)
        """
        if (keep is None) == (min_count is None):
            raise ArgumentError("give either keep= or min_count= with source=")
        if keep is None:
            if source is None:
                raise ArgumentError("min_count counts tokens in a text: give it as source=")
            kept = self._used(as_source(source), at_least_one("min_count", cast(int, min_count)))
        elif source is not None:
            raise ArgumentError("source= goes with min_count=, not with keep=")
        elif isinstance(keep, int):
            kept = self._first(keep)
        else:
            kept = [operator.index(id) for id in keep]
        vocabulary, new_ids = self._vocabulary.prune(kept)
        return BPETokenizer(vocabulary, name=self.name), new_ids

    def _first(self, keep: int) -> list[int]:
        tokens = self._vocabulary.tokens()
        added = len(self._vocabulary.added_tokens)
        if keep < 256 + added:
            raise ArgumentError(f"keep is {keep}, but 256 bytes and {added} special tokens stay in any case")
        merged = [id for id, token in tokens if len(token) > 1]
        return merged[: keep - 256 - added]

    def _used(self, source: Source, min_count: int) -> list[int]:
        used: Counter[int] = Counter()
        for blocks in source.streams():
            for ids in self.encode_stream(blocks):
                used.update(
                    dict(zip(*(part.tolist() for part in np.unique(ids, return_counts=True)), strict=True))
                )
        return [id for id, count in used.items() if count >= min_count]

    def save(self, directory: str | PathLike[str]) -> None:
        saved.save(self._vocabulary, Path(directory))

    def export(self, path: str | PathLike[str], *, format: str) -> None:
        """Writes the vocabulary as another library reads it.

        Args:
            path: the file to write; for "nanochat", the folder.
            format: "tiktoken": a rank file, which holds neither the pattern nor special tokens; "huggingface": a
                `tokenizer.json` with everything; "nanochat": the folder that nanochat opens (`tokenizer.pkl`, which
                Python runs when it is opened, so tokloom never reads one, and `token_bytes.pt`).

        Raises:
            ArgumentError: the format isn't known.
            VocabularyError: the format can't say what this vocabulary does, or its pattern isn't proven to mean the
                same there.
            MissingDependencyError: for "nanochat", tiktoken isn't installed (`pip install tokloom[tiktoken]`).
            SourceError: the system refuses (also an OSError); nothing half-written is left.
        """
        if format == "nanochat":
            from tokloom.views import nanochat_files

            nanochat_files.export(self, Path(path))
            return
        writers: dict[str, Callable[[], bytes]] = {
            "tiktoken": self._vocabulary.to_tiktoken,
            "huggingface": self._vocabulary.to_huggingface,
        }
        if format not in writers:
            raise ArgumentError(
                f"format {format!r} is not known; it is one of {', '.join(map(repr, [*writers, 'nanochat']))}"
            )
        write_file(Path(path), writers[format]())

    def tiktoken_pattern(self) -> str:
        r"""The split pattern as one regular expression, for `tiktoken.Encoding(pat_str=...)` beside a rank file.

        It ends in `|[\s\S]`: what the pattern leaves between its matches is kept, where tiktoken would drop it.

        Raises:
            VocabularyError: the pattern is a sequence of splits, which tiktoken doesn't have.

        Example:
            >>> import tokloom
            >>> tokloom.train(["low lower"], 257, pattern=r"\w+").tiktoken_pattern()
            '(?:\\w+)|[\\s\\S]'
        """
        pattern = self._vocabulary.tiktoken_pattern()
        if pattern is None:
            raise VocabularyError(
                "the split pattern is a sequence of splits, and tiktoken has one regular expression; a known sequence "
                'such as deepseek-v3 can be opened with tokenizers: export it with format="huggingface"'
            )
        return pattern

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle, (saved.state(self._vocabulary), self.name, self.requested, self.substituted)

    def __copy__(self) -> BPETokenizer:
        return self

    def __deepcopy__(self, memo: object) -> BPETokenizer:
        return self  # it never changes


_PASSES_ON = {
    method: getattr(BPETokenizer, method)
    for method in ("encode", "encode_to_numpy", "count_tokens", "decode", "decode_bytes", "token_bytes")
}


def _unpickle(state: saved.State, name: str, requested: str, substituted: bool) -> BPETokenizer:
    tokenizer = BPETokenizer(saved.vocabulary(state), name=name)
    tokenizer.requested, tokenizer.substituted = requested, substituted
    return tokenizer


def _encode_parts(encoder: _engine.StreamEncoder, chunks: Iterable[Text]) -> Iterator[NDArray[np.uint32]]:
    for chunk in chunks:
        ids = encoder.feed(chunk)
        if len(ids):
            yield ids
    ids = encoder.finish()
    if len(ids):
        yield ids


def _as_list(texts: Iterable[Text]) -> list[Text]:
    if isinstance(texts, (str, bytes)):
        raise TypeError("texts is a list of texts, not one text; use encode for one")
    return texts if isinstance(texts, list) else list(texts)


def merge_stage(callback: ProgressCallback | None) -> Callable[[int, int], object] | None:
    return None if callback is None else lambda done, total: callback("merge", done, total)


def special_list(special_tokens: Iterable[str]) -> list[str]:
    if isinstance(special_tokens, str):
        raise TypeError("special_tokens is a list of str, not one str")
    special = list(special_tokens)
    for token in special:
        if not isinstance(token, str):
            raise TypeError(f"a special token is a str, not {type(token).__name__}")
        require_text("special token", token, SpecialTokenError)
    return special
