"""What the catalogue says of a vocabulary and of the file it comes from. Data only; the table is in `table.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Form = Literal["ranks", "tekken", "sentencepiece", "tokenizer.json", "wordpiece"]


@dataclass(frozen=True)
class HubFile:
    """A file of the Hugging Face hub at a pinned revision."""

    repository: str
    revision: str
    path: str
    gated: bool = False
    """Whether the hub asks for an account that accepted the model's licence."""

    @property
    def url(self) -> str:
        """Where it can be got by hand."""
        return f"https://huggingface.co/{self.repository}/resolve/{self.revision}/{self.path}"


@dataclass(frozen=True)
class PackageFile:
    """A file that lies in an installed Python package."""

    package: str
    """As it is imported; it never is, only its folder is looked for."""
    project: str
    """As `pip install` names it."""
    path: str


@dataclass(frozen=True)
class Derivation:
    """How a file comes out of another one, byte for byte; the result is verified like any other."""

    source: File
    convert: Callable[[bytes], bytes]
    how: str


@dataclass(frozen=True)
class File:
    """A published file, known by its sha256.

    Attributes:
        name: as it is called in tokloom's cache.
        form: how it is read.
        sha256: of the published file. None where none could be established: then the hub's own hash must fit,
            wherever the file is from.
        size: in bytes; None together with `sha256`.
        url: where tiktoken's own source says that it is published.
        hub: where the Hugging Face hub has it.
        packages: installed packages that may carry it; the first is the one to advise.
        derived: other files that it can be made from.
    """

    name: str
    form: Form
    sha256: str | None
    size: int | None
    url: str | None = None
    hub: tuple[HubFile, ...] = ()
    packages: tuple[PackageFile, ...] = ()
    derived: tuple[Derivation, ...] = ()


@dataclass(frozen=True)
class Entry:
    """A known vocabulary.

    Attributes:
        name: what `tokloom.load` calls it.
        aliases: other names for the same.
        kind: what it is, in a few words.
        vocab_size: the highest id + 1, as published; what is loaded must have it.
        files: any one of them will do, the first is preferred. Empty for what needs none.
        pattern: the split pattern of a rank file, by name; None where the file says it.
        special_tokens: with their ids as published; None where the file says them.
        good_for: what to take it for.
        note: what to know about it.
        source: where the sizes, ids and hashes are published.
    """

    name: str
    kind: str
    vocab_size: int
    good_for: str
    source: str
    aliases: tuple[str, ...] = ()
    files: tuple[File, ...] = ()
    pattern: str | None = None
    special_tokens: Mapping[str, int] | None = field(default=None, repr=False)
    note: str = ""
