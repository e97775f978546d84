"""Ids that come one at a time → text, never half a character."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokloom.tokenizer import Tokenizer

__all__ = ["DecodeStream"]


class DecodeStream:
    """Turns ids into text one at a time, and never gives half a character.

    Made by `Tokenizer.stream`. What `feed` returns, and then `flush`, is together what `decode` returns.

    Example:
        >>> import tokloom
        >>> stream = tokloom.load("bytes").stream()
        >>> [stream.feed(byte) for byte in "né".encode()]
        ['n', '', 'é']
        >>> stream.flush()
        ''
    """

    def __init__(self, tokenizer: Tokenizer, *, skip_special_tokens: bool) -> None:
        self._tokenizer = tokenizer
        self._skipped = frozenset(tokenizer.special_tokens.values()) if skip_special_tokens else frozenset()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, id: int) -> str:
        """The text that is complete now.

        Raises:
            UnknownIdError: the id stands for nothing.
        """
        token = self._tokenizer.token_bytes(id)
        return "" if id in self._skipped else self._decoder.decode(token)

    def flush(self) -> str:
        """What a character that never became whole is replaced by; the stream is new afterwards."""
        rest = self._decoder.decode(b"", True)
        self._decoder.reset()
        return rest
