"""A vocabulary whose tokens have cells of a lattice: ids are the inner tokenizer's, digits say where each lies.

The vocabulary is lossless and its segmentation is not learned; the coordinates are. A language model may read and
predict a token's few small digits instead of one of 32,768 rows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tokloom.bpe import BPETokenizer
from tokloom.errors import ArgumentError, UnknownIdError
from tokloom.learned import state as states
from tokloom.learned.fsq.adaptive_tokenizer import AdaptiveTokenizer
from tokloom.learned.fsq.cells import as_codes, check_levels
from tokloom.learned.fsq.coordinates import Coordinates
from tokloom.learned.fsq.tokenizer import FSQTokenizer
from tokloom.ragged import Ragged
from tokloom.tokenizer import Ids, Special, Text, Tokenizer

__all__ = ["Inner", "LatticeTokenizer", "open_saved", "require_inner", "train_lattice"]

KIND = "fsq-lattice"
Inner: TypeAlias = BPETokenizer | AdaptiveTokenizer


class LatticeTokenizer(FSQTokenizer):
    """A tokenizer and a cell for each of its tokens: made by `train_lattice` and by `tokloom.load`.

    Encoding and decoding are the inner tokenizer's, with its ids, its speed and its guarantees.

    Attributes:
        inner: the tokenizer whose tokens have cells.
        kind: "fsq-lattice".
        coordinates: what the digits come from: "context", "spelling", "frequency" or "random".
        layout: "digits", or "classes": a shortlist and classes, two unequal digits.
        levels: how many values each digit has.
        vectors: a vector for each id, shape (vocab_size, k), where context made one; else None.
        description: what else is said of it and saved, such as how it was made; it changes nothing.

    Example:
        >>> import tokloom
        >>> inner = tokloom.train(["low lower lowest"] * 3, 260)
        >>> lattice = train_lattice(["low lower lowest"], tokenizer=inner, coordinates="frequency")
        >>> lattice.encode("lower") == inner.encode("lower")
        True
        >>> lattice.levels, lattice.id_of(lattice.code_of(257))
        ((8, 8, 8, 8, 8), 257)
    """

    kind = KIND

    def __init__(
        self,
        inner: Tokenizer,
        coordinates: Coordinates,
        *,
        description: Mapping[str, Any] | None = None,
        name: str = KIND,
    ) -> None:
        self.inner: Inner = require_inner(inner)
        self.description: dict[str, Any] = states.as_json(description or {}, "description")
        self.name = self.requested = name
        self.substituted = False
        self.guarantees = inner.guarantees
        self.coordinates, self.layout = coordinates.kind, coordinates.layout
        self.levels = check_levels(coordinates.levels)
        self._digits = _whole(coordinates.digits)
        self.vectors = None if coordinates.vectors is None else _read_only(coordinates.vectors)
        self._check()
        self._codes = _codes(self._digits, self.levels)
        known = np.flatnonzero(self._codes >= 0)
        self._ids = dict(zip(self._codes[known].tolist(), known.tolist(), strict=True))
        if len(self._ids) != len(known):
            raise ArgumentError("two tokens have the same digits; each needs its own cell")
        self._fingerprint = self._hashed()

    def _check(self) -> None:
        shape = (self.inner.vocab_size, len(self.levels))
        if self._digits.shape != shape:
            raise ArgumentError(
                f"digits have the shape {self._digits.shape}, and this vocabulary needs {shape}"
            )
        if (self._digits < -1).any() or (self._digits >= np.array(self.levels)).any():
            raise ArgumentError(
                f"a digit is out of range: they are from 0 below {self.levels}, or -1 for none"
            )
        if self.vectors is not None and (self.vectors.ndim != 2 or len(self.vectors) != shape[0]):
            raise ArgumentError(
                f"vectors have the shape {self.vectors.shape}; there is one for each of {shape[0]} ids"
            )

    # Where tokens lie

    def digits(self) -> NDArray[np.int32]:
        """The digits of all ids, shape (vocab_size, len(levels)); -1 where an id has none in that place.

        Special tokens that were added to a lattice, and ids that stand for nothing, have none at all; a token of the
        shortlist has a first one only. No two ids with digits have the same.
        """
        return self._digits

    def code_of(self, id: int) -> int:
        """The number of an id's cell: Σ digit·basis with basis 1, L₁, L₁L₂, …; a digit that is none counts as 0.

        Raises:
            UnknownIdError: the id has no cell, or stands for nothing (also a KeyError).
        """
        if not 0 <= id < len(self._codes) or self._codes[id] < 0:
            raise UnknownIdError(f"id {id} has no cell in this lattice")
        return int(self._codes[id])

    def id_of(self, code: int) -> int | None:
        """The id whose cell this is; None: nobody's."""
        return self._ids.get(code)

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of it, for `tokloom inspect`."""
        told = {**super().facts, "coordinates": self.coordinates, "layout": self.layout}
        return told | {"pattern": getattr(self.inner, "pattern", None)}

    # What it is

    @property
    def vocab_size(self) -> int:
        """The highest id + 1."""
        return self.inner.vocab_size

    @property
    def special_tokens(self) -> dict[str, int]:
        """Control tokens and their ids, in ascending order of id."""
        return self.inner.special_tokens

    @property
    def fingerprint(self) -> str:
        """sha256 (hex) over the inner tokenizer, levels, digits and vectors."""
        return self._fingerprint

    def _hashed(self) -> str:
        digest = hashlib.sha256()
        told = json.dumps([KIND, self.inner.fingerprint, self.coordinates, self.layout, self.levels]).encode()
        vectors = b"" if self.vectors is None else self.vectors.astype("<f4").tobytes()
        for part in (told, self._digits.astype("<i4").tobytes(), vectors):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
        return digest.hexdigest()

    @property
    def token_names(self) -> Any:  # noqa: ANN401 (the contract's)
        """The inner tokenizer's names."""
        return self.inner.token_names

    @property
    def post_processor(self) -> str | None:
        """What `tokenizers` puts around a text, as JSON; None: nothing."""
        return self.inner.post_processor

    # All of this is the inner tokenizer's

    def encode(self, text: Text, *, special: Special = "text", threads: int | None = None) -> list[int]:
        """The ids of a text, as the contract says; the same whatever the threads."""
        return self.inner.encode(text, special=special, threads=threads)

    def encode_to_numpy(
        self, text: Text, *, special: Special = "text", threads: int | None = None
    ) -> NDArray[np.uint32]:
        """Like `encode`, as an array of shape (tokens,)."""
        return self.inner.encode_to_numpy(text, special=special, threads=threads)

    def encode_batch(
        self, texts: Iterable[Text], *, special: Special = "text", threads: int | None = None
    ) -> list[list[int]]:
        """The ids of many texts, one list each."""
        return self.inner.encode_batch(texts, special=special, threads=threads)

    def encode_batch_to_numpy(
        self, texts: Iterable[Text], *, special: Special = "text", threads: int | None = None
    ) -> Ragged:
        """Like `encode_batch`, in two arrays."""
        return self.inner.encode_batch_to_numpy(texts, special=special, threads=threads)

    def encode_stream(
        self, chunks: Iterable[Text], *, special: Special = "text"
    ) -> Iterator[NDArray[np.uint32]]:
        """The ids of a text that comes in chunks."""
        return self.inner.encode_stream(chunks, special=special)

    def count_tokens(self, text: Text, *, special: Special = "text", threads: int | None = None) -> int:
        """How many ids `encode` gives."""
        return self.inner.count_tokens(text, special=special, threads=threads)

    def spans(self, text: Text, *, special: Special = "text") -> list[tuple[int, int]]:
        """Where each token lies in the text."""
        return self.inner.spans(text, special=special)

    def decode_bytes(self, ids: Ids) -> bytes:
        """The bytes that the ids stand for."""
        return self.inner.decode_bytes(ids)

    def decode(self, ids: Ids, *, errors: str = "replace", skip_special_tokens: bool = False) -> str:
        """The text that the ids stand for."""
        return self.inner.decode(ids, errors=errors, skip_special_tokens=skip_special_tokens)

    def token_bytes(self, id: int) -> bytes:
        """The bytes of one token."""
        return self.inner.token_bytes(id)

    def export(self, path: str | PathLike[str], *, format: str) -> None:
        """Writes the vocabulary, without coordinates, as another library reads it; as the inner tokenizer does."""
        self.inner.export(path, format=format)

    # Others made from it, and files

    def with_special_tokens(self, names: Iterable[str]) -> LatticeTokenizer:
        """This tokenizer with more special tokens, at the end, without cells: -1 in every place."""
        larger = self.inner.with_special_tokens(names)
        more = larger.vocab_size - self.vocab_size
        digits = np.pad(self._digits, ((0, more), (0, 0)), constant_values=-1)
        vectors = None if self.vectors is None else np.pad(self.vectors, ((0, more), (0, 0)))
        made = Coordinates(self.coordinates, self.layout, self.levels, digits, vectors)
        return LatticeTokenizer(larger, made, description=self.description, name=self.name)

    def save(self, directory: str | PathLike[str]) -> None:
        """Writes a folder that `tokloom.load` opens: the inner vocabulary's files and `model.safetensors`.

        Of an adaptive vocabulary that is its table; the network that spells the spans stays where it was saved.
        """
        from tokloom.learned.fsq import lattice_saving

        lattice_saving.save(self, Path(directory))

    def __reduce__(self) -> tuple[Any, ...]:
        coordinates = Coordinates(self.coordinates, self.layout, self.levels, self._digits, self.vectors)
        parts = (self.inner, coordinates, self.description)
        return _unpickle, (*parts, self.name, self.requested, self.substituted)

    def __copy__(self) -> LatticeTokenizer:
        return self

    def __deepcopy__(self, memo: object) -> LatticeTokenizer:
        return self  # it never changes


