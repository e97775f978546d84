"""One update of the weights: batch → loss → gradients, clipped → AdamW. A pure function of the step and the weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from tokloom.errors import ArgumentError, TrainingError
from tokloom.learned.configuration import TrainingConfiguration
from tokloom.learned.devices import Place, moved, seed_generator, seed_of
from tokloom.learned.schedule import learning_rate

if TYPE_CHECKING:
    from tokloom.learned.training import Task

MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class Update:
    """What one step gave. `loss` is the mean over all devices; `measures` are this device's."""

    loss: float
    gradient_norm: float
    learning_rate: float
    measures: Mapping[str, Tensor | float]
    stop: bool

    def values(self) -> dict[str, float]:
        """All of it as numbers, for the log."""
        shown = {name: float(value) for name, value in self.measures.items()}
        return {
            "loss": self.loss,
            "learning_rate": self.learning_rate,
            "gradient_norm": self.gradient_norm,
            **shown,
        }


class Updater:
    """The model of a task, its optimiser, and how a step is made."""

    def __init__(self, task: Task, configuration: TrainingConfiguration, place: Place) -> None:
        self.task, self.configuration, self.place = task, configuration, place
        task.model.to(place.device)
        self.trained = {name: each for name, each in task.model.named_parameters() if each.requires_grad}
        if not self.trained:
            raise ArgumentError("the model has no parameter to train: all are frozen, or there is none")
        self.optimiser = self._new_optimiser()
        self._loss = _distributed(_Loss(task), place)

    def state(self) -> dict[str, Tensor]:
        """What of the model changes in training, by name: trained parameters and the buffers that it saves."""
        saved = self.task.model.state_dict(keep_vars=True)
        buffers = {name: each for name, each in self.task.model.named_buffers() if name in saved}
        return {**self.trained, **buffers}

    def moments(self) -> dict[str, Tensor]:
        """The optimiser's state, by the parameter's name and its own."""
        state = self.optimiser.state
        return {
            f"{name}/{moment}": state[each][moment]
            for name, each in self.trained.items()
            if each in state
            for moment in MOMENTS
        }

    def expected_moments(self) -> dict[str, Tensor]:
        """The same for an optimiser that hasn't made a step, all zero: what a checkpoint is read into."""
        for each in self.trained.values():
            self.optimiser.state[each] = {
                "step": torch.zeros((), dtype=torch.float32, device=each.device),
                "exp_avg": torch.zeros_like(each),
                "exp_avg_sq": torch.zeros_like(each),
            }
        return self.moments()

    def rehearse(self, step: int) -> None:
        """A step at a learning rate of 0, for the clock: it changes no weight, only buffers."""
        kept = {name: each.clone() for name, each in self.task.model.named_buffers()}
        optimiser, self.optimiser = self.optimiser, self._new_optimiser()
        try:
            self._update(step, 0.0, stop=False)
        finally:
            self.optimiser = optimiser
            with torch.no_grad():
                for name, each in self.task.model.named_buffers():
                    each.copy_(kept[name])

    def update(self, step: int, steps: int, *, stop: bool = False) -> Update:
        """Step `step` of `steps`, counted from 0. `stop`: this process was asked to stop; the answer is for all.

        Raises:
            TrainingError: the loss or a gradient isn't finite; the weights are as they were before this step.
        """
        choices = self.configuration
        rate = learning_rate(
            step,
            steps,
            peak=choices.learning_rate,
            warmup=choices.warmup,
            schedule=choices.schedule,
            final=choices.final_learning_rate,
        )
        return self._update(step, rate, stop=stop)

    def _update(self, step: int, rate: float, *, stop: bool) -> Update:
        choices, place = self.configuration, self.place
        seed_generator(seed_of(choices.seed, step, place.rank), place.device)
        batch = self.task.batch(step, seed=choices.seed, rank=place.rank, ranks=place.ranks)
        self.optimiser.zero_grad(set_to_none=True)
        loss, measures = self._gradients(batch, step)
        norm = nn.utils.clip_grad_norm_(self.trained.values(), choices.clip).item()
        mean, stop_all = _over_all(loss, stop, place)
        if not (math.isfinite(mean) and math.isfinite(norm)):
            raise TrainingError(
                f"step {step + 1}: the loss is {mean:g} and the norm of its gradients {norm:g}; a lower learning_rate "
                f"than {choices.learning_rate:g}, a longer warmup than {choices.warmup} or precision='float32' may help"
            )
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        return Update(mean, norm, rate, measures, stop_all)

    def _gradients(self, batch: Any, step: int) -> tuple[Tensor, Mapping[str, Tensor | float]]:  # noqa: ANN401
        """The loss, its gradients added up over the parts of the batch; measures are the last part's."""
        parts = self.task.parts(batch) if hasattr(self.task, "parts") else [batch]
        # Not every device has an autocast, even one that is switched off.
        bfloat16 = self.configuration.precision == "bfloat16"
        total: Tensor | None = None
        measures: Mapping[str, Tensor | float] = {}
        for number, part in enumerate(parts, start=1):
            # Devices wait for each other once a step, not at every part.
            alone = isinstance(self._loss, DistributedDataParallel) and number < len(parts)
            with self._loss.no_sync() if alone else nullcontext():
                with torch.autocast(self.place.device.type, torch.bfloat16) if bfloat16 else nullcontext():
                    loss, measures = self._loss(moved(part, self.place.device), step)
                loss.backward()
            total = loss.detach() if total is None else total + loss.detach()
        if total is None:
            raise ArgumentError("a batch without parts trains nothing")
        return total, measures

    def _new_optimiser(self) -> torch.optim.Optimizer:
        """AdamW; what isn't a matrix (biases, norms) doesn't decay."""
        matrices = [each for each in self.trained.values() if each.dim() >= 2]
        others = [each for each in self.trained.values() if each.dim() < 2]
        groups: list[dict[str, Any]] = [
            {"params": matrices, "weight_decay": self.configuration.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(
            [group for group in groups if group["params"]],
            lr=self.configuration.learning_rate,
            betas=self.configuration.betas,
            fused=self.place.device.type in {"cpu", "cuda"},
        )


class _Loss(nn.Module):
    """The task's loss as a module's forward, which is what data parallelism wraps."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.model = task.model
        self.task = task

    def forward(self, batch: Any, step: int) -> tuple[Tensor, Mapping[str, Tensor | float]]:  # noqa: ANN401
        return self.task.loss(batch, step)


def _distributed(module: nn.Module, place: Place) -> nn.Module:
    if place.ranks == 1:
        return module
    cards = [place.device] if place.device.type == "cuda" else None
    return DistributedDataParallel(module, device_ids=cards)


def _over_all(loss: Tensor, stop: bool, place: Place) -> tuple[float, bool]:
    """The mean loss of all processes, and whether any of them was asked to stop."""
    if place.ranks == 1:
        return loss.item(), stop
    both = torch.stack([loss.float(), torch.tensor(float(stop), device=loss.device)])
    torch.distributed.all_reduce(both)
    total, stops = both.tolist()
    return total / place.ranks, stops > 0
