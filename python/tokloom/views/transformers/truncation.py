"""How a pair of texts is shortened so that both together fit."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def longest_first(first: list[T], second: list[T], beyond: int, side: str) -> tuple[list[T], list[T]]:
    """Both texts without `beyond` tokens in all: the longer one is cut to the other's length, then both, evenly.

    As `tokenizers` does it: of an odd number left, the second text has the one more if it was no shorter. transformers'
    Python backend gives it to the first text then.

    Args:
        first: tokens of the first text.
        second: tokens of the second text.
        beyond: how many must go.
        side: where from: "right" or "left".

    Example:
        >>> longest_first([1, 2, 3, 4], [5, 6, 7, 8, 9], 4, "right")
        ([1, 2], [5, 6, 7])
    """
    if beyond <= 0:
        return first, second
    left = max(len(first) + len(second) - beyond, 0)
    shorter = min(len(first), len(second), left // 2)
    longer = left - shorter
    keep = (longer, shorter) if len(first) > len(second) else (shorter, longer)
    if side == "left":
        return first[len(first) - keep[0] :], second[len(second) - keep[1] :]
    return first[: keep[0]], second[: keep[1]]
