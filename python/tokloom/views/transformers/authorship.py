"""Whose each character of a rendered chat is: the template's, or that of a message's text.

The template is rendered twice: as it is, and with the texts in disguise, in which each character that could belong to a
control token is another, rare one. Both must be the same but for the disguise, character by character; then the places
that differ are the messages', and all others are the template's own.

A template may look for words in a text (`'</think>' in content`), and then does something else with the disguised one.
So it is tried once more with the words left as they are that the template itself holds, and these one by one again in
disguise. The words that can't be disguised stay doubtful, and no control token may be made of a part of one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache, partial
from itertools import islice
from typing import Any, NamedTuple

from tokloom.errors import ArgumentError
from tokloom.views.transformers.messages import strings, with_text

RARE = range(0x20000, 0x2A6E0)  # CJK Extension B: letters without case, printable, 42,720 of them

Render = Callable[[Any], str]


class Words(NamedTuple):
    """The strings and the names that a template's code holds."""

    strings: frozenset[str]
    names: frozenset[str]


class Authorship(NamedTuple):
    """A rendered chat, and whose it is.

    Attributes:
        text: the chat.
        theirs: for each character, whether it is a message's (1) or the template's (0).
        doubtful: words in messages whose characters count as the template's, though they may not be.
    """

    text: str
    theirs: bytes
    doubtful: tuple[str, ...]


class Disguise:
    """Another, rare character for each that could belong to a control token.

    White space, quotes, backslashes and control characters have none: templates strip the first and JSON escapes the
    others, so that the disguised text would come out different.
    """

    def __init__(self, tokens: Iterable[str], texts: Iterable[str]) -> None:
        characters = sorted({character for token in tokens for character in token if not _neutral(character)})
        used = {ord(character) for text in texts for character in text}
        rare = [chr(point) for point in islice((p for p in RARE if p not in used), len(characters))]
        if len(rare) < len(characters):
            raise ArgumentError("the messages hold every rare character that texts could be disguised with")
        self.table = dict(zip(map(ord, characters), rare, strict=True))
        self.back = dict(zip(map(ord, rare), characters, strict=True))

    def __call__(self, text: str, kept: Collection[str]) -> str:
        """The text in disguise, but for the words that are kept."""
        changed = text.translate(self.table)
        if not kept:
            return changed
        stays = bytearray(len(text))
        for word in kept:
            start = text.find(word)
            while start >= 0:
                stays[start : start + len(word)] = b"\1" * len(word)
                start = text.find(word, start + 1)
        return "".join(own if stay else other for own, other, stay in zip(text, changed, stays, strict=True))


def _neutral(character: str) -> bool:
    return character.isspace() or character in "\"'\\" or not character.isprintable()


@lru_cache(maxsize=64)
def words(template: str) -> Words:
    """The strings and the names in the code of a template."""
    from jinja2 import Environment

    tokens = list(Environment(autoescape=False).lexer.tokenize(template))
    return Words(
        frozenset(str(token.value) for token in tokens if token.type == "string" and token.value),
        frozenset(str(token.value) for token in tokens if token.type == "name"),
    )


def told_apart(
    render: Render, given: Mapping[str, Any], template: str, tokens: Collection[str]
) -> Authorship:
    """Renders a chat, and tells whose each character is.

    Args:
        render: gives the text of plain values.
        given: what `render` takes: the messages, tools and so on by name, each as plain values.
        template: the template.
        tokens: the control tokens.

    Raises:
        ArgumentError: the template does something to the texts that hides whose they are.
    """
    text = render(given)
    held = words(template)
    # A word that holds a control token names nothing: as a key or a role it would smuggle the token in.
    known = frozenset(
        word for word in held.strings | held.names if not any(token in word for token in tokens)
    )
    texts = list(strings(dict(given)))
    for again in (True, False):
        disguise = Disguise(tokens, [text, template, *texts])

        def theirs(kept: Collection[str], text: str = text, disguise: Disguise = disguise) -> bytes | None:
            change = partial(disguise, kept=kept)
            parts = {name: with_text(part, change, known) for name, part in given.items()}
            other = _tried(render, parts)
            return None if other is None else _differing(text, other, disguise)

        found = _found(theirs, [word for word in sorted(held.strings) if any(word in each for each in texts)])
        if found is not None:
            return Authorship(text, *found)
        now = render(given)
        if now == text or not again:
            break
        text = now  # the template tells the time, and that went on
    raise ArgumentError(
        "the template does something to the messages' text (changes its letters, or looks into it), so that its own control "
        "tokens can't be told from the text. If every message can be trusted, render with tokenize=False and encode "
        "the result with split_special_tokens=False: that parses control tokens wherever they stand"
    )


