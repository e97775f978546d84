"""`TokunAutoencoder`: text → one vector for sixteen characters, and back. Used with numpy alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError
from tokloom.learned.tokun import characters
from tokloom.learned.tokun.runner import Network
from tokloom.learned.tokun.shape import BYTES, PLANES, Shape
from tokloom.tokenizer import Ids, Special, Text, Tokenizer

if TYPE_CHECKING:
    from tokloom.learned.tokun.verified import Verified

__all__ = ["Pieces", "TokunAutoencoder", "Weights"]

Pieces = Literal["grid", "pretokens"]
Vectors = NDArray[np.float32]

# The decoder's input: 64 is nothing, a step of it this many deviations.
_STEP = np.float32(1 / 12)
_CHUNKS_AT_ONCE = 4096


class Weights(NamedTuple):
    """A trained network as whole numbers.

    Attributes:
        shape: what its blocks merge.
        layers: of "encoder" and "decoder".
        tensors: by name.
        card: what it was trained on and what it reached; no part of the fingerprint.
    """

    shape: Shape
    layers: Mapping[str, Sequence[Mapping[str, Any]]]
    tensors: Mapping[str, NDArray[Any]]
    card: Mapping[str, Any]


class TokunAutoencoder(Tokenizer):
    """Chunks of characters ↔ vectors. A vector is a real one, so there are no ids, and no promise that text comes back.

    What of the tokenizer's contract it has: `name`, `fingerprint`, `guarantees` ("none"), `save`, and all that counts or
    cuts text: a vector takes the place of a token in `count_tokens`, `spans`, `truncate` and `chunk`. What needs ids
    (`encode`, `decode_bytes`, `token_bytes`, special tokens, views) raises an ArgumentError that says so. In place of
    those stand `embed`, `decode` of vectors, and `embed_verified`, whose result does decode to the same text.

    Example:
        >>> import tokloom
        >>> tokun = tokloom.load("tokun-4x16")
        >>> vectors = tokun.embed("Sixteen letters, one vector.")
        >>> vectors.shape, tokun.decode(vectors)
        ((2, 256), 'Sixteen letters, one vector.')
    """

    guarantees = "none"
    kind = "tokun"

    def __init__(self, weights: Weights, *, name: str | None = None, origin: str = "the model") -> None:
        self.weights, self.shape = weights, weights.shape
        self.name = name or f"tokun-{weights.shape.name}"
        self.requested, self.substituted = self.name, False
        shape, layers, tensors = weights.shape, weights.layers, weights.tensors
        self._encoder = Network(layers["encoder"], tensors, "encoder", shape.positions, origin)
        self._decoder = Network(layers["decoder"], tensors, "decoder", shape.vector, origin)
        from tokloom.learned.tokun.saving import check, fingerprint

        check(self._encoder, self._decoder, weights, origin)
        self._fingerprint = fingerprint(weights)

    @staticmethod
    def train(source: object, **choices: Any) -> TokunAutoencoder:  # noqa: ANN401
        """Trains on text; see `tokloom.learned.tokun.training.train_autoencoder`, which has the choices.

        Raises:
            MissingDependencyError: PyTorch isn't installed (`pip install tokloom[learned]`).
        """
        from tokloom.learned import missing_extra

        try:
            from tokloom.learned.tokun.training import train_autoencoder
        except ModuleNotFoundError as error:
            raise missing_extra("TokunAutoencoder.train", error.name) from None
        return train_autoencoder(source, **choices)

    # Text to vectors

    def embed(self, text: Text, *, pieces: Pieces = "grid") -> Vectors:
        """The vectors of a text, shape (chunks, width), float32; the same on every machine.

        Args:
            text: a str, or bytes; what of bytes isn't UTF-8 doesn't come back.
            pieces: "grid" cuts every sixteen characters from the start; "pretokens" begins a chunk with each pretoken
                (of the pattern gpt4), so that an inserted word changes the vectors of its neighbours alone, at the price
                of three to four times the vectors.

        Raises:
            TextError: the str has a lone surrogate.
            ArgumentError: `pieces` is neither.

        Example:
            >>> import tokloom
            >>> tokloom.load("tokun-4x16").embed("one two", pieces="pretokens").shape
            (2, 256)
        """
        return self.embed_chunks(self.chunks(text, pieces=pieces))

    def embed_batch(self, texts: Iterable[Text], *, pieces: Pieces = "grid") -> list[Vectors]:
        """The vectors of many texts, run together."""
        rows = [self.chunks(text, pieces=pieces) for text in texts]
        if not rows:
            return []
        vectors = self.embed_chunks(np.concatenate(rows))
        return np.split(vectors, np.cumsum([len(each) for each in rows])[:-1])

    def embed_verified(self, text: Text, *, pieces: Pieces = "grid") -> Verified:
        r"""The vectors, and beside them the characters that they would lose: exact for every str and all bytes.

        Bytes that aren't UTF-8 are kept as such characters, one each.

        Example:
            >>> import tokloom
            >>> tokun = tokloom.load("tokun-4x16")
            >>> kept = tokun.embed_verified(b"no \xff UTF-8")
            >>> tokun.decode_verified(kept)
            b'no \xff UTF-8'
        """
        from tokloom.learned.tokun.verified import embed_verified

        return embed_verified(self, text, pieces)

    def decode_verified(self, verified: Verified) -> Text:
        """The text that `embed_verified` was given, as the type that it was.

        Raises:
            ArgumentError: it is another model's.
        """
        from tokloom.learned.tokun.verified import decode_verified

        return decode_verified(self, verified)

    def chunks(self, text: Text, *, pieces: Pieces = "grid") -> NDArray[np.int64]:
        """The code points of a text in rows, one a vector; 0x110000 stands where a row isn't full."""
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        points = characters.code_points(text)
        return characters.chunked(points, self.shape.characters, self.piece_ends(text, pieces))

    def piece_ends(self, text: str, pieces: Pieces) -> NDArray[np.int64] | None:
        """Where the pieces end that begin a chunk each, in code points; None: the text is one piece."""
        if pieces == "grid":
            return None
        if pieces != "pretokens":
            raise ArgumentError(f'pieces={pieces!r} is not known; it is "grid" or "pretokens"')
        from tokloom import _engine
        from tokloom.patterns import resolve

        pretokens = _engine.Pretokenizer(resolve("gpt4")).split(text)
        return np.cumsum([len(each.decode()) for each in pretokens], dtype=np.int64)

    def embed_chunks(self, chunks: NDArray[np.int64]) -> Vectors:
        """The vectors of code points in rows, as `chunks` gives them."""
        symbols = characters.as_bytes(chunks).reshape(-1, self.shape.positions)
        sums = self._encoder.run(symbols)
        vectors: Vectors = sums.astype(np.float32) * self.weights.tensors["encoder.scale"]
        return vectors

    # Vectors to text

    def decode(  # type: ignore[override]  # a vector takes the place of an id
        self, vectors: NDArray[np.floating], *, errors: str = "replace", skip_special_tokens: bool = False
    ) -> str:
        """The likeliest text of vectors, (n, width) or (width,).

        Args:
            vectors: of `embed`, or of a model that predicts them.
            errors: as in the contract; every vector is some text, so nothing can fail.
            skip_special_tokens: as in the contract; there are none.

        Raises:
            ArgumentError: ids, another width, or numbers that aren't finite.
        """
        del errors, skip_special_tokens
        return characters.as_text(self.decode_chunks(vectors))

    def decode_batch(  # type: ignore[override]
        self,
        batch: Iterable[NDArray[np.floating]],
        *,
        errors: str = "replace",
        skip_special_tokens: bool = False,
    ) -> list[str]:
        """The likeliest texts of many arrays of vectors."""
        del errors, skip_special_tokens
        return [self.decode(vectors) for vectors in batch]

    def decode_chunks(self, vectors: NDArray[np.floating]) -> NDArray[np.int64]:
        """The likeliest code points, (n, characters); 0x110000 where there is none."""
        parts = [
            np.stack([each.argmax(axis=-1) for each in scores], axis=-1) for scores in self._scores(vectors)
        ]
        if not parts:
            return np.zeros((0, self.shape.characters), np.int64)
        points = characters.as_code_points(np.concatenate(parts))
        return points.reshape(-1, self.shape.characters)

    def nats(self, text: Text, vectors: NDArray[np.floating] | None = None) -> NDArray[np.float64]:
        """Negative log-likelihood of each character of the text's chunks given the vectors, (chunks, characters).

        Sum the entries where `chunks(text)` is a character for the likelihood of the text; those behind its end say that
        nothing follows. With the vectors that a model predicts it is the model's loss.

        Args:
            text: on the grid.
            vectors: one a chunk; None: the text's own.

        Raises:
            ArgumentError: not as many vectors as chunks.
        """
        chunks = self.chunks(text)
        vectors = self.embed_chunks(chunks) if vectors is None else vectors
        if len(vectors) != len(chunks):
            raise ArgumentError(f"the text has {len(chunks)} chunks, and there are {len(vectors)} vectors")
        symbols = characters.as_bytes(chunks).reshape(-1, BYTES)
        unit = float(self.weights.tensors["decoder.scale"][0])
        parts, begin = [], 0
        for scores in self._scores(vectors):
            known = symbols[begin : begin + len(scores[0])]
            begin += len(known)
            found = np.zeros(len(known))
            for place, each in enumerate(scores):
                logits = each * unit
                highest = logits.max(axis=1)
                total = np.log(np.exp(logits - highest[:, None]).sum(axis=1)) + highest
                found += total - logits[np.arange(len(known)), known[:, place]]
            parts.append(found)
        return np.concatenate([*parts, np.zeros(0)]).reshape(len(chunks), -1)

    def _scores(self, vectors: NDArray[np.floating]) -> Iterator[list[NDArray[np.int64]]]:
        """For some chunks at a time: scores of planes, high bytes and low bytes, (characters, 18 or 256)."""
        given = np.asarray(vectors)
        if given.dtype.kind != "f":
            raise ArgumentError(
                f"{self.name} decodes vectors, arrays of floating-point numbers, not {given.dtype}: it has no ids"
            )
        if given.ndim not in (1, 2) or given.shape[-1] != self.shape.vector:
            raise ArgumentError(
                f"{self.name} decodes vectors of {self.shape.vector} numbers, not of shape {given.shape}"
            )
        if not np.isfinite(given).all():
            raise ArgumentError("a vector holds a number that isn't finite")
        given = given.reshape(-1, self.shape.vector).astype(np.float32)
        steps = np.clip(np.rint(given / _STEP) + 64, 0, 127).astype(np.uint8)
        for begin in range(0, len(steps), _CHUNKS_AT_ONCE):
            sums = self._decoder.run(steps[begin : begin + _CHUNKS_AT_ONCE])
            yield np.split(sums.reshape(-1, self.shape.logits), [PLANES, PLANES + 256], axis=1)

    # The contract

    @property
    def vocab_size(self) -> int:
        """0: there are no ids, and no table of embeddings that would need rows."""
        return 0

    @property
    def special_tokens(self) -> dict[str, int]:
        """None."""
        return {}

    @property
    def fingerprint(self) -> str:
        """sha256 (hex) over the shape, the layers and the weights."""
        return self._fingerprint

    @property
    def card(self) -> Mapping[str, Any]:
        """What it was trained on, how long, and what it reached, as it was saved."""
        return self.weights.card

    @property
    def facts(self) -> dict[str, Any]:
        """What `tokloom inspect` shows: plain values by name."""
        return {
            "name": self.name,
            "requested": self.requested,
            "substituted": self.substituted,
            "kind": self.kind,
            "runs in": "numpy, in whole numbers",
            "guarantees": self.guarantees,
            "characters to a vector": self.shape.characters,
            "numbers in a vector": self.shape.vector,
            "groups (bytes of UTF-32)": list(self.shape.groups),
            "weights": sum(int(each.size) for each in self.weights.tensors.values()),
            "fingerprint": self.fingerprint,
            "card": dict(self.card),
        }

    def spans(self, text: Text, *, special: Special = "text") -> list[tuple[int, int]]:
        """Where each vector's chunk lies in the text, on the grid: code points of a str, bytes of bytes."""
        del special
        step = self.shape.characters
        if isinstance(text, str):
            return [(begin, min(begin + step, len(text))) for begin in range(0, len(text), step)]
        lengths = [
            len(each.encode("utf-8", "surrogateescape")) for each in text.decode("utf-8", "surrogateescape")
        ]
        ends = np.cumsum([0, *lengths])[[*range(0, len(lengths), step), len(lengths)]].tolist()
        return list(pairwise(ends))

    def count_tokens(self, text: Text, *, special: Special = "text") -> int:
        """How many vectors the text becomes on the grid."""
        return len(self.spans(text, special=special))

    def save(self, directory: str | PathLike[str]) -> None:
        """Writes `tokloom.json` and `model.safetensors`, which `tokloom.load` opens."""
        from tokloom.learned.tokun.saving import save

        save(self.weights, self._fingerprint, directory)

    def _no_ids(self, call: str) -> NoReturn:
        raise ArgumentError(
            f"{self.name} has no ids, so there is no {call}: it turns {self.shape.characters} characters into a vector. "
            "Use embed(text) and decode(vectors), or embed_verified(text) where the text must come back"
        )

    def encode_to_numpy(self, text: Text, *, special: Special = "text") -> NDArray[np.uint32]:  # noqa: ARG002
        """Raises an ArgumentError: there are no ids."""
        self._no_ids("encode")

    def encode_stream(
        self,
        chunks: Iterable[Text],  # noqa: ARG002
        *,
        special: Special = "text",  # noqa: ARG002
    ) -> Iterator[NDArray[np.uint32]]:
        """Raises an ArgumentError: there are no ids."""
        self._no_ids("encode_stream")

    def decode_bytes(self, ids: Ids) -> bytes:  # noqa: ARG002
        """Raises an ArgumentError: there are no ids."""
        self._no_ids("decode_bytes")

    def token_bytes(self, id: int) -> bytes:  # noqa: ARG002
        """Raises an ArgumentError: there are no ids."""
        self._no_ids("token_bytes")

    def with_special_tokens(self, names: Iterable[str]) -> Tokenizer:  # noqa: ARG002
        """Raises an ArgumentError: a control token would be a vector of its own, which a model has to learn."""
        self._no_ids("with_special_tokens")

    def stream(self, *, skip_special_tokens: bool = False) -> NoReturn:  # noqa: ARG002
        """Raises an ArgumentError: there are no ids."""
        self._no_ids("stream")

    def as_tiktoken(self) -> NoReturn:
        """Raises an ArgumentError: there are no ids."""
        self._no_ids("view for tiktoken")

    def as_transformers(self, *, pad_token: str | None = None) -> NoReturn:  # noqa: ARG002
        """Raises an ArgumentError: there are no ids."""
        self._no_ids("view for transformers")

    def as_nanochat(self) -> NoReturn:
        """Raises an ArgumentError: there are no ids."""
        self._no_ids("view for nanochat")

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.weights, self.name)

    def __repr__(self) -> str:
        return (
            f"<TokunAutoencoder {self.name!r}: {self.shape.characters} characters to {self.shape.vector} numbers, "
            f"{self.fingerprint[:12]}>"
        )


def _restored(weights: Weights, name: str) -> TokunAutoencoder:
    return TokunAutoencoder(weights, name=name)
