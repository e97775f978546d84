"""A saved auto-encoder: `tokloom.json` says its shape and layers, `model.safetensors` holds its numbers."""

from __future__ import annotations

import hashlib
import json
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tokloom import saved
from tokloom.errors import ArgumentError, FormatError
from tokloom.learned import tensors as numbers
from tokloom.learned.tokun.shape import Shape
from tokloom.storage import read_file, write_directory

if TYPE_CHECKING:
    from tokloom.learned.tokun.autoencoder import TokunAutoencoder, Weights
    from tokloom.learned.tokun.runner import Network

__all__ = ["check", "fingerprint", "open_saved", "save"]

LARGEST_MODEL = 1 << 28


def fingerprint(weights: Weights) -> str:
    """sha256 (hex) over all that can change a vector or a character: shape, layers, weights."""
    told = json.dumps(_told(weights), sort_keys=True, separators=(",", ":")).encode()
    digest = hashlib.sha256(b"tokun 1\n" + len(told).to_bytes(8, "little") + told)
    digest.update(numbers.write(weights.tensors))
    return digest.hexdigest()


def _told(weights: Weights) -> dict[str, Any]:
    shape = weights.shape
    return {
        "groups": list(shape.groups),
        "vector": shape.vector,
        "character": shape.character,
        "network": {name: [dict(layer) for layer in layers] for name, layers in weights.layers.items()},
    }


def save(weights: Weights, fingerprint: str, directory: str | PathLike[str]) -> None:
    """Writes the directory; in place of one that `save` wrote before, and of no other."""
    description = {
        "tokloom": saved.VERSION,
        "kind": "tokun",
        "fingerprint": fingerprint,
        **_told(weights),
        "card": dict(weights.card),
    }
    files = {
        saved.MODEL: numbers.write(weights.tensors),
        saved.DESCRIPTION: (json.dumps(description, indent=1, ensure_ascii=False) + "\n").encode(),
    }
    write_directory(Path(directory), files, mark=saved.DESCRIPTION, ours=saved.ours_in(Path(directory)))


def open_saved(directory: Path, description: dict[str, Any]) -> TokunAutoencoder:
    """A folder that `save` wrote, `tokloom.json` already read.

    Raises:
        FormatError: a file was changed, cut short, or is another model's.
    """
    from tokloom.learned.tokun.autoencoder import TokunAutoencoder, Weights

    origin = str(directory / saved.DESCRIPTION)
    tensors = numbers.read(
        read_file(directory / saved.MODEL, at_most=LARGEST_MODEL), str(directory / saved.MODEL)
    )
    try:
        shape = Shape(tuple(description["groups"]), description["vector"], description["character"])
        layers = {name: description["network"][name] for name in ("encoder", "decoder")}
        if not all(
            isinstance(each, list) and all(isinstance(layer, dict) for layer in each)
            for each in layers.values()
        ):
            raise TypeError("layers are a list of objects")
        found = TokunAutoencoder(
            Weights(shape, layers, tensors, description.get("card") or {}),
            name=directory.resolve().name,
            origin=origin,
        )
        said = description["fingerprint"]
    except ArgumentError as error:
        raise FormatError(f"{origin}: {error}") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"{origin}: a field is missing or not what it should be ({error})") from None
    if found.fingerprint != said:
        raise FormatError(
            f"{origin}: the files don't fit together: they say {str(said)[:12]}…, and are {found.fingerprint[:12]}…. "
            "One of them was changed, or is another model's; save the model again, or get it anew"
        )
    return found


def check(encoder: Network, decoder: Network, weights: Weights, origin: str) -> None:
    """Whether the layers give what the shape says.

    Raises:
        FormatError: they don't, or their scales are no positive numbers.
    """
    shape, scales = weights.shape, weights.tensors
    if (encoder.width, encoder.joined, encoder.unfolded) != (shape.vector, shape.rows, 1):
        raise FormatError(f"{origin}: the encoder doesn't give a vector of {shape.vector} for {shape.name}")
    if (decoder.width, decoder.joined, decoder.unfolded) != (shape.units[0] * shape.logits, 1, shape.rows):
        raise FormatError(f"{origin}: the decoder doesn't give {shape.characters} characters")
    for name, size in (("encoder.scale", shape.vector), ("decoder.scale", 1)):
        scale = scales.get(name)
        if scale is None or scale.dtype != np.float32 or scale.shape != (size,):
            raise FormatError(f"{origin}: {name} must be {size} float32 numbers")
        if not (np.isfinite(scale) & (scale > 0)).all():
            raise FormatError(f"{origin}: {name} holds a number that isn't above 0 and finite")
