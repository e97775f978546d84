"""The auto-encoder behind coordinates by spelling, as a task for the training loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tokloom.errors import ArgumentError
from tokloom.learned.blocks import Digits

if TYPE_CHECKING:
    from jaxtyping import Float, Int

__all__ = ["LONGEST", "PAD", "SpellingModel", "SpellingTask", "padded"]

LONGEST = 16
PAD = 256
_SYMBOLS = 257
_ROWS_AT_A_TIME = 8_192


def padded(tokens: Sequence[bytes]) -> NDArray[np.int64]:
    """The first 16 bytes of each token as symbols, 256 where there are none, shape (n, 16)."""
    symbols = np.full((len(tokens), LONGEST), PAD, np.int64)
    for row, token in enumerate(tokens):
        symbols[row, : len(token)] = list(token[:LONGEST])
    return symbols


class SpellingModel(nn.Module):
    """Bytes → embedding → dense layers → normalisation → FSQ, and the same way back.

    Args:
        levels: values of each digit.
        embedding: numbers a byte is embedded in.
        width: of the dense layers.
    """

    def __init__(self, levels: Sequence[int], embedding: int = 32, width: int = 512) -> None:
        super().__init__()
        self.bytes = nn.Embedding(_SYMBOLS, embedding)
        self.encoder = nn.Sequential(
            nn.Linear(LONGEST * embedding, width), nn.GELU(), nn.Linear(width, width), nn.GELU()
        )
        self.to_lattice = nn.Linear(width, len(levels))
        self.norm = nn.BatchNorm1d(len(levels), affine=False)
        self.digits = Digits(levels)
        self.decoder = nn.Sequential(
            nn.Linear(len(levels), width), nn.GELU(), nn.Linear(width, width), nn.GELU()
        )
        self.to_bytes = nn.Linear(width, LONGEST * embedding)
        self.scores = nn.Linear(embedding, _SYMBOLS)

    def forward(self, symbols: Int[Tensor, "n 16"]) -> tuple[Float[Tensor, "n 16 257"], Int[Tensor, "n d"]]:
        """Scores of each place, and the digits between."""
        hidden = self.encoder(rearrange(self.bytes(symbols), "n places e -> n (places e)"))
        digits = self.digits(self.norm(self.to_lattice(hidden).float())[:, None])
        out = self.to_bytes(self.decoder(digits.code[:, 0]))
        return self.scores(rearrange(out, "n (places e) -> n places e", places=LONGEST)), digits.index[:, 0]


class SpellingTask:
    """Trains a `SpellingModel` on the tokens of a vocabulary, each as often as any other."""

    def __init__(self, tokens: Sequence[bytes], levels: Sequence[int], *, batch_size: int = 1_024) -> None:
        if len(tokens) < 2:
            raise ArgumentError(f"{len(tokens)} tokens are too few to train on")
        self.model = SpellingModel(levels)
        self._symbols = torch.from_numpy(padded(tokens))
        self._batch_size = batch_size
        self.description = {"kind": "spelling", "levels": list(levels), "tokens": len(tokens)}

    def batch(self, step: int, *, seed: int, rank: int, ranks: int) -> Int[Tensor, "n 16"]:
        """Tokens as symbols."""
        chance = np.random.default_rng((seed, step, rank))
        size = max(2, self._batch_size // ranks)
        return self._symbols[torch.from_numpy(chance.integers(0, len(self._symbols), size))]

    def loss(self, batch: Any, step: int) -> tuple[Tensor, Mapping[str, Tensor | float]]:  # noqa: ANN401, ARG002
        """The mean loss of a character, and the share that is right."""
        scores, _ = self.model(batch)
        loss = functional.cross_entropy(scores.float().reshape(-1, _SYMBOLS), batch.reshape(-1))
        return loss, {"characters": (scores.argmax(-1) == batch).float().mean()}

    def evaluate(self) -> dict[str, float]:
        """Over the tokens themselves, which is what has to be told apart: there is no held-out token."""
        right, codes = 0, set()
        for symbols in self._symbols.split(_ROWS_AT_A_TIME):
            scores, digits = self.model(symbols)
            right += int((scores.argmax(-1) == symbols).all(1).sum())
            codes |= {tuple(row) for row in digits.tolist()}
        count = len(self._symbols)
        return {"tokens_right": right / count, "cells": len(codes) / count}

    def digits(self) -> NDArray[np.int64]:
        """The cell of each token, shape (n, d); several may have the same."""
        self.model.eval()
        with torch.no_grad():
            parts = [self.model(symbols)[1] for symbols in self._symbols.split(_ROWS_AT_A_TIME)]
        return torch.cat(parts).numpy()
