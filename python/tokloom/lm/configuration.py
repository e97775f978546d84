"""`ModelConfig`: what a language model is built from; its sizes by preset."""

from __future__ import annotations

import dataclasses
import shlex
from dataclasses import dataclass
from os import PathLike
from typing import Any, Literal

from tokloom.errors import ArgumentError, FormatError
from tokloom.tokenizer import Tokenizer

__all__ = ["PRESETS", "ModelConfig"]

BODIES = ("transformer", "liquid", "liquid-spiking")
INPUTS = ("token-table", "code-digits", "composed", "chunk-vectors")
HEADS = (
    "token-table",
    "adaptive-softmax",
    "code-digits",
    "composed-rows",
    "composed-bytes",
    "chunk-chained",
    "chunk-separate",
)
TOGETHER = {
    "token-table": "token-table",
    "code-digits": "code-digits",
    "composed": "composed-rows",
    "chunk-vectors": "chunk-chained",
}
"""The head that goes with an input where none is named."""

PRESETS: dict[str, dict[str, int]] = {
    "tiny": {"width": 128, "layers": 4, "heads": 4},
    "small": {"width": 384, "layers": 8, "heads": 6},
    "base": {"width": 768, "layers": 12, "heads": 12},
}
"""Bodies of about 0.8, 14 and 85 million parameters."""

CHUNK = 16
LARGEST = 1 << 24
"""What no size in a configuration may be above: nothing is built from a nonsensical file."""


