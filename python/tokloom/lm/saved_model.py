"""A model as a folder: `model.json` (configuration, sha256) and `model.safetensors` (weights and tables); no pickle."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError

from tokloom.errors import ArgumentError, FormatError
from tokloom.lm.configuration import ModelConfig
from tokloom.storage import read_file, write_directory

if TYPE_CHECKING:
    from tokloom.lm.model import LanguageModel

__all__ = ["load", "save"]

VERSION = 1
KIND = "language model"
DESCRIPTION = "model.json"
WEIGHTS = "model.safetensors"
OURS = (DESCRIPTION, WEIGHTS)
LARGEST_DESCRIPTION = 1 << 20
LARGEST_WEIGHTS = 1 << 36
TABLE = "table."


def save(model: LanguageModel, directory: Path) -> None:
    """Writes the folder in place of the model that was there."""
    tensors = {name: weight.detach().cpu().contiguous() for name, weight in model.named_parameters()}
    tables = {f"{TABLE}{name}": torch.from_numpy(np.array(table)) for name, table in model.tables.items()}
    weights = safetensors.torch.save(tensors | tables)
    description = {
        "tokloom": VERSION,
        "kind": KIND,
        "config": model.config.to_dict(),
        "sha256": hashlib.sha256(weights).hexdigest(),
    }
    text = json.dumps(description, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    files = {WEIGHTS: weights, DESCRIPTION: text.encode()}
    write_directory(directory, files, mark=DESCRIPTION, ours=OURS)


def load(directory: Path) -> LanguageModel:
    """The model of a folder, in evaluation mode."""
    from tokloom.lm.model import LanguageModel

    description = _description(directory / DESCRIPTION)
    path = directory / WEIGHTS
    data = read_file(path, at_most=LARGEST_WEIGHTS)
    if hashlib.sha256(data).hexdigest() != description.get("sha256"):
        raise FormatError(
            f"{path}: other bytes than {DESCRIPTION} says: it was changed or cut short. Copy it anew"
        )
    try:
        tensors = safetensors.torch.load(data)
    except SafetensorError as error:
        raise FormatError(f"{path}: {error}") from None
    tables = {name[len(TABLE) :]: table.numpy() for name, table in tensors.items() if name.startswith(TABLE)}
    weights = {name: weight for name, weight in tensors.items() if not name.startswith(TABLE)}
    try:
        config = ModelConfig.from_dict(description.get("config"))
        # First without memory: what the file doesn't hold isn't asked for.
        with torch.device("meta"):
            expected = LanguageModel(config, tables)
        _compare(weights, dict(expected.named_parameters()))
        model = LanguageModel(config, tables)
    except (FormatError, ArgumentError) as error:
        raise FormatError(f"{directory}: {error}") from None
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(weights[name])
    return model.eval()


def _description(path: Path) -> dict[str, Any]:
    try:
        description = json.loads(read_file(path, at_most=LARGEST_DESCRIPTION))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: no JSON ({error})") from None
    if not isinstance(description, dict) or description.get("kind") != KIND:
        raise FormatError(f"{path}: no language model's")
    if description.get("tokloom") != VERSION:
        raise FormatError(f"{path}: version {description.get('tokloom')!r}; this tokloom reads {VERSION}")
    return description


def _compare(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    """The file's weights are the configuration's: the same names, shapes, and numbers with a fraction."""
    if missing := sorted(expected.keys() - found.keys()):
        raise FormatError(f"weights are missing: {', '.join(missing[:5])}")
    if foreign := sorted(found.keys() - expected.keys()):
        raise FormatError(f"weights that this configuration doesn't have: {', '.join(foreign[:5])}")
    for name, weight in found.items():
        if weight.shape != expected[name].shape or not weight.is_floating_point():
            raise FormatError(
                f"{name} is {weight.dtype} {tuple(weight.shape)}, where the configuration says "
                f"{tuple(expected[name].shape)}"
            )
