"""Sums that come out the same whatever the order: the arithmetic under coordinates.

A matrix product in floating point depends on how a library cuts it up for its threads and vector units. Numbers that
are whole, with sums below 2^53, have one answer in float64. So what is multiplied here is rounded to a grid first, and
"the same input, the same bytes" holds for any number of threads.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["GRID", "on_grid", "orthonormal", "principal_axis", "symmetric_eigenvectors"]

Matrix = NDArray[np.float64]

# Entries of unit vectors in steps of 2^-15: a product of two over 2^20 places stays below 2^50.
GRID = float(1 << 15)


def on_grid(vectors: Matrix) -> Matrix:
    """Whole numbers (as float64) for entries between -1 and 1; products of such matrices are exact."""
    grid: Matrix = np.rint(vectors * GRID)
    return grid


def orthonormal(columns: Matrix) -> Matrix:
    """Columns of the same span, each of length 1 and at right angles to those before (zero where it depends on them).

    Args:
        columns: shape (n, k).
    """
    # By rows, which lie together in memory; twice, since once leaves what rounding leaves.
    rows: Matrix = np.ascontiguousarray(columns.T)
    for index in range(len(rows)):
        length = np.sqrt((rows[index] ** 2).sum())
        for _ in range(2):
            for before in rows[:index]:
                rows[index] -= (before * rows[index]).sum() * before
        rest = np.sqrt((rows[index] ** 2).sum())
        rows[index] = rows[index] / rest if rest > 1e-9 * length else 0.0
    return np.ascontiguousarray(rows.T)


def symmetric_eigenvectors(matrix: Matrix) -> tuple[Matrix, Matrix]:
    """Eigenvalues, the greatest first, and eigenvectors as columns, by Jacobi's rotations.

    Args:
        matrix: symmetric, shape (k, k); k some dozens.

    Example:
        >>> values, vectors = symmetric_eigenvectors(np.array([[2.0, 1.0], [1.0, 2.0]]))
        >>> values.round(6).tolist()
        [3.0, 1.0]
    """
    matrix = matrix.copy()
    size = len(matrix)
    vectors = np.eye(size)
    enough = 1e-12 * max(np.abs(matrix).max(initial=0.0), 1e-300)
    for _ in range(30):
        if np.abs(matrix - np.diag(np.diag(matrix))).max(initial=0.0) <= enough:
            break
        for first in range(size - 1):
            for second in range(first + 1, size):
                if abs(matrix[first, second]) > enough:
                    _rotate(matrix, vectors, first, second)
    order = np.argsort(-np.diag(matrix), kind="stable")
    return np.diag(matrix)[order], vectors[:, order]


def _rotate(matrix: Matrix, vectors: Matrix, first: int, second: int) -> None:
    """One of Jacobi's rotations: makes the entry (first, second) zero."""
    tangent_of_double = 2 * matrix[first, second] / (matrix[second, second] - matrix[first, first] or 1e-300)
    angle = 0.5 * np.arctan(tangent_of_double)
    cosine, sine = np.cos(angle), np.sin(angle)
    for array in (matrix, matrix.T, vectors):
        one, other = array[:, first].copy(), array[:, second].copy()
        array[:, first] = cosine * one - sine * other
        array[:, second] = sine * one + cosine * other


def principal_axis(grid: Matrix) -> Matrix:
    """The direction along which rows on the grid differ most, of length 1, shape (k,).

    Args:
        grid: rows on the grid (`on_grid`), shape (n, k).
    """
    centred = grid - np.rint(grid.mean(0))
    scatter = centred.T @ centred / (len(grid) * GRID * GRID)
    axis = np.ones(grid.shape[1])
    axis[np.argmax(np.diag(scatter))] = len(axis)
    for _ in range(24):
        axis = (scatter * axis).sum(1)
        length = np.sqrt((axis**2).sum())
        if length == 0:
            return np.eye(1, grid.shape[1])[0]
        axis /= length
    return axis
