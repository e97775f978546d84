"""A vector for each token from what stands beside it: the rows of an SVD of how surprising neighbours are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokloom.learned.fsq.coordinates_statistics import Statistics
from tokloom.learned.fsq.exact import orthonormal, symmetric_eigenvectors

__all__ = ["DIMENSIONS", "context_vectors"]

Matrix = NDArray[np.float64]

DIMENSIONS = 48
_MORE = 10  # columns that the random projection has beyond the dimensions wanted
_ROUNDS = 2
_ENTRIES_AT_A_TIME = 1 << 18


class _Sparse:
    """A sparse matrix by rows. Products add up entry by entry, in one order, whatever the number of threads."""

    def __init__(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64], values: Matrix, height: int
    ) -> None:
        self._columns, self._values, self._height = columns, values, height
        self._rows, self._starts = np.unique(rows, return_index=True)

    def times(self, dense: Matrix) -> Matrix:
        product = np.zeros((self._height, dense.shape[1]))
        ends = np.append(self._starts[1:], len(self._values))
        first = 0
        while first < len(self._rows):
            # Whole rows, as many as fit, at least one.
            last = int(np.searchsorted(ends, self._starts[first] + _ENTRIES_AT_A_TIME, "right"))
            last = max(last, first + 1)
            entries = slice(int(self._starts[first]), int(ends[last - 1]))
            terms = self._values[entries, None] * dense[self._columns[entries]]
            product[self._rows[first:last]] = np.add.reduceat(
                terms, self._starts[first:last] - self._starts[first]
            )
            first = last
        return product


def context_vectors(found: Statistics, *, dimensions: int = DIMENSIONS, seed: int = 0) -> Matrix:
    """Rows of U·√s of a randomised SVD of log(1+n)·max(PMI, 0), of length 1; zero for what has no neighbours.

    Args:
        found: counts from training text.
        dimensions: how many numbers a token gets; fewer where there are fewer neighbours.
        seed: of the random projection.

    Returns:
        Shape (vocab_size, dimensions).

    Source: Levy and Goldberg 2014 (PPMI and SVD); Halko, Martinsson and Tropp 2011, arXiv:0909.4061.
    """
    width = len(found.columns)
    height = len(found.counts)
    rows, columns = np.divmod(found.pairs, max(width, 1))
    number = found.pair_counts.astype(np.float64)
    total = number.sum()
    by_row = np.bincount(rows, number, height)
    by_column = np.bincount(columns, number, width)
    surprise = np.log(number * total / (by_row[rows] * by_column[columns]))
    values = np.log1p(number) * np.maximum(surprise, 0)
    kept = values > 0
    rows, columns, values = rows[kept], columns[kept], values[kept]
    if not len(values):
        return np.zeros((height, dimensions))

    across = np.lexsort((rows, columns))
    matrix = _Sparse(rows, columns, values, height)
    transposed = _Sparse(columns[across], rows[across], values[across], width)
    chance = np.random.default_rng(seed)
    basis = orthonormal(matrix.times(chance.standard_normal((width, min(dimensions + _MORE, width)))))
    for _ in range(_ROUNDS):
        basis = orthonormal(matrix.times(orthonormal(transposed.times(basis))))
    # The matrix within the basis: small. Its singular vectors, turned back, are the matrix's own.
    within = transposed.times(basis)
    squares, turn = symmetric_eigenvectors(np.einsum("nk,nl->kl", within, within, optimize=False))
    count = min(dimensions, len(squares))
    singular = np.sqrt(np.maximum(squares[:count], 0))
    vectors = np.einsum("nk,kd->nd", basis, turn[:, :count], optimize=False) * np.sqrt(singular)
    lengths = np.sqrt((vectors**2).sum(1, keepdims=True))
    vectors = np.where(lengths > 1e-12, vectors / np.maximum(lengths, 1e-12), 0.0)
    return np.pad(vectors, ((0, 0), (0, dimensions - count)))
