"""What a run is told: dataclasses filled from defaults, a TOML or JSON file, and the command line, in this order.

A file has a section for each dataclass:

    [training]
    steps = 2000
    learning_rate = 0.002

An unknown section or key is an error that lists the known ones; so is a value of another type.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import types
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from tokloom.errors import ArgumentError, FormatError
from tokloom.learned.schedule import Schedule
from tokloom.storage import read_file

C = TypeVar("C")

Precision = Literal["auto", "float32", "bfloat16"]

LARGEST_FILE = 1 << 20


@dataclass(frozen=True)
class TrainingConfiguration:
    """How long and how a model is trained; the same for every kind.

    Args:
        steps: updates of the weights. Either this or `minutes`.
        minutes: of the clock; turned into steps once the speed is known, and saved as steps.
        batch_size: windows of each step, of all devices together.
        learning_rate: after the warm-up.
        warmup: in steps; at most a tenth of the run.
        schedule: "cosine", "constant", or "constant-then-decay" (over the last fifth).
        final_learning_rate: what the rate ends at, as a share of `learning_rate`.
        weight_decay: of matrices; never of biases and norms.
        betas: of AdamW.
        clip: the largest norm of all gradients together.
        precision: "auto" is bfloat16 where the device multiplies in it, else float32.
        seed: of batches and noise.
        evaluate_every: in steps; None for ten times a run. The end is always evaluated.
        checkpoint_every: in steps; None for once a minute. The end always has one.
        log_every: in steps.
        threads: of PyTorch; None for its own choice.
        device: "cpu", "cuda", "cuda:1", "mps", …

    Raises:
        ArgumentError: a value out of its range.

    Example:
        >>> TrainingConfiguration(steps=100, betas=(0.9, 0.99)).batch_size
        64
        >>> TrainingConfiguration(steps=0)
        Traceback (most recent call last):
        ...
        tokloom.errors.ArgumentError: steps must be at least 1, not 0
    """

    steps: int | None = None
    minutes: float | None = None
    batch_size: int = 64
    learning_rate: float = 2e-3
    warmup: int = 100
    schedule: Schedule = "cosine"
    final_learning_rate: float = 0.0
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float = 1.0
    precision: Precision = "auto"
    seed: int = 0
    evaluate_every: int | None = None
    checkpoint_every: int | None = None
    log_every: int = 10
    threads: int | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.steps is None and self.minutes is None:
            raise ArgumentError("a run needs steps or minutes, for example steps=1000 or minutes=5")
        if self.steps is not None and self.minutes is not None:
            raise ArgumentError(
                f"steps={self.steps} and minutes={self.minutes:g} contradict each other: give one"
            )
        for name in ("steps", "batch_size", "evaluate_every", "checkpoint_every", "log_every", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ArgumentError(f"{name} must be at least 1, not {value}")
        for name in ("minutes", "learning_rate", "clip"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ArgumentError(f"{name} must be more than 0, not {value}")
        for name in ("warmup", "weight_decay", "seed"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ArgumentError(f"{name} must be at least 0, not {getattr(self, name)}")
        if not 0 <= self.final_learning_rate <= 1:
            raise ArgumentError(f"final_learning_rate is a share from 0 to 1, not {self.final_learning_rate}")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ArgumentError(f"betas must be from 0 to below 1, not {self.betas}")
        for name in ("schedule", "precision"):
            _checked(getattr(self, name), get_type_hints(type(self))[name], name)


def read(path: Path) -> dict[str, Any]:
    """The sections of a configuration file, by its ending TOML or JSON.

    Raises:
        FormatError: it is neither, or not a table of tables.
        SourceError: it can't be read (also an OSError).
    """
    data = read_file(path, at_most=LARGEST_FILE)
    try:
        if path.suffix == ".toml":
            if sys.version_info >= (3, 11):
                import tomllib
            else:
                import tomli as tomllib
            found = tomllib.loads(data.decode())
        elif path.suffix == ".json":
            found = json.loads(data)
        else:
            raise FormatError(f"{path}: a configuration's name ends in .toml or .json")
    except (ValueError, RecursionError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{path}: not {path.suffix[1:].upper()} ({error})") from None
    if not isinstance(found, dict):
        raise FormatError(f"{path}: expected sections with keys, found a {type(found).__name__}")
    return found


def configured(
    kind: type[C],
    section: str,
    path: Path | None = None,
    overrides: Mapping[str, object] | None = None,
    defaults: Mapping[str, object] | None = None,
) -> C:
    """A dataclass out of its defaults, the section of a file, and what the command line says (None is nothing).

    Args:
        kind: a dataclass with annotated fields.
        section: its name in the file.
        path: the file; None for none. Other sections in it are left alone: see `only_sections`.
        overrides: values by name that go before the file's.
        defaults: values by name that the file's go before.

    Raises:
        FormatError: the file has a key that isn't known, or a value of another type.
        ArgumentError: the same in `overrides`, or a value out of its range.

    Example:
        >>> configured(TrainingConfiguration, "training", None, {"steps": 10, "seed": None}).steps
        10
    """
    given = {} if path is None else read(path).get(section, {})
    where = f"{path}, section [{section}]" if path is not None else section
    if not isinstance(given, dict):
        raise FormatError(f"{where}: expected keys and values, found {given!r:.40}")
    values = _fields(kind, given, where, FormatError)
    chosen = {name: value for name, value in (overrides or {}).items() if value is not None}
    chosen = _fields(kind, chosen, section, ArgumentError)
    found = _fields(kind, defaults or {}, section, ArgumentError)
    for layer in (values, chosen):
        # Steps in one layer take the place of minutes in an earlier one.
        for one, other in (("steps", "minutes"), ("minutes", "steps")):
            if layer.get(one) is not None and layer.get(other) is None:
                found.pop(other, None)
        found |= layer
    try:
        return kind(**found)
    except ArgumentError as error:
        raise ArgumentError(f"{where}: {error}" if path is not None else str(error)) from None


def only_sections(path: Path, known: Iterable[str]) -> None:
    """Refuses a file with a section that nobody reads.

    Raises:
        FormatError: there is one; the message lists the known.
    """
    known = sorted(known)
    for section in read(path):
        if section not in known:
            raise FormatError(f"{path}: there is no section [{section}]; known: {', '.join(known)}")


def as_json(configuration: object) -> dict[str, Any]:
    """The values of a configuration as JSON has them.

    Example:
        >>> as_json(TrainingConfiguration(steps=1))["betas"]
        [0.9, 0.95]
    """
    if not dataclasses.is_dataclass(configuration) or isinstance(configuration, type):
        raise TypeError(f"a configuration is a dataclass, not a {type(configuration).__name__}")
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(configuration)))
    return plain


def from_json(kind: type[C], values: object, where: str) -> C:
    """The configuration that `as_json` gave.

    Raises:
        FormatError: a key that isn't known, a value of another type or out of its range; the message begins `where`.
    """
    if not isinstance(values, dict):
        raise FormatError(f"{where}: expected keys and values, found {values!r:.40}")
    try:
        return kind(**_fields(kind, values, where, FormatError))
    except ArgumentError as error:
        raise FormatError(f"{where}: {error}") from None
    except TypeError as error:
        raise FormatError(f"{where}: a key is missing ({error})") from None


def _fields(
    kind: type[C], given: Mapping[str, object], where: str, error: type[FormatError | ArgumentError]
) -> dict[str, Any]:
    known = get_type_hints(kind)
    values = {}
    for name, value in given.items():
        if name not in known:
            raise error(f"{where}: there is no key {name!r}; known: {', '.join(known)}")
        try:
            values[name] = _checked(value, known[name], name)
        except ArgumentError as wrong:
            raise error(f"{where}: {wrong}") from None
    return values


def _checked(value: object, kind: Any, name: str) -> Any:  # noqa: ANN401 (one return a kind)
    """The value as a field of this type has it: a list becomes a tuple, an int a float; nothing else is converted."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        if value in inner:
            return value
        raise ArgumentError(f"{name} must be one of {', '.join(map(repr, inner))}, not {value!r}")
    if origin in (Union, types.UnionType):
        for one in inner:
            with suppress(ArgumentError):
                return _checked(value, one, name)
        wanted = " or ".join(_named(one) for one in inner if one is not types.NoneType)
        raise ArgumentError(f"{name} must be {wanted}, not {value!r:.40}")
    if origin is tuple:
        if isinstance(value, (list, tuple)):
            if inner[-1] is Ellipsis:
                return tuple(_checked(item, inner[0], name) for item in value)
            if len(value) == len(inner):
                return tuple(_checked(item, one, name) for item, one in zip(value, inner, strict=True))
        raise ArgumentError(f"{name} must be {_named(kind)}, not {value!r:.40}")
    if kind is float and type(value) is int:
        return float(value)
    if kind is Any or type(value) is kind:
        return value
    raise ArgumentError(f"{name} must be {_named(kind)}, not {value!r:.40}")


def _named(kind: Any) -> str:  # noqa: ANN401
    origin, inner = get_origin(kind), get_args(kind)
    if origin is tuple:
        return f"a list of {inner[0].__name__ if hasattr(inner[0], '__name__') else 'lists'}" + (
            "" if inner[-1] is Ellipsis else f" of length {len(inner)}"
        )
    if origin is Literal:
        return "one of " + ", ".join(map(repr, inner))
    return {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}.get(
        kind, str(kind)
    )
