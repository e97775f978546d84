"""GPT-2's alphabet, in which files and other libraries write tokens: a visible character for every byte."""

from __future__ import annotations

__all__ = ["ALPHABET", "bytes_of", "text_of"]


def _alphabet() -> dict[str, int]:
    """Visible Latin-1 stands for itself, the rest from U+0100 on."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {
        chr(256 + number): byte for number, byte in enumerate(others)
    }


ALPHABET = _alphabet()  # a byte by its character
_CHARACTERS = {byte: character for character, byte in ALPHABET.items()}


def text_of(token: bytes) -> str:
    r"""The token in that alphabet.

    Example:
        >>> text_of(b" caf\xc3")
        'ĠcafÃ'
    """
    return token.decode("latin-1").translate(_CHARACTERS)


def bytes_of(token: str) -> bytes:
    r"""The bytes of a token in that alphabet; one with any other character is its own UTF-8.

    Example:
        >>> bytes_of("ĠcafÃ"), bytes_of("Ġ人")
        (b' caf\xc3', b'\xc4\xa0\xe4\xba\xba')
    """
    try:
        return bytes(ALPHABET[character] for character in token)
    except KeyError:
        return token.encode()
