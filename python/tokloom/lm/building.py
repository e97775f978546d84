"""A configuration and its tables → the parts of a model. A new body or interface is a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from tokloom.errors import ArgumentError
from tokloom.lm.adaptive_softmax import AdaptiveSoftmax
from tokloom.lm.body import Body
from tokloom.lm.chunk_vectors import ChunkVectors
from tokloom.lm.code_digits import CodeDigits, CodeDigitsHead, CodeDigitsInput
from tokloom.lm.composed_embedding import ComposedEmbedding, spelled
from tokloom.lm.configuration import ModelConfig
from tokloom.lm.digits import Kind, kinds_of
from tokloom.lm.interface import Head, Input
from tokloom.lm.liquid import LiquidSpiking
from tokloom.lm.token_table import TokenTable
from tokloom.lm.transformer import Transformer

if TYPE_CHECKING:
    from tokloom.tokenizer import Tokenizer

__all__ = ["Tables", "body_of", "interfaces_of", "tables_for"]

Tables = Mapping[str, NDArray[Any]]
"""What a model needs to know of its units beside their number, by name:

- "digits" (V, places) int32 and "levels" (places,): for digits; "special_tokens" (n,): which units are.
- "fixed" (V, k) float32: fixed vectors of the units, for digits.
- "order" (V,): the commonest unit first, for the adaptive softmax.
- "symbols" (V, longest) int32: the units' spelling, for composed rows.
"""


def tables_for(tokenizer: Tokenizer, config: ModelConfig) -> dict[str, NDArray[Any]]:
    """The tables that a configuration asks for, as far as the tokenizer has them ("order" and "fixed" are counted)."""
    tables: dict[str, NDArray[Any]] = {}
    if "code-digits" in (config.input, config.head):
        if not hasattr(tokenizer, "digits"):
            raise ArgumentError(f"{tokenizer.name} has no digits; a token table reads its units")
        tables["digits"] = np.asarray(tokenizer.digits(), np.int32)
        tables["levels"] = np.asarray(tokenizer.levels, np.int64)  # type: ignore[attr-defined]
        tables["special_tokens"] = np.asarray(sorted(tokenizer.special_tokens.values()), np.int64)
    if "composed" in config.input or "composed" in config.head:
        special = set(tokenizer.special_tokens.values())
        tables["symbols"] = spelled(
            [_bytes_of(tokenizer, unit, special) for unit in range(config.vocab_size)]
        )
    return tables


def _bytes_of(tokenizer: Tokenizer, unit: int, special: set[int]) -> bytes | None:
    """What a unit stands for; None for one that is control, a hole, or above the vocabulary."""
    if unit in special:
        return None
    try:
        return tokenizer.token_bytes(unit)
    except KeyError:
        return None


def body_of(config: ModelConfig) -> Body:
    """The body, with weights as they are at the start."""
    if config.body == "transformer":
        body: Body = Transformer(
            config.width,
            config.layers,
            config.heads,
            key_heads=config.key_heads,
            hidden=config.hidden,
            qk_norm=config.qk_norm,
            rotary_base=config.rotary_base,
            eps=config.norm_eps,
        )
    else:
        body = LiquidSpiking(
            config.width,
            config.layers,
            hidden=config.hidden,
            spikes=config.body == "liquid-spiking",
            surrogate=config.surrogate,
            slope=config.slope,
            attention=config.attention,
            heads=config.heads,
        )
    body.checkpointing = config.checkpointing
    return body


def interfaces_of(config: ModelConfig, tables: Tables) -> tuple[Input, Head]:
    """The input and the head; one object where they share weights."""
    if config.input == config.head == "token-table":
        table = TokenTable(config.vocab_size, config.width, tied=config.tied, input_scale=config.input_scale)
        return table, table
    if config.input == config.head == "code-digits":
        digits = CodeDigits(_kinds(config, tables), config.width, _fixed(config, tables))
        return digits, digits
    if config.input == "composed" and config.head.startswith("composed-"):
        composed = _composed(config, tables, head=_last(config.head))
        return composed, composed
    if config.input == "chunk-vectors":
        chunks = ChunkVectors(config.width, config.vocab_size, head=_last(config.head))
        return chunks, chunks
    return _INPUTS[config.input](config, tables), _HEADS[config.head](config, tables)


def _last(name: str) -> Any:  # noqa: ANN401 (one of the literals)
    return name.rpartition("-")[2]


def _table(tables: Tables, name: str, config: ModelConfig, what: str) -> NDArray[Any]:
    if name not in tables:
        raise ArgumentError(f"the table {name!r} is missing: {what}")
    table = tables[name]
    if name in {"digits", "fixed", "order", "symbols"} and len(table) != config.vocab_size:
        raise ArgumentError(
            f"the table {name!r} is for {len(table):,} units, the model has {config.vocab_size:,}"
        )
    return table


def _kinds(config: ModelConfig, tables: Tables) -> list[Kind]:
    what = "tables_for(tokenizer, config) makes it, where the tokenizer has digits"
    digits = _table(tables, "digits", config, what).astype(np.int32)
    levels = [int(level) for level in _table(tables, "levels", config, what)]
    return kinds_of(
        digits, levels, special_tokens=tables.get("special_tokens", np.empty(0, np.int64)).tolist()
    )


def _fixed(config: ModelConfig, tables: Tables) -> torch.Tensor | None:
    if "fixed" not in tables:
        return None
    return torch.from_numpy(np.asarray(_table(tables, "fixed", config, ""), np.float32))


def _composed(
    config: ModelConfig, tables: Tables, *, head: Literal["rows", "bytes"] | None = None
) -> ComposedEmbedding:
    symbols = _table(tables, "symbols", config, "tables_for(tokenizer, config) makes it")
    return ComposedEmbedding(symbols, config.width, head=head)


def _adaptive(config: ModelConfig, tables: Tables) -> Head:
    what = "the units by how often they occur, the commonest first"
    return AdaptiveSoftmax(_table(tables, "order", config, what).tolist(), config.width)


_INPUTS: dict[str, Callable[[ModelConfig, Tables], Input]] = {
    "token-table": lambda config, _: TokenTable(
        config.vocab_size, config.width, input_scale=config.input_scale, predicts=False
    ),
    "code-digits": lambda config, tables: CodeDigitsInput(
        _kinds(config, tables), config.width, _fixed(config, tables)
    ),
    "composed": _composed,
}
_HEADS: dict[str, Callable[[ModelConfig, Tables], Head]] = {
    "token-table": lambda config, _: TokenTable(config.vocab_size, config.width, reads=False),
    "adaptive-softmax": _adaptive,
    "code-digits": lambda config, tables: CodeDigitsHead(
        _kinds(config, tables), config.width, _fixed(config, tables)
    ),
    "composed-rows": lambda config, tables: _composed(config, tables, head="rows"),
    "composed-bytes": lambda config, tables: _composed(config, tables, head="bytes"),
}
