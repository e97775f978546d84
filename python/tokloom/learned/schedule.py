"""How the learning rate goes over a run: up in a line, then along a curve. A pure function of the step."""

from __future__ import annotations

import math
from typing import Literal

Schedule = Literal["cosine", "constant", "constant-then-decay"]

# Of a run's steps, at its end, in "constant-then-decay".
DECAY_SHARE = 0.2


def learning_rate(
    step: int, steps: int, *, peak: float, warmup: int, schedule: Schedule, final: float = 0.0
) -> float:
    """The learning rate of one step.

    Args:
        step: from 0.
        steps: the length of the whole run.
        peak: the rate after the warm-up.
        warmup: in so many steps the rate rises to the peak; at most a tenth of the run is used for it.
        schedule: "cosine" (half a wave down to the end), "constant", or "constant-then-decay" (a line down over the
            last fifth).
        final: what the rate ends at, as a share of the peak.

    Example:
        >>> rates = [
        ...     learning_rate(step, 100, peak=1.0, warmup=2, schedule="cosine") for step in (0, 1, 2, 51, 99)
        ... ]
        >>> [round(rate, 3) for rate in rates]
        [0.5, 1.0, 1.0, 0.5, 0.0]
    """
    warmup = min(warmup, steps // 10)
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    left = 1.0
    if schedule == "cosine":
        left = (1 + math.cos(math.pi * progress)) / 2
    elif schedule == "constant-then-decay":
        left = min(1.0, (1 - progress) / DECAY_SHARE)
    return peak * (final + (1 - final) * left)
