"""The same two models in PyTorch, for training, and for whoever composes a table from bytes with gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tokloom.errors import ArgumentError
from tokloom.learned.soft.configuration import Output, SoftConfiguration
from tokloom.learned.soft.features import PAD, SYMBOLS, ngrams, symbols

__all__ = ["BagRows", "SoftRows", "TransformerRows", "build"]

GROUP = 64


class SoftRows(nn.Module):
    """Bytes of tokens → their rows, with gradients.

    Call `rows(tokens)` with a list of bytes: shape (tokens, dimensions). The rows are `mean + scale · network`, so that a
    network that says nothing gives the mean row. For a fixed vocabulary the result may be kept as a table until the
    weights change.

    Args:
        configuration: how it is built.
        dropout: the share of a layer's output that is dropped in training.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, configuration: SoftConfiguration, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.configuration = configuration
        outputs = len(configuration.outputs)
        self.register_buffer("mean", torch.zeros(outputs, configuration.dimensions))
        self.register_buffer("scale", torch.ones(outputs))
        self.dropout = nn.Dropout(dropout)

    def rows(self, tokens: Sequence[bytes], output: Output | None = None) -> Tensor:
        """The rows of these tokens, shape (tokens, dimensions), for one of the outputs (default: the first).

        Raises:
            ArgumentError: the model has no such output.
        """
        outputs = self.configuration.outputs
        if output is not None and output not in outputs:
            raise ArgumentError(f"no rows for the {output!r}: this model has {', '.join(outputs)}")
        return self(tokens)[:, 0 if output is None else outputs.index(output)]

    def forward(self, tokens: Sequence[bytes]) -> Tensor:
        """The rows for all outputs, shape (tokens, outputs, dimensions)."""
        return self.finish(self.network(tokens))

    def network(self, tokens: Sequence[bytes]) -> Tensor:
        """The rows less their mean, over the scale: what a regression is fitted to."""
        shape = (len(tokens), len(self.configuration.outputs), self.configuration.dimensions)
        return self.out(self.pooled(tokens)).view(shape)

    def finish(self, predicted: Tensor) -> Tensor:
        """What `network` gives, as rows: in float32 whatever it was computed in."""
        return self.mean + self.scale[:, None] * predicted.float()

    def pooled(self, tokens: Sequence[bytes]) -> Tensor:
        """A vector for each token, before the last layer."""
        raise NotImplementedError

    def fit(self, rows: Sequence[NDArray[np.float32]]) -> None:
        """Sets mean and scale to those of the rows to be learned, one array of shape (tokens, dimensions) an output."""
        for index, of_output in enumerate(rows):
            mean = of_output.mean(axis=0)
            spread = float(np.sqrt(((of_output - mean) ** 2).mean()))
            self.mean[index] = torch.from_numpy(np.asarray(mean, np.float32))
            self.scale[index] = spread if spread > 0 else 1.0


class BagRows(SoftRows):
    """A bag of hashed n-grams (fastText's idea, arXiv:1607.04606): their vectors' sum, and one linear layer."""

    def __init__(self, configuration: SoftConfiguration, *, dropout: float = 0.0) -> None:
        super().__init__(configuration, dropout=dropout)
        c = configuration
        self.table = nn.Parameter(torch.randn(c.buckets, c.width) * c.width**-0.5)
        self.out = nn.Linear(c.width, len(c.outputs) * c.dimensions)
        nn.init.zeros_(self.out.bias)

    def pooled(self, tokens: Sequence[bytes]) -> Tensor:  # noqa: D102 (as above)
        c = self.configuration
        hashed, offsets = ngrams(tokens, longest=c.longest_ngram, buckets=c.buckets, max_bytes=c.max_bytes)
        device = self.table.device
        counts = torch.from_numpy(np.diff(offsets, append=len(hashed))).to(device)
        total = functional.embedding_bag(
            torch.from_numpy(hashed).to(device), self.table, torch.from_numpy(offsets).to(device), mode="sum"
        )
        return self.dropout(total / counts.float().sqrt()[:, None])


class TransformerRows(SoftRows):
    """A transformer over the bytes, with positions, in which every byte sees every other."""

    def __init__(self, configuration: SoftConfiguration, *, dropout: float = 0.0) -> None:
        super().__init__(configuration, dropout=dropout)
        c = configuration
        self.symbols = nn.Parameter(torch.randn(SYMBOLS, c.width) * 0.5)
        self.places = nn.Parameter(torch.randn(c.max_bytes + 2, c.width) * 0.5)
        self.layers = nn.ModuleList(Layer(c.width, c.heads, dropout) for _ in range(c.layers))
        self.norm = nn.LayerNorm(c.width)
        self.out = nn.Linear(2 * c.width, len(c.outputs) * c.dimensions)
        nn.init.zeros_(self.out.bias)
        nn.init.normal_(self.out.weight, std=0.5 * (2 * c.width) ** -0.5)

    def pooled(self, tokens: Sequence[bytes]) -> Tensor:  # noqa: D102 (as above)
        # Tokens of like length together, since what fills up a batch is computed, too: 2.2 times as fast on a vocabulary.
        order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
        groups = [order[start : start + GROUP] for start in range(0, len(order), GROUP)] or [[]]
        found = torch.cat([self._together([tokens[index] for index in group]) for group in groups])
        back = torch.empty(len(order), dtype=torch.long)
        back[torch.tensor(order, dtype=torch.long)] = torch.arange(len(order))
        return found[back.to(found.device)]

    def _together(self, tokens: Sequence[bytes]) -> Tensor:
        read = torch.from_numpy(symbols(tokens, self.configuration.max_bytes)).to(self.symbols.device)
        there = read != PAD
        x = self.dropout(self.symbols[read] + self.places[: read.shape[1]])
        for layer in self.layers:
            x = layer(x, there)
        x = self.norm(x)
        counted = (x * there[..., None]).sum(dim=1) / there.sum(dim=1, keepdim=True)
        return torch.cat([x[:, 0], counted], dim=1)


class Layer(nn.Module):
    """Attention and a perceptron, each after a normalisation."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mix = nn.Linear(width, 3 * width, bias=False)
        self.mixed = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        """(tokens, symbols, width) to the same; symbols that aren't `there` are seen by none."""
        count, length, width = x.shape
        mixed = self.mix(self.norm_1(x)).view(count, length, 3, self.heads, width // self.heads)
        query, key, value = mixed.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=there[:, None, None, :])
        x = x + self.dropout(self.mixed(seen.transpose(1, 2).reshape(count, length, width)))
        hidden = functional.gelu(self.up(self.norm_2(x)), approximate="tanh")
        return x + self.dropout(self.down(hidden))


def build(
    configuration: SoftConfiguration,
    weights: Mapping[str, NDArray[np.float32]] | None = None,
    *,
    dropout: float = 0.0,
) -> SoftRows:
    """The module of a configuration, with these weights, or freshly drawn from torch's generator."""
    kind = BagRows if configuration.kind == "bag" else TransformerRows
    module = kind(configuration, dropout=dropout)
    if weights is not None:
        module.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in weights.items()})
    return module
