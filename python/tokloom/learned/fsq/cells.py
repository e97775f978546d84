"""Cells of a lattice of digits: numbers for them, and the nearest that is free."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError

__all__ = ["as_codes", "as_digits", "check_levels", "nearest_free_cells"]

LARGEST_LATTICE = 1 << 31
# Cells around one are looked at in rings of so many; after that, all that are free.
_RINGS = (64, 1_024, 8_192, 65_536)
# The cube around a cell that is looked through for what is near.
_LARGEST_CUBE = 1 << 20


def check_levels(levels: Sequence[int]) -> tuple[int, ...]:
    """The levels, unless one is under 2 or all together are too many.

    Raises:
        ArgumentError: no level, one under 2, or more than 2^31 cells.

    Example:
        >>> check_levels([8, 8])
        (8, 8)
    """
    checked = tuple(int(level) for level in levels)
    if not checked:
        raise ArgumentError("levels is empty; a lattice has at least one digit, for instance (8, 8, 8, 8, 8)")
    if min(checked) < 2:
        raise ArgumentError(
            f"levels {checked} has a level under 2, a digit that says nothing; each must be 2 or more"
        )
    if math.prod(checked) > LARGEST_LATTICE:
        raise ArgumentError(f"levels {checked} are {math.prod(checked):,} cells; at most 2^31 are possible")
    return checked


def _basis(levels: Sequence[int]) -> NDArray[np.int64]:
    return np.cumprod([1, *levels[:-1]], dtype=np.int64)


def as_codes(digits: NDArray[np.integer], levels: Sequence[int]) -> NDArray[np.int64]:
    """The number of each cell, Σ digit·basis with basis 1, L₁, L₁L₂, …; shape (n, d) → (n,).

    Example:
        >>> as_codes(np.array([[1, 2]]), (8, 8)).tolist()
        [17]
    """
    codes: NDArray[np.int64] = digits.astype(np.int64) @ _basis(levels)
    return codes


def as_digits(codes: NDArray[np.integer], levels: Sequence[int]) -> NDArray[np.int32]:
    """The digits of each cell, shape (n,) → (n, d).

    Example:
        >>> as_digits(np.array([17]), (8, 8)).tolist()
        [[1, 2]]
    """
    return (codes[:, None] // _basis(levels) % np.array(levels)).astype(np.int32)


def nearest_free_cells(wanted: NDArray[np.integer], levels: Sequence[int]) -> NDArray[np.int32]:
    """In order, for each row its cell if it is free, else the nearest that is; no two rows get the same.

    Nearest is by the sum of squared differences of digits; of equals, the one with the smaller differences in the
    first digits.

    Args:
        wanted: digits, shape (n, d).
        levels: values of each digit; as many cells as rows, or more.

    Raises:
        ArgumentError: there are fewer cells than rows.

    Example:
        >>> nearest_free_cells(np.array([[1, 1], [1, 1], [1, 1]]), (8, 8)).tolist()
        [[1, 1], [0, 1], [1, 0]]
    """
    cells = math.prod(levels)
    if cells < len(wanted):
        raise ArgumentError(
            f"{len(wanted):,} tokens don't fit into {cells:,} cells of levels {tuple(levels)}"
        )
    free = np.ones(cells, bool)
    offsets = _offsets(levels)
    limits, basis = np.array(levels), _basis(levels)
    given = np.empty(wanted.shape, np.int32)
    for row, cell in enumerate(wanted.astype(np.int64)):
        found = cell if free[cell @ basis] else _look_around(cell, free, offsets, limits, basis)
        if found is None:
            left = as_digits(np.flatnonzero(free), levels)
            found = left[((left - cell) ** 2).sum(1).argmin()].astype(np.int64)
        free[found @ basis] = False
        given[row] = found
    return given


def _offsets(levels: Sequence[int]) -> NDArray[np.int64]:
    """Differences of digits around a cell, the nearest first: as many as are looked at."""
    reach, around = 1, np.zeros((1, 0), np.int64)
    while (2 * reach + 3) ** len(levels) <= _LARGEST_CUBE and reach < max(levels):
        reach += 1
    steps = np.arange(-reach, reach + 1)
    for _ in levels:
        around = np.concatenate([np.repeat(around, len(steps), 0), np.tile(steps, len(around))[:, None]], 1)
    far = (around**2).sum(1)
    # Only what is wholly inside the cube, so that none beyond it is nearer.
    around, far = around[far <= reach * reach], far[far <= reach * reach]
    return around[np.argsort(far, kind="stable")][: _RINGS[-1]]


def _look_around(
    cell: NDArray[np.int64],
    free: NDArray[np.bool_],
    offsets: NDArray[np.int64],
    limits: NDArray[np.int64],
    basis: NDArray[np.int64],
) -> NDArray[np.int64] | None:
    start = 0
    for end in _RINGS:
        near = cell + offsets[start:end]
        near = near[((near >= 0) & (near < limits)).all(1)]
        here = np.flatnonzero(free[near @ basis])
        if len(here):
            found: NDArray[np.int64] = near[here[0]]
            return found
        start = end
    return None
