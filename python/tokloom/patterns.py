"""Split patterns by name, by regular expression, or as a sequence of them."""

from __future__ import annotations

from collections.abc import Sequence

from tokloom import _engine
from tokloom.errors import ArgumentError, PatternError

__all__ = ["PatternLike", "pattern_names", "resolve"]

PatternLike = str | Sequence[str]


def pattern_names() -> list[str]:
    """The names of the known split patterns.

    Example:
        >>> import tokloom
        >>> "gpt4" in tokloom.pattern_names()
        True
    """
    return _engine.pattern_names()


def require_text(what: str, text: str, error: type[Exception]) -> None:
    """Raises `error` for a str that is no Unicode text."""
    try:
        text.encode()
    except UnicodeEncodeError as found:
        raise error(f"the {what} {text!r} has a lone surrogate at character {found.start}") from None


def resolve(pattern: PatternLike) -> _engine.Splits:
    """What the engine takes for a name, a regular expression, or a sequence of them.

    A word of letters, digits and hyphens that is no name is an error, since nobody means it as an expression.
    """
    if not isinstance(pattern, str):
        regexes = list(pattern)
        if not regexes or not all(isinstance(regex, str) for regex in regexes):
            raise ArgumentError("a sequence of splits is a list of regular expressions, at least one")
        splits: _engine.Splits = [(regex, "whole") for regex in regexes]
    else:
        named = _engine.named_pattern(pattern)
        if named is not None:
            return named
        if pattern.replace("-", "").replace("_", "").replace(".", "").isalnum() and len(pattern) < 40:
            names = ", ".join(pattern_names())
            raise PatternError(
                f"no pattern is called {pattern!r}; known are {names}, or give a regular expression"
            )
        splits = [(pattern, "characters")]
    for regex, _ in splits:
        require_text("pattern", regex, PatternError)
    _engine.Pretokenizer(splits)  # says now what is wrong with it, not after hours of reading
    return splits
