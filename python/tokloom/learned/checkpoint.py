"""A run's state on disk: a folder with tensors (safetensors) and what is said of them (JSON); no pickle.

The folder is written beside its name and renamed: whatever stops a run, there is the old checkpoint or the new one.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError

from tokloom.errors import FormatError, SourceError
from tokloom.storage import as_source_error, read_file, write_directory

VERSION = 1
DIRECTORY = "checkpoint"  # in a run's folder
KIND = "training checkpoint"
STATE = "state.json"
MODEL = "model.safetensors"
OPTIMISER = "optimiser.safetensors"
OURS = (STATE, MODEL, OPTIMISER)

LARGEST_STATE = 1 << 24
LARGEST_TENSORS = 1 << 36

Tensors = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """What a run needs to go on as if it had never stopped.

    Attributes:
        step: steps that are done.
        model: trained parameters and buffers by name.
        optimiser: its moments, by the name of the parameter and theirs.
        about: the configuration, the seconds so far, and whatever else is JSON.
    """

    step: int
    model: Tensors
    optimiser: Tensors
    about: Mapping[str, Any]


def save(directory: Path, checkpoint: Checkpoint) -> None:
    """Writes the folder, in place of the checkpoint that was there.

    Raises:
        SourceError: the system refuses, or the disk is full; the one that was there is still there.
        ArgumentError: the folder holds something that isn't a checkpoint.
    """
    files = {MODEL: _packed(checkpoint.model), OPTIMISER: _packed(checkpoint.optimiser)}
    state = {
        "tokloom": VERSION,
        "kind": KIND,
        "step": checkpoint.step,
        **checkpoint.about,
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
    # The mark last: a folder that has it has all of it.
    files[STATE] = (json.dumps(state, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
    write_directory(directory, files, mark=STATE, ours=OURS)


def load(directory: Path) -> Checkpoint:
    """Reads what `save` wrote.

    Raises:
        FormatError: the folder is no checkpoint of ours, or one of its files was changed or cut short.
        SourceError: a file isn't there or can't be read (also an OSError).
    """
    about = describe(directory)
    digests = about.pop("sha256", None)
    if not isinstance(digests, dict):
        raise FormatError(
            f"{directory / STATE}: the field sha256 is missing; the file was changed or cut short"
        )
    model, optimiser = (_unpacked(directory / name, digests.get(name)) for name in (MODEL, OPTIMISER))
    return Checkpoint(about.pop("step"), model, optimiser, about)


def describe(directory: Path) -> dict[str, Any]:
    """What a checkpoint says of itself, without its tensors.

    Raises: as `load`.
    """
    path = directory / STATE
    data = read_file(path, at_most=LARGEST_STATE)
    try:
        about = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: not JSON ({error}); the file was changed or cut short") from None
    if not isinstance(about, dict) or about.pop("kind", None) != KIND:
        raise FormatError(f"{path}: not a checkpoint that tokloom wrote (its kind isn't {KIND!r})")
    version = about.pop("tokloom", None)
    if version != VERSION:
        raise FormatError(f"{path}: of version {version}, and this tokloom reads version {VERSION}")
    if type(about.get("step")) is not int or about["step"] < 0:
        raise FormatError(f"{path}: the field step is missing or no number of steps")
    return about


def restore(into: Mapping[str, torch.Tensor], found: Tensors, origin: str) -> None:
    """Copies tensors into those of the same names.

    Raises:
        FormatError: a name, a shape or a type differs; nothing was copied.
    """
    for name in [*into, *found]:
        if name not in found:
            raise FormatError(
                f"{origin}: the tensor {name} is missing: it is the checkpoint of another model"
            )
        if name not in into:
            raise FormatError(
                f"{origin}: the tensor {name} is one too many: it is the checkpoint of another model"
            )
        here, there = into[name], found[name]
        if here.shape != there.shape or here.dtype != there.dtype:
            raise FormatError(
                f"{origin}: the tensor {name} is {_shaped(there)}, and this model's is {_shaped(here)}: it is the "
                "checkpoint of another configuration"
            )
    with torch.no_grad():
        for name, tensor in into.items():
            tensor.copy_(found[name])


def recover(directory: Path) -> None:
    """Removes what a killed run left beside its checkpoint.

    Where folders can't be exchanged at once, a kill may leave the checkpoint under another name: then the newest whole
    one gets its name back.

    Raises:
        SourceError: it can't be renamed (also an OSError).
    """
    found = list(directory.parent.glob(f".{directory.name}.*.partial"))
    if not directory.exists():
        steps = {path: load(path).step for path in found if _is_whole(path)}
        if steps:
            try:
                max(steps, key=lambda path: steps[path]).replace(directory)
            except OSError as error:
                raise as_source_error(error, directory) from None
    for partial in found:
        shutil.rmtree(partial, ignore_errors=True)


def _is_whole(directory: Path) -> bool:
    try:
        load(directory)
    except (FormatError, SourceError):
        return False
    return True


def _packed(tensors: Tensors) -> bytes:
    return safetensors.torch.save(
        {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    )


def _unpacked(path: Path, digest: object) -> Tensors:
    data = read_file(path, at_most=LARGEST_TENSORS)
    if hashlib.sha256(data).hexdigest() != digest:
        raise FormatError(f"{path}: not the file that {STATE} speaks of: it was changed or cut short")
    try:
        tensors: Tensors = safetensors.torch.load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise FormatError(f"{path}: not safetensors ({error})") from None
    return tensors


def _shaped(tensor: torch.Tensor) -> str:
    return f"{'×'.join(map(str, tensor.shape)) or 'a scalar'} {str(tensor.dtype).removeprefix('torch.')}"
