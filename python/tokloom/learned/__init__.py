"""Tokenizers that a neural network learned: used without torch, trained with it (`pip install tokloom[learned]`).

A new kind is a new module and its line in `KINDS`: the module has `open_saved(directory, description)`.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokloom.learned.fsq import FSQTokenizer as FSQTokenizer
    from tokloom.tokenizer import Tokenizer

__all__ = ["KINDS", "FSQTokenizer", "open_saved"]

# What `tokloom.json` may say, and the module that opens it.
KINDS = {
    "fsq-chunks": "tokloom.learned.fsq.chunk_tokenizer",
    "fsq-adaptive": "tokloom.learned.fsq.adaptive_tokenizer",
    "fsq-lattice": "tokloom.learned.fsq.wrapped",
}
# At their first use: none of them is needed to open a vocabulary.
_LAZY = {"FSQTokenizer": "tokloom.learned.fsq"}


def open_saved(directory: Path, description: dict[str, Any]) -> Tokenizer:
    """A folder that a learned tokenizer was saved to, `tokloom.json` already read."""
    opened: Tokenizer = import_module(KINDS[description["kind"]]).open_saved(directory, description)
    return opened


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
