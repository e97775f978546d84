"""Data with other characters in it: what of it comes out of a template is known again, wherever it lands.

The other characters are rare ones, each for one character and in the same order, and occur nowhere else; so the
template's own text and the data's never mix.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple, cast

from tokloom.chat.protocol import PLACES
from tokloom.chat.values import JSON
from tokloom.errors import ConversationError

__all__ = ["MARK_END", "MARK_START", "ControlTokens", "Own", "Shadow", "own_tokens", "tell_apart"]

# CJK Extension B: letters without case, which Python's repr leaves as they are; then Unicode's private areas.
STAND_INS = (range(0x20000, 0x2A6E0), range(0xF0000, 0xFFFFE), range(0x100000, 0x10FFFE))

MARK_START, MARK_END = "\U0010fffc", "\U0010fffd"  # private too; `Shadow` leaves them out


class Own(NamedTuple):
    """A control token that the template wrote, and where it stands in what is rendered."""

    start: int
    end: int
    token: str


def tell_apart(
    truth: str,
    render: Callable[[dict[str, JSON]], str],
    data: dict[str, JSON],
    constants: Collection[str],
    tokens: ControlTokens,
) -> str:
    """What is rendered, with other characters in place of those that came out of the data: as long as `truth`.

    What stays as it is there is the template's, or could not be part of a control token.

    Args:
        truth: what is rendered of the data as they are.
        render: renders the data with other characters in them.
        data: `messages`, `tools`, `documents` and `variables`, of JSON's types.
        constants: the words that the template's code holds.
        tokens: the control tokens.

    Raises:
        ConversationError: it can't be proven.
    """
    for keep_constants in (False, True):
        shadow = Shadow(constants, tokens, data, truth, keep_constants=keep_constants)
        try:
            seen = render(shadow.of(data))
        except ConversationError:
            continue  # it decides by what a text says
        if shadow.back(seen) == truth:
            return seen
    raise ConversationError(
        "the template changes the texts of the messages or decides by what they say, so that it can't be proven which "
        "control tokens it wrote itself; render the conversation with one of tokloom.chat's formats, or take such "
        "words out of the messages"
    )


def own_tokens(truth: str, seen: str, tokens: ControlTokens) -> list[Own]:
    """The control tokens that the template wrote, every character of each.

    Args:
        truth: what is rendered.
        seen: what `tell_apart` gives.
        tokens: the control tokens.

    Raises:
        ConversationError: one comes about where a text meets what the template writes.
    """
    for match in tokens.everywhere.finditer(truth):
        start, end = match.span(1)
        if seen[start:end] != match[1] and any(map(str.__eq__, seen[start:end], match[1])):
            raise ConversationError(
                f"the control token {match[1]!r} comes about where a text of the messages meets what the template writes "
                f"(at character {start} of what it renders); it is neither's own"
            )
    return [Own(*match.span(), match[0]) for match in tokens.pattern.finditer(seen)]


class ControlTokens:
    """Finds control tokens, and tells which strings could be part of one."""

    def __init__(self, names: Collection[str]) -> None:
        self.names = sorted(set(names), key=lambda name: (-len(name), name))
        alternatives = "|".join(map(re.escape, self.names)) or "(?!)"
        self.pattern = re.compile(alternatives)
        self.everywhere = re.compile(f"(?=({alternatives}))")  # those that overlap too
        self._joined = "\0".join(self.names)
        self._beginnings = {name[:end] for name in self.names for end in range(1, len(name))}
        self._endings = {name[start:] for name in self.names for start in range(1, len(name))}

    def touches(self, text: str) -> bool:
        """Whether an occurrence of a control token could share a character with `text`, whatever is around it."""
        return (
            text in self._joined
            or any(text[start:] in self._beginnings for start in range(len(text)))
            or any(text[:end] in self._endings for end in range(1, len(text) + 1))
            or self.pattern.search(text) is not None
        )


class Shadow:
    """The same data with another character in place of each, but those that templates act upon.

    What stays as it is: white space (templates trim it), what JSON or Python's repr escapes, names of fields, roles and
    types where the protocol has them, texts that are a word of the template's own (`"think"`), and with `keep_constants` such words inside of texts too (`"</think>" in content`).
    None of these but the protocol's stays if a control token could have a character of it: so what is found in the shadow's rendering is
    the template's alone.
    """

    def __init__(
        self,
        constants: Collection[str],
        tokens: ControlTokens,
        data: dict[str, JSON],
        rendered: str,
        *,
        keep_constants: bool,
    ) -> None:
        self._words = {word for word in constants if not tokens.touches(word)}
        # One that holds a whole control token names nothing: it would be a way in.
        self._controls = tokens.pattern
        inner = sorted(self._words if keep_constants else (), key=lambda word: (-len(word), word))
        characters = {char for text in _strings(data) for char in text}
        kept = [char for char in characters if _trimmed_or_escaped(char) and not tokens.touches(char)]
        self._kept = re.compile("|".join(map(re.escape, [*inner, *sorted(kept)])) or "(?!)")
        taken = {*characters, *rendered, MARK_START, MARK_END}
        stand_ins = (chr(code) for codes in STAND_INS for code in codes if chr(code) not in taken)
        free = list(itertools.islice(stand_ins, len(characters)))
        if len(free) < len(characters):
            raise ConversationError(
                f"the messages have too many different characters ({len(characters):,}) to tell them from the template's"
            )
        # In the same order, so that a template that sorts sorts them alike.
        self._other = {ord(char): other for char, other in zip(sorted(characters), free, strict=False)}
        self._back = {ord(other): char for char, other in self._other.items()}

    def of(self, data: dict[str, JSON]) -> dict[str, JSON]:
        """The data with other characters."""
        variables = cast(dict[str, JSON], data["variables"])
        # Their names, too, are the caller's: a template knows them or it doesn't.
        shadow = {
            key: self._any(value, PLACES["data"].inside[key])
            for key, value in data.items()
            if key != "variables"
        }
        return {**shadow, "variables": {key: self._any(value, None) for key, value in variables.items()}}

    def back(self, text: str) -> str:
        """A text with the characters put back."""
        return text.translate(self._back)

    def _any(self, value: JSON, place: str | None, known: Collection[str] = ()) -> JSON:
        """The value with other characters; `known` are the protocol's words for it, `place` is what a dictionary is."""
        if isinstance(value, str):
            return value if self._is_word(value, known) else self._text(value)
        if isinstance(value, list):
            return [self._any(item, place, known) for item in value]
        if not isinstance(value, dict):
            return value
        here = PLACES[place or "strangers"]
        return {
            name if self._is_word(name, here.fields) else self._text(name): self._any(
                item, here.inside.get(name, here.others), here.words.get(name, ())
            )
            for name, item in value.items()
        }

    def _is_word(self, text: str, known: Collection[str]) -> bool:
        return text in known and not self._controls.search(text)

    def _text(self, text: str) -> str:
        if text in self._words:
            return text
        parts, end = [], 0
        for match in self._kept.finditer(text):
            parts += [text[end : match.start()].translate(self._other), match[0]]
            end = match.end()
        return "".join([*parts, text[end:].translate(self._other)])


def _trimmed_or_escaped(char: str) -> bool:
    if char in {MARK_START, MARK_END}:
        return False
    return char.isspace() or char in "\"'\\" or not char.isprintable()


def _strings(value: JSON) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
