"""What replaced rows cost a language model: bits per byte with held-out rows changed at the input, at the head, at both.

Only the held-out tokens' columns of the head change between methods, so all other scores are computed once a body run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tokloom.errors import ArgumentError

__all__ = ["Cost", "Plugged", "windows_of"]

Body = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Cost:
    """Bits of a text under a model.

    Attributes:
        bits_per_byte: of the whole text, every byte counted.
        at_held_out: bits of a place whose next token is one of the replaced ones, the mean.
        after_held_out: bits of a place right after one of them.
        elsewhere: bits of any other place.
    """

    bits_per_byte: float
    at_held_out: float
    after_held_out: float
    elsewhere: float

    def to_dict(self) -> dict[str, float]:
        """The figures for JSON."""
        return asdict(self)


def windows_of(ids: Sequence[int] | NDArray[np.integer], length: int, start: int) -> Tensor:
    """A text's ids in windows, each with `start` before it: shape (windows, length + 1); what is left over is cut off.

    Raises:
        ArgumentError: the text has fewer ids than a window.

    Example:
        >>> windows_of([5, 6, 7, 8, 9], 2, 0).tolist()
        [[0, 5, 6], [0, 7, 8]]
    """
    count = len(ids) // length
    if count < 1:
        raise ArgumentError(f"a text of {len(ids):,} tokens has no window of {length}")
    kept = torch.from_numpy(np.asarray(ids[: count * length], np.int64)).view(count, length)
    return functional.pad(kept, (1, 0), value=start)


class Plugged:
    """A body run once over a text with given rows at the input; then any rows at the head.

    Args:
        body: embeddings (1, length, width) in, hidden states out.
        windows: ids, shape (windows, length + 1), of which the first is only seen.
        table: the rows at the input, shape (ids, width), those of `held_out` replaced already.
        head: the old rows at the output.
        held_out: the ids that are replaced.
        sizes: the bytes of each id.
        progress: is told after each window how many are done.
    """

    def __init__(
        self,
        body: Body,
        windows: Tensor,
        table: Tensor,
        head: Tensor,
        *,
        held_out: Sequence[int] | NDArray[np.integer],
        sizes: NDArray[np.integer],
        progress: Callable[[int, int], object] | None = None,
    ) -> None:
        self._targets = windows[:, 1:].reshape(-1)
        self._held_out = torch.as_tensor(np.asarray(held_out, np.int64))
        self._place = torch.full((len(head),), -1, dtype=torch.long)
        self._place[self._held_out] = torch.arange(len(self._held_out))
        self._bytes = int(sizes[self._targets.numpy()].sum())
        self._after = self._place[windows[:, :-1].reshape(-1)] >= 0
        kept = head.float().clone()
        hidden, others, own = [], [], []
        with torch.no_grad():
            for number, window in enumerate(windows):
                states = body(table[window[None, :-1]])[0].float()
                scores = states @ kept.T
                scores[:, self._held_out] = -torch.inf
                hidden.append(states)
                others.append(torch.logsumexp(scores, dim=1))
                own.append(scores.gather(1, window[1:, None])[:, 0])
                if progress is not None:
                    progress(number + 1, len(windows))
        self._hidden, self._others, self._own = torch.cat(hidden), torch.cat(others), torch.cat(own)

    def cost(self, rows: Tensor) -> Cost:
        """The cost with these rows of the held-out ids at the head, shape (held-out ids, width)."""
        scores = self._hidden @ rows.float().T
        place = self._place[self._targets]
        replaced = place >= 0
        chosen = scores.gather(1, place.clamp(min=0)[:, None])[:, 0]
        total = torch.logaddexp(self._others, torch.logsumexp(scores, dim=1))
        bits = (total - torch.where(replaced, chosen, self._own)).double() / float(np.log(2))
        return Cost(
            bits_per_byte=float(bits.sum()) / self._bytes,
            at_held_out=_mean(bits[replaced]),
            after_held_out=_mean(bits[self._after & ~replaced]),
            elsewhere=_mean(bits[~self._after & ~replaced]),
        )


def _mean(bits: Tensor) -> float:
    return float(bits.mean()) if len(bits) else 0.0
