"""The contract: what every tokenizer is, and all that follows from its few primitives.

A new kind of tokenizer is a subclass that says what it is (`name`, `vocab_size`, `special_tokens`, `fingerprint`,
`guarantees`) and how it does five things: `encode_to_numpy`, `spans`, `decode_bytes`, `token_bytes`, `save`. The rest
is here, and may be overridden where a kind can do it faster.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from tokloom import fitting
from tokloom.decode_stream import DecodeStream
from tokloom.errors import ArgumentError
from tokloom.ragged import Ragged

if TYPE_CHECKING:
    import tiktoken

    from tokloom.views.nanochat import NanochatView
    from tokloom.views.transformers import TransformersView

__all__ = ["DecodeStream", "Ids", "Ragged", "Special", "Text", "Tokenizer"]

Text = str | bytes
Ids = Sequence[int] | NDArray[np.integer] | Iterable[int]
Special = Literal["text", "parse", "raise"] | Collection[str]

BOS_NAMES = ("<|bos|>", "<|begin_of_text|>", "<|startoftext|>", "<s>", "<bos>", "[CLS]")
EOS_NAMES = ("<|endoftext|>", "<|end_of_text|>", "<|eos|>", "</s>", "<eos>", "[SEP]")
PAD_NAMES = ("<|pad|>", "<pad>", "[PAD]")
UNK_NAMES = ("<|unk|>", "<unk>", "[UNK]")


class Tokenizer(ABC):
    """Text to ids and back. Never changes: what is made from it is a new one. Safe to use from several threads.

    Attributes:
        name: what it is called, for tables and messages.
        requested: the name it was asked for by, where that was another one.
        substituted: whether it stands in for what was asked for (only ever from a list that the caller gave).
        guarantees: what `decode(encode(x)) == x` holds for: "bytes" (every byte string), "text" (every valid str) or
            "none".
    """

    guarantees: Literal["bytes", "text", "none"]
    name: str
    requested: str
    substituted: bool

    # What it is

    @property
    @abstractmethod
    def vocab_size(self) -> int:
        """The highest id + 1: the rows an embedding needs. Ids may have holes."""

    @property
    @abstractmethod
    def special_tokens(self) -> dict[str, int]:
        """Control tokens and their ids, in ascending order of id."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """sha256 (hex) over everything that can change an id or a byte."""

    def _first_known(self, names: Iterable[str]) -> int | None:
        special = self.special_tokens
        return next((special[name] for name in names if name in special), None)

    @property
    def bos_id(self) -> int | None:
        """The id that begins a text, by its usual names; None where the vocabulary has none."""
        return self._first_known(BOS_NAMES)

    @property
    def eos_id(self) -> int | None:
        """The id that ends a text, by its usual names; None where the vocabulary has none."""
        return self._first_known(EOS_NAMES)

    @property
    def pad_id(self) -> int | None:
        """The id that fills up a batch, by its usual names; None where the vocabulary has none."""
        return self._first_known(PAD_NAMES)

    @property
    def unk_id(self) -> int | None:
        """The id of unknown text, by its usual names; None where the vocabulary has none."""
        return self._first_known(UNK_NAMES)

    @property
    def token_names(self) -> Sequence[str | None] | None:
        """What the library that the vocabulary is from calls each token, by id; None: bytes in GPT-2's alphabet."""
        return None

    @property
    def post_processor(self) -> str | None:
        """What `tokenizers` puts around a text, as JSON; None: nothing. `encode` never adds it, views may."""
        return None

    # Text to ids

    @abstractmethod
    def encode_to_numpy(self, text: Text, *, special: Special = "text") -> NDArray[np.uint32]:
        """Like `encode`, as an array of shape (tokens,)."""

    def encode(self, text: Text, *, special: Special = "text") -> list[int]:
        """The ids of a text; no others are added.

        Args:
            text: a str, or bytes that need not be UTF-8.
            special: what happens to special tokens that stand in the text: "text", they are ordinary text; "parse",
                each becomes its id; "raise", the first is refused; a set of names, these become their ids and others
                are ordinary text.

        Raises:
            SpecialTokenError: one is refused, or a name in `special` is none.
            TextError: the str has a lone surrogate.
            PatternError: the vocabulary's own regular expression gives up on this text.

        Example:
            >>> import tokloom
            >>> tokloom.load("bytes").encode("né")
            [110, 195, 169]
        """
        ids: list[int] = self.encode_to_numpy(text, special=special).tolist()
        return ids

    def encode_batch(
        self, texts: Iterable[Text], *, special: Special = "text", threads: int | None = None
    ) -> list[list[int]]:
        """The ids of many texts, one list each; the same whatever `threads` (default: one a processor).

        Example:
            >>> import tokloom
            >>> tokloom.load("bytes").encode_batch(["a", "bc"])
            [[97], [98, 99]]
        """
        return self.encode_batch_to_numpy(texts, special=special, threads=threads).tolist()

    def encode_batch_to_numpy(
        self, texts: Iterable[Text], *, special: Special = "text", threads: int | None = None
    ) -> Ragged:
        """Like `encode_batch`, in two arrays.

        Example:
            >>> import tokloom
            >>> tokloom.load("bytes").encode_batch_to_numpy(["a", "bc"]).offsets.tolist()
            [0, 1, 3]
        """
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(threads) as pool:
            parts = list(pool.map(lambda text: self.encode_to_numpy(text, special=special), texts))
        offsets = np.cumsum([0, *map(len, parts)], dtype=np.int64)
        return Ragged(np.concatenate(parts) if parts else np.empty(0, np.uint32), offsets)

    def encode_stream(
        self, chunks: Iterable[Text], *, special: Special = "text"
    ) -> Iterator[NDArray[np.uint32]]:
        """The ids of a text that comes in chunks, cut anywhere: together they are those of the whole.

        Memory: the longest pretoken and a chunk, where the pattern is a named one and the special tokens looked for
        have no flags; else the whole text.

        Example:
            >>> import tokloom
            >>> [ids.tolist() for ids in tokloom.load("bytes").encode_stream([b"ab c", b"d e"])]
            [[97, 98], [32, 99, 100], [32, 101]]
        """
        whole = b"".join(chunk.encode() if isinstance(chunk, str) else chunk for chunk in chunks)
        yield self.encode_to_numpy(whole, special=special)

    def count_tokens(self, text: Text, *, special: Special = "text") -> int:
        """How many ids `encode` gives, without making them.

        Example:
            >>> import tokloom
            >>> tokloom.load("bytes").count_tokens("né")
            3
        """
        return len(self.encode_to_numpy(text, special=special))

    @abstractmethod
    def spans(self, text: Text, *, special: Special = "text") -> list[tuple[int, int]]:
        """Where each token lies in the text: [start, end), in code points of a str, in bytes of bytes.

        A token inside a character has the characters it touches, so spans of a str may overlap; together they cover
        the text.

        Example:
            >>> import tokloom
            >>> tokloom.load("bytes").spans("né")
            [(0, 1), (1, 2), (1, 2)]
        """

    # Texts that fit

    def truncate(self, text: str, max_tokens: int, *, side: Literal["right", "left"] = "right") -> str:
        """As much of the text as has at most `max_tokens` tokens, whole characters only.

        Args:
            text: the text.
            max_tokens: the most tokens that the result may have.
            side: where text is cut off: "right" keeps the beginning, "left" keeps the end.

        Raises:
            ArgumentError: `max_tokens` is negative, or `side` is neither.

        Example:
            >>> import tokloom
            >>> tokenizer = tokloom.load("bytes")
            >>> tokenizer.truncate("naïve", 3), tokenizer.truncate("naïve", 3, side="left")
            ('na', 've')
        """
        return fitting.truncate(self, text, max_tokens, side)

    def chunk(self, text: str, max_tokens: int, *, overlap: int = 0) -> Iterator[str]:
        """The text in pieces of at most `max_tokens` tokens; without overlap, together they are the text.

        Args:
            text: the text.
            max_tokens: the most tokens that a piece may have.
            overlap: how many tokens of a piece the next one begins with (about: it begins with a whole character).

        Raises:
            ArgumentError: a number is out of range, or one character has more than `max_tokens` tokens.

        Example:
            >>> import tokloom
            >>> list(tokloom.load("bytes").chunk("abcdef", 4, overlap=1))
            ['abcd', 'def']
        """
        return fitting.chunk(self, text, max_tokens, overlap)

    # Ids to text

    @abstractmethod
    def decode_bytes(self, ids: Ids) -> bytes:
        r"""The bytes that the ids stand for.

        Raises:
            UnknownIdError: an id stands for nothing (also a KeyError).
            TypeError: an id is no integer.

        Example:
            >>> import tokloom
            >>> tokloom.load("bytes").decode_bytes([195, 169])
            b'\xc3\xa9'
        """

    def decode(self, ids: Ids, *, errors: str = "replace", skip_special_tokens: bool = False) -> str:
        """The text that the ids stand for.

        Args:
            ids: ids, shape (n,).
            errors: what becomes of bytes that are not UTF-8, as in `bytes.decode`; the default loses them.
            skip_special_tokens: whether special tokens are left out.

        Raises:
            UnknownIdError: an id stands for nothing (also a KeyError).
            UnicodeDecodeError: the bytes are not UTF-8 and `errors` is "strict".

        Example:
            >>> import tokloom
            >>> tokloom.load("bytes").decode([110, 195, 169])
            'né'
        """
        if skip_special_tokens:
            skipped = set(self.special_tokens.values())
            ids = [id for id in ids if id not in skipped]
        return self.decode_bytes(ids).decode("utf-8", errors)

    def decode_batch(
        self, batch: Iterable[Ids], *, errors: str = "replace", skip_special_tokens: bool = False
    ) -> list[str]:
        """The texts of many sequences of ids (a `Ragged` too).

        Example:
            >>> import tokloom
            >>> tokloom.load("bytes").decode_batch([[97], [98, 99]])
            ['a', 'bc']
        """
        return [self.decode(ids, errors=errors, skip_special_tokens=skip_special_tokens) for ids in batch]

    def stream(self, *, skip_special_tokens: bool = False) -> DecodeStream:
        """Decodes ids as they come, never half a character."""
        return DecodeStream(self, skip_special_tokens=skip_special_tokens)

    @abstractmethod
    def token_bytes(self, id: int) -> bytes:
        """The bytes of one token.

        Raises:
            UnknownIdError: the id stands for nothing (also a KeyError).
        """

    # Others made from it, and files

    @abstractmethod
    def with_special_tokens(self, names: Iterable[str]) -> Tokenizer:
        """This tokenizer with more special tokens: new ids at the end, in this order; the old ones stay.

        Raises:
            SpecialTokenError: a name is empty, given twice, or a token already.
        """

    @abstractmethod
    def save(self, directory: str | PathLike[str]) -> None:
        """Writes the tokenizer as a directory that `tokloom.load` opens.

        Raises:
            SourceError: the system refuses (also an OSError); nothing half-written is left.
        """

    def export(self, path: str | PathLike[str], *, format: str) -> None:
        """Writes the tokenizer as another library reads it.

        Raises:
            ArgumentError: the format isn't known, or can't say what this tokenizer does.
            SourceError: the system refuses (also an OSError); nothing half-written is left.
        """
        raise ArgumentError(f"{self.name} has no export to {format!r} ({path})")

    # The contract seen as another library's protocol

    def as_tiktoken(self) -> tiktoken.Encoding:
        """A real `tiktoken.Encoding` that gives the same ids.

        Raises:
            VocabularyError: tiktoken can't say what this tokenizer does.
            MissingDependencyError: tiktoken isn't installed (`pip install tokloom[tiktoken]`).
        """
        from tokloom.views.tiktoken import view

        return view(self)

    def as_transformers(self, *, pad_token: str | None = None) -> TransformersView:
        """A real tokenizer object of transformers that runs this tokenizer.

        Args:
            pad_token: fills up batches: the name of a special token there is (collators then mask its labels, and a
                warning says so), or a new name, which gets the id after the last. None: the vocabulary's own.

        Raises:
            MissingDependencyError: transformers isn't installed (`pip install tokloom[transformers]`).
            SpecialTokenError: `pad_token` is new, but looks like a slip of the pen.
        """
        from tokloom.views.transformers import view

        return view(self, pad_token=pad_token)

    def as_nanochat(self) -> NanochatView:
        """The tokenizer as nanochat's own code calls it.

        Raises:
            VocabularyError: the vocabulary has no `<|bos|>`.
        """
        from tokloom.views.nanochat import NanochatView

        return NanochatView(self)

    def __len__(self) -> int:
        return self.vocab_size

    def __eq__(self, other: object) -> bool:
        return self.fingerprint == other.fingerprint if isinstance(other, Tokenizer) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}: {self.vocab_size:,} ids, {self.fingerprint[:12]}>"
