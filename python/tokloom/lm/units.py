"""Text ↔ a model's units: ids of its tokenizer, or chunks of bytes, as its interface takes and says them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from tokloom.errors import ArgumentError
from tokloom.lm.byte_decoder import END

if TYPE_CHECKING:
    from torch import Tensor

    from tokloom.lm.configuration import ModelConfig
    from tokloom.lm.model import LanguageModel
    from tokloom.tokenizer import Tokenizer

__all__ = ["Units", "forbid"]


class Units:
    """The units of a model with its tokenizer.

    Args:
        tokenizer: the one that the model was made for.
        config: the model's.

    Raises:
        ArgumentError: it is another tokenizer.

    Example:
        >>> import tokloom
        >>> from tokloom.lm import ModelConfig
        >>> bytes_ = tokloom.load("bytes")
        >>> Units(bytes_, ModelConfig.for_tokenizer(bytes_)).of("hé").tolist()
        [104, 195, 169]
        >>> Units(bytes_, ModelConfig.for_tokenizer(bytes_, input="chunk-vectors", vocab_size=2)).of(
        ...     "hé"
        ... ).tolist()
        [[104, 195], [169, 256]]
    """

    def __init__(self, tokenizer: Tokenizer, config: ModelConfig) -> None:
        if config.tokenizer and config.tokenizer != tokenizer.fingerprint:
            raise ArgumentError(
                f"the model's units are another tokenizer's (fingerprint {config.tokenizer[:12]}…, and that of "
                f"{tokenizer.name} is {tokenizer.fingerprint[:12]}…): give the one that it was trained with"
            )
        self.tokenizer, self.config = tokenizer, config
        self.chunk = config.vocab_size if config.input == "chunk-vectors" else None
        self._special = {id: name for name, id in tokenizer.special_tokens.items()}

    def of(self, text: str | bytes) -> Tensor:
        """The units of a text, (n,), or of chunks, (n, bytes), the last one ended where the text ends."""
        return self.of_ids(self.tokenizer.encode(text))

    def of_ids(self, ids: Sequence[int]) -> Tensor:
        """The units of ids."""
        array = np.asarray(ids, np.int64)
        if self.chunk is None:
            return torch.from_numpy(array)
        rest = -len(array) % self.chunk
        filled = np.concatenate([array, np.full(rest, END, np.int64)])
        return torch.from_numpy(filled.reshape(-1, self.chunk))

    def ids_of(self, unit: Tensor) -> list[int]:
        """The ids of a unit that was sampled: one, or those of a chunk's bytes.

        A word that a head of bytes spells, and no vocabulary has, is the ids that the tokenizer gives it.
        """
        if unit.ndim == 0:
            return [int(unit)]
        symbols = unit.tolist()
        spelled = bytes(symbol for symbol in symbols if symbol < END)
        if self.chunk is not None:
            return list(spelled)
        if symbols[0] > END:
            return [self._named(symbols[0])]
        return self.tokenizer.encode(spelled)

    def read_as(self, unit: Tensor) -> Tensor:
        """A sampled unit as the units that the model reads, (n, …): itself, or the ids of a word that was spelled."""
        if unit.ndim and self.config.input not in {"composed", "chunk-vectors"}:
            return self.of_ids(self.ids_of(unit)).to(unit.device)
        return unit.unsqueeze(0)

    def ended(self, unit: Tensor) -> bool:
        """Whether a sampled unit says that the text ends: a control token for that, or a chunk that isn't full."""
        if self.chunk is not None:
            return bool((unit == END).any())
        return self.ids_of(unit) == [self.tokenizer.eos_id]

    def is_control(self, id: int) -> bool:
        """Whether an id stands for a control token, and so for no byte of text."""
        return id in self._special

    def _named(self, symbol: int) -> int:
        from tokloom.lm.building import tables_for

        first = tables_for(self.tokenizer, self.config)["symbols"][:, 0]
        return int(np.flatnonzero(first == symbol)[0])


def forbid(model: LanguageModel, tokenizer: Tokenizer) -> None:
    """From now on the model samples no unit that stands for nothing: a hole, or a row above the vocabulary.

    Example:
        >>> import torch, tokloom
        >>> from tokloom.lm import Choice, LanguageModel
        >>> tokenizer = tokloom.load("bytes")
        >>> model = LanguageModel.for_tokenizer(tokenizer, vocab_size=320, width=8, layers=1, heads=1)
        >>> forbid(model, tokenizer)
        >>> int(model.head.forbidden.sum())
        64
    """
    if model.config.head not in {"token-table", "adaptive-softmax", "composed-rows"}:
        return
    special = set(tokenizer.special_tokens.values())
    nothing = torch.zeros(model.config.vocab_size, dtype=torch.bool)
    for unit in range(model.config.vocab_size):
        if unit in special:
            continue
        try:
            tokenizer.token_bytes(unit)
        except KeyError:
            nothing[unit] = True
    model.head.forbidden = nothing.to(next(model.parameters()).device) if bool(nothing.any()) else None
