"""Language models on any tokenizer: interfaces, bodies, and the model that joins them (extra `tokloom[lm]`)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokloom.lm.choice import Choice as Choice
    from tokloom.lm.configuration import ModelConfig as ModelConfig
    from tokloom.lm.liquid import LiquidSpiking as LiquidSpiking
    from tokloom.lm.model import LanguageModel as LanguageModel
    from tokloom.lm.transformer import Transformer as Transformer

_PLACES = {
    "Choice": "choice",
    "LanguageModel": "model",
    "LiquidSpiking": "liquid",
    "ModelConfig": "configuration",
    "Transformer": "transformer",
}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module 'tokloom.lm' has no attribute {name!r}")
    from tokloom.errors import MissingDependencyError

    try:
        return getattr(import_module(f"tokloom.lm.{_PLACES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"torch", "safetensors"}:
            raise
        raise MissingDependencyError(
            f"tokloom.lm.{name} needs {error.name}: pip install 'tokloom[lm]'"
        ) from None
