"""What chunk networks are trained on and how they are judged: a task for the training loop."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tokloom.errors import ArgumentError
from tokloom.learned.fsq.chunk_model import CHUNK, END, SYMBOLS, ChunkModel
from tokloom.learned.text import TextData

if TYPE_CHECKING:
    from jaxtyping import Int

__all__ = ["ChunkTask", "chunks_of"]

# One chunk in so many is cut short, so that the end of a text is nothing new.
CUT_SHORT = 64
EVALUATED = 4096


class ChunkTask:
    """Chunks of a text, the loss of their reconstruction, and how exact it is on held-out text.

    Args:
        model: what is trained.
        text: to train on.
        held_out: to judge by.
        batch_size: chunks of a step, of all processes together.

    Raises:
        ArgumentError: a text shorter than a batch.
    """

    def __init__(self, model: ChunkModel, text: TextData, held_out: TextData, *, batch_size: int) -> None:
        if text.size < batch_size * CHUNK:
            raise ArgumentError(
                f"the text has {text.size:,} bytes, and a batch {batch_size} × {CHUNK}: take more text or a smaller batch"
            )
        self.model = model
        self.text = text
        self.batch_size = batch_size
        self.held_out = torch.from_numpy(chunks_of(held_out.data, EVALUATED))
        self.description = {
            "kind": "fsq-chunks",
            "shape": dataclasses.asdict(model.shape),
            "bytes": text.size,
        }

    def batch(self, step: int, *, seed: int, rank: int, ranks: int) -> Int[Tensor, "batch 16"]:
        """Chunks from anywhere in the text; a few end early."""
        windows = self.text.windows(self.batch_size, CHUNK, step, seed, rank=rank, ranks=ranks, across=True)
        chunks = torch.from_numpy(windows.astype(np.int64))
        drawn = torch.randint(0, CUT_SHORT * CHUNK, (len(chunks), 1))
        lengths = torch.where(drawn < CHUNK, drawn, CHUNK).clamp(min=1)
        return torch.where(torch.arange(CHUNK) < lengths, chunks, END)

    def loss(self, batch: Int[Tensor, "batch 16"], step: int) -> tuple[Tensor, Mapping[str, Tensor | float]]:  # noqa: ARG002
        """Cross-entropy of each symbol."""
        logits, _ = self.model(batch)
        logits = logits.reshape(-1, SYMBOLS).float()
        with torch.no_grad():
            right = (logits.argmax(-1) == batch.flatten()).float().mean()
        return functional.cross_entropy(logits, batch.flatten()), {"characters": right}

    def evaluate(self) -> dict[str, float]:
        """Shares of held-out text that come back right, the perplexity, and how many codes were met."""
        right, loss, codes = [], 0.0, []
        for part in self.held_out.split(1024):
            logits, digits = self.model(part)
            logits = logits.reshape(len(part), CHUNK, SYMBOLS).float()
            loss += float(functional.cross_entropy(logits.flatten(0, 1), part.flatten(), reduction="sum"))
            right.append(logits.argmax(-1) == part)
            codes.append(self.model.code_numbers(digits))
        every = torch.cat(right)
        return {
            "characters": float(every.float().mean()),
            "chunks": float(every.all(1).float().mean()),
            "perplexity": float(np.exp(loss / every.numel())),
            "codes": float(len(torch.cat(codes).unique())),
        }


def chunks_of(data: NDArray[np.uint8], most: int | None = None) -> NDArray[np.int64]:
    """A text cut as the tokenizer cuts it, (n, 16); the last one filled up with the end.

    Args:
        data: the bytes.
        most: so many chunks at most, evenly from all of the text.

    Example:
        >>> chunks_of(np.frombuffer(b"seventeen bytes..", np.uint8))[1, :2].tolist()
        [46, 256]
    """
    if not len(data):
        raise ArgumentError("there is no held-out text to judge by; give held_out more than 0, or more text")
    count = -(-len(data) // CHUNK)
    chosen: Any = np.arange(count)
    if most is not None and count > most:
        chosen = np.linspace(0, count - 1, most).astype(np.int64)
    places = chosen[:, None] * CHUNK + np.arange(CHUNK)
    inside = places < len(data)
    return np.where(inside, data[np.where(inside, places, 0)].astype(np.int64), END)
