"""What is in a vocabulary, before it meets any text: sizes, scripts, the longest tokens."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tokloom.errors import UnknownIdError

if TYPE_CHECKING:
    from tokloom.tokenizer import Tokenizer

# First words of Unicode names that say how a letter is drawn, not what script it belongs to.
_STYLES = frozenset(
    {"FULLWIDTH", "HALFWIDTH", "MATHEMATICAL", "MODIFIER", "SUPERSCRIPT", "SUBSCRIPT", "CIRCLED"}
)


@dataclass(frozen=True)
class VocabularySummary:
    """A vocabulary in figures."""

    tokens: int
    """Ids that stand for bytes."""
    holes: int
    """Ids below `vocab_size` that stand for nothing."""
    by_script: dict[str, int]
    """Tokens by script, most frequent first."""
    by_length: dict[int, int]
    """Tokens by their length in bytes."""
    longest: list[tuple[int, bytes]]
    """(id, bytes) of the longest tokens, longest first."""

    def to_dict(self) -> dict[str, Any]:
        """The summary for JSON; bytes as hexadecimal digits, with the text they stand for."""
        longest = [
            {"id": id, "hex": token.hex(), "text": token.decode(errors="replace")}
            for id, token in self.longest
        ]
        return {**asdict(self), "longest": longest}


def summarise_vocabulary(tokenizer: Tokenizer, *, longest: int = 10) -> VocabularySummary:
    """Counts a vocabulary's ordinary tokens by script and by length.

    Args:
        tokenizer: anything behind the contract; special tokens are left out.
        longest: how many of the longest tokens to list.
    """
    by_script: Counter[str] = Counter()
    by_length: Counter[int] = Counter()
    tokens = list(_ordinary_tokens(tokenizer))
    for _, token in tokens:
        by_script[script_of(token)] += 1
        by_length[len(token)] += 1
    by_size = sorted(tokens, key=lambda item: (-len(item[1]), item[0]))
    return VocabularySummary(
        tokens=len(tokens),
        holes=tokenizer.vocab_size - len(tokens) - len(set(tokenizer.special_tokens.values())),
        by_script=dict(by_script.most_common()),
        by_length=dict(sorted(by_length.items())),
        longest=by_size[:longest],
    )


def script_of(token: bytes) -> str:  # noqa: PLR0911 (a table of kinds)
    r"""The script of a token's letters, or what it holds instead of letters.

    Python knows no script property; the first word of a letter's Unicode name says the same for every script in use.

    Example:
        >>> script_of(b" hello"), script_of("привет".encode()), script_of("語".encode())
        ('Latin', 'Cyrillic', 'Han')
        >>> script_of(b"123"), script_of(b"  \n"), script_of(b"=>"), script_of(b"\xe8\xaa")
        ('digits', 'white space', 'punctuation and symbols', 'part of a character')
    """
    try:
        text = token.decode()
    except UnicodeDecodeError:
        return "part of a character"
    scripts = {_script_of_letter(character) for character in text if character.isalpha()}
    if len(scripts) > 1:
        return "several scripts"
    if scripts:
        return scripts.pop()
    if text.isspace():
        return "white space"
    if text.strip().isnumeric():
        return "digits"
    if all(unicodedata.category(character) == "Cc" for character in text):
        return "control characters"
    return "punctuation and symbols"


@lru_cache(maxsize=65_536)
def _script_of_letter(letter: str) -> str:
    words = unicodedata.name(letter, "UNNAMED").split()
    while len(words) > 1 and words[0] in _STYLES:
        words.pop(0)
    first = words[0].split("-")[0]
    if first == "CJK":
        return "Han"
    return first.capitalize()


def _ordinary_tokens(tokenizer: Tokenizer) -> Iterator[tuple[int, bytes]]:
    special = set(tokenizer.special_tokens.values())
    for id in range(tokenizer.vocab_size):
        if id in special:
            continue
        try:
            yield id, tokenizer.token_bytes(id)
        except UnknownIdError:
            continue
