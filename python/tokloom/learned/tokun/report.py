"""How much comes back: of characters and of whole chunks, without noise and with it, of text and of scripts apart.

Of most pages in another script the larger part is ASCII, so characters outside ASCII are counted by themselves. And what
comes back without noise says little: sixteen numbers a character, written side by side, are exact with nothing learned
(`baseline.py`). A model that predicts vectors misses them by something; how much it may miss is the noise here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError
from tokloom.learned.tokun.shape import NOTHING

__all__ = ["Coder", "accuracy", "deviations", "noised", "shift_sensitivity", "windows"]

Along = Literal["each", "all"]


class Coder(Protocol):
    """Chunks ↔ vectors: an auto-encoder, or the baseline."""

    def embed_chunks(self, chunks: NDArray[np.int64]) -> NDArray[np.float32]:
        """Code points, (n, characters) → vectors, (n, width)."""

    def decode_chunks(self, vectors: NDArray[np.floating]) -> NDArray[np.int64]:
        """Vectors → the likeliest code points."""


def windows(points: NDArray[np.integer], count: int, size: int, *, seed: int = 0) -> NDArray[np.int64]:
    """Chunks of a text from random places, (count, size); as many as there are places, at most."""
    if len(points) < size:
        raise ArgumentError(f"the text has {len(points)} characters, and a chunk {size}")
    places = len(points) - size + 1
    generator = np.random.default_rng(seed)
    begin = np.arange(places) if places <= count else np.sort(generator.integers(0, places, count))
    return points[begin[:, None] + np.arange(size)].astype(np.int64)


def deviations(coder: Coder, chunks: NDArray[np.int64]) -> NDArray[np.float64]:
    """σ of each number of a vector over these chunks, (width,): what noise is measured in."""
    found: NDArray[np.float64] = coder.embed_chunks(chunks).astype(np.float64).std(axis=0)
    return found


def noised(
    vectors: NDArray[np.float32],
    level: float,
    sigma: NDArray[np.float64],
    along: Along = "each",
    *,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Vectors with Gaussian noise.

    Args:
        vectors: (n, width).
        level: how many σ.
        sigma: of each number, (width,).
        along: "each": every number gets noise of its own σ; "all": of their mean, the same in all directions.
        seed: draws.

    Raises:
        ArgumentError: `along` is neither.
    """
    if along not in ("each", "all"):
        raise ArgumentError(f'along={along!r} is not known; it is "each" or "all"')
    spread = sigma if along == "each" else np.full_like(sigma, sigma.mean())
    draws = np.random.default_rng(seed).standard_normal(vectors.shape)
    return (vectors + level * spread * draws).astype(np.float32)


def accuracy(
    coder: Coder,
    chunks: NDArray[np.int64],
    *,
    level: float = 0.0,
    sigma: NDArray[np.float64] | None = None,
    along: Along = "each",
    only: NDArray[np.bool_] | None = None,
) -> dict[str, Any]:
    """The share that comes back.

    Args:
        coder: what is measured.
        chunks: code points, (n, characters).
        level: noise, in σ; then `sigma` is needed.
        sigma: see `noised`.
        along: see `noised`.
        only: which characters count as a group of their own, (n, characters).

    Returns:
        "characters", "non-ascii" and "ascii" (shares of characters), "chunks" (whole chunks), "only", and how many of
        each ("characters looked at" …); a share of nothing is left out.
    """
    vectors = coder.embed_chunks(chunks)
    if level:
        if sigma is None:
            raise ArgumentError("noise is measured in deviations: give sigma=deviations(coder, chunks)")
        vectors = noised(vectors, level, sigma, along)
    right = coder.decode_chunks(vectors) == chunks
    real = chunks < NOTHING
    groups = {"characters": real, "non-ascii": real & (chunks > 127), "ascii": chunks < 128}
    if only is not None:
        groups["only"] = real & only
    found: dict[str, Any] = {}
    for name, chosen in groups.items():
        if chosen.any():
            found[name] = round(float(right[chosen].mean()), 6)
            found[f"{name} looked at"] = int(chosen.sum())
    if len(chunks):
        found["chunks"] = round(float(right.all(axis=1).mean()), 6)
    return found


def shift_sensitivity(
    embedded: Iterable[tuple[NDArray[np.float32], NDArray[np.float32]]],
) -> dict[str, float]:
    """How much of a text's vectors stays when a character is put before it.

    Args:
        embedded: for each text, the vectors before and after.

    Returns:
        "kept": the share of vectors that are there, the same to the last bit, after as well; "cosine": the mean cosine
        of the vectors at the same place.
    """
    kept = total = 0
    cosines = []
    for before, after in embedded:
        there = {row.tobytes() for row in after}
        kept += sum(row.tobytes() in there for row in before)
        total += len(before)
        both = min(len(before), len(after))
        first, second = before[:both].astype(np.float64), after[:both].astype(np.float64)
        norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
        cosines.append((first * second).sum(axis=1) / np.maximum(norms, 1e-9))
    return {"kept": kept / max(total, 1), "cosine": float(np.concatenate([*cosines, np.zeros(0)]).mean())}
