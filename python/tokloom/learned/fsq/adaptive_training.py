"""Text → a vocabulary of spans that one code of a lattice carries."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError
from tokloom.learned.fsq.adaptive_candidates import candidates
from tokloom.learned.fsq.adaptive_selection import Selected, prune
from tokloom.learned.fsq.adaptive_text import SpanText, read_text
from tokloom.learned.fsq.cells import check_levels, nearest_free_cells

if TYPE_CHECKING:
    from tokloom.learned.fsq import AdaptiveTokenizer

__all__ = ["LEVELS", "TRAINING", "Carried", "Pool", "carry", "gather", "keep", "train_adaptive"]

LEVELS = (8, 8, 8, 8, 8, 5, 5, 5)
# What `tokloom learn fsq` tells a run where nothing else is said.
TRAINING: dict[str, Any] = {"minutes": 10.0, "batch_size": 4_096, "learning_rate": 8e-3}
_BYTES = 256
# Of the training: cells and spelling together, spelling alone, spelling on the integers' grid.
_SHARES = (0.2, 0.65, 0.15)

Tell = Callable[[str, dict[str, float]], object]


@dataclass(frozen=True)
class Pool:
    """Spans to choose from, and the text they are from.

    Attributes:
        text: training text.
        selected: more spans than are kept in the end, those that save most first.
    """

    text: SpanText
    selected: Selected


@dataclass(frozen=True)
class Carried:
    """What the network says of a pool's spans.

    Attributes:
        cells: the cell of each, shape (n, d); no two the same.
        exact: whether the integer network spells the span from it, shape (n,).
        network: the decoder's layers.
        tensors: of the layers.
        measures: of the training.
    """

    cells: NDArray[np.int32]
    exact: NDArray[np.bool_]
    network: dict[str, Any]
    tensors: dict[str, NDArray[Any]]
    measures: dict[str, float]


def gather(
    source: object,
    *,
    vocab_size: int = 32_768,
    special_tokens: int = 0,
    sample: int = 32_000_000,
    limit: int = 500_000,
    min_count: int | None = None,
    spare: float = 1.6,
    tell: Tell | None = None,
) -> Pool:
    """The spans that would save most, `spare` times as many as are kept in the end.

    Args:
        source: training text, as for `tokloom.train`.
        vocab_size: 256 bytes, spans and special tokens together.
        special_tokens: how many of them are special.
        sample: bytes of text looked at, from all over the source; memory is some 40 times that.
        limit: how many candidates are counted out of the text.
        min_count: what occurs less often in the sample is no candidate; default: 6, or twice in three million bytes.
        spare: how many spans the network may choose from, for each that is kept.
        tell: called with what is done, and numbers.

    Raises:
        ArgumentError: no text, a vocabulary too small to hold a span, or too little text for one.
    """
    wanted = _wanted(vocab_size, special_tokens)
    text = read_text(source, sample)
    least = max(6, len(text.data) * 2 // 3_000_000) if min_count is None else min_count
    found, counts = candidates(text, limit, min_count=least)
    if not found:
        raise ArgumentError(
            f"nothing in {len(text.data):,} bytes of text occurs {least} times, so there is no span to choose; give more "
            "text, or a lower min_count"
        )
    if tell is not None:
        tell("candidates", {"spans": len(found)})
    report = (
        None
        if tell is None
        else lambda count, ratio: tell("gather", {"spans": count, "bytes_per_token": ratio})
    )
    selected = prune(text, found, int(spare * wanted), weights=counts, report=report)
    return Pool(text, selected)


def _wanted(vocab_size: int, special_tokens: int) -> int:
    wanted = vocab_size - _BYTES - special_tokens
    if wanted < 1:
        raise ArgumentError(
            f"vocab_size is {vocab_size:,}: {_BYTES} bytes and {special_tokens} special tokens leave no room for a span"
        )
    return wanted


def carry(
    pool: Pool,
    *,
    levels: Sequence[int] = LEVELS,
    steps: int | None = None,
    minutes: float | None = None,
    batch_size: int = 4_096,
    learning_rate: float = 8e-3,
    width: int = 128,
    depth: int = 1,
    seed: int = 0,
    threads: int | None = None,
    directory: str | os.PathLike[str] | None = None,
    progress: bool = False,
    resume: bool = True,
) -> Carried:
    """Trains the network on a pool's spans, and asks it which ones a code of their own carries.

    Args:
        pool: of `gather`.
        levels: values of each digit; the more cells, the fewer spans want the same.
        steps: of training; a quarter for cells, the rest for spelling. Default: 2,000.
        minutes: instead: of the clock.
        batch_size: spans of each step.
        learning_rate: the greatest.
        width: of the networks' layers.
        depth: dense layers of the decoder.
        seed: of weights and batches.
        threads: of PyTorch.
        directory: where the runs are kept, to go on there after an interruption; None: nowhere.
        progress: whether a bar is shown.
        resume: False refuses a folder that holds a run already.

    Raises:
        ArgumentError: more spans than cells, a level under 3, fewer than two spans, or both `steps` and `minutes`.
        MissingDependencyError: PyTorch isn't installed (`pip install tokloom[learned]`).
        TrainingError: the loss is no number.
    """
    spans, worth = pool.selected.spans, pool.selected.savings
    checked = check_levels(levels)
    if len(spans) < 2:
        raise ArgumentError(
            f"{len(spans)} spans are too few to train on; give more text or a lower min_count"
        )
    if len(spans) > np.prod(checked, dtype=np.float64):
        raise ArgumentError(
            f"{len(spans):,} spans don't fit into the cells of levels {checked}, a cell for each; give more levels"
        )
    try:
        import torch
    except ModuleNotFoundError as error:
        from tokloom.learned import missing_extra

        raise missing_extra("an adaptive tokenizer", error.name) from error
    from tokloom.learned.configuration import TrainingConfiguration
    from tokloom.learned.fsq.adaptive_model import CellTask, SpellTask, spell
    from tokloom.learned.integers import calibrate, export_stacks
    from tokloom.learned.training import train

    if steps is None and minutes is None:
        steps = 2_000
    configurations = [
        TrainingConfiguration(
            steps=None if steps is None else max(1, round(steps * share)),
            minutes=None if minutes is None else minutes * share,
            batch_size=batch_size,
            learning_rate=rate,
            weight_decay=0.0,
            betas=(0.9, 0.98),
            seed=seed,
            threads=threads,
        )
        for share, rate in zip(_SHARES, (learning_rate, learning_rate, learning_rate / 8), strict=True)
    ]
    with torch.random.fork_rng(devices=[]), tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(seed)
        runs = Path(folder if directory is None else directory)
        both = CellTask(spans, worth, checked, width=width, depth=depth, batch_size=batch_size)
        first = train(both, configurations[0], runs / "cells", progress=progress, resume=resume)
        cells = nearest_free_cells(both.digits(), checked)
        measures = {f"cells_{name}": value for name, value in first.measures.items()}
        for configuration, rounded in zip(configurations[1:], (False, True), strict=True):
            task = SpellTask(spans, worth, cells, both.decoder, rounded=rounded, batch_size=batch_size)
            if rounded:
                calibrate(task.model, task.batches())
            name = "rounded" if rounded else "spelling"
            result = train(task, configuration, runs / name, progress=progress, resume=resume)
            measures |= {f"{name}_{key}": value for key, value in result.measures.items()}
    both.decoder.eval()
    network, tensors = export_stacks({"decoder": both.decoder})
    spelled = spell(network, tensors, cells)
    exact = np.array([one == span for one, span in zip(spelled, spans, strict=True)], bool)
    measures["exact"] = float(exact.mean())
    return Carried(cells, exact, dict(network), dict(tensors), measures)


def keep(
    pool: Pool,
    carried: Carried | None,
    *,
    vocab_size: int = 32_768,
    special_tokens: int = 0,
    tell: Tell | None = None,
) -> Selected:
    """Of the spans that the network carries those that save most; of all of them where `carried` is None."""
    spans, worth = pool.selected.spans, pool.selected.savings
    allowed = range(len(spans)) if carried is None else np.flatnonzero(carried.exact).tolist()
    if not len(allowed):
        raise ArgumentError("the network carries no span at all; train it for longer")
    report = (
        None
        if tell is None
        else lambda count, ratio: tell("keep", {"spans": count, "bytes_per_token": ratio})
    )
    return prune(
        pool.text,
        [spans[index] for index in allowed],
        _wanted(vocab_size, special_tokens),
        weights=np.maximum(worth[list(allowed)], 0).astype(np.int64) + 1,
        report=report,
    )


def train_adaptive(
    source: object,
    *,
    vocab_size: int = 32_768,
    special_tokens: Iterable[str] = (),
    levels: Sequence[int] = LEVELS,
    sample: int = 32_000_000,
    limit: int = 500_000,
    min_count: int | None = None,
    spare: float = 1.6,
    tell: Tell | None = None,
    name: str = "fsq-adaptive",
    **training: Any,  # noqa: ANN401 (carry's own choices)
) -> AdaptiveTokenizer:
    """Spans of up to 16 bytes that one code carries exactly, across words or not, and bytes for the rest.

    Args:
        source: training text, as for `tokloom.train`.
        vocab_size: 256 bytes, spans and special tokens together.
        special_tokens: their ids follow the spans', in this order.
        levels: values of each digit of a code.
        sample: as for `gather`.
        limit: as for `gather`.
        min_count: as for `gather`.
        spare: as for `gather`.
        tell: called with what is done, and numbers.
        name: what it is called.
        training: `steps` or `minutes`, and what else `carry` takes.

    Raises:
        ArgumentError: no text, too little text, or numbers out of range.
        MissingDependencyError: PyTorch isn't installed (`pip install tokloom[learned]`).
    """
    from tokloom.bpe import special_list
    from tokloom.learned.fsq import AdaptiveTokenizer

    special = special_list(special_tokens)
    check_levels(levels)
    pool = gather(
        source,
        vocab_size=vocab_size,
        special_tokens=len(special),
        sample=sample,
        limit=limit,
        min_count=min_count,
        spare=spare,
        tell=tell,
    )
    carried = carry(pool, levels=levels, **training)
    if tell is not None:
        tell("carry", carried.measures)
    selected = keep(pool, carried, vocab_size=vocab_size, special_tokens=len(special), tell=tell)
    cell_of = dict(zip(pool.selected.spans, carried.cells.tolist(), strict=True))
    return AdaptiveTokenizer.from_spans(
        selected.spans,
        np.array([cell_of[span] for span in selected.spans], np.int32),
        tuple(levels),
        tensors=carried.tensors,
        description={"network": carried.network, "trained": {"measures": carried.measures}},
        special_tokens=special,
        name=name,
    )
