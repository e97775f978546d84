"""Text to count, train on or measure: files, or documents out of any iterable; and the same as ids, packed.

What needs PyTorch (`dataset`) is imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from tokloom.corpus.sources import Source, SourceFile, as_source, files

if TYPE_CHECKING:
    from tokloom.corpus.datasets import conversations as conversations
    from tokloom.corpus.datasets import dataset as dataset
    from tokloom.corpus.packing import write_conversations as write_conversations
    from tokloom.corpus.packing import write_shards as write_shards
    from tokloom.corpus.shards import Shards as Shards
    from tokloom.corpus.shards import open_shards as open_shards

__all__ = ["Source", "SourceFile", "as_source", "files"]

_PLACES = {
    "Shards": "shards",
    "conversations": "datasets",
    "dataset": "datasets",
    "open_shards": "shards",
    "write_conversations": "packing",
    "write_shards": "packing",
}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module 'tokloom.corpus' has no attribute {name!r}")
    from tokloom.errors import MissingDependencyError

    try:
        return getattr(import_module(f"tokloom.corpus.{_PLACES[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingDependencyError(
            f"tokloom.corpus.{name} needs torch: pip install 'tokloom[lm]'", name="torch"
        ) from None
