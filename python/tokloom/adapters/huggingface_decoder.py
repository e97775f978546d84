"""The decoders of `tokenizers` as rules on bytes, as far as they look at one token at a time.

Source: the crate `tokenizers`, `src/decoders` and `src/pre_tokenizers/metaspace.rs`, read at version 0.23.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tokloom.adapters.pieces import Pieces, Rule, byte_of
from tokloom.byte_alphabet import bytes_of

# What the WordPiece decoder mends, in its order.
CLEANUP = (
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" do not", " don't"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
)


def pieces_of(decoder: dict[str, Any] | None) -> Pieces | None:  # noqa: PLR0911 (a table of kinds)
    """The rules of a decoder, as `tokenizers` writes it; None for one that isn't known here."""
    if decoder is None:
        return Pieces(later=lambda token: f" {token}".encode(), first=str.encode, alone=str.encode)
    match decoder:
        case {"type": "ByteLevel"}:
            return _everywhere(bytes_of)
        case {"type": "WordPiece", "prefix": str(prefix), "cleanup": bool(cleanup)}:
            return _word_piece(prefix, cleanup)
        case {"type": "Metaspace", "replacement": str(mark), "prepend_scheme": str(scheme)}:
            return _metaspace(mark, prepended=scheme != "never")
        case {"type": "Sequence", "decoders": list(steps)}:
            return _sequence(steps)
        case {"type": "Replace" | "ByteFallback" | "Fuse"}:
            return _sequence([decoder])
    return None


def _everywhere(rule: Rule) -> Pieces:
    return Pieces(later=rule, first=rule, alone=rule)


def _word_piece(prefix: str, cleanup: bool) -> Pieces:
    def mended(text: str) -> bytes:
        for wrong, right in CLEANUP if cleanup else ():
            text = text.replace(wrong, right)
        return text.encode()

    def later(token: str) -> bytes:
        return mended(token.removeprefix(prefix) if token.startswith(prefix) else f" {token}")

    return Pieces(later=later, first=mended, alone=lambda token: token.removeprefix(prefix).encode())


def _metaspace(mark: str, *, prepended: bool) -> Pieces:
    def later(token: str) -> bytes:
        return token.replace(mark, " ").encode()

    def first(token: str) -> bytes:
        return token.replace(mark, "" if prepended else " ").encode()

    return Pieces(later=later, first=first, alone=later)


def _sequence(steps: Sequence[Any]) -> Pieces | None:
    """Replacements, bytes, one join, then what is taken off the beginning: in this order, each may be missing."""
    replacements: list[tuple[str, str]] = []
    bytes_too = fused = False
    strip, times = b"", 0
    for step in steps:
        match step:
            case {"type": "Replace", "pattern": {"String": str(old)}, "content": str(new)} if (
                old and not bytes_too and not fused
            ):
                replacements.append((old, new))
            case {"type": "ByteFallback"} if not fused:
                bytes_too = True
            case {"type": "Fuse"}:
                fused = True
            case {"type": "Strip", "content": str(content), "start": int(start), "stop": 0} if (
                fused and not strip
            ):
                strip, times = content.encode(), start
            case {"type": "ByteLevel" | "Metaspace" | "WordPiece"} if len(steps) == 1:
                return pieces_of(step)
            case _:
                return None

    def rule(token: str) -> bytes:
        for old, new in replacements:
            token = token.replace(old, new)
        byte = byte_of(token) if bytes_too else None
        return token.encode() if byte is None else bytes([byte])

    return Pieces(later=rule, first=rule, alone=rule, strip=strip, strip_times=times)
