"""Where each id lies in its text, as `tokenizers` tells it."""

from __future__ import annotations

from tokloom.views.transformers.framing import Trimming

SPACE = "Ġ"  # a space in GPT-2's alphabet


def trimmed(spans: list[tuple[int, int]], names: list[str], trimming: Trimming) -> list[tuple[int, int]]:
    """The spans without the white space that tokens begin or end with, if the vocabulary's post-processor says so.

    Args:
        spans: [start, end) of each token, in code points.
        names: the tokens in GPT-2's alphabet.
        trimming: what the post-processor says.

    Example:
        >>> trimmed([(0, 2), (2, 6)], ["Ġa", "Ġto!"], Trimming(trims=True))
        [(1, 2), (3, 6)]
    """
    if not trimming.trims:
        return spans
    return [
        _trimmed(span, name, trimming.prefix_space and (place == 0 or span[0] == 0))
        for place, (span, name) in enumerate(zip(spans, names, strict=True))
    ]


def _trimmed(span: tuple[int, int], name: str, keeps_one: bool) -> tuple[int, int]:
    start, end = span
    leading, trailing = _spaces(name), _spaces(name[::-1])
    if leading == 1 and keeps_one:
        leading = 0
    start = min(start + leading, end)
    if trailing and end >= trailing:
        end = max(end - trailing, start)
    return start, end


def _spaces(name: str) -> int:
    return next(
        (place for place, character in enumerate(name) if character != SPACE and not character.isspace()),
        len(name),
    )
