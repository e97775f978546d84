"""Text ↔ chunks of characters ↔ their bytes. Numpy alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError, TextError
from tokloom.learned.tokun.shape import NOTHING

__all__ = ["as_bytes", "as_code_points", "as_text", "chunked", "code_points"]

CodePoints = NDArray[np.int64]
REPLACEMENT = 0xFFFD


def code_points(text: str) -> CodePoints:
    """The code points of a text, shape (n,).

    Raises:
        TextError: a lone surrogate, which is no character.

    Example:
        >>> code_points("né").tolist()
        [110, 233]
    """
    try:
        data = text.encode("utf-32-le")
    except UnicodeEncodeError as error:
        raise TextError(
            f"position {error.start} holds a lone surrogate ({text[error.start]!r}), which is no character: "
            "decode the text with errors='replace', or repair it"
        ) from None
    return np.frombuffer(data, "<u4").astype(np.int64)


def chunked(
    points: CodePoints, size: int, ends: Sequence[int] | NDArray[np.int64] | None = None
) -> CodePoints:
    """Code points in rows of `size`, the last filled with NOTHING.

    Args:
        points: shape (n,).
        size: characters of a row.
        ends: where pieces end that begin a row each; None: the text is one piece.

    Example:
        >>> (
        ...     chunked(code_points("abcde"), 4)[:, 0].tolist(),
        ...     chunked(code_points("abcde"), 4, [2, 5])[:, 0].tolist(),
        ... )
        ([97, 101], [97, 99])
    """
    if ends is None:
        ends = [len(points)]
    ends_ = np.asarray(ends, dtype=np.int64)
    lengths = np.diff(ends_, prepend=0)
    if len(ends_) and (ends_[-1] != len(points) or (lengths < 0).any()):
        raise ArgumentError(f"pieces end at {ends_[-1]}, and the text at {len(points)}")
    counts = -(-lengths // size)
    rows = np.full((int(counts.sum()), size), NOTHING, dtype=np.int64)
    # The place of each code point: the first row of its piece, and how far it is from there.
    first = np.repeat((np.cumsum(counts) - counts) * size, lengths)
    within = np.arange(len(points)) - np.repeat(ends_ - lengths, lengths)
    rows.reshape(-1)[first + within] = points
    return rows


def as_bytes(chunks: CodePoints) -> NDArray[np.int64]:
    """Code points → their plane, high byte and low byte, in a last axis of three.

    Example:
        >>> as_bytes(np.array([0x1F600])).tolist()
        [[1, 246, 0]]
    """
    return np.stack([chunks >> 16, chunks >> 8 & 255, chunks & 255], axis=-1)


def as_code_points(symbols: NDArray[np.integer]) -> CodePoints:
    """The inverse of `as_bytes`. Every triple below plane 17 is a code point; plane 17 is NOTHING."""
    values = symbols.astype(np.int64)
    points: CodePoints = values[..., 0] << 16 | values[..., 1] << 8 | values[..., 2]
    return np.minimum(points, NOTHING)


def as_text(chunks: CodePoints) -> str:
    """The text of chunks: NOTHING is left out, a surrogate becomes U+FFFD.

    Example:
        >>> as_text(np.array([[104, 105, NOTHING, NOTHING]]))
        'hi'
    """
    points = chunks[chunks < NOTHING]
    points = np.where(points >> 11 == 0x1B, REPLACEMENT, points)
    return points.astype("<u4").tobytes().decode("utf-32-le")
