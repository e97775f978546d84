"""Nats and bytes of documents under a model, ours or any causal one of transformers: what bits per byte are made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from numpy.typing import NDArray

from tokloom.errors import ArgumentError, UnknownIdError
from tokloom.lm.model import LanguageModel
from tokloom.lm.units import Units
from tokloom.tokenizer import Tokenizer

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Scores", "score"]

CONTEXT = 1024


@dataclass(frozen=True)
class Scores:
    """What documents came to.

    Attributes:
        nats: of each document, (n,).
        bytes: of each document's text, (n,).
        units: of each document, (n,).

    Example:
        >>> import numpy as np
        >>> Scores(np.array([math.log(2) * 24]), np.array([3]), np.array([2])).bits_per_byte
        8.0
    """

    nats: NDArray[np.float64]
    bytes: NDArray[np.int64]
    units: NDArray[np.int64]

    @property
    def bits_per_byte(self) -> float:
        """Of all documents together: every byte weighs the same."""
        return float(self.nats.sum() / math.log(2) / self.bytes.sum()) if self.bytes.sum() else math.nan


def score(
    model: Any,  # noqa: ANN401 (ours, or one of transformers')
    texts: Iterable[str | bytes],
    tokenizer: Any,  # noqa: ANN401 (ours, or one of transformers')
    *,
    context: int | None = None,
    overlap: int | None = None,
    batch_size: int = 8,
    start: int | None = None,
) -> Scores:
    """Nats and bytes of each document.

    A document longer than `context` units is scored in windows; each window but the first begins with `overlap` units
    that were scored before and are read alone: so every unit is scored once, given at least so many before it.

    Args:
        model: a `LanguageModel`, or a causal language model of transformers.
        texts: documents.
        tokenizer: the model's own: of ours, or of transformers. Control tokens in a text are text for ours; a tokenizer
            of transformers reads them as control tokens.
        context: units that are read at once. None: 1,024 or what the model of transformers takes, if that is less.
        overlap: None: half of `context`.
        batch_size: windows that are computed at once.
        start: for a model of transformers, the unit before a document. None: its tokenizer's bos, else its eos.

    Raises:
        ArgumentError: the tokenizer is not the model's; there is no unit to start with; context and overlap don't fit.

    Example:
        >>> import tokloom
        >>> from tokloom.lm import LanguageModel
        >>> tokenizer = tokloom.load("bytes")
        >>> model = LanguageModel.for_tokenizer(tokenizer, width=16, layers=1, heads=1)
        >>> scores = score(model, ["one", "zwei"], tokenizer)
        >>> scores.bytes.tolist(), 5 < scores.bits_per_byte < 11
        ([3, 4], True)
    """
    read: _Reader = (
        _Ours(model, tokenizer) if isinstance(model, LanguageModel) else _Theirs(model, tokenizer, start)
    )
    context = context or min(CONTEXT, read.longest)
    overlap = context // 2 if overlap is None else overlap
    if not 1 <= context <= read.longest:
        raise ArgumentError(f"context is {context}; this model reads 1 to {read.longest} units")
    if not 0 <= overlap < context:
        raise ArgumentError(f"overlap is {overlap}; it is 0 to below context, {context}")
    if batch_size < 1:
        raise ArgumentError(f"batch_size is {batch_size}; at least one window is computed at a time")
    nats: list[float] = []
    sizes: list[int] = []
    units: list[int] = []
    windows: list[_Window] = []

    def computed() -> None:
        # Of about one length together: less padding.
        windows.sort(key=lambda window: len(window.units))
        for begin in range(0, len(windows), batch_size):
            part = windows[begin : begin + batch_size]
            for window, found in zip(part, _nats(read.nll, part), strict=True):
                nats[window.document] += found
        windows.clear()

    was_training = model.training
    model.eval()
    try:
        for document, text in enumerate(texts):
            found, size = read.units(text)
            nats.append(0.0)
            sizes.append(size)
            units.append(len(found))
            windows.extend(_windows(document, found, context, overlap))
            if len(windows) >= 32 * batch_size:
                computed()
        computed()
    finally:
        model.train(was_training)
    return Scores(np.array(nats, np.float64), np.array(sizes, np.int64), np.array(units, np.int64))


class _Window(NamedTuple):
    """Units of a document, and from which of them on they are counted."""

    document: int
    units: Tensor
    counted_from: int


def _windows(document: int, units: Tensor, context: int, overlap: int) -> Iterator[_Window]:
    """Windows that count every unit once.

    >>> [
    ...     (window.units.tolist(), window.counted_from)
    ...     for window in _windows(0, torch.arange(7), context=4, overlap=2)
    ... ]
    [([0, 1, 2, 3], 0), ([2, 3, 4, 5], 2), ([4, 5, 6], 2)]
    """
    begin = 0
    while begin < len(units) and (begin == 0 or begin + overlap < len(units)):
        yield _Window(document, units[begin : begin + context], overlap if begin else 0)
        begin += context - overlap


@torch.no_grad()
def _nats(nll: Callable[[Tensor], Tensor], windows: list[_Window]) -> list[float]:
    longest = max(len(window.units) for window in windows)
    shape = (len(windows), longest, *windows[0].units.shape[1:])
    rows = torch.full(shape, -1, dtype=torch.int64)
    for row, window in zip(rows, windows, strict=True):
        row[: len(window.units)] = window.units
    nats = nll(rows).double().cpu()
    return [
        float(row[window.counted_from : len(window.units)].sum())
        for row, window in zip(nats, windows, strict=True)
    ]


class _Reader:
    """A model with its tokenizer: texts → units, units → nats."""

    longest: int = 1 << 30

    def units(self, text: str | bytes) -> tuple[Tensor, int]:
        """The units of a text, and its bytes."""
        raise NotImplementedError

    def nll(self, units: Tensor) -> Tensor:
        """Nats of each unit of rows that begin a document; negative ones are padding."""
        raise NotImplementedError


class _Ours(_Reader):
    def __init__(self, model: LanguageModel, tokenizer: Tokenizer) -> None:
        if not isinstance(tokenizer, Tokenizer):
            raise ArgumentError("a LanguageModel reads the ids of one of tokloom's tokenizers")
        self.model, self._units = model, Units(tokenizer, model.config)

    def units(self, text: str | bytes) -> tuple[Tensor, int]:
        data = text.encode() if isinstance(text, str) else text
        return self._units.of(data), len(data)

    def nll(self, units: Tensor) -> Tensor:
        return self.model.nll(units.to(next(self.model.parameters()).device))


class _Theirs(_Reader):
    """A causal model of transformers: logits over its vocabulary, a unit to start with before each document."""

    def __init__(self, model: Any, tokenizer: Any, start: int | None) -> None:  # noqa: ANN401
        self.model, self.tokenizer = model, tokenizer
        if not hasattr(model, "config") or not hasattr(model, "get_output_embeddings"):
            raise ArgumentError(
                f"{type(model).__name__} is neither a LanguageModel nor a model of transformers"
            )
        names = ("bos_id", "eos_id") if isinstance(tokenizer, Tokenizer) else ("bos_token_id", "eos_token_id")
        known = [start, *(getattr(tokenizer, name, None) for name in names)]
        found = next((id for id in known if id is not None), None)
        if found is None:
            raise ArgumentError(
                "the tokenizer has neither bos nor eos, so nothing stands before the first unit; give start="
            )
        self.start: int = found
        positions = getattr(model.config, "max_position_embeddings", None)
        if isinstance(positions, int):
            self.longest = max(1, positions - 1)

    def units(self, text: str | bytes) -> tuple[Tensor, int]:
        data = text.encode() if isinstance(text, str) else text
        if isinstance(self.tokenizer, Tokenizer):
            ids = self.tokenizer.encode(data)
        else:
            try:
                string = data.decode()
            except UnicodeDecodeError as error:
                raise ArgumentError(
                    f"a tokenizer of transformers takes no bytes that aren't UTF-8: {error}"
                ) from None
            ids = self.tokenizer(string, add_special_tokens=False)["input_ids"]
        rows = int(self.model.config.vocab_size)
        if ids and max(ids) >= rows:
            raise UnknownIdError(f"id {max(ids)}: the model has {rows} rows; it is another tokenizer's model")
        return torch.tensor(ids, dtype=torch.int64), len(data)

    def nll(self, units: Tensor) -> Tensor:
        units = units.to(self.model.device)
        before = torch.cat((units.new_full((len(units), 1), self.start), units[:, :-1].clamp(min=0)), dim=1)
        there = torch.cat((torch.ones_like(units[:, :1]), (units[:, :-1] >= 0).long()), dim=1)
        logits = self.model(input_ids=before, attention_mask=there, use_cache=False).logits.float()
        nats = F.cross_entropy(logits.flatten(0, 1), units.clamp(min=0).flatten(), reduction="none")
        return nats.view(units.shape).masked_fill(units < 0, 0)
