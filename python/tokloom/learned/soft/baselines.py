"""What a learned row has to beat: the mean row, and the mean of the rows of a token's pieces.

The mean of pieces is what is done where a vocabulary changes without training (fast vocabulary transfer,
arXiv:2402.09977). A token's pieces are the fewest known tokens that spell it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["Pieces", "mean_of_pieces"]

Rows = NDArray[np.float32]


class Pieces:
    """Cuts bytes into the fewest known tokens; of equally few, those whose first is the longest.

    Args:
        known: ids by their bytes.

    Example:
        >>> Pieces({b"low": 3, b"l": 0, b"o": 1, b"w": 2, b"er": 4}).of(b"lower")
        [3, 4]
    """

    def __init__(self, known: Mapping[bytes, int]) -> None:
        self._known = known
        self._longest = max(map(len, known), default=0)

    @classmethod
    def among(cls, tokens: Sequence[bytes | None], ids: Iterable[int]) -> Pieces:
        """Of these ids of a vocabulary; of ids with the same bytes, the first."""
        known: dict[bytes, int] = {}
        for id in ids:
            token = tokens[id]
            if token is not None:
                known.setdefault(token, int(id))
        return cls(known)

    def of(self, token: bytes) -> list[int]:
        """The ids of the pieces; none where a byte of it is in no known token."""
        size = len(token)
        fewest = [0] * size + [0]
        takes = [0] * size
        for start in range(size - 1, -1, -1):
            fewest[start] = size + 1
            for stop in range(min(size, start + self._longest), start, -1):
                if fewest[stop] + 1 < fewest[start] and token[start:stop] in self._known:
                    fewest[start], takes[start] = fewest[stop] + 1, stop
        if size and fewest[0] > size:
            return []
        found, at = [], 0
        while at < size:
            found.append(self._known[token[at : takes[at]]])
            at = takes[at]
        return found


def mean_of_pieces(tokens: Iterable[bytes], pieces: Pieces, rows: Rows, mean: Rows) -> Rows:
    """The mean of the rows of each token's pieces, shape (tokens, dimensions); `mean` where a token has none."""
    made = []
    for token in tokens:
        ids = pieces.of(token)
        made.append(rows[ids].mean(axis=0) if ids else mean)
    return np.array(made, np.float32).reshape(-1, rows.shape[1])
