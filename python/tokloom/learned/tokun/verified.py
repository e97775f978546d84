"""Vectors with what they would lose: exact where the vectors alone are not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError
from tokloom.learned.tokun import characters
from tokloom.learned.tokun.shape import NOTHING

if TYPE_CHECKING:
    from tokloom.learned.tokun.autoencoder import Pieces, TokunAutoencoder
    from tokloom.tokenizer import Text

__all__ = ["Verified", "decode_verified", "embed_verified"]


@dataclass(frozen=True)
class Verified:
    """Vectors, and the characters that the decoder gets wrong.

    Attributes:
        vectors: (chunks, width), float32.
        places: of the wrong characters, counted through all chunks, ascending, (n,).
        points: the right code points there, (n,); 0x110000 where there is no character.
        of_bytes: whether the text was bytes. Bytes that aren't UTF-8 are code points U+DC80 to U+DCFF here, as Python
            writes them.
        fingerprint: of the model.
    """

    vectors: NDArray[np.float32]
    places: NDArray[np.int64]
    points: NDArray[np.int64]
    of_bytes: bool
    fingerprint: str

    @property
    def corrections(self) -> int:
        """How many characters the vectors alone would lose."""
        return len(self.places)

    @property
    def nbytes(self) -> int:
        """Bytes of what is kept beside the vectors: four for a place, three for a character."""
        return 7 * self.corrections


def embed_verified(model: TokunAutoencoder, text: Text, pieces: Pieces) -> Verified:
    """See `TokunAutoencoder.embed_verified`."""
    size = model.shape.characters
    if isinstance(text, bytes):
        # Not by way of `chunks`, which takes no lone surrogates.
        told = text.decode("utf-8", "surrogateescape")
        points = np.frombuffer(told.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.int64)
        whole = text.decode("utf-8", "replace") if pieces != "grid" else ""
        if pieces != "grid" and len(whole) == len(told):
            chunks = characters.chunked(points, size, model.piece_ends(whole, pieces))
        else:
            chunks = characters.chunked(points, size)
    else:
        chunks = model.chunks(text, pieces=pieces)
    vectors = model.embed_chunks(chunks)
    guessed = model.decode_chunks(vectors)
    places = np.flatnonzero(guessed != chunks)
    return Verified(vectors, places, chunks.reshape(-1)[places], isinstance(text, bytes), model.fingerprint)


def decode_verified(model: TokunAutoencoder, verified: Verified) -> Text:
    """See `TokunAutoencoder.decode_verified`."""
    if verified.fingerprint != model.fingerprint:
        raise ArgumentError(
            f"these vectors are of the model {verified.fingerprint[:12]}…, and {model.name} is {model.fingerprint[:12]}…: "
            "decode them with the model that made them"
        )
    chunks = model.decode_chunks(verified.vectors)
    chunks.reshape(-1)[verified.places] = verified.points
    points = chunks[chunks < NOTHING]
    text = points.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    return text.encode("utf-8", "surrogateescape") if verified.of_bytes else text
