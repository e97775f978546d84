"""The choices that a soft embedding is built by, checked, and the shapes of its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from tokloom.errors import ArgumentError
from tokloom.learned.soft.features import SYMBOLS

__all__ = ["Kind", "Output", "SoftConfiguration", "shapes"]

Kind = Literal["transformer", "bag"]
Output = Literal["input", "head"]

_OUTPUTS = [("input",), ("head",), ("input", "head")]
_BOUNDS = {
    "dimensions": (1, 1 << 16),
    "max_bytes": (1, 1 << 12),
    "width": (1, 1 << 13),
    "layers": (0, 64),
    "heads": (1, 256),
    "longest_ngram": (1, 16),
    "buckets": (1, 1 << 24),
}


@dataclass(frozen=True)
class SoftConfiguration:
    """How a soft embedding is built.

    Attributes:
        dimensions: how many numbers a row has.
        kind: "transformer" over the bytes, or "bag" of hashed n-grams of bytes.
        outputs: which rows it gives: ("input",), or ("input", "head") for a model whose two tables differ.
        max_bytes: a longer token is read up to there.
        width: of a byte's vector, or of an n-gram's.
        layers: of the transformer.
        heads: of its attention; they divide `width`.
        longest_ngram: of the bag, in bytes (start and end count as one each).
        buckets: into how many the bag's n-grams are hashed.

    Raises:
        ArgumentError: one is out of range.

    Example:
        >>> SoftConfiguration(dimensions=256, kind="bag").buckets
        32768
    """

    dimensions: int
    kind: Kind = "transformer"
    outputs: tuple[Output, ...] = ("input",)
    max_bytes: int = 48
    width: int = 192
    layers: int = 3
    heads: int = 6
    longest_ngram: int = 5
    buckets: int = 1 << 15

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ArgumentError(f"kind={self.kind!r}: a soft embedding is a 'transformer' or a 'bag'")
        if self.outputs not in _OUTPUTS:
            raise ArgumentError(
                f"outputs={self.outputs!r}: rows are for the 'input', for the 'head', or for both"
            )
        for name, (least, most) in _BOUNDS.items():
            number = getattr(self, name)
            if type(number) is not int or not least <= number <= most:
                raise ArgumentError(f"{name}={number!r}: it is an integer from {least} to {most:,}")
        if self.kind == "transformer" and self.width % self.heads:
            raise ArgumentError(f"{self.heads} heads don't divide a width of {self.width}")

    def to_dict(self) -> dict[str, Any]:
        """The choices for JSON."""
        return {**asdict(self), "outputs": list(self.outputs)}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> SoftConfiguration:
        """The choices out of JSON.

        Raises:
            ArgumentError: a field is missing, unknown or out of range.
        """
        known = {field.name for field in fields(cls)}
        if strange := sorted(set(told) - known):
            raise ArgumentError(f"unknown fields: {', '.join(strange[:5])}")
        outputs = told.get("outputs", ["input"])
        if "dimensions" not in told or not isinstance(outputs, list):
            raise ArgumentError("it needs dimensions, and outputs as a list")
        return cls(**{**told, "outputs": tuple(outputs)})


def shapes(configuration: SoftConfiguration) -> dict[str, tuple[int, ...]]:
    """The weights by name, each with its shape: what a file must hold, to the last one.

    Example:
        >>> shapes(SoftConfiguration(dimensions=4, kind="bag", width=2, buckets=8))["table"]
        (8, 2)
    """
    c = configuration
    rows = len(c.outputs) * c.dimensions
    found: dict[str, tuple[int, ...]] = {
        "mean": (len(c.outputs), c.dimensions),
        "scale": (len(c.outputs),),
        "out.bias": (rows,),
    }
    if c.kind == "bag":
        return {**found, "table": (c.buckets, c.width), "out.weight": (rows, c.width)}
    found |= {
        "symbols": (SYMBOLS, c.width),
        "places": (c.max_bytes + 2, c.width),
        "norm.weight": (c.width,),
        "norm.bias": (c.width,),
        "out.weight": (rows, 2 * c.width),
    }
    for layer in range(c.layers):
        found |= {
            f"layers.{layer}.norm_1.weight": (c.width,),
            f"layers.{layer}.norm_1.bias": (c.width,),
            f"layers.{layer}.mix.weight": (3 * c.width, c.width),
            f"layers.{layer}.mixed.weight": (c.width, c.width),
            f"layers.{layer}.norm_2.weight": (c.width,),
            f"layers.{layer}.norm_2.bias": (c.width,),
            f"layers.{layer}.up.weight": (4 * c.width, c.width),
            f"layers.{layer}.down.weight": (c.width, 4 * c.width),
        }
    return found
