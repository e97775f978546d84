"""What tokloom needs of a SentencePiece `.model`, read from its bytes: a protocol buffer.

Source: `sentencepiece_model.proto` and `sentencepiece.proto` of google/sentencepiece, for the numbers of the fields. Read
by hand, since the library `sentencepiece` comes without the library for protocol buffers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tokloom.errors import FormatError

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
MOST_PIECES = 1 << 24


class Piece(NamedTuple):
    """A token and its type."""

    text: str
    type: int


class Model(NamedTuple):
    """A `.model`, as far as it matters here.

    Attributes:
        pieces: tokens by id.
        byte_fallback: whether what isn't in the vocabulary becomes bytes.
        suffix: whether a space belongs to the word before it.
        normalization: the name of the rule, where it changes text; "" where it doesn't.
        prefix: whether a space is put before a text.
        trims: whether spaces at the ends are dropped and those in between made one.
        escapes: whether a space is written U+2581.
        denormalizes: whether text is changed after decoding.
    """

    pieces: list[Piece]
    byte_fallback: bool = False
    suffix: bool = False
    normalization: str = ""
    prefix: bool = True
    trims: bool = True
    escapes: bool = True
    denormalizes: bool = False


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    r"""The fields of a message: number and value; integers, and everything else as bytes.

    Raises:
        ValueError: the bytes are no message.

    Example:
        >>> list(fields(b"\x08\x05\x12\x02hi"))
        [(1, 5), (2, b'hi')]
    """
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise ValueError("a field has the number 0")
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == 2:
            size, at = _varint(data, at)
        elif kind in {1, 5}:
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"a field of the kind {kind}")
        if at + size > len(data):
            raise ValueError("it ends in the middle of a field")
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at == len(data):
            raise ValueError("it ends in the middle of a number")
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
        byte, at = data[at], at + 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def read(data: bytes, origin: str) -> Model:
    """The model in these bytes.

    Raises:
        FormatError: they are none.
    """
    pieces: list[Piece] = []
    settings: dict[str, bool | str] = {}
    try:
        for number, value in fields(data):
            if number == 1:
                pieces.append(_piece(_message(value)))
                if len(pieces) > MOST_PIECES:
                    raise ValueError(f"more than {MOST_PIECES:,} pieces")
            elif number == 2:
                settings |= _trainer(_message(value))
            elif number == 3:
                settings |= _normalizer(_message(value))
            elif number == 5:
                rule = [inner for field, inner in fields(_message(value)) if field == 2]
                settings["denormalizes"] = any(rule)
    except ValueError as error:  # what isn't UTF-8, too
        raise FormatError(f"{origin}: no SentencePiece model: {error}") from None
    if not pieces:
        raise FormatError(f"{origin}: no SentencePiece model: it has no pieces")
    return Model(pieces, **settings)  # type: ignore[arg-type]


def _message(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number where a message should be")
    return value


def _piece(data: bytes) -> Piece:
    text, type = "", NORMAL
    for number, value in fields(data):
        if number == 1:
            text = _message(value).decode()
        elif number == 3:
            type = int(value) if isinstance(value, int) else 0
    if not NORMAL <= type <= BYTE or not text:
        raise ValueError(f"a piece {text!r} of the type {type}")
    return Piece(text, type)


def _trainer(data: bytes) -> dict[str, bool | str]:
    names = {35: "byte_fallback", 24: "suffix"}
    return {names[number]: bool(value) for number, value in fields(data) if number in names}


def _normalizer(data: bytes) -> dict[str, bool | str]:
    names = {3: "prefix", 4: "trims", 5: "escapes"}
    found: dict[str, bool | str] = {}
    rule, changes = "", False
    for number, value in fields(data):
        if number in names:
            found[names[number]] = bool(value)
        elif number == 1:
            rule = _message(value).decode()
        elif number == 2:
            changes = bool(value)
    # The table decides, not the name: one without a table changes nothing.
    return {**found, "normalization": (rule or "of its own") if changes else ""}


def offsets(data: bytes) -> list[tuple[int, int]]:
    """Where the tokens of a serialized `SentencePieceText` are, in bytes."""
    spans = []
    for number, value in fields(data):
        if number == 2:
            place = dict(fields(_message(value)))
            spans.append((int(place.get(4, 0)), int(place.get(5, 0))))
    return spans
