"""Digits by context: a tree of balanced splits, along which tokens of like neighbours lie together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tokloom.learned.fsq.exact import on_grid, principal_axis

__all__ = ["frequency_then_context"]

Ids = NDArray[np.int64]


def frequency_then_context(
    by_frequency: Ids, vectors: NDArray[np.float64], levels: Sequence[int]
) -> NDArray[np.int32]:
    """Digits of each token: how common it is first, then its way down a tree by context.

    The tokens, the commonest first, are cut into `levels[0]` parts of equal size: the first digit. Each part is split
    along the axis on which its vectors differ most into parts of equal size, and so on.

    Args:
        by_frequency: all ids, the commonest first, shape (v,).
        vectors: one for each id, shape (v, k), of length 1 or zero.
        levels: values of each digit; their product is v or more.

    Returns:
        Shape (v, len(levels)); no two rows are equal.
    """
    grid = on_grid(vectors)
    digits = np.zeros((len(vectors), len(levels)), np.int32)
    parts = np.array_split(by_frequency, levels[0])
    for value, part in enumerate(parts):
        digits[part, 0] = value
        _descend(part, grid, levels, 1, digits)
    return digits


def _descend(
    group: Ids, grid: NDArray[np.float64], levels: Sequence[int], place: int, digits: NDArray[np.int32]
) -> None:
    if place == len(levels) or not len(group):
        return
    for value, part in enumerate(_split(group, grid, levels[place])):
        digits[part, place] = value
        _descend(part, grid, levels, place + 1, digits)


def _split(group: Ids, grid: NDArray[np.float64], parts: int) -> Iterator[Ids]:
    """The group in so many parts of equal size (the first ones one larger), neighbours in neighbouring parts."""
    # By halves where it can be: two cuts along different axes say more than three along one.
    first = next((factor for factor in range(2, parts) if parts % factor == 0), parts)
    if first == parts or len(group) <= parts:
        yield from np.array_split(_along_axis(group, grid), parts)
        return
    for half in np.array_split(_along_axis(group, grid), first):
        yield from _split(half, grid, parts // first)


def _along_axis(group: Ids, grid: NDArray[np.float64]) -> Ids:
    if len(group) < 2:
        return group
    rows = grid[group]
    along = (rows * principal_axis(rows)).sum(1)
    ordered: Ids = group[np.argsort(along, kind="stable")]
    return ordered
