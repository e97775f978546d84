"""The training loop of all learned tokenizers: given weights, text and a seed, the same weights come out.

A batch is a pure function of the seed, the step and the rank, and PyTorch's generator is seeded for each step: nothing
but weights and the optimiser's moments goes from one step to the next, so a run that was stopped goes on as if it
hadn't been.
"""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

import torch

from tokloom.errors import ArgumentError, FormatError, TrainingError
from tokloom.learned import checkpoint as checkpoints
from tokloom.learned.configuration import TrainingConfiguration, as_json, from_json
from tokloom.learned.devices import Place, bfloat16_is_fast, placed
from tokloom.learned.log import Log, plain
from tokloom.learned.showing import Show, shown
from tokloom.learned.stopping import Stop, stopping
from tokloom.learned.updating import Update, Updater
from tokloom.storage import as_source_error, write_file

CONFIGURATION = "configuration.json"
LOG = "log.jsonl"

# Of the clock, where `checkpoint_every` says no steps.
SECONDS_BETWEEN_CHECKPOINTS = 60.0
EVALUATIONS = 10
# What of a configuration changes no weight: a run may go on with others.
FREE = frozenset({"evaluate_every", "checkpoint_every", "log_every", "threads", "device"})


class Task(Protocol):
    """What is trained, on what, and how it is judged.

    A task may also have `description`, a mapping of plain values (kind, shapes, the text's fingerprint): a run goes on
    only with the same. And `sections`, what stands in `configuration.json` beside `training`, by the section's name. And
    `parts`, a method that gives the parts of a batch, whose losses add up to the batch's: gradients are then added up
    part by part (less memory, the same step).
    """

    model: torch.nn.Module

    def batch(self, step: int, *, seed: int, rank: int, ranks: int) -> Any:  # noqa: ANN401
        """The share of rank `rank` of `ranks` in the batch of a step: a pure function of these."""

    def loss(self, batch: Any, step: int) -> tuple[torch.Tensor, Mapping[str, torch.Tensor | float]]:  # noqa: ANN401
        """The mean loss of a batch, a scalar; and what the bar and the log show."""

    def evaluate(self) -> dict[str, float]:
        """Measures on held-out text; called in evaluation mode, without gradients, in float32."""


@dataclass(frozen=True)
class TrainingResult:
    """What a run came to.

    Attributes:
        steps: steps that were made, those of earlier calls included.
        seconds: of the clock, all calls together.
        measures: of the evaluation at the end.
        directory: where the checkpoint, the log and the configuration lie.
    """

    steps: int
    seconds: float
    measures: dict[str, float] = field(default_factory=dict)
    directory: Path = Path()


def train(
    task: Task,
    configuration: TrainingConfiguration,
    directory: str | PathLike[str],
    *,
    progress: bool | Show = False,
    resume: bool = True,
) -> TrainingResult:
    """Trains `task.model` in place, and keeps the run in a folder: goes on where an earlier call was stopped.

    Ctrl-C finishes the step, writes a checkpoint and raises KeyboardInterrupt; a killed run goes on from its last
    checkpoint. Either way the weights at the end are those of a run that was never stopped: bit for bit, on the same
    machine with the same number of threads. Under `torchrun` each process takes its share of every batch.

    Args:
        task: the model, batches, loss and measures.
        configuration: see `TrainingConfiguration`.
        directory: of the run: `checkpoint/`, `log.jsonl`, `configuration.json` (as it was used).
        progress: True for a bar on a terminal, or a function `(steps done, steps in all, measures)`.
        resume: False refuses a folder that holds a run already.

    Raises:
        TrainingError: the loss or a gradient is no finite number; the last checkpoint stays.
        ArgumentError: the folder holds a run of another configuration or task; or the device isn't there.
        FormatError: the checkpoint was changed, cut short, or is another model's.
        SourceError: the system refuses to write, or the disk is full; the last checkpoint stays.
    """
    folder = Path(directory)
    with (
        torch.random.fork_rng(devices=[]),
        placed(configuration.device, configuration.threads) as place,
        shown(progress if place.rank == 0 else False) as show,
        stopping() as stop,
    ):
        return _through(_Run(task, configuration, folder, place), resume, show, stop)


