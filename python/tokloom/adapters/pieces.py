"""How tokens become text again: the rules of `tokenizers`' decoders and of sentencepiece, on bytes.

The libraries decode to a str at once; here every token gives its bytes, so that streams and `decode_bytes` can be exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

Rule = Callable[[str], bytes]


def byte_of(token: str) -> int | None:
    """The byte that a token such as `<0x0A>` stands for, or None.

    Example:
        >>> byte_of("<0x0A>"), byte_of("<0x0A"), byte_of("a")
        (10, None, None)
    """
    if len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
        try:
            return int(token[3:5], 16) if token[3:5].isalnum() else None
        except ValueError:
            return None
    return None


@dataclass(frozen=True)
class Pieces:
    """A decoder as rules.

    Attributes:
        later: the bytes of a token that others precede.
        first: the bytes of the first token.
        alone: the bytes that are the token's own: `token_bytes`.
        begins: tokens after which the next one is a first one again.
        first_until_bytes: whether every token is a first one until one has bytes.
        strip: this is taken off the beginning of the text, at most `strip_times` times.
    """

    later: Rule
    first: Rule
    alone: Rule
    strip: bytes = b""
    strip_times: int = 0
    begins: frozenset[str] = frozenset()
    first_until_bytes: bool = False

    def joiner(self) -> Joiner:
        """The state of one text."""
        return Joiner(self, strips=self.strip_times)


@dataclass
class Joiner:
    """Gives each token's bytes in turn, given those before it."""

    pieces: Pieces
    strips: int
    begun: bool = field(default=False)

    def feed(self, token: str) -> bytes:
        """The token's bytes where it stands."""
        rule = self.pieces.later if self.begun else self.pieces.first
        found = rule(token)
        if token in self.pieces.begins:
            self.begun = False
        elif found or not self.pieces.first_until_bytes:
            self.begun = True
        while self.strips and found:
            if not found.startswith(self.pieces.strip):
                self.strips = 0
            else:
                found, self.strips = found[len(self.pieces.strip) :], self.strips - 1
        return found
