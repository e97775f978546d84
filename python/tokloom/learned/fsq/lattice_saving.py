"""A lattice as a folder: the inner vocabulary's own files, and `model.safetensors` with digits and vectors."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np

from tokloom import saved
from tokloom.bpe import BPETokenizer
from tokloom.errors import ArgumentError, FormatError, SpecialTokenError, VocabularyError
from tokloom.learned import state as states
from tokloom.learned import tensors as numbers
from tokloom.learned.fsq.adaptive_tokenizer import AdaptiveTokenizer
from tokloom.learned.fsq.cells import check_levels
from tokloom.learned.fsq.coordinates import Coordinates, Kind, Layout
from tokloom.learned.fsq.lattice import KIND, Inner, LatticeTokenizer
from tokloom.storage import read_file, write_directory

__all__ = ["load", "save"]

# The fields of a description that are a lattice's; whatever else it says is kept.
OWN = frozenset(
    {"tokloom", "kind", "fingerprint", "vocab_size", "guarantees", "coordinates", "layout", "levels", "inner"}
)
# Of an adaptive vocabulary within.
INNER = "inner."


def save(tokenizer: LatticeTokenizer, directory: Path) -> None:
    """Writes the folder; in place of one that was saved before, and of no other."""
    inner, files, tensors = _inner_parts(tokenizer.inner)
    tensors["digits"] = tokenizer.digits()
    if tokenizer.vectors is not None:
        tensors["vectors"] = tokenizer.vectors
    description = {
        **{field: value for field, value in tokenizer.description.items() if field not in OWN},
        "tokloom": saved.VERSION,
        "kind": KIND,
        "fingerprint": tokenizer.fingerprint,
        "vocab_size": tokenizer.vocab_size,
        "guarantees": tokenizer.guarantees,
        "coordinates": tokenizer.coordinates,
        "layout": tokenizer.layout,
        "levels": list(tokenizer.levels),
        "inner": inner,
    }
    files |= {
        saved.MODEL: numbers.write(tensors),
        saved.DESCRIPTION: (json.dumps(description, indent=1, ensure_ascii=False) + "\n").encode(),
    }
    write_directory(directory, files, mark=saved.DESCRIPTION, ours=saved.ours_in(directory))


def _inner_parts(inner: Inner) -> tuple[dict[str, Any], dict[str, bytes], dict[str, Any]]:
    """What the inner vocabulary is: a description, files of its own, and tensors beside the lattice's."""
    if isinstance(inner, BPETokenizer):
        description, tokens, merges = saved.state(inner._vocabulary)
        files = {saved.TOKENS: tokens}
        if merges is not None:
            files[saved.MERGES] = merges.encode()
        return description, files, {}
    spans = inner.spans_table()
    tensors = {
        f"{INNER}bytes": np.frombuffer(b"".join(spans), np.uint8),
        f"{INNER}lengths": np.array([len(span) for span in spans], np.uint8),
        f"{INNER}codes": inner.codes(),
    }
    description = {
        "kind": inner.kind,
        "levels": list(inner.levels),
        "special_tokens": list(inner.special_tokens),
        "fingerprint": inner.fingerprint,
    }
    return description, {}, tensors


def load(directory: Path, description: dict[str, Any]) -> LatticeTokenizer:
    """Reads a folder that `save` wrote.

    Raises:
        FormatError: a file is missing a field, was changed or cut short.
    """
    origin = states.origin_of(directory)
    inner, kind, layout, levels = (
        description.get(field) for field in ("inner", "coordinates", "layout", "levels")
    )
    if not isinstance(inner, dict):
        raise FormatError(f"{origin}: the field inner must be a vocabulary's description")
    if kind not in get_args(Kind) or layout not in get_args(Layout):
        raise FormatError(f"{origin}: coordinates {kind!r} in the layout {layout!r} are not known")
    if not isinstance(levels, list) or not all(type(level) is int for level in levels):
        raise FormatError(f"{origin}: the field levels must be a list of whole numbers")
    name = directory.resolve().name
    tensors = numbers.read(read_file(directory / saved.MODEL, at_most=states.LARGEST_MODEL), origin)
    digits, vectors = tensors.get("digits"), tensors.get("vectors")
    if digits is None or digits.dtype != np.int32 or digits.ndim != 2:
        raise FormatError(f"{origin}: digits are missing, or not whole numbers in rows")
    if vectors is not None and vectors.dtype != np.float32:
        raise FormatError(f"{origin}: vectors are not of type float32")
    try:
        coordinates = Coordinates(kind, layout, check_levels(levels), digits, vectors)  # type: ignore[arg-type]
        said = {field: value for field, value in description.items() if field not in OWN}
        found = _inner(directory, inner, tensors, origin)
        tokenizer = LatticeTokenizer(found, coordinates, description=said, name=name)
    except (ArgumentError, VocabularyError, SpecialTokenError) as error:
        raise FormatError(f"{origin}: {error}") from None
    states.check(origin, description, tokenizer.fingerprint, tokenizer.vocab_size)
    return tokenizer


def _inner(directory: Path, description: dict[str, Any], tensors: numbers.Tensors, origin: str) -> Inner:
    name = directory.resolve().name
    if description.get("kind") != AdaptiveTokenizer.kind:
        return BPETokenizer(saved.load(directory, description), name=name)
    levels, special = description.get("levels"), description.get("special_tokens")
    parts = [tensors.get(f"{INNER}{part}") for part in ("bytes", "lengths", "codes")]
    data, lengths, codes = parts
    if data is None or lengths is None or codes is None:
        raise FormatError(f"{origin}: a table of the spans is missing")
    if data.dtype != np.uint8 or lengths.dtype != np.uint8 or lengths.ndim != 1 or codes.dtype != np.int32:
        raise FormatError(f"{origin}: the tables of the spans are of other types than they should be")
    ends = [0, *np.cumsum(lengths, dtype=np.int64).tolist()]
    if not isinstance(levels, list) or not isinstance(special, list) or ends[-1] != len(data):
        raise FormatError(f"{origin}: the spans don't fit together")
    whole = data.tobytes()
    spans = [whole[start:end] for start, end in pairwise(ends)]
    return AdaptiveTokenizer.from_spans(spans, codes, levels, special_tokens=special, name=name)  # type: ignore[arg-type]
