"""Which spans to keep: those that save most tokens when text is cut into the fewest, found by taking others away.

How often a span occurs doesn't say what it saves: others cover the same text. So text is cut with all of them, those
that would be missed least are dropped, and it is cut again, until as many are left as are wanted (as unigram
tokenizers are pruned: Kudo 2018, arXiv:1804.10959; here by numbers of tokens instead of likelihoods).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokloom.learned.fsq.adaptive_segmenting import Segmenter
from tokloom.learned.fsq.adaptive_text import SpanText

__all__ = ["Selected", "prune"]

Report = Callable[[int, float], object]

_SHRINK = 0.65
# The greatest difference in what pieces cost while spans are chosen: uses gather on the spans that were used most.
_PREFERENCE = 0.15


@dataclass(frozen=True)
class Selected:
    """Spans, those that save most first.

    Attributes:
        spans: the spans.
        savings: tokens that each saves in the text looked at, against the best way without it, shape (spans,).
        bytes_per_token: of that text, cut with these spans.
    """

    spans: list[bytes]
    savings: NDArray[np.float64]
    bytes_per_token: float


def prune(
    text: SpanText,
    spans: Sequence[bytes],
    keep: int,
    *,
    weights: NDArray[np.int64] | None = None,
    shrink: float = _SHRINK,
    report: Report | None = None,
) -> Selected:
    """The spans that save most, at most `keep` of them.

    Args:
        text: training text.
        spans: what to choose from, 2 to 16 bytes each.
        keep: how many to keep.
        weights: how often each was used or occurs, a start for which to prefer among equals, shape (spans,).
        shrink: the share of spans that a round leaves.
        report: called with the number of spans and the bytes per token of each round.
    """
    left = list(spans)
    before = np.ones(len(left)) if weights is None else weights.astype(np.float64)
    while True:
        costs = 1 + _PREFERENCE * (1 - np.log1p(before) / np.log1p(before.max(initial=1)))
        uses, single = Segmenter(left, costs.astype(np.float32)).uses(text)
        ratio = len(text.data) / max(int(uses.sum()) + single, 1)
        savings = uses * (_without_themselves(left) - 1)
        if report is not None:
            report(len(left), ratio)
        # Savings descending, then the bytes: the same order on every machine.
        order = sorted(range(len(left)), key=lambda index: (-savings[index], left[index]))
        if len(left) <= keep:
            return Selected([left[index] for index in order], savings[order], ratio)
        kept = order[: max(keep, int(shrink * len(left)))]
        left, before = [left[index] for index in kept], uses[kept].astype(np.float64)


def _without_themselves(spans: Sequence[bytes]) -> NDArray[np.float64]:
    """In how many pieces the others would cut each span."""
    return Segmenter(spans, whole=False).fewest(spans).astype(np.float64)
