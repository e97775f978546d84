"""A vocabulary and its rows → a `SoftEmbedding`, judged on tokens that it never saw, beside the baselines."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError
from tokloom.learned.configuration import TrainingConfiguration
from tokloom.learned.soft.baselines import Pieces, mean_of_pieces
from tokloom.learned.soft.configuration import Kind, SoftConfiguration
from tokloom.learned.soft.embedding import SoftEmbedding
from tokloom.learned.soft.judging import Judgement, judge
from tokloom.learned.soft.matrix import EmbeddingMatrix
from tokloom.learned.soft.splitting import By, Split, split

if TYPE_CHECKING:
    from tokloom.learned.showing import Show

__all__ = ["Learned", "baselines", "default_training", "learn", "spreads"]

# Found on 29,523 rows of all-MiniLM-L6-v2, a minute each (docs/log.md): the bag learns as many times faster.
LEARNING_RATES: dict[Kind, float] = {"bag": 1e-2, "transformer": 2e-3}
BATCHES: dict[Kind, int] = {"bag": 512, "transformer": 256}
DROPOUTS: dict[Kind, float] = {"bag": 0.2, "transformer": 0.0}


@dataclass(frozen=True)
class Learned:
    """What came of a training.

    Attributes:
        soft: the model.
        parts: which ids were trained on, and which held out.
        held_out: the judgement on held-out tokens, by method: "soft", "mean row", "mean of pieces".
        trained: the judgement of "soft" on tokens that it was trained on: what is memory.
        steps: of the training.
        seconds: of the clock.
    """

    soft: SoftEmbedding
    parts: Split
    held_out: dict[str, Judgement]
    trained: Judgement
    steps: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """The figures for JSON."""
        return {
            "held_out": {name: judged.to_dict() for name, judged in self.held_out.items()},
            "trained": self.trained.to_dict(),
            "steps": self.steps,
            "seconds": self.seconds,
        }


def default_training(kind: Kind, **chosen: Any) -> TrainingConfiguration:  # noqa: ANN401 (any field of it)
    """The training that suits a kind, with these fields otherwise; five minutes where no length is said."""
    length = {} if chosen.get("steps") or chosen.get("minutes") else {"minutes": 5.0}
    return TrainingConfiguration(
        **{
            "learning_rate": LEARNING_RATES[kind],
            "batch_size": BATCHES[kind],
            "weight_decay": 0.1 if kind == "bag" else 0.05,
            "betas": (0.9, 0.98),
            **length,
            **chosen,
        }
    )


def learn(
    matrix: EmbeddingMatrix,
    configuration: SoftConfiguration | None = None,
    training: TrainingConfiguration | None = None,
    *,
    head: NDArray[np.float32] | None = None,
    held_out: float = 0.1,
    by: By = "token",
    contrast: float = 0.03,
    dropout: float | None = None,
    directory: str | PathLike[str] | None = None,
    progress: bool | Show = False,
) -> Learned:
    """Fits a soft embedding to the rows of a vocabulary by regression, and judges it on tokens that it never saw.

    Args:
        matrix: rows and the bytes of their tokens.
        configuration: how the model is built; None: a transformer with rows for the input.
        training: how long and how; None: what suits the kind, for five minutes.
        head: the rows of the head, shape (ids, dimensions), where `configuration.outputs` has the head: None takes those
            of the input (tied tables).
        held_out: the share of tokens that is held out. 0.05 more are kept for choosing the scale.
        by: "token", or "family": words with the same first letters together.
        contrast: the weight of the part of the loss that tells tokens apart; 0 is squared error alone.
        dropout: the share dropped in training; None: what suits the kind.
        directory: keeps the run (checkpoint, log), so that it goes on after a stop; None: nothing is kept.
        progress: True for a bar, or a function.

    Raises:
        ArgumentError: shapes that don't fit, or too few tokens.
        MissingDependencyError: torch isn't installed (`pip install tokloom[learned]`).
        TrainingError: the loss is no finite number.
    """
    from tokloom.learned import missing_extra

    try:
        from tokloom.learned.soft.modules import build
        from tokloom.learned.soft.regression import Regression
        from tokloom.learned.training import train
    except ModuleNotFoundError as error:
        if error.name not in {"torch", "safetensors"}:
            raise
        raise missing_extra("learning a soft embedding", error.name) from None
    import torch

    chosen = configuration or SoftConfiguration(matrix.dimensions)
    how = training or default_training(chosen.kind)
    parts = split(matrix.tokens, held_out=held_out, by=by, seed=how.seed)
    tables = [matrix.rows if output == "input" or head is None else head for output in chosen.outputs]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(how.seed)
        module = build(chosen, dropout=DROPOUTS[chosen.kind] if dropout is None else dropout)
    task = Regression(module, matrix.tokens, tables, parts, batch_size=how.batch_size, contrast=contrast)
    with tempfile.TemporaryDirectory() as unnamed:
        result = train(task, how, Path(directory) if directory else Path(unnamed, "run"), progress=progress)
    factors = task.calibrate()
    weights = {name: tensor.detach().cpu().numpy() for name, tensor in module.state_dict().items()}
    told = {"matrix": matrix.name, "steps": result.steps, "seconds": round(result.seconds), "split": by}
    soft = SoftEmbedding(chosen, weights, name=f"{matrix.name}-soft", trained={**told, "shrunk": factors})
    soft.trained["spread"] = spreads(soft, matrix.tokens, tables, parts)
    # On more trained tokens than there are held out the figure would only take longer.
    some = parts.train[: max(1, len(parts.held_out))]
    trained = _judged(soft.rows([matrix.tokens[id] or b"" for id in some]), some, matrix, parts)
    judged = baselines(matrix, parts) if len(parts.held_out) else {}
    if len(parts.held_out):
        predicted = soft.rows([matrix.tokens[id] or b"" for id in parts.held_out])
        judged = {"soft": _judged(predicted, parts.held_out, matrix, parts), **judged}
    return Learned(soft, parts, judged, trained, result.steps, result.seconds)


def spreads(
    soft: SoftEmbedding,
    tokens: Sequence[bytes | None],
    tables: Sequence[NDArray[np.float32]],
    parts: Split,
) -> list[float]:
    """By what `soft.scaled` gives rows the variance of real ones, on the validation tokens; one factor an output."""
    ids = parts.validation if len(parts.validation) else parts.train
    given = [tokens[id] or b"" for id in ids]
    found = []
    for output, table in zip(soft.outputs, tables, strict=True):
        predicted = float(soft.rows(given, output).var(axis=0).sum(dtype=np.float64))
        true = float(table[ids].var(axis=0).sum(dtype=np.float64))
        found.append(float(np.sqrt(true / predicted)) if predicted > 0 and true > 0 else 1.0)
    return found


def baselines(matrix: EmbeddingMatrix, parts: Split) -> dict[str, Judgement]:
    """The judgement on the held-out tokens of what isn't learned: "mean row" and "mean of pieces"."""
    tokens = [matrix.tokens[id] or b"" for id in parts.held_out]
    mean = _mean(matrix, parts)
    pieces = Pieces.among(matrix.tokens, _seen(parts))
    methods: dict[str, Callable[[Sequence[bytes]], NDArray[np.float32]]] = {
        "mean row": lambda given: np.broadcast_to(mean, (len(given), len(mean))),
        "mean of pieces": lambda given: mean_of_pieces(given, pieces, matrix.rows, mean),
    }
    if not tokens:
        raise ArgumentError("no token is held out, so there is nothing to judge by")
    return {name: _judged(method(tokens), parts.held_out, matrix, parts) for name, method in methods.items()}


def _judged(
    predicted: NDArray[np.float32], ids: NDArray[np.int64], matrix: EmbeddingMatrix, parts: Split
) -> Judgement:
    return judge(predicted, ids, matrix.rows, _mean(matrix, parts), matrix.known)


def _seen(parts: Split) -> NDArray[np.int64]:
    return np.concatenate([parts.train, parts.validation, parts.single])


def _mean(matrix: EmbeddingMatrix, parts: Split) -> NDArray[np.float32]:
    mean: NDArray[np.float32] = matrix.rows[_seen(parts)].mean(axis=0)
    return mean
