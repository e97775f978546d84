"""What vectors replace: the parameters of a language model, counted, with each way in and out of it.

A model of the Llama kind: attention with fewer heads for keys and values than for queries (grouped-query), a gated
feed-forward layer, RMS norms. Everything is a whole number of parameters; what is shared is counted once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tokloom.errors import ArgumentError, FormatError
from tokloom.storage import read_file

if TYPE_CHECKING:
    from tokloom.report.table import Table

__all__ = ["MODELS", "Interface", "ModelShape", "as_table", "parameters"]

LARGEST_CONFIGURATION = 1 << 20
# Families whose blocks are counted right here; the second value: whether queries, keys and values have a bias.
_FAMILIES = {"llama": False, "mistral": False, "qwen2": True}


@dataclass(frozen=True)
class ModelShape:
    """The sizes of a language model.

    Args:
        width: of the activations (`hidden_size`).
        layers: blocks (`num_hidden_layers`).
        heads: of queries (`num_attention_heads`).
        key_value_heads: of keys and values; None: as many as of queries.
        feed_forward: width inside the feed-forward layer (`intermediate_size`).
        vocabulary: rows of the embedding (`vocab_size`).
        tied: whether embedding and head are one matrix.
        head_width: of one head; None: width / heads.
        attention_bias: whether queries, keys and values have a bias.

    Raises:
        ArgumentError: a size below 1, or heads that don't divide.

    Example:
        >>> MODELS["llama3-8b"].body + 2 * MODELS["llama3-8b"].table
        8030261248
    """

    width: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    key_value_heads: int | None = None
    tied: bool = False
    head_width: int | None = None
    attention_bias: bool = False

    def __post_init__(self) -> None:
        for name in (
            "width",
            "layers",
            "heads",
            "feed_forward",
            "vocabulary",
            "key_value_heads",
            "head_width",
        ):
            value = getattr(self, name)
            if value is None and name in ("key_value_heads", "head_width"):
                continue
            if type(value) is not int or not 1 <= value < 1 << 40:
                raise ArgumentError(f"{name} must be a whole number from 1, not {value!r}")
        if self.head_width is None and self.width % self.heads:
            raise ArgumentError(
                f"a width of {self.width} doesn't divide by {self.heads} heads: give head_width"
            )
        if self.heads % self._key_value_heads:
            raise ArgumentError(
                f"{self.heads} heads of queries don't divide by {self._key_value_heads} of keys and values"
            )

    @property
    def _key_value_heads(self) -> int:
        return self.heads if self.key_value_heads is None else self.key_value_heads

    @property
    def table(self) -> int:
        """Parameters of the embedding, and of the head where that is another matrix."""
        return self.vocabulary * self.width

    @property
    def attention(self) -> int:
        """Parameters of attention in one block: queries and output at full width, keys and values at theirs."""
        each = self.width // self.heads if self.head_width is None else self.head_width
        full, grouped = self.heads * each, self._key_value_heads * each
        bias = full + 2 * grouped if self.attention_bias else 0
        return 2 * self.width * full + 2 * self.width * grouped + bias

    @property
    def body(self) -> int:
        """Parameters of all blocks and the last norm: what no way in or out changes."""
        block = self.attention + 3 * self.width * self.feed_forward + 2 * self.width
        return self.layers * block + self.width

    @classmethod
    def read(cls, path: str | PathLike[str]) -> ModelShape:
        """The sizes in a `config.json`, or in a folder that holds one.

        Raises:
            FormatError: it is no such file, or of a family that has other blocks.
        """
        file = Path(path)
        file = file / "config.json" if file.is_dir() else file
        try:
            told = json.loads(read_file(file, at_most=LARGEST_CONFIGURATION))
            family = told["model_type"]
            if family not in _FAMILIES:
                raise FormatError(
                    f"{file}: models of the type {family!r} have other blocks than are counted here "
                    f"({', '.join(_FAMILIES)})"
                )
            return cls(
                width=told["hidden_size"],
                layers=told["num_hidden_layers"],
                heads=told["num_attention_heads"],
                feed_forward=told["intermediate_size"],
                vocabulary=told["vocab_size"],
                key_value_heads=told.get("num_key_value_heads"),
                tied=bool(told.get("tie_word_embeddings", False)),
                head_width=told.get("head_dim"),
                attention_bias=_FAMILIES[family],
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            if isinstance(error, FormatError):
                raise
            raise FormatError(f"{file}: not the config.json of a language model ({error})") from None


# https://huggingface.co/meta-llama/Meta-Llama-3-8B and so on, each one's config.json
MODELS = {
    "llama3-8b": ModelShape(4096, 32, 32, 14_336, 128_256, 8),
    "llama3-70b": ModelShape(8192, 80, 64, 28_672, 128_256, 8),
    "mistral-7b": ModelShape(4096, 32, 32, 14_336, 32_000, 8),
    "smollm2-135m": ModelShape(576, 30, 9, 1536, 49_152, 3, tied=True),
}


class Interface(NamedTuple):
    """A way into a model and out of it.

    Attributes:
        name: what it is.
        embedding: parameters before the body.
        head: parameters behind it; 0 where it is the embedding's matrix.
        beside: parameters that aren't trained with the model (the auto-encoder of chunk vectors).
        unit: what one position of the body stands for.
    """

    name: str
    embedding: int
    head: int
    beside: int
    unit: str


def parameters(
    shape: ModelShape,
    *,
    token_bytes: int = 16,
    levels: Sequence[int] = (8, 8, 8, 8, 8),
    vector: int = 256,
    characters: int = 16,
    autoencoder: int = 1_221_906,
) -> list[Interface]:
    """What each way in and out costs.

    - a table: a row for each token, in and out.
    - composed: a token's bytes, each a row of its own part of the width, side by side; a head of eight bits a byte.
    - digits: a row for each level of each digit, added; a head that scores each digit given the ones before it.
    - chunk vectors: a matrix from the vector to the width, and one back.

    Args:
        shape: of the model.
        token_bytes: the most bytes of a composed token; the width must divide by it.
        levels: of the digits.
        vector: numbers in a chunk vector.
        characters: of a chunk.
        autoencoder: parameters of the auto-encoder itself.

    Raises:
        ArgumentError: a number below 1, or a width that doesn't divide.

    Example:
        >>> for each in parameters(MODELS["llama3-8b"]):
        ...     print(f"{each.name:13} {each.embedding:>11,} {each.head:>11,}")
        table         525,336,576 525,336,576
        composed        1,048,576     524,416
        digits            163,840     294,952
        chunk vectors   1,052,672   1,048,832
    """
    width = shape.width
    if min(token_bytes, vector, characters, *levels) < 1 or not levels:
        raise ArgumentError("token_bytes, levels, vector and characters must be at least 1")
    if width % token_bytes:
        raise ArgumentError(f"a width of {width} doesn't divide into {token_bytes} bytes side by side")
    scores, before = sum(levels), sum(levels[:-1])
    return [
        Interface("table", shape.table, 0 if shape.tied else shape.table, 0, "a token"),
        Interface(
            "composed", 256 * width, (width + 1) * 8 * token_bytes, 0, f"a token of ≤ {token_bytes} bytes"
        ),
        Interface("digits", scores * width, scores * (width + 1) + before * width, 0, "a token"),
        Interface(
            "chunk vectors",
            (vector + 1) * width,
            (width + 1) * vector,
            autoencoder,
            f"{characters} characters",
        ),
    ]


def as_table(shape: ModelShape, interfaces: Sequence[Interface]) -> Table:
    """The ways in and out of a model as a table."""
    from tokloom.report.table import Table

    rows = []
    for each in interfaces:
        total = each.embedding + shape.body + each.head
        ends = each.embedding + each.head
        rows.append(
            [
                each.name,
                each.unit,
                f"{each.embedding:,}",
                f"{each.head:,}",
                f"{total:,}",
                f"{ends / total:.2%}",
            ]
        )
    notes = [f"The body has {shape.body:,} parameters in every row; attention {shape.attention:,} a block."]
    notes += [
        f"Chunk vectors need an auto-encoder of {each.beside:,} parameters beside the model."
        for each in interfaces
        if each.beside
    ]
    columns = ["way in and out", "a position is", "embedding", "head", "whole model", "ends"]
    return Table("Parameters", columns, rows, notes, words=frozenset({0, 1}))


def facts(shape: ModelShape, interfaces: Sequence[Interface]) -> dict[str, Any]:
    """The same as plain values."""
    return {
        "body": shape.body,
        "attention a block": shape.attention,
        "interfaces": [each._asdict() for each in interfaces],
    }
