"""SentencePiece's table of replacements, as a `tokenizer.json` has it: whether the library can walk it.

Source: the format as google/sentencepiece writes it (`PrefixMatcher` and `Normalizer` in `normalizer.cc`): the size of a
trie in bytes (32 bits), the trie as a double array of 32-bit units (darts-clone), then texts in UTF-8, each up to a zero
byte. The library `tokenizers` follows it without looking, and panics, on standard error, where it leads outside.
"""

from __future__ import annotations

import base64
import binascii

import numpy as np
from numpy.typing import NDArray

Units = NDArray[np.int64]

_AT_ONCE = 1024  # places in the trie, with 255 ways on from each
_BYTES = np.arange(1, 256)


def wrong_with(text: str) -> str:
    """What is wrong with a table in base64; "" where nothing is.

    Example:
        >>> wrong_with("AAAA")
        'it has 3 bytes, and its first 4 say the size of its table'
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        return f"it isn't base64 ({error})"
    if base64.b64encode(data).decode() != text:
        return "it isn't base64 (bits are left at its end)"
    if len(data) < 4:
        return f"it has {len(data)} bytes, and its first 4 say the size of its table"
    size = int.from_bytes(data[:4], "little")
    if not 4 <= size <= len(data) - 4:
        return f"its table should have {size:,} bytes, and {len(data) - 4:,} follow"
    units = np.frombuffer(data, "<u4", size // 4, 4).astype(np.int64)
    return _wrong_inside(units, data[4 + size // 4 * 4 :])


def _wrong_inside(units: Units, texts: bytes) -> str:
    try:
        texts.decode()
    except UnicodeDecodeError as error:
        return f"the texts after its table aren't UTF-8 ({error.reason})"
    # Where a text may begin: not inside a character.
    begins = np.append((np.frombuffer(texts, np.uint8) & 0xC0) != 0x80, True)
    offsets = (units >> 10) << ((units & 0x200) >> 6)
    seen = np.zeros(len(units), bool)
    waiting = offsets[:1]
    while len(waiting):
        if (waiting | 0xFF).max() >= len(units):
            return "its table leads outside of itself"
        seen[waiting] = True
        further = [
            _next(units, offsets, waiting[at : at + _AT_ONCE]) for at in range(0, len(waiting), _AT_ONCE)
        ]
        waiting, leaves = (np.unique(np.concatenate(found)) for found in zip(*further, strict=True))
        if len(leaves) and leaves.max() >= len(units):
            return "its table leads outside of itself"
        values = units[leaves] & 0x7FFFFFFF
        if len(values) and (values.max() > len(texts) or not begins[values].all()):
            return "its table leads to no text"
        waiting = waiting[(waiting >= len(units)) | ~seen[np.minimum(waiting, len(units) - 1)]]
    return ""


def _next(units: Units, offsets: Units, places: Units) -> tuple[Units, Units]:
    """The places that a byte leads to from these, and those of them at which a text is named."""
    reached = places[:, None] ^ _BYTES
    reached = reached[(units[reached] & 0x800000FF) == _BYTES]
    places = reached ^ offsets[reached]
    return places, places[(units[reached] & 0x100) != 0]
