"""The baseline with nothing to learn: characters side by side, each bit a number; read back by a head of bits.

It is where the author's later work went: no auto-encoder, the embeddings of bytes concatenated, and a head that predicts
bits. Sixteen characters in 256 numbers are sixteen numbers each, and Unicode has 21 bits: below U+10000 each bit has a
number; the five bits of the plane share numbers with the five highest of them, as four steps in place of two.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError
from tokloom.learned.tokun.shape import NOTHING

__all__ = ["ConcatenatedBits"]

_LOW = 16
_PLANE = 5


class ConcatenatedBits:
    """Chunks ↔ vectors of bits, without parameters and without loss.

    Args:
        characters: of a chunk.
        vector: numbers in a vector; at least 16 a character.

    Raises:
        ArgumentError: there are fewer.

    Example:
        >>> coder = ConcatenatedBits(16, 256)
        >>> chunks = np.array([[ord(c) for c in "Sixteen letters!"]])
        >>> bool((coder.decode_chunks(coder.embed_chunks(chunks)) == chunks).all())
        True
    """

    def __init__(self, characters: int = 16, vector: int = 256) -> None:
        self.each = vector // characters
        if self.each < _LOW:
            raise ArgumentError(
                f"{characters} characters in {vector} numbers have {self.each} each, and the bits of a character need 16"
            )
        self.characters, self.vector = characters, vector

    def embed_chunks(self, chunks: NDArray[np.int64]) -> NDArray[np.float32]:
        """Vectors of −1 and 1, and of −3 to 3 where a number holds two bits; numbers that are left over repeat bits."""
        bits = ((chunks[..., None] >> np.arange(_LOW + _PLANE)) & 1).astype(np.float32) * 2 - 1
        low, plane = bits[..., :_LOW].copy(), bits[..., _LOW:]
        # In Gray's order, so that neighbouring steps differ in one bit; most characters are of plane 0: −3 and −1.
        high = low[..., _LOW - _PLANE :]
        low[..., _LOW - _PLANE :] = np.where(plane < 0, -2 + high, 2 - high)
        repeated = np.tile(low, -(-self.each // _LOW))[..., : self.each]
        vectors = np.zeros((len(chunks), self.vector), np.float32)
        vectors[:, : self.each * self.characters] = repeated.reshape(len(chunks), -1)
        return vectors

    def decode_chunks(self, vectors: NDArray[np.floating]) -> NDArray[np.int64]:
        """The nearest characters; what is beyond Unicode becomes 0x110000."""
        given = np.asarray(vectors)[:, : self.each * self.characters]
        given = given.reshape(len(given), self.characters, self.each)
        copies = [given[..., begin : begin + _LOW] for begin in range(0, self.each - _LOW + 1, _LOW)]
        low = np.mean(copies, axis=0)
        high = low[..., _LOW - _PLANE :]
        plane = high > 0
        inner = np.where(plane, high < 2, high > -2)
        bits = np.concatenate([low[..., : _LOW - _PLANE] > 0, inner, plane], axis=-1)
        points = (bits.astype(np.int64) << np.arange(_LOW + _PLANE)).sum(axis=-1)
        return np.minimum(points, NOTHING)
