"""The tables of a model, whatever it is: read as float32, written back in their own type, tied ones once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from tokloom.errors import ArgumentError
from tokloom.learned.soft.configuration import Output

__all__ = ["Tables", "tables_of"]

Array = NDArray[np.float32]
IDS_OF_A_MODEL = ("bos_token_id", "eos_token_id", "pad_token_id", "unk_token_id", "decoder_start_token_id")


class Tables(Protocol):
    """Rows by output, and how new ones are written."""

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The tables that differ: the input's; and the head's, where that is another."""

    def rows(self, output: Output) -> Array:
        """A table, shape (rows, dimensions)."""

    def bias(self) -> Array | None:
        """The bias of the head, shape (rows,), or None."""

    def write(self, written: Mapping[str, Array], sources: NDArray[np.int64]) -> Any:  # noqa: ANN401
        """Puts new tables in place ("input", "head", "bias"); where `sources` is no less than 0 a row is an old one's."""

    def renumber(self, new_ids: Mapping[int, int]) -> None:
        """Changes ids that the model's configuration names."""


def tables_of(model: Any) -> Tables:  # noqa: ANN401
    """The tables of a model of transformers, a tensor or an array.

    Raises:
        ArgumentError: it has none.
    """
    if isinstance(model, (torch.Tensor, np.ndarray)):
        return _Matrix(model)
    if callable(getattr(model, "get_input_embeddings", None)) and hasattr(model, "resize_token_embeddings"):
        return _Model(model)
    raise ArgumentError(
        f"a {type(model).__name__} has no tables that are known: give a model of transformers, or its matrix"
    )


def _as_array(tensor: torch.Tensor) -> Array:
    return np.array(tensor.detach().to("cpu", torch.float32).numpy())


class _Matrix:
    """One matrix: a new one is made."""

    outputs: tuple[Output, ...] = ("input",)

    def __init__(self, matrix: torch.Tensor | NDArray[np.floating]) -> None:
        if matrix.ndim != 2:
            raise ArgumentError(
                f"a matrix of rows has two axes, and this one the shape {tuple(matrix.shape)}"
            )
        self._matrix = matrix
        self._rows = _as_array(matrix) if isinstance(matrix, torch.Tensor) else np.asarray(matrix, np.float32)

    def rows(self, output: Output) -> Array:  # noqa: ARG002 (there is one)
        return self._rows

    def bias(self) -> Array | None:
        return None

    def write(
        self, written: Mapping[str, Array], sources: NDArray[np.int64]
    ) -> torch.Tensor | NDArray[np.floating]:
        if isinstance(self._matrix, torch.Tensor):
            return _exact(written["input"], self._matrix.detach(), sources)
        found = written["input"].astype(self._matrix.dtype)
        kept = sources >= 0
        found[kept] = self._matrix[sources[kept]]  # float64 isn't rounded on its way through float32
        return found

    def renumber(self, new_ids: Mapping[int, int]) -> None:
        pass


def _exact(fresh: Array, old: torch.Tensor, sources: NDArray[np.int64]) -> torch.Tensor:
    """New rows in the old ones' type and place; copied ones to the last bit."""
    found = torch.from_numpy(fresh).to(old.device, old.dtype)
    kept = torch.from_numpy(sources >= 0).to(old.device)
    found[kept] = old[torch.from_numpy(sources[sources >= 0]).to(old.device)]
    return found


class _Model:
    """A model of transformers: changed in place."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401
        self.model = model
        self._head = model.get_output_embeddings()
        table = model.get_input_embeddings().weight
        tied = self._head is None or self._head.weight.data_ptr() == table.data_ptr()
        self.outputs: tuple[Output, ...] = ("input",) if tied else ("input", "head")

    def _weight(self, output: Output) -> torch.Tensor:
        table = self.model.get_input_embeddings() if output == "input" else self.model.get_output_embeddings()
        weight: torch.Tensor = table.weight
        return weight

    def _bias(self) -> torch.Tensor | None:
        return getattr(self.model.get_output_embeddings(), "bias", None)

    def rows(self, output: Output) -> Array:
        return _as_array(self._weight(output))

    def bias(self) -> Array | None:
        bias = self._bias()
        return None if bias is None else _as_array(bias)

    def write(self, written: Mapping[str, Array], sources: NDArray[np.int64]) -> Any:  # noqa: ANN401
        old = {output: self._weight(output).detach().clone() for output in self.outputs}
        bias = self._bias()
        old_bias = None if bias is None else bias.detach().clone()
        if len(sources) != len(self._weight("input")):
            # Tied tables stay tied, and the bias and the configuration go along.
            self.model.resize_token_embeddings(len(sources), mean_resizing=False)
        with torch.no_grad():
            for output in self.outputs:
                self._weight(output).copy_(_exact(written[output], old[output], sources))
            bias = self._bias()
            if bias is not None and old_bias is not None:
                bias.copy_(_exact(written["bias"], old_bias, sources))
        return self.model

    def renumber(self, new_ids: Mapping[int, int]) -> None:
        for told in (self.model.config, getattr(self.model, "generation_config", None)):
            for name in IDS_OF_A_MODEL:
                value = getattr(told, name, None)
                if isinstance(value, int):
                    setattr(told, name, new_ids.get(value))
                elif isinstance(value, (list, tuple)):
                    setattr(told, name, [new_ids[id] for id in value if id in new_ids] or None)
