"""What bits per byte are worth: what a uniform guess and a common compressor need for the same bytes."""

from __future__ import annotations

import lzma
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from tokloom.errors import ArgumentError

__all__ = ["UNIFORM", "baselines", "xz_bytes"]

UNIFORM = 8.0
"""Bits for a byte of which nothing is known."""
# liblzma's encoder takes no dictionary above this, and needs ten times as much memory as the dictionary.
LARGEST_DICTIONARY = 1536 << 20
LARGEST_TEXT = 256 << 20


def xz_bytes(parts: Iterable[bytes], size: int) -> int:
    """How many bytes xz makes of a text, with a dictionary that is larger than all of it.

    Args:
        parts: the text, in parts.
        size: of all parts, in bytes.

    Example:
        >>> xz_bytes([b"again " * 1000], 6000) < 100
        True
    """
    if size >= LARGEST_DICTIONARY:
        raise ArgumentError(f"no dictionary of xz is larger than {size:,} bytes")
    dictionary = max(1 << 16, 1 << size.bit_length())
    filters = [
        {
            "id": lzma.FILTER_LZMA2,
            "preset": 9 | lzma.PRESET_EXTREME,
            "dict_size": min(dictionary, LARGEST_DICTIONARY),
        }
    ]
    compressor = lzma.LZMACompressor(lzma.FORMAT_RAW, filters=filters)
    return sum(len(compressor.compress(part)) for part in parts) + len(compressor.flush())


def baselines(
    held_out: Callable[[], Iterator[bytes]],
    held_out_bytes: int,
    training: Callable[[], Iterator[bytes]],
    training_bytes: int,
    *,
    at_most: int = LARGEST_TEXT,
) -> dict[str, float | None]:
    """Bits per byte of held-out text: uniform bytes, xz of it alone, and xz of it where the training text is known.

    The last is (xz(training + held-out) − xz(training)), each with a dictionary larger than both. Where both texts
    together are above `at_most` bytes, it is None: not measured.

    Args:
        held_out: gives the documents.
        held_out_bytes: of all of them.
        training: gives those that were trained on.
        training_bytes: of all of them.
        at_most: bytes of both that are compressed.

    Example:
        >>> text = [b"It was a dark and stormy night; the rain fell in torrents. " * 20]
        >>> found = baselines(lambda: iter(text), 1180, lambda: iter(text), 1180)
        >>> found["uniform bytes"], found["xz"] > found["xz, training text known"]
        (8.0, True)
    """
    found: dict[str, float | None] = {"uniform bytes": UNIFORM, "xz": None, "xz, training text known": None}
    both = held_out_bytes + training_bytes
    if held_out_bytes and held_out_bytes <= at_most:
        found["xz"] = 8 * xz_bytes(held_out(), held_out_bytes) / held_out_bytes
    if held_out_bytes and both <= at_most:
        more = xz_bytes(chain(training(), held_out()), both) - xz_bytes(training(), both)
        found["xz, training text known"] = 8 * more / held_out_bytes
    return found
