"""`SoftEmbedding`: a token's bytes → its embedding row; saved and loaded like a tokenizer, though it is none."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from tokloom import saved
from tokloom.errors import ArgumentError, FormatError, MissingDependencyError, TokloomError
from tokloom.learned import tensors
from tokloom.learned.soft import forward
from tokloom.learned.soft.configuration import Output, SoftConfiguration, shapes
from tokloom.storage import read_file, write_directory
from tokloom.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tokloom.learned.soft.modules import SoftRows

__all__ = ["NoIdsError", "SoftEmbedding", "open_saved"]

WEIGHTS = "model.safetensors"
LARGEST = 1 << 32  # bytes of weights


class NoIdsError(TokloomError, AttributeError):
    """Something of a tokenizer that a soft embedding doesn't have: it gives rows for bytes, and knows no ids."""


class SoftEmbedding:
    """A small model from a token's bytes to its embedding row. Never changes.

    It is no tokenizer: it has `rows(tokens)`, `module()`, `save`, a name and a fingerprint; what a tokenizer has besides
    (`encode`, `vocab_size`, …) raises `NoIdsError`.

    Args:
        configuration: how it is built.
        weights: float32 arrays by name, of the shapes that `configuration.shapes` says.
        name: what it is called, for tables and messages.
        trained: what is known of its training, for JSON.

    Raises:
        ArgumentError: weights are missing, of another shape, or not finite.

    Example:
        >>> import numpy as np
        >>> from tokloom.learned.soft.configuration import shapes
        >>> small = SoftConfiguration(dimensions=3, kind="bag", width=2, buckets=8)
        >>> soft = SoftEmbedding(
        ...     small, {name: np.zeros(shape, "f4") for name, shape in shapes(small).items()}
        ... )
        >>> soft.rows([b" word", b"s"]).shape
        (2, 3)
    """

    kind: ClassVar[Literal["soft"]] = "soft"
    guarantees: ClassVar[Literal["none"]] = "none"
    substituted: ClassVar[bool] = False

    def __init__(
        self,
        configuration: SoftConfiguration,
        weights: Mapping[str, NDArray[np.float32]],
        *,
        name: str = "soft",
        trained: Mapping[str, Any] | None = None,
    ) -> None:
        self.configuration = configuration
        self.name = self.requested = name
        self.trained = dict(trained or {})
        self._weights = _checked(configuration, weights)

    @property
    def dimensions(self) -> int:
        """How many numbers a row has."""
        return self.configuration.dimensions

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Which rows it gives: for the "input", for the "head", or for both."""
        return self.configuration.outputs

    @property
    def parameters(self) -> int:
        """How many numbers it is made of."""
        return sum(array.size for array in self._weights.values())

    @property
    def fingerprint(self) -> str:
        """sha256 (hex) over configuration and weights."""
        digest = hashlib.sha256(json.dumps(self.configuration.to_dict(), sort_keys=True).encode())
        for name in sorted(self._weights):
            data = np.ascontiguousarray(self._weights[name], "<f4").tobytes()
            digest.update(f"\0{name} {len(data)}\0".encode())
            digest.update(data)
        return digest.hexdigest()

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """A copy of the weights by name."""
        return {name: array.copy() for name, array in self._weights.items()}

    def rows(self, tokens: Sequence[bytes], output: Output | None = None) -> NDArray[np.float32]:
        """The rows of these tokens, by numpy alone.

        Args:
            tokens: the bytes of each; a space before a word is part of its token (`b" word"`).
            output: for the "input" or the "head"; None: the first that the model has.

        Returns:
            float32, shape (tokens, dimensions).

        Raises:
            ArgumentError: the model has no such output.
            TypeError: a token is a str.
        """
        if type(tokens) in {str, bytes}:
            raise TypeError("tokens is a list of bytes, not one")
        if output is not None and output not in self.outputs:
            raise ArgumentError(f"no rows for the {output!r}: this model has {', '.join(self.outputs)}")
        index = 0 if output is None else self.outputs.index(output)
        return forward.rows(tokens, self.configuration, self._weights)[:, index]

    def scaled(self, *factors: float) -> SoftEmbedding:
        """The same directions from the mean row, so many times as far: one factor an output.

        Learned rows lie nearer to the mean than real ones, which makes their squared error least. With the spread of real ones
        (`soft.scaled(*soft.trained["spread"])`) a bag did better in a language model, and a transformer far worse: measure.

        Raises:
            ArgumentError: not one factor an output, or one that isn't above 0.
        """
        if len(factors) != len(self.outputs) or not all(0 < factor < float("inf") for factor in factors):
            raise ArgumentError(f"{factors}: it needs a factor above 0 for each of {', '.join(self.outputs)}")
        weights = {**self._weights, "scale": self._weights["scale"] * np.array(factors, np.float32)}
        trained = {name: value for name, value in self.trained.items() if name != "spread"}
        return SoftEmbedding(self.configuration, weights, name=self.name, trained=trained)

    def module(self) -> SoftRows:
        """A torch module with these weights, whose `rows(tokens)` has gradients: for composing a table from bytes.

        Raises:
            MissingDependencyError: torch isn't installed (`pip install tokloom[learned]`).
        """
        try:
            from tokloom.learned.soft import modules
        except ImportError as error:
            if error.name != "torch":
                raise
            raise MissingDependencyError(
                "a soft embedding as a module needs PyTorch: pip install tokloom[learned] (`rows` does without)"
            ) from None
        return modules.build(self.configuration, self._weights)

    def save(self, directory: str | PathLike[str]) -> None:
        """Writes it as a folder that `tokloom.load` opens.

        Raises:
            ArgumentError: the folder holds files of others.
            SourceError: the system refuses (also an OSError); nothing half-written is left.
        """
        description = {
            "tokloom": saved.VERSION,
            "kind": self.kind,
            "fingerprint": self.fingerprint,
            "configuration": self.configuration.to_dict(),
            "trained": self.trained,
        }
        files = {
            WEIGHTS: tensors.write(self._weights),
            saved.DESCRIPTION: (json.dumps(description, indent=1, ensure_ascii=False) + "\n").encode(),
        }
        ours = (saved.DESCRIPTION, WEIGHTS)
        write_directory(Path(os.fspath(directory)), files, mark=saved.DESCRIPTION, ours=ours)

    @classmethod
    def load(cls, directory: str | PathLike[str]) -> SoftEmbedding:
        """Opens a folder that `save` wrote.

        Raises:
            FormatError: it is none, or a file was changed or cut short.
            SourceError: the system refuses (also an OSError).
        """
        path = Path(os.fspath(directory))
        return open_saved(path, saved.describe(path))

    @property
    def facts(self) -> dict[str, Any]:
        """What `tokloom inspect` shows."""
        c = self.configuration
        shape = (
            {"n-grams up to": c.longest_ngram, "buckets": c.buckets}
            if c.kind == "bag"
            else {"layers": c.layers, "heads": c.heads}
        )
        return {
            "name": self.name,
            "kind": f"soft ({c.kind})",
            "gives": " and ".join(f"rows for the {output}" for output in c.outputs) + "; it has no ids",
            "dimensions": c.dimensions,
            "max bytes": c.max_bytes,
            "width": c.width,
            **shape,
            "parameters": self.parameters,
            **{
                f"trained: {name}": value
                for name, value in self.trained.items()
                if not isinstance(value, dict)
            },
            "fingerprint": self.fingerprint,
        }

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (it only raises)
        # Only what is nowhere else comes here.
        if not name.startswith("_") and hasattr(Tokenizer, name):
            raise NoIdsError(
                f"a SoftEmbedding has no {name!r}: it is no tokenizer of ids. It gives rows for bytes: "
                "rows([b' word']), or module() for PyTorch"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __eq__(self, other: object) -> bool:
        return self.fingerprint == other.fingerprint if isinstance(other, SoftEmbedding) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        kind, size = self.configuration.kind, self.parameters
        return f"<SoftEmbedding {self.name!r}: {kind}, {size:,} parameters, rows of {self.dimensions}>"


def open_saved(directory: Path, description: dict[str, Any]) -> SoftEmbedding:
    """A folder that `save` wrote, `tokloom.json` already read."""
    origin = str(directory / saved.DESCRIPTION)
    told, trained = description.get("configuration"), description.get("trained", {})
    if description.get("kind") != SoftEmbedding.kind or not isinstance(told, dict):
        raise FormatError(f"{origin}: no soft embedding (it needs the kind 'soft' and a configuration)")
    if not isinstance(trained, dict):
        raise FormatError(f"{origin}: the field trained must be a table")
    try:
        configuration = SoftConfiguration.from_dict(told)
        path = directory / WEIGHTS
        found = tensors.read(read_file(path, at_most=LARGEST), str(path))
        weights = {name: found[name].astype(np.float32) for name in found}
        soft = SoftEmbedding(configuration, weights, name=directory.resolve().name, trained=trained)
    except (ArgumentError, TypeError) as error:
        raise FormatError(f"{origin}: {error}") from None
    if soft.fingerprint != description.get("fingerprint"):
        raise FormatError(
            f"{origin}: the files don't fit together: {WEIGHTS} is not the one that was saved. One of them was changed or "
            "cut short; save the soft embedding again, or get it anew"
        )
    return soft


def _checked(
    configuration: SoftConfiguration, weights: Mapping[str, NDArray[np.float32]]
) -> dict[str, NDArray[np.float32]]:
    wanted = shapes(configuration)
    if missing := sorted(set(wanted) - set(weights)):
        raise ArgumentError(f"weights are missing: {', '.join(missing[:4])}")
    if strange := sorted(set(weights) - set(wanted)):
        raise ArgumentError(f"weights of another model: {', '.join(strange[:4])}")
    for name, shape in wanted.items():
        if weights[name].shape != shape:
            raise ArgumentError(f"the weights {name!r} have the shape {weights[name].shape}, and not {shape}")
        if not np.isfinite(weights[name]).all():
            raise ArgumentError(f"the weights {name!r} have numbers that are not finite")
    return {name: np.array(weights[name], np.float32) for name in wanted}
