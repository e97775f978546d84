"""What an auto-encoder is trained on: real text, and chunks that no text has.

Text teaches what is common. It doesn't teach an alphabet that isn't in it, and code points drawn from all of Unicode
hardly do, since neighbours in a text are neighbours in Unicode. So half of a batch is windows of 2⁴ to 2¹⁴ neighbouring
code points, with ASCII between them. And in one of four chunks of text one character is a stranger: a model that
never saw that took the only emoji of a chunk for something likelier, 97 times of 100 (docs/log.md).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokloom.learned.tokun.shape import NOTHING

__all__ = ["batch_of", "neighbours"]

# [first, last) and how often a window lies there: alphabets, then Han and Hangul, compatibility forms, the planes of
# emoji and of rare Han, and all.
_PLACES = (
    (0x0, 0x3000, 0.40),
    (0x3000, 0xD800, 0.34),
    (0xE000, 0x10000, 0.07),
    (0x10000, 0x20000, 0.11),
    (0x20000, 0x34000, 0.05),
    (0x0, 0x110000, 0.03),
)
_ANYWHERE = 0.05
_CUT_SHORT = 0.2
_WITH_A_STRANGER = 0.25


def neighbours(count: int, size: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Chunks of code points that are neighbours in Unicode, ASCII mixed in; one in twenty is from anywhere.

    Example:
        >>> chunks = neighbours(100, 16, np.random.default_rng(0))
        >>> chunks.shape, bool((chunks >= 0).all()), bool((chunks < 0x110000).all())
        ((100, 16), True, True)
    """
    first, last, weight = (np.array(column) for column in zip(*_PLACES, strict=True))
    place = generator.choice(len(_PLACES), count, p=weight)
    low, high = first[place].astype(np.int64), last[place].astype(np.int64)
    centre = low + (generator.random(count) * (high - low)).astype(np.int64)
    width = 2 ** generator.integers(4, 15, count)
    offsets = (generator.random((count, size)) * width[:, None]).astype(np.int64) - width[:, None] // 2
    points = np.clip(centre[:, None] + offsets, 0, 0x10FFFF)
    share = generator.choice([0.0, 0.15, 0.4], count)
    ascii_points = np.where(
        generator.random((count, size)) < 0.4, 32, generator.integers(9, 127, (count, size))
    )
    points = np.where(generator.random((count, size)) < share[:, None], ascii_points, points)
    anywhere = generator.random(count) < _ANYWHERE
    points[anywhere] = generator.integers(0, 0x110000, (int(anywhere.sum()), size))
    # Surrogates are no characters; Han, of which there is most to learn, takes their place.
    return np.where(points >> 11 == 0x1B, points - 0xD800 + 0x4E00, points)


def batch_of(
    text: NDArray[np.integer], count: int, size: int, share: float, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Chunks to train on, (count, size): of text, then of neighbours; one in five is cut short.

    Args:
        text: code points, (n,); n ≥ size.
        count: chunks.
        size: characters of a chunk.
        share: how much of it is text, 0 to 1.
        generator: draws.
    """
    of_text = round(count * share)
    begin = generator.integers(0, len(text) - size + 1, of_text)
    windows = text[begin[:, None] + np.arange(size)].astype(np.int64)
    strange = np.flatnonzero(generator.random(of_text) < _WITH_A_STRANGER)
    windows[strange, generator.integers(0, size, len(strange))] = neighbours(len(strange), 1, generator)[:, 0]
    chunks = np.concatenate([windows, neighbours(count - of_text, size, generator)])
    ends = np.where(generator.random(count) < _CUT_SHORT, generator.integers(1, size + 1, count), size)
    chunks[np.arange(size) >= ends[:, None]] = NOTHING
    return chunks
