"""Tokenizers of other libraries behind the contract: a file each, and this table of them.

A new kind is a new module and its name in `MODULES`. It has `takes(object)` and `adapt(object, name)` for objects
already made; and, where it has files of its own, `from_bytes` and `restore`, and a line in `FILES`.
No module imports its library before it is needed.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tokloom.errors import ArgumentError
from tokloom.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tokloom.adapters.adapted import AdaptedTokenizer
    from tokloom.adapters.state import State

__all__ = ["KINDS", "adapt", "open_saved", "restore"]

MODULES = ("tiktoken", "huggingface", "sentencepiece")
# What `tokloom.json` may say, which is also the name of the module, and the file that is saved beside it.
FILES = {"huggingface": "tokenizer.json", "sentencepiece": "tokenizer.model"}
KINDS = tuple(FILES)


def _module(name: str) -> ModuleType:
    return import_module(f"tokloom.adapters.{name}")


def adapt(object: object, *, name: str | None = None) -> Tokenizer:
    """A tokenizer object of another library, behind tokloom's contract; the same ids.

    Args:
        object: a `tiktoken.Encoding`, a `tokenizers.Tokenizer`, a fast tokenizer of transformers, or a
            `sentencepiece.SentencePieceProcessor`. A tokenizer of tokloom is returned as it is. The object is read
            once: what is done to it later has no effect.
        name: what to call it; default: its own name.

    Raises:
        ArgumentError: it is none of these.
        VocabularyError: what it does can't be said exactly.

    Example:
        >>> import tokloom, tokenizers
        >>> words = tokenizers.models.WordLevel({"low": 0, "[UNK]": 1}, unk_token="[UNK]")
        >>> tokloom.adapt(tokenizers.Tokenizer(words)).encode("low")
        [0]
    """
    if isinstance(object, Tokenizer):
        return object
    for module in map(_module, MODULES):
        if module.takes(object):
            adapted: Tokenizer = module.adapt(object, name)
            return adapted
    kind = f"{type(object).__module__}.{type(object).__qualname__}"
    raise ArgumentError(
        f"a {kind} can't be adapted; known are tiktoken.Encoding, tokenizers.Tokenizer, fast tokenizers of "
        "transformers, and sentencepiece.SentencePieceProcessor. A file or folder is for tokloom.load"
    )


def restore(state: State, origin: str) -> AdaptedTokenizer:
    """The adapter of this state: what is saved, and what is sent between processes."""
    adapted: AdaptedTokenizer = _module(state.kind).restore(state, origin)
    return adapted


def open_saved(directory: Path, description: dict[str, Any]) -> AdaptedTokenizer:
    """A folder that an adapter saved, `tokloom.json` already read."""
    from tokloom.adapters.state import read

    state, origin = read(directory, description)
    return restore(state, origin).checked(description.get("vocab_size"), origin)
