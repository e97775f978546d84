"""Coordinates by spelling: an auto-encoder over a token's bytes, and for each token its cell or the nearest free one.

The first 16 bytes of a token are read; two tokens that differ later only are neighbours. Of a token that is shorter
the rest is padding (symbol 256). A normalisation stands before the bound, or most tokens would fall into the cell in
the middle.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tokloom.learned.fsq.cells import check_levels, nearest_free_cells
from tokloom.learned.fsq.coordinates import Coordinates, default_levels, require_room, token_list
from tokloom.learned.fsq.coordinates_statistics import Statistics
from tokloom.tokenizer import Tokenizer

__all__ = ["spell"]

STEPS = 600
BATCH = 1_024


def spell(
    tokenizer: Tokenizer,
    found: Statistics,
    *,
    levels: Sequence[int] | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    threads: int | None = None,
    directory: str | os.PathLike[str] | None = None,
    progress: bool = False,
    resume: bool = True,
) -> Coordinates:
    """A cell for each token by how it is spelled.

    Args:
        tokenizer: whose tokens.
        found: counts from training text; the commonest token chooses its cell first.
        levels: values of each digit; default: as many eights as it takes, at least five.
        steps: of training; default 600, a minute and a half on one core.
        minutes: instead: of the clock.
        seed: of weights and batches.
        threads: of PyTorch.
        directory: where the run is kept, to go on there after an interruption; None: nowhere.
        progress: whether a bar is shown.
        resume: False refuses a folder that holds a run already.

    Raises:
        ArgumentError: more tokens than cells, a level under 2, or both `steps` and `minutes`.
        MissingDependencyError: PyTorch isn't installed (`pip install tokloom[learned]`).
    """
    tokens = token_list(tokenizer)
    checked = check_levels(default_levels(len(tokens)) if levels is None else levels)
    require_room(len(tokens), checked)
    try:
        import torch
    except ModuleNotFoundError as error:
        from tokloom.learned import missing_extra

        raise missing_extra("coordinates by spelling", error.name) from error
    from tokloom.learned.configuration import TrainingConfiguration
    from tokloom.learned.fsq.spelling_model import SpellingTask
    from tokloom.learned.training import train

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        task = SpellingTask(list(tokens.values()), checked)
    configuration = TrainingConfiguration(
        steps=STEPS if steps is None and minutes is None else steps,
        minutes=minutes,
        batch_size=BATCH,
        seed=seed,
        threads=threads,
    )
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder if directory is None else directory)
        train(task, configuration, runs, progress=progress, resume=resume)
    wanted = task.digits()
    ids = np.array(list(tokens), np.int64)
    order = np.argsort(-found.counts[ids], kind="stable")
    digits = np.full((tokenizer.vocab_size, len(checked)), -1, np.int32)
    digits[ids[order]] = nearest_free_cells(wanted[order], checked)
    return Coordinates("spelling", "digits", checked, digits, None)
