"""A lattice as a folder: the inner vocabulary's own files, and `model.safetensors` with digits and vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import numpy as np

from tokloom import saved
from tokloom.bpe import BPETokenizer
from tokloom.errors import ArgumentError, FormatError
from tokloom.learned.fsq.cells import check_levels
from tokloom.learned.fsq.coordinates import Coordinates, Kind, Layout
from tokloom.learned.fsq.lattice import KIND, LatticeTokenizer
from tokloom.learned.fsq.tensors import read_tensors, write_tensors
from tokloom.storage import read_file, write_directory
from tokloom.tokenizer import Tokenizer

__all__ = ["load", "save"]

MODEL = "model.safetensors"
LARGEST_MODEL = 1 << 31


def save(tokenizer: LatticeTokenizer, directory: Path) -> None:
    """Writes the folder; in place of one that was saved before, and of no other."""
    inner, files = _inner_files(tokenizer.inner)
    tensors: dict[str, Any] = {"digits": tokenizer.digits()}
    if tokenizer.vectors is not None:
        tensors["vectors"] = tokenizer.vectors
    description = {
        "tokloom": saved.VERSION,
        "kind": KIND,
        "fingerprint": tokenizer.fingerprint,
        "vocab_size": tokenizer.vocab_size,
        "coordinates": tokenizer.coordinates,
        "layout": tokenizer.layout,
        "levels": list(tokenizer.levels),
        "inner": inner,
    }
    files |= {
        MODEL: write_tensors(tensors),
        saved.DESCRIPTION: (json.dumps(description, indent=1, ensure_ascii=False) + "\n").encode(),
    }
    write_directory(directory, files, mark=saved.DESCRIPTION, ours={*saved.OURS, MODEL})


def _inner_files(inner: Tokenizer) -> tuple[dict[str, Any], dict[str, bytes]]:
    if not isinstance(inner, BPETokenizer):
        raise ArgumentError(
            f"a lattice over a {type(inner).__name__} can't be saved; one over a vocabulary of tokloom's engine can"
        )
    description, tokens, merges = saved.state(inner._vocabulary)
    files = {saved.TOKENS: tokens}
    if merges is not None:
        files[saved.MERGES] = merges.encode()
    return description, files


def load(directory: Path, description: dict[str, Any]) -> LatticeTokenizer:
    """Reads a folder that `save` wrote.

    Raises:
        FormatError: a file is missing a field, was changed or cut short.
    """
    origin = str(directory / saved.DESCRIPTION)
    inner, kind, layout, levels = (
        description.get(field) for field in ("inner", "coordinates", "layout", "levels")
    )
    if not isinstance(inner, dict) or inner.get("kind") not in ("bpe", "words"):
        raise FormatError(f"{origin}: the field inner must be a vocabulary's description")
    if kind not in get_args(Kind) or layout not in get_args(Layout):
        raise FormatError(f"{origin}: coordinates {kind!r} in the layout {layout!r} are not known")
    if not isinstance(levels, list) or not all(type(level) is int for level in levels):
        raise FormatError(f"{origin}: the field levels must be a list of whole numbers")
    within = BPETokenizer(saved.load(directory, inner), name=directory.resolve().name)
    tensors = read_tensors(read_file(directory / MODEL, at_most=LARGEST_MODEL), f"{origin} ({MODEL})")
    digits, vectors = tensors.get("digits"), tensors.get("vectors")
    if digits is None or digits.dtype != np.int32 or digits.ndim != 2:
        raise FormatError(f"{origin} ({MODEL}): digits are missing, or not whole numbers in rows")
    if vectors is not None and vectors.dtype != np.float32:
        raise FormatError(f"{origin} ({MODEL}): vectors are not of type float32")
    try:
        coordinates = Coordinates(kind, layout, check_levels(levels), digits, vectors)  # type: ignore[arg-type]
        tokenizer = LatticeTokenizer(within, coordinates, name=directory.resolve().name)
    except ArgumentError as error:
        raise FormatError(f"{origin} ({MODEL}): {error}") from None
    if tokenizer.fingerprint != description.get("fingerprint"):
        raise FormatError(
            f"{origin}: the files don't fit together: one of them was changed or cut short; save the lattice again, "
            "or get it anew"
        )
    return tokenizer
