"""k-means, and places handed out in order to the nearest that has room."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokloom.learned.fsq.exact import GRID, on_grid

__all__ = ["distances", "k_means", "nearest_with_room"]

Matrix = NDArray[np.float64]

_ROUNDS = 12
_ROWS_AT_A_TIME = 4_096


def distances(grid: Matrix, centres: Matrix) -> Matrix:
    """Squared distances, less what is equal in a row, shape (n, c): whole numbers, so exact. Both are on the grid."""
    return (centres * centres).sum(1) - 2 * (grid @ centres.T)


def k_means(vectors: Matrix, weights: Matrix, clusters: int, *, seed: int, rounds: int = _ROUNDS) -> Matrix:
    """Centres of clusters, on the grid, shape (clusters, k).

    They begin at rows taken by chance, in proportion to their weights. A centre that no row is nearest to moves to
    the row that is farthest from its own.

    Args:
        vectors: rows of length at most 1 or so, shape (n, k); at least `clusters` of them.
        weights: how much each row counts, shape (n,).
        clusters: how many centres.
        seed: of the choice where they begin.
        rounds: how often centres move.
    """
    grid = on_grid(vectors)
    chance = np.random.default_rng(seed)
    # The largest of log(u)/w: a draw without replacement in proportion to w, which needs no sums.
    keys = np.log(chance.random(len(grid))) / np.maximum(weights, 1e-9)
    centres = grid[np.sort(np.argsort(-keys, kind="stable")[:clusters])]
    for _ in range(rounds):
        nearest, gap = _nearest(grid, centres)
        moved = _means(grid, weights, nearest, clusters)
        empty = np.flatnonzero(np.bincount(nearest, minlength=clusters) == 0)
        if len(empty):
            moved[empty] = grid[np.argsort(-gap, kind="stable")[: len(empty)]]
        if (moved == centres).all():
            break
        centres = moved
    return centres


def _nearest(grid: Matrix, centres: Matrix) -> tuple[NDArray[np.int64], Matrix]:
    nearest, gap = np.empty(len(grid), np.int64), np.empty(len(grid))
    for start in range(0, len(grid), _ROWS_AT_A_TIME):
        block = slice(start, start + _ROWS_AT_A_TIME)
        far = distances(grid[block], centres)
        nearest[block] = far.argmin(1)
        gap[block] = far.min(1) + (grid[block] ** 2).sum(1)
    return nearest, gap


def _means(grid: Matrix, weights: Matrix, nearest: NDArray[np.int64], clusters: int) -> Matrix:
    total = np.bincount(nearest, weights, clusters)
    # bincount adds in the order of the rows, in one thread.
    sums = np.stack(
        [np.bincount(nearest, weights * column, clusters) for column in np.ascontiguousarray(grid.T)], 1
    )
    means: Matrix = np.rint(sums / np.maximum(total, 1e-300)[:, None])
    return means


def nearest_with_room(grid: Matrix, centres: Matrix, room: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each row, in their order, the nearest centre that still has room, shape (n,).

    Args:
        grid: rows on the grid, those first that choose first, shape (n, k).
        centres: on the grid, shape (c, k).
        room: how many rows each centre takes, shape (c,); as many as rows in all, or more.
    """
    left = room.astype(np.int64)
    chosen = np.empty(len(grid), np.int64)
    for start in range(0, len(grid), _ROWS_AT_A_TIME):
        far = distances(grid[start : start + _ROWS_AT_A_TIME], centres)
        far[:, left == 0] = np.inf
        for row in range(len(far)):
            centre = int(far[row].argmin())
            chosen[start + row] = centre
            left[centre] -= 1
            if left[centre] == 0:
                far[row + 1 :, centre] = np.inf
    return chosen


def residual(grid: Matrix, centres: Matrix, chosen: NDArray[np.int64]) -> Matrix:
    """What of each row its centre doesn't say, in the units that vectors have."""
    rest: Matrix = (grid - centres[chosen]) / GRID
    return rest