@dataclass(frozen=True)
class ModelConfig:
    """What a model is built from, apart from tables (digits, spelling).

    Attributes:
        vocab_size: the units; for chunks the bytes in one.
        body: "transformer", "liquid" or "liquid-spiking".
        input: "token-table", "code-digits", "composed" or "chunk-vectors".
        head: "token-table", "adaptive-softmax", "code-digits", "composed-rows", "composed-bytes", "chunk-chained" or
            "chunk-separate". "": the one that goes with the input.
        width: D.
        layers: the body's blocks.
        heads: of attention.
        key_heads: of keys and values. None: as many.
        hidden: the width within the gated networks. None: 8/3·D.
        qk_norm: whether a transformer's queries and keys are normed.
        rotary_base: of a transformer's positions.
        norm_eps: what is added within a transformer's norms.
        attention: every how many liquid blocks one has attention, too; 0: none.
        surrogate: of the spikes' gradient.
        slope: of the surrogate.
        tied: whether a token table is read and predicted by the same rows.
        input_scale: by which a token table's rows are read. None: √D if tied, else 1.
        start: the unit that is read before a document, a tokenizer's `bos_id` say. None: a trained vector.
        checkpointing: whether blocks are computed again in the backward direction, instead of kept.
        tokenizer: the fingerprint of the tokenizer whose units these are; "" if none is named.

    Example:
        >>> ModelConfig.for_tokenizer("bytes", preset="tiny").vocab_size
        256
    """

    vocab_size: int
    body: Literal["transformer", "liquid", "liquid-spiking"] = "transformer"
    input: str = "token-table"
    head: str = ""
    width: int = 128
    layers: int = 4
    heads: int = 4
    key_heads: int | None = None
    hidden: int | None = None
    qk_norm: bool = True
    rotary_base: float = 10_000.0
    norm_eps: float = 1e-6
    attention: int = 0
    surrogate: Literal["arctan", "sigmoid"] = "arctan"
    slope: float = 2.0
    tied: bool = False
    input_scale: float | None = None
    start: int | None = None
    checkpointing: bool = False
    tokenizer: str = ""

    def __post_init__(self) -> None:
        if not self.head:
            object.__setattr__(self, "head", TOGETHER.get(self.input, ""))
        for name, known in (("body", BODIES), ("input", INPUTS), ("head", HEADS)):
            if getattr(self, name) not in known:
                raise ArgumentError(f"{name} is {getattr(self, name)!r}; there are {', '.join(known)}")
        for name in ("vocab_size", "width", "layers", "heads", "key_heads", "hidden"):
            value = getattr(self, name)
            if value is not None and not 1 <= value <= LARGEST:
                raise ArgumentError(f"{name} is {value}; it is 1 to {LARGEST:,}")
        if not 0 <= self.attention <= self.layers:
            raise ArgumentError(
                f"attention is {self.attention}: every how many of the {self.layers} blocks; 0: none"
            )
        if self.start is not None and not 0 <= self.start < self.vocab_size:
            raise ArgumentError(f"start is {self.start}, which is none of the {self.vocab_size} units")
        chunks = self.input == "chunk-vectors", self.head.startswith("chunk-")
        if chunks[0] != chunks[1]:
            raise ArgumentError(f"input {self.input!r} and head {self.head!r} don't have the same units")
        if self.tied and (self.input, self.head) != ("token-table", "token-table"):
            raise ArgumentError("only a token table that is both input and head can be tied")

    @classmethod
    def for_tokenizer(
        cls,
        tokenizer: Tokenizer | str | PathLike[str],
        preset: Literal["tiny", "small", "base"] = "tiny",
        *,
        vocab_size: int | None = None,
        **choices: Any,  # noqa: ANN401 (the other attributes, each of its type)
    ) -> ModelConfig:
        """The configuration that goes with a tokenizer: digits are read as digits, other units by a table.

        Args:
            tokenizer: a name, a folder, or a tokenizer.
            preset: the body's size.
            vocab_size: rows for more units than it has, a multiple of 64 say. None: as many as it has. For chunks: the
                bytes in one. None: 16.
            **choices: any other attribute.

        Raises:
            ArgumentError: `vocab_size` is below the tokenizer's; the message says how to make the tokenizer smaller.
        """
        from tokloom.loading import load

        if preset not in PRESETS:
            raise ArgumentError(f"preset is {preset!r}; there are {', '.join(PRESETS)}")
        opened = tokenizer if isinstance(tokenizer, Tokenizer) else load(tokenizer)
        chunks = choices.get("input") == "chunk-vectors"
        if chunks and any(opened.token_bytes(byte) != bytes([byte]) for byte in range(256)):
            raise ArgumentError(f"chunks are of bytes, and the ids of {opened.name} aren't: take 'bytes'")
        needed = CHUNK if chunks and vocab_size is None else 1 if chunks else opened.vocab_size
        if vocab_size is not None and vocab_size < needed:
            name = opened.name if isinstance(tokenizer, Tokenizer) else str(tokenizer)
            raise too_few_rows(name, vocab_size, needed)
        if hasattr(opened, "digits") and "input" not in choices:
            choices["input"] = "code-digits"
        if choices.get("input") == "code-digits" and vocab_size not in {None, needed}:
            raise ArgumentError(
                "units without digits can't be added: leave out vocab_size, or take a token table"
            )
        values = {
            **PRESETS[preset],
            "vocab_size": vocab_size or needed,
            "tokenizer": opened.fingerprint,
            **choices,
        }
        try:
            return cls(**values)
        except TypeError as error:
            raise ArgumentError(f"{error}; a model has {', '.join(cls.__dataclass_fields__)}") from None

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: object) -> ModelConfig:
        """From JSON; what isn't a configuration is a `FormatError`."""
        if not isinstance(values, dict):
            raise FormatError("a configuration is an object of names and values")
        if unknown := sorted(set(values).difference(cls.__dataclass_fields__)):
            raise FormatError(f"a configuration has no {', '.join(map(str, unknown))}")
        for name, field in cls.__dataclass_fields__.items():
            if name in values and not _fits(values[name], str(field.type)):
                raise FormatError(f"{name} is {values[name]!r}, where {field.type} is expected")
        try:
            return cls(**values)
        except (TypeError, ArgumentError) as error:
            raise FormatError(str(error)) from None


def too_few_rows(name: str, rows: int, needed: int) -> ArgumentError:
    """The error where a tokenizer has more ids than there are to be rows; `name` is how a shell calls it."""
    return ArgumentError(
        f"{rows:,} rows are too few for {name}: its ids {rows:,} to {needed - 1:,} would have none. "
        f"Make a smaller tokenizer, and train with that: "
        f"tokloom prune {shlex.quote(name)} -o smaller --keep {rows}"
    )


def _fits(value: object, kind: str) -> bool:
    """Whether a value from JSON is of the type that is written at the attribute."""
    if value is None:
        return "None" in kind
    if isinstance(value, bool):
        return kind == "bool"
    if isinstance(value, int):
        return "int" in kind or "float" in kind
    if isinstance(value, float):
        return "float" in kind
    return isinstance(value, str) and (kind == "str" or kind.startswith("Literal"))