def _through(run: _Run, resume: bool, show: Show, stop: Stop) -> TrainingResult:
    """In a function of its own: nothing of the run is held any more when the processes part."""
    if not run.goes_on(resume=resume):
        run.begin()
    return run.finish(show, stop)


class _Run:
    """The state of one call of `train`."""

    def __init__(self, task: Task, given: TrainingConfiguration, folder: Path, place: Place) -> None:
        self.task, self.given, self.folder, self.place = task, given, folder, place
        self.used = given
        self.step, self.steps = 0, 0
        self.measures: dict[str, float] | None = None  # of the end, once it is reached
        self.seconds, self._since = 0.0, time.monotonic()
        self._saved_at = time.monotonic()
        self.description = json.loads(json.dumps(dict(getattr(task, "description", {}))))
        self.updater: Updater

    # --- the beginning ---

    def goes_on(self, *, resume: bool) -> bool:
        """Whether the folder holds a run: then this one is where that one was."""
        directory = self.folder / checkpoints.DIRECTORY
        if self.place.rank == 0:
            checkpoints.recover(directory)
        if not directory.exists():
            return False
        if not resume:
            step = checkpoints.describe(directory)["step"]
            raise ArgumentError(
                f"{self.folder} holds a run at step {step:,}: go on with resume=True (--resume), or give another "
                "folder"
            )
        found = checkpoints.load(directory)
        self._adopt(found, directory)
        self.updater = Updater(self.task, self.used, self.place)
        checkpoints.restore(self.updater.state(), found.model, str(directory / checkpoints.MODEL))
        moments = self.updater.expected_moments()
        checkpoints.restore(moments, found.optimiser, str(directory / checkpoints.OPTIMISER))
        self.step = found.step
        self._saved_at = time.monotonic()
        return True

    def _adopt(self, found: checkpoints.Checkpoint, directory: Path) -> None:
        """Takes over what the checkpoint says, once it is of the same configuration and task."""
        where, about = str(directory / checkpoints.STATE), found.about
        try:
            given, used = (from_json(TrainingConfiguration, about[key], where) for key in ("given", "used"))
            seconds, measures, description = float(about["seconds"]), about["measures"], dict(about["task"])
        except KeyError as error:
            raise FormatError(f"{where}: the field {error} is missing; the file was changed") from None
        except (TypeError, ValueError) as error:
            if isinstance(error, FormatError):
                raise
            raise FormatError(f"{where}: a field is not what it should be ({error})") from None
        if used.steps is None or found.step > used.steps:
            raise FormatError(f"{where}: at step {found.step} of {used.steps}; the file was changed")
        differences = _differences(as_json(given), as_json(self.given), FREE)
        differences += _differences(description, self.description)
        if differences:
            raise ArgumentError(
                f"{self.folder} holds a run of another configuration ({'; '.join(differences)}): give the same, or "
                "another folder"
            )
        chosen = {name: getattr(self.given, name) for name in FREE}
        self.used = dataclasses.replace(
            used, **{name: value for name, value in chosen.items() if value is not None}
        )
        self.steps, self.seconds, self.measures = used.steps, seconds, measures

    def begin(self) -> None:
        """Settles what the configuration left open, and writes it down."""
        precision = self.given.precision
        if precision == "auto":
            precision = "bfloat16" if bfloat16_is_fast(self.place.device) else "float32"
        self.used = dataclasses.replace(self.given, precision=precision)
        self.updater = Updater(self.task, self.used, self.place)
        self.task.model.train()
        steps, evaluations = self.given.steps, EVALUATIONS
        if steps is None:
            steps, evaluations = self._steps_of_minutes((self.given.minutes or 0) * 60)
        every = self.given.evaluate_every or max(1, math.ceil(steps / evaluations))
        self.used = dataclasses.replace(self.used, steps=steps, minutes=None, evaluate_every=every)
        self.updater.configuration, self.steps = self.used, steps
        if self.place.rank == 0:
            _make(self.folder)
            sections = {"training": as_json(self.used), **getattr(self.task, "sections", {})}
            text = json.dumps(sections, indent=1, ensure_ascii=False)
            write_file(self.folder / CONFIGURATION, (text + "\n").encode())

    def _steps_of_minutes(self, budget: float) -> tuple[int, int]:
        """How many steps, and evaluations among them, take so many seconds, by the speed of a few that don't count."""
        self.updater.rehearse(0)  # the first one allocates
        began = time.monotonic()
        self.updater.rehearse(1)
        # All processes must rehearse as often: each step waits for the others.
        wanted = min(3.0, budget / 20) / max(time.monotonic() - began, 1e-9)
        timed = _of_the_first(min(1_000, max(2, int(wanted))), self.place)
        began = time.monotonic()
        for step in range(timed):
            self.updater.rehearse(step)
        seconds_a_step = (time.monotonic() - began) / timed
        began = time.monotonic()
        if self.place.rank == 0:
            self._evaluated()
        seconds_an_evaluation = time.monotonic() - began
        left = budget - (time.monotonic() - self._since)
        evaluations = min(EVALUATIONS, max(1, int(left / 10 / max(seconds_an_evaluation, 1e-9))))
        steps = max(1, int((left - evaluations * seconds_an_evaluation) / seconds_a_step))
        return (_of_the_first(steps, self.place), _of_the_first(evaluations, self.place))

    # --- the loop ---

    def finish(self, show: Show, stop: Stop) -> TrainingResult:
        """Makes the steps that are left."""
        log = Log(self.folder / LOG, after=self.step) if self.place.rank == 0 else None
        self.task.model.train()
        while self.step < self.steps:
            update = self._made(stop)
            self.step += 1
            if log is not None and (self._due(self.used.log_every) or self.step == 1):
                values = {**update.values(), "seconds": self._clock()}
                log.write(self.step, **values)
                show(self.step, self.steps, values)
            if log is not None and self._due(self.used.evaluate_every):
                found = self._evaluated()
                log.write(self.step, evaluation=found)
                if self.step == self.steps:
                    self.measures = found
            if log is not None and (update.stop or self.step == self.steps or self._checkpoint_is_due()):
                self._save()
            if update.stop and self.step < self.steps:
                stop.end()
        return TrainingResult(self.step, self._clock(), dict(self.measures or {}), self.folder)

    def _made(self, stop: Stop) -> Update:
        try:
            return self.updater.update(self.step, self.steps, stop=stop.signal is not None)
        except TrainingError as error:
            kept = self.folder / checkpoints.DIRECTORY
            if kept.exists():
                step = checkpoints.describe(kept)["step"]
                raise TrainingError(
                    f"{error}. The last good checkpoint, of step {step:,}, stays: {kept}"
                ) from None
            raise TrainingError(f"{error}. There is no checkpoint yet in {self.folder}") from None

    def _due(self, every: int | None) -> bool:
        return self.step == self.steps or (every is not None and self.step % every == 0)

    def _checkpoint_is_due(self) -> bool:
        if self.used.checkpoint_every is not None:
            return self.step % self.used.checkpoint_every == 0
        return time.monotonic() - self._saved_at >= SECONDS_BETWEEN_CHECKPOINTS

    def _evaluated(self) -> dict[str, float]:
        self.task.model.eval()
        try:
            with torch.no_grad():
                return {name: float(value) for name, value in self.task.evaluate().items()}
        finally:
            self.task.model.train()

    def _save(self) -> None:
        about = {
            "given": as_json(self.given),
            "used": as_json(self.used),
            "task": self.description,
            "seconds": self._clock(),
            "measures": None if self.measures is None else plain(self.measures),
        }
        state = checkpoints.Checkpoint(self.step, self.updater.state(), self.updater.moments(), about)
        checkpoints.save(self.folder / checkpoints.DIRECTORY, state)
        self._saved_at = time.monotonic()

    def _clock(self) -> float:
        return round(self.seconds + time.monotonic() - self._since, 3)


def _differences(
    there: Mapping[str, Any], here: Mapping[str, Any], free: frozenset[str] = frozenset()
) -> list[str]:
    return [
        f"{name} is {there.get(name)!r} there and {here.get(name)!r} here"
        for name in {**there, **here}
        if name not in free and there.get(name) != here.get(name)
    ]


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise as_source_error(error, folder) from None


def _of_the_first(number: int, place: Place) -> int:
    """The first process's number, for all."""
    if place.ranks == 1:
        return number
    shared = torch.tensor(number, device=place.device)
    torch.distributed.broadcast(shared, 0)
    return int(shared.item())
