"""What a soft embedding is first trained on: the rows of the tokens that it may see, by their squared error."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tokloom.errors import ArgumentError
from tokloom.learned.soft.judging import judge
from tokloom.learned.soft.modules import SoftRows
from tokloom.learned.soft.splitting import Split

__all__ = ["Batch", "Regression", "shrink"]

TEMPERATURE = 0.1


class Batch(NamedTuple):
    """Tokens, and their rows less the mean over the scale, shape (tokens, outputs, dimensions)."""

    tokens: list[bytes]
    targets: Tensor


class Regression:
    """A task for the training loop: squared error of the rows, and which row is whose.

    The squared error alone makes rows that lie near the mean and near each other; the second part asks that each token's
    prediction be nearer to its own row than to the others' of the batch (InfoNCE, arXiv:1807.03748).

    Args:
        module: what is trained; its mean and scale are set here.
        tokens: the bytes of each id.
        rows: what is learned, shape (ids, dimensions), one array an output.
        split: which ids are trained on, and which the scale is chosen on.
        batch_size: tokens a step; more than there are would be the same ones twice, and is cut.
        contrast: the weight of the second part; 0 leaves it out.

    Raises:
        ArgumentError: arrays that don't fit the module.
    """

    def __init__(
        self,
        module: SoftRows,
        tokens: Sequence[bytes | None],
        rows: Sequence[NDArray[np.float32]],
        split: Split,
        *,
        batch_size: int = 512,
        contrast: float = 0.1,
    ) -> None:
        outputs, dimensions = len(module.configuration.outputs), module.configuration.dimensions
        if len(rows) != outputs or any(array.shape != (len(tokens), dimensions) for array in rows):
            raise ArgumentError(
                f"rows of shapes {[array.shape for array in rows]} for {len(tokens):,} tokens and a model of {outputs} "
                f"outputs of {dimensions}: one array of (tokens, dimensions) an output"
            )
        self.model = module
        # What is saved beside a checkpoint: a run goes on with the same rows only.
        digest = hashlib.sha256(b"".join(np.ascontiguousarray(array, "<f4").tobytes() for array in rows))
        self.description = {
            "task": "soft regression",
            "configuration": module.configuration.to_dict(),
            "rows": digest.hexdigest(),
            "trained on": len(split.train) + len(split.single),
            "contrast": contrast,
        }
        self._tokens, self._rows, self._split, self._contrast = tokens, rows, split, contrast
        self._ids = np.concatenate([split.train, split.single])
        self._batch_size = min(batch_size, len(self._ids))
        module.fit([array[self._ids] for array in rows])
        mean, scale = module.mean.numpy(), module.scale.numpy()
        self._targets = np.stack(
            [(array - mean[i]) / scale[i] for i, array in enumerate(rows)], axis=1, dtype=np.float32
        )

    def batch(self, step: int, *, seed: int, rank: int, ranks: int) -> Batch:
        """The tokens of a step: every token once, in another order, before any comes again."""
        size = self._batch_size * ranks
        places = np.arange(step * size, (step + 1) * size)[rank::ranks]
        epochs = places // len(self._ids)
        orders = {
            epoch: np.random.default_rng((seed, epoch)).permutation(len(self._ids))
            for epoch in np.unique(epochs).tolist()
        }
        chosen = [
            orders[epoch][place % len(self._ids)]
            for epoch, place in zip(epochs.tolist(), places.tolist(), strict=True)
        ]
        ids = self._ids[chosen]
        return Batch([self._tokens[id] or b"" for id in ids], torch.from_numpy(self._targets[ids]))

    def loss(self, batch: Batch, step: int) -> tuple[Tensor, Mapping[str, Tensor | float]]:  # noqa: ARG002 (a task's signature)
        """The loss of a batch, and its parts: `error` is 1 for the mean row, `found` the share nearest to its own row."""
        predicted = self.model.network(batch.tokens).float()
        targets = batch.targets.to(predicted.device)
        error = functional.mse_loss(predicted, targets)
        near = _directions(predicted) @ _directions(targets).transpose(1, 2) / TEMPERATURE
        own = torch.arange(near.shape[1], device=near.device)
        contrast = sum(functional.cross_entropy(one, own) for one in near) / len(near)
        found = (near.argmax(dim=2) == own).float().mean()
        return error + self._contrast * contrast, {"error": error.detach(), "found": found.detach()}

    def evaluate(self) -> dict[str, float]:
        """The judgement on the tokens kept for validation."""
        ids = self._split.validation
        if not len(ids):
            return {}
        judged = judge(
            self._predict(ids)[:, 0], ids, self._rows[0], self.model.mean[0].cpu().numpy(), self._known()
        )
        return {"r2": judged.r2, "cosine": judged.cosine, "top_1": judged.top_1, "top_10": judged.top_10}

    def calibrate(self) -> list[float]:
        """Scales what the network says so that its squared error on the validation tokens is least; one factor an output.

        What was fitted closely to the trained tokens says too much of unseen ones. Directions, and so retrieval, stay.
        """
        ids = self._split.validation
        if not len(ids):
            return [1.0] * len(self._rows)
        predicted, mean = self._predict(ids), self.model.mean.cpu().numpy()
        factors = [
            shrink(predicted[:, index] - mean[index], array[ids] - mean[index])
            for index, array in enumerate(self._rows)
        ]
        self.model.scale *= torch.tensor(factors, dtype=torch.float32, device=self.model.scale.device)
        return factors

    def _known(self) -> NDArray[np.int64]:
        return np.concatenate(list(self._split))

    def _predict(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        was, parts = self.model.training, []
        self.model.eval()
        with torch.no_grad():
            for start in range(0, len(ids), 512):
                tokens = [self._tokens[id] or b"" for id in ids[start : start + 512]]
                parts.append(self.model(tokens).cpu().numpy())
        self.model.train(was)
        return np.concatenate(parts)


def shrink(predicted: NDArray[np.floating], true: NDArray[np.floating]) -> float:
    """The factor from 0 to 1 by which predictions (less the mean) come nearest to the truth.

    Example:
        >>> shrink(np.array([[2.0, 0.0]]), np.array([[1.0, 1.0]]))
        0.5
    """
    size = float((predicted**2).sum(dtype=np.float64))
    return min(1.0, max(0.0, float((predicted * true).sum(dtype=np.float64)) / size)) if size else 1.0


def _directions(vectors: Tensor) -> Tensor:
    """(tokens, outputs, dimensions) → (outputs, tokens, dimensions), of length 1."""
    return functional.normalize(vectors.transpose(0, 1), dim=2)
