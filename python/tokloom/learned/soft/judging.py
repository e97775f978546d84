"""How good are predicted rows, by measures that can't flatter: all beside the mean row, and in the whole vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError

__all__ = ["Judgement", "judge"]

Rows = NDArray[np.floating]


@dataclass(frozen=True)
class Judgement:
    """Predicted rows beside the true ones.

    Attributes:
        tokens: how many were judged.
        among: how many rows the right one was looked for among.
        r2: 1 - squared error / squared error of the mean row; 0 is the mean row, below it is worse.
        cosine: the mean cosine of (predicted - mean) and (true - mean); 0 where nothing but the mean was predicted.
        top_1: the share whose true row is the nearest, by that cosine, of the whole vocabulary.
        top_10: the share whose true row is among the ten nearest.
        variance_ratio: variance of the predicted rows / variance of the true ones; 0 says that all are one row.
    """

    tokens: int
    among: int
    r2: float
    cosine: float
    top_1: float
    top_10: float
    variance_ratio: float

    def to_dict(self) -> dict[str, float]:
        """The measures for JSON."""
        return asdict(self)


def judge(
    predicted: Rows,
    ids: Sequence[int] | NDArray[np.integer],
    rows: Rows,
    mean: Rows,
    among: NDArray[np.integer],
) -> Judgement:
    """Judges predicted rows.

    Args:
        predicted: the predicted rows, shape (tokens, dimensions).
        ids: whose they are, shape (tokens,).
        rows: the true rows of the whole vocabulary, shape (ids, dimensions).
        mean: the mean row of the tokens trained on, shape (dimensions,).
        among: the ids among whose rows each true one is looked for.

    Raises:
        ArgumentError: nothing to judge, or shapes that don't fit.

    Example:
        >>> rows = np.eye(4, dtype=np.float32)
        >>> judge(rows[:2], [0, 1], rows, rows.mean(0), np.arange(4)).top_1
        1.0
    """
    places = np.asarray(ids, np.int64)
    if not len(places) or predicted.shape != (len(places), rows.shape[1]):
        raise ArgumentError(
            f"{predicted.shape} predicted rows for {len(places)} tokens of a matrix of {rows.shape}: nothing to judge, "
            "or shapes that don't fit"
        )
    true, guess = rows[places] - mean, predicted - mean
    error = float(((true - guess) ** 2).sum(dtype=np.float64))
    total = float((true**2).sum(dtype=np.float64))
    ranks = _ranks(_unit(guess), places, _unit(rows - mean), np.asarray(among, np.int64))
    spread = float(true.var(axis=0).sum(dtype=np.float64))
    return Judgement(
        tokens=len(places),
        among=len(among),
        r2=1 - error / total if total else 0.0,
        cosine=float((_unit(guess) * _unit(true)).sum(axis=1).mean()),
        top_1=float((ranks < 1).mean()),
        top_10=float((ranks < 10).mean()),
        variance_ratio=float(guess.var(axis=0).sum(dtype=np.float64)) / spread if spread else 0.0,
    )


def _unit(vectors: Rows) -> Rows:
    sizes = np.linalg.norm(vectors, axis=1, keepdims=True)
    # Differences to the mean that are rounding alone have no direction.
    return np.where(sizes > 1e-7, vectors / np.maximum(sizes, 1e-7), 0)


def _ranks(
    guess: Rows, places: NDArray[np.int64], directions: Rows, among: NDArray[np.int64]
) -> NDArray[np.int64]:
    """How many other rows are at least as near as the true one: a tie counts against the guess."""
    ranks = np.empty(len(places), np.int64)
    candidates = directions[among]
    for start in range(0, len(places), 512):
        part = slice(start, start + 512)
        near = guess[part] @ candidates.T
        own = (guess[part] * directions[places[part]]).sum(axis=1, keepdims=True)
        others = among[None, :] != places[part, None]
        ranks[part] = ((near >= own - 1e-6) & others).sum(axis=1)
    return ranks
