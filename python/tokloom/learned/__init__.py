"""Tokenizers that are learned by a network: made with PyTorch, used without it.

The names below are imported when they are first asked for: `import tokloom.learned` pulls in no PyTorch.

>>> from tokloom.learned import TrainingConfiguration
>>> TrainingConfiguration(steps=100).schedule
'cosine'
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokloom.errors import MissingDependencyError

if TYPE_CHECKING:
    from tokloom.learned.configuration import TrainingConfiguration as TrainingConfiguration
    from tokloom.learned.fsq import FSQTokenizer as FSQTokenizer
    from tokloom.learned.soft import SoftEmbedding as SoftEmbedding
    from tokloom.learned.text import Mixture as Mixture
    from tokloom.learned.text import TextData as TextData
    from tokloom.learned.text import split as split
    from tokloom.learned.training import Task as Task
    from tokloom.learned.training import TrainingResult as TrainingResult
    from tokloom.learned.training import train as train
    from tokloom.tokenizer import Tokenizer

# Where each public name lives. A new kind of learned tokenizer is a line here.
_HOMES = {
    "FSQTokenizer": "tokloom.learned.fsq",
    "TokunAutoencoder": "tokloom.learned.tokun",
    "SoftEmbedding": "tokloom.learned.soft",
    "TrainingConfiguration": "tokloom.learned.configuration",
    "Task": "tokloom.learned.training",
    "TrainingResult": "tokloom.learned.training",
    "train": "tokloom.learned.training",
    "Mixture": "tokloom.learned.text",
    "TextData": "tokloom.learned.text",
    "split": "tokloom.learned.text",
}
# What `tokloom.json` may say, and the module that opens it, without PyTorch: it has `open_saved(directory, description)`.
KINDS = {
    "fsq-chunks": "tokloom.learned.fsq.chunk_tokenizer",
    "fsq-adaptive": "tokloom.learned.fsq.adaptive_tokenizer",
    "fsq-lattice": "tokloom.learned.fsq.lattice",
    "soft": "tokloom.learned.soft",
    "tokun": "tokloom.learned.tokun.saving",
}
# Models that come with the package, by the name that `tokloom.load` takes: folders of `models/`.
SHIPPED = ("tokun-4x16",)
_OF_THE_EXTRA = frozenset({"torch", "einops", "safetensors", "jaxtyping", "vector_quantize_pytorch"})


def open_saved(directory: Path, description: dict[str, Any]) -> Tokenizer:
    """A folder that a learned tokenizer was saved to, `tokloom.json` already read."""
    opened: Tokenizer = import_module(KINDS[description["kind"]]).open_saved(directory, description)
    return opened


def shipped(name: str) -> Path:
    """The folder of a model that comes with the package."""
    return Path(__file__).parent / "models" / name


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'tokloom.learned' has no attribute {name!r}")
    try:
        return getattr(import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        if error.name not in _OF_THE_EXTRA:
            raise
        raise missing_extra(name, error.name) from error


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


def missing_extra(what: str, module: str | None) -> MissingDependencyError:
    """The error for a call that needs PyTorch, or what goes with it, where that isn't installed.

    Example:
        >>> print(missing_extra("train", "torch"))
        train needs torch, which isn't installed: pip install 'tokloom[learned]'
    """
    return MissingDependencyError(
        f"{what} needs {module}, which isn't installed: pip install 'tokloom[learned]'", name=module
    )
