"""What a learned tokenizer is made of, as plain values: saved in a folder, sent between processes.

A folder has `tokloom.json`, which says everything but the numbers, and `model.safetensors`, which holds these. The
fingerprint is over what can change an id or a byte; what else a description tells (how it was trained) is kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokloom import saved
from tokloom.errors import ArgumentError, FormatError
from tokloom.learned import tensors as files
from tokloom.storage import read_file, write_directory

LARGEST_MODEL = 1 << 30
# What `tokloom.json` says of every kind, beside the description.
_OWN = ("tokloom", "kind", "fingerprint", "vocab_size", "guarantees")


class State(NamedTuple):
    """A learned tokenizer as plain values.

    Attributes:
        kind: which one: a key of `tokloom.learned.KINDS`.
        description: what is said of it, as JSON takes it; its special tokens in order of id among it.
        tensors: the bytes of a safetensors file.
        name: what it is called.
    """

    kind: str
    description: dict[str, Any]
    tensors: bytes
    name: str


def fingerprint(kind: str, facts: Mapping[str, Any], tensors: Mapping[str, NDArray[np.generic]]) -> str:
    """sha256 over the kind, what is said and the numbers, each with its length."""
    said = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256()
    for part in (b"tokloom learned 1", kind.encode(), said.encode(), files.write(tensors)):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


def as_json(description: Mapping[str, Any], what: str) -> dict[str, Any]:
    """A copy of the description with nothing in it but what JSON has.

    Raises:
        ArgumentError: something in it is nothing that JSON has.
    """
    try:
        copied: dict[str, Any] = json.loads(json.dumps(dict(description), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ArgumentError(f"the {what} can't be saved as JSON: {error}") from None
    return copied


def write(
    directory: Path, state: State, *, facts: Mapping[str, Any], more: Mapping[str, bytes] | None = None
) -> None:
    """Writes the folder; in place of one that was saved before, and of no other.

    Args:
        directory: the folder.
        state: the tokenizer.
        facts: what `tokloom.json` says first: fingerprint, vocab_size, guarantees.
        more: further files.
    """
    description = {
        "tokloom": saved.VERSION,
        "kind": state.kind,
        **facts,
        **{key: value for key, value in state.description.items() if key not in _OWN},
    }
    written = {
        saved.MODEL: state.tensors,
        **(more or {}),
        saved.DESCRIPTION: (json.dumps(description, indent=1, ensure_ascii=False) + "\n").encode(
            "utf-8", "surrogatepass"
        ),
    }
    write_directory(directory, written, mark=saved.DESCRIPTION, ours=saved.ours_in(directory))


def read(directory: Path, description: dict[str, Any]) -> State:
    """The state in a folder, `tokloom.json` already read."""
    data = read_file(directory / saved.MODEL, at_most=LARGEST_MODEL)
    rest = {key: value for key, value in description.items() if key not in _OWN}
    return State(description["kind"], rest, data, directory.resolve().name)


def origin_of(directory: Path) -> str:
    """How messages name what is in a folder."""
    return f"{directory / saved.DESCRIPTION} ({saved.MODEL})"


def check(origin: str, description: Mapping[str, Any], fingerprint: str, vocab_size: int) -> None:
    """Whether what was opened is what `tokloom.json` says.

    Raises:
        FormatError: it is not: a file was changed.
    """
    if description.get("fingerprint") != fingerprint or description.get("vocab_size") != vocab_size:
        raise FormatError(
            f"{origin}: the files don't fit together: the fingerprint or vocab_size in {saved.DESCRIPTION} is another. "
            "One of them was changed or cut short; save the tokenizer again, or get it anew"
        )
