"""What an adapter is made of, as plain values: saved in a folder, sent between processes.

A folder has `tokloom.json` and the library's own file, byte for byte. The fingerprint is over the latter and the special
tokens that were added here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tokloom import saved
from tokloom.adapters import FILES
from tokloom.errors import FormatError
from tokloom.storage import read_file, write_directory

LARGEST_FILE = 1 << 28


class State(NamedTuple):
    """An adapter as plain values.

    Attributes:
        kind: which adapter.
        data: the library's file.
        added: special tokens that were added here and that the file can't hold.
        name: what it is called.
        reason: why it isn't run by tokloom's engine, where that could have been.
    """

    kind: str
    data: bytes
    added: tuple[str, ...]
    name: str
    reason: str

    @property
    def fingerprint(self) -> str:
        """sha256 over kind, file and added tokens, each with its length."""
        digest = hashlib.sha256()
        for part in (self.kind.encode(), self.data, json.dumps(self.added).encode()):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
        return digest.hexdigest()


def write(directory: Path, state: State, *, facts: Mapping[str, Any], derived: Mapping[str, bytes]) -> None:
    """Writes the folder; in place of one that was saved before, and of no other."""
    description = {
        "tokloom": saved.VERSION,
        "kind": state.kind,
        "fingerprint": state.fingerprint,
        **facts,
        "added": list(state.added),
        "reason": state.reason,
    }
    files = {
        FILES[state.kind]: state.data,
        **derived,
        saved.DESCRIPTION: (json.dumps(description, indent=1, ensure_ascii=False) + "\n").encode(),
    }
    write_directory(directory, files, mark=saved.DESCRIPTION, ours=saved.ours_in(directory))


def read(directory: Path, description: dict[str, Any]) -> tuple[State, str]:
    """The state in a folder, and where it is; a file that was changed is refused.

    Raises:
        FormatError: a field is missing or not what it should be, or the fingerprint is another.
    """
    origin = str(directory / saved.DESCRIPTION)
    kind, added, reason = (description.get(field) for field in ("kind", "added", "reason"))
    if not isinstance(kind, str) or kind not in FILES:
        raise FormatError(f"{origin}: the kind {kind!r} is not known; open it with the tokloom that made it")
    if not isinstance(added, list) or not all(isinstance(name, str) for name in added):
        raise FormatError(f"{origin}: the field added must be a list of names")
    if not isinstance(reason, str):
        raise FormatError(f"{origin}: the field reason must be a str")
    data = read_file(directory / FILES[kind], at_most=LARGEST_FILE)
    state = State(kind, data, tuple(added), directory.resolve().name, reason)
    if state.fingerprint != description.get("fingerprint"):
        raise FormatError(
            f"{origin}: the files don't fit together: {FILES[kind]} or the added tokens are not those that were saved. "
            "One of them was changed or cut short; save the tokenizer again, or get it anew"
        )
    return state, str(directory / FILES[kind])
