"""A shortlist and classes: two unequal digits. The commonest tokens are their own first digit, the rest share them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokloom.learned.fsq.coordinates_clusters import k_means, nearest_with_room, residual
from tokloom.learned.fsq.coordinates_statistics import Statistics
from tokloom.learned.fsq.exact import on_grid

__all__ = ["ROOM", "SHORTLIST", "shortlist_and_classes"]

SHORTLIST = 2_048
ROOM = 120


def shortlist_and_classes(
    found: Statistics,
    vectors: NDArray[np.float64],
    first: NDArray[np.int64],
    *,
    shortlist: int,
    room: int,
    seed: int = 0,
) -> tuple[NDArray[np.int32], tuple[int, int]]:
    """Digits (first, second): a token of the shortlist has a first one alone, -1 stands for its second.

    The others are put into classes by k-means on their vectors, in order of frequency each into the nearest class
    that has room; the second digit is by k-means on what the class's centre leaves of the vectors, the nearest that is
    free in the class.

    Args:
        found: counts from training text.
        vectors: one for each id, shape (v, k).
        first: all ids, those first that go into the shortlist, shape (v,).
        shortlist: how many tokens are their own first digit.
        room: how many tokens a class takes at most.
        seed: of k-means.

    Returns:
        The digits, shape (v, 2), and the levels: shortlist and classes together; room.
    """
    digits = np.full((len(vectors), 2), -1, np.int32)
    digits[first[:shortlist], 0] = np.arange(shortlist)
    rest = first[shortlist:]
    classes = -(-len(rest) // room)
    if not len(rest):
        return digits, (shortlist, room)
    weights = np.sqrt(found.counts[rest] + 1.0)
    centres = k_means(vectors[rest], weights, classes, seed=seed)
    grid = on_grid(vectors[rest])
    chosen = nearest_with_room(grid, centres, np.full(classes, room))
    digits[rest, 0] = shortlist + chosen
    digits[rest, 1] = _second_digit(
        residual(grid, centres, chosen), weights, chosen, classes=classes, room=room, seed=seed
    )
    return digits, (shortlist + classes, room)


def _second_digit(
    vectors: NDArray[np.float64],
    weights: NDArray[np.float64],
    chosen: NDArray[np.int64],
    *,
    classes: int,
    room: int,
    seed: int,
) -> NDArray[np.int64]:
    centres = k_means(vectors, weights, min(room, len(vectors)), seed=seed)
    grid = on_grid(vectors)
    second = np.empty(len(vectors), np.int64)
    for one in range(classes):
        members = np.flatnonzero(chosen == one)
        second[members] = nearest_with_room(grid[members], centres, np.ones(len(centres), np.int64))
    return second