def require_inner(inner: Tokenizer) -> Inner:
    """The tokenizer, unless its tokens aren't byte strings that a folder can hold.

    Raises:
        ArgumentError: it is of another kind than BPE (or words) and adaptive.
    """
    if isinstance(inner, (BPETokenizer, AdaptiveTokenizer)):
        return inner
    raise ArgumentError(
        f"a lattice is over a BPE or an adaptive vocabulary, whose tokens are byte strings; {inner.name} is a "
        f"{type(inner).__name__}"
    )


def _unpickle(  # noqa: PLR0917 (pickle's call)
    inner: Tokenizer,
    coordinates: Coordinates,
    description: dict[str, Any],
    name: str,
    requested: str,
    substituted: bool,
) -> LatticeTokenizer:
    tokenizer = LatticeTokenizer(inner, coordinates, description=description, name=name)
    tokenizer.requested, tokenizer.substituted = requested, substituted
    return tokenizer


def _whole(digits: NDArray[Any]) -> NDArray[np.int32]:
    array = np.asarray(digits)
    if not np.issubdtype(array.dtype, np.integer) or (array.size and np.abs(array).max() >= 2**31):
        raise ArgumentError(f"digits are {array.dtype}; they must be whole numbers that 32 bits hold")
    return _read_only(array.astype(np.int32))


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    array = array.copy()
    array.setflags(write=False)
    return array


def _codes(digits: NDArray[np.int32], levels: tuple[int, ...]) -> NDArray[np.int64]:
    """The number of each id's cell, -1 for an id without digits."""
    codes = as_codes(np.maximum(digits, 0), levels)
    return np.where((digits >= 0).any(1), codes, -1)


def train_lattice(source: object, **choices: Any) -> LatticeTokenizer:  # noqa: ANN401 (train's own choices)
    """A vocabulary with a cell for each token; see `lattice_training.train_lattice` for the choices."""
    from tokloom.learned.fsq import lattice_training

    return lattice_training.train_lattice(source, **choices)


def open_saved(directory: Path, description: dict[str, Any]) -> FSQTokenizer:
    """A folder that a lattice was saved in, `tokloom.json` already read."""
    from tokloom.learned.fsq import lattice_saving

    return lattice_saving.load(directory, description)