def _found(
    theirs: Callable[[Collection[str]], bytes | None], looked_for: list[str]
) -> tuple[bytes, tuple[str, ...]] | None:
    """Whose each character is, and the words that stay doubtful; None if that can't be told."""
    whole = theirs(())
    if whole is not None:
        return whole, ()
    kept = looked_for
    known = theirs(kept)
    if known is None:
        return None
    for word in looked_for:
        fewer = [other for other in kept if other != word]
        more = theirs(fewer)
        if more is not None:
            kept = fewer
            known = bytes(a | b for a, b in zip(known, more, strict=True))
    return known, tuple(kept)


def _tried(render: Render, given: Any) -> str | None:
    try:
        return render(given)
    except Exception:  # noqa: BLE001 (a template may raise anything over a text that it doesn't expect)
        return None


def _differing(text: str, other: str, disguise: Disguise) -> bytes | None:
    """Where the disguised rendering differs; None if it differs in more than the disguise."""
    if len(text) != len(other) or other.translate(disguise.back) != text:
        return None
    return bytes(a != b for a, b in zip(text, other, strict=True))


class Control(NamedTuple):
    """A control token at its place in a chat."""

    start: int
    end: int
    token: str


def controls(chat: Authorship, tokens: Collection[str]) -> tuple[list[Control], bool]:
    """The template's own control tokens, in order, and whether the messages hold any that must stay text.

    Raises:
        ArgumentError: a control token is made of the template's text and a message's, or can't be told to be neither.
    """
    if not tokens:
        return [], False
    longest = "|".join(map(re.escape, sorted(tokens, key=len, reverse=True)))
    filling = next(
        character for character in map(chr, RARE) if not any(character in token for token in tokens)
    )
    hidden = "".join(filling if theirs else own for own, theirs in zip(chat.text, chat.theirs, strict=True))
    own = [Control(*match.span(), match[0]) for match in re.finditer(longest, hidden)]
    for control in own:
        _refuse_doubt(control.token, chat.doubtful)
    touched = False
    for match in re.finditer(f"(?=({longest}))", chat.text):
        start, end = match.span(1)
        of_messages = sum(chat.theirs[start:end])
        if not of_messages:
            continue
        touched = True
        all_theirs = all(
            theirs or _neutral(character)
            for theirs, character in zip(chat.theirs[start:end], match[1], strict=True)
        )
        if not all_theirs and not any(control.start < end and start < control.end for control in own):
            raise ArgumentError(
                f"the template and a message's text together make the control token {match[1]!r} (character {start} of "
                "what is rendered), so that it is neither's"
            )
    return own, touched


def _refuse_doubt(token: str, doubtful: Iterable[str]) -> None:
    if all(map(_neutral, token)):
        raise ArgumentError(
            f"the control token {token!r} is nothing but white space or quotes, so that the template's can't be told from a "
            "message's"
        )
    for word in doubtful:
        if _share(word, token):
            raise ArgumentError(
                f"the template looks for {word!r} in the messages, and {token!r} may be made of it, so that the template's "
                "control tokens can't be told from a message's text"
            )


def _share(word: str, token: str) -> bool:
    """Whether one is in the other, or an end of one is a beginning of the other."""
    if word in token or token in word:
        return True
    return any(
        word.endswith(token[:length]) or token.endswith(word[:length])
        for length in range(1, min(len(word), len(token)))
    )
