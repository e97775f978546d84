"""Every error tokloom raises on purpose: what was wrong, where, and what to do.

Each kind is also the built-in exception a Python user would expect, so that
``except ValueError`` or ``except KeyError`` keep working.
"""

from __future__ import annotations

__all__ = [
    "ArgumentError",
    "ConversationError",
    "FormatError",
    "MissingDependencyError",
    "PatternError",
    "SourceError",
    "SourceNotFoundError",
    "SpecialTokenError",
    "TextError",
    "TokloomError",
    "TokloomWarning",
    "TrainingError",
    "UnknownIdError",
    "UnsupportedFormatError",
    "VocabularyError",
    "VocabularyNotFoundError",
]


class TokloomError(Exception):
    """The root of all of tokloom's errors."""


class ArgumentError(TokloomError, ValueError):
    """An argument outside its range, or two that contradict each other."""


class ConversationError(TokloomError, ValueError):
    """A conversation that its format can't say: a role out of order, a part of unknown type, nothing in it."""


class PatternError(TokloomError, ValueError):
    """A split pattern that doesn't compile, matches the empty string, or needs too many steps."""


class VocabularyError(TokloomError, ValueError):
    """Tokens, merges or ranks that contradict each other."""


class FormatError(TokloomError, ValueError):
    """A file whose contents are not what they should be."""


class UnsupportedFormatError(FormatError):
    """A file that is in order, but asks for what tokloom's engine doesn't do exactly.

    Attributes:
        reason: what in the file it is, in a few words.
    """

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class SpecialTokenError(TokloomError, ValueError):
    """A special token that is empty, given twice or equal to a token; or one in a text that allows none."""


class TextError(TokloomError, ValueError):
    """A `str` that is no Unicode text: it holds a lone surrogate."""


class UnknownIdError(TokloomError, KeyError):
    """An id that stands for no token."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""  # KeyError shows the repr, quotes and all


class SourceError(TokloomError, OSError):
    """A source of text, or an output, that the operating system refused, or that isn't there."""


class SourceNotFoundError(SourceError, FileNotFoundError):
    """A path or a glob of a source that matches no file."""


class VocabularyNotFoundError(TokloomError, FileNotFoundError):
    """A vocabulary that is in none of the places that were looked at."""


class TrainingError(TokloomError, FloatingPointError):
    """Training came to a number that isn't finite; the weights before it are kept."""


class MissingDependencyError(TokloomError, ImportError):
    """A call needs an extra that isn't installed; the message names it."""


class TokloomWarning(UserWarning):
    """Something went differently from what was asked, and the result says so too."""
