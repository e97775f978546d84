"""Training an auto-encoder through the loop of all learned tokenizers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tokloom.errors import ArgumentError
from tokloom.learned.tokun.characters import as_bytes
from tokloom.learned.tokun.mixture import batch_of
from tokloom.learned.tokun.model import Autoencoder
from tokloom.learned.tokun.shape import NOTHING, Shape
from tokloom.learned.tokun.start import start_from_bits

if TYPE_CHECKING:
    from tokloom.learned.text import TextData

__all__ = ["TokunTask", "code_points_of"]

_CALIBRATION = 2048
_HELD_OUT = 512


def code_points_of(text: TextData) -> NDArray[np.uint32]:
    """The code points of a text, documents one after the other; what isn't UTF-8 becomes U+FFFD."""
    parts = [
        np.frombuffer(document.decode("utf-8", "replace").encode("utf-32-le"), "<u4")
        for document in text.documents()
    ]
    return np.concatenate(parts) if parts else np.zeros(0, np.uint32)


class TokunTask:
    """What the loop trains.

    Args:
        shape: of the auto-encoder.
        text: code points to train on, (n,).
        held_out: code points to measure on, (n,); may be empty.
        share: how much of a batch is text; the rest is windows of neighbouring code points.
        noise: up to how many deviations of noise are added to a vector in training; the square of an even draw, so that
            half of the vectors get less than a quarter of it.
        batch_size: chunks of a step.
        attention: see `Autoencoder`.
        start: "bits" begins with an exact code (`start.py`), "random" doesn't: for comparison.
        seed: of the first weights.

    Raises:
        ArgumentError: the text is shorter than a chunk, or a number is out of range.
    """

    def __init__(
        self,
        shape: Shape,
        text: NDArray[np.integer],
        held_out: NDArray[np.integer],
        *,
        share: float = 0.5,
        noise: float = 0.5,
        batch_size: int = 512,
        attention: bool = False,
        start: Literal["bits", "random"] = "bits",
        seed: int = 0,
    ) -> None:
        if not 0 <= share <= 1:
            raise ArgumentError(f"share is how much of a batch is text, 0 to 1, not {share}")
        if not 0 <= noise <= 4:
            raise ArgumentError(f"noise is in deviations, 0 to 4, not {noise}")
        if len(text) < shape.characters:
            raise ArgumentError(
                f"the text has {len(text)} characters, and a chunk of {shape.name} takes {shape.characters}: "
                "train on more text"
            )
        self.shape, self.text, self.held_out = shape, text, held_out
        self.share, self.noise, self.batch_size = share, noise, batch_size
        self.description = {
            "kind": "tokun", "groups": list(shape.groups), "vector": shape.vector, "character": shape.character,
            "share": share, "noise": noise, "attention": attention, "start": start, "seed": seed, "characters": len(text),
        }  # fmt: skip
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.model = Autoencoder(shape, attention=attention)
            if start == "bits":
                start_from_bits(self.model, self._drawn(_CALIBRATION, [seed, 2**31]), seed=seed)

    def _drawn(self, count: int, key: list[int]) -> Tensor:
        generator = np.random.default_rng(key)
        chunks = batch_of(self.text, count, self.shape.characters, self.share, generator)
        return torch.from_numpy(as_bytes(chunks))

    def batch(self, step: int, *, seed: int, rank: int, ranks: int) -> Tensor:
        """Bytes of chunks, (chunks, characters, 3)."""
        return self._drawn(max(2, self.batch_size // ranks), [seed, step, rank])

    def loss(self, batch: Tensor, step: int) -> tuple[Tensor, Mapping[str, Tensor | float]]:  # noqa: ARG002
        """Nats a character, and the share of characters that are right."""
        vectors = self.model.encoder(batch)
        level = torch.rand(len(vectors), 1, device=vectors.device).square() * self.noise
        scores = self.model.decoder(vectors + level * torch.randn_like(vectors))
        symbols = batch.reshape(-1, batch.shape[-1])
        right = (Autoencoder.guesses(scores.detach()) == symbols).all(1).float().mean()
        return Autoencoder.nats(scores, symbols).mean(), {"characters right": right}

    def evaluate(self) -> dict[str, float]:
        """On held-out text and on windows of code points, without noise."""
        found: dict[str, float] = {}
        size = self.shape.characters
        sets: dict[str, Any] = {
            "neighbours": batch_of(self.text, _HELD_OUT, size, 0.0, np.random.default_rng(7))
        }
        if len(self.held_out) >= size:
            sets["held-out"] = batch_of(self.held_out, _HELD_OUT, size, 1.0, np.random.default_rng(7))
        for name, chunks in sets.items():
            symbols = torch.from_numpy(as_bytes(chunks)).to(next(self.model.parameters()).device)
            flat = symbols.reshape(-1, symbols.shape[-1])
            right = (Autoencoder.guesses(self.model(symbols)) == flat).all(1)
            real = flat[:, 0] < NOTHING >> 16
            found[f"{name}: characters"] = right[real].float().mean().item()
            found[f"{name}: chunks"] = right.reshape(-1, size).all(1).float().mean().item()
        return found
