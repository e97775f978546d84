"""The embedding rows of a model and the bytes of its tokens, out of any folder of safetensors or GGUF; nothing else is read.

Pickled weights (`pytorch_model.bin`) are never read: pickle runs code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError, FormatError, VocabularyNotFoundError
from tokloom.learned.soft import safetensors_file
from tokloom.learned.soft.token_bytes import bytes_by_id
from tokloom.storage import read_file
from tokloom.tokenizer import Tokenizer

__all__ = ["EmbeddingMatrix", "read_matrix"]

INDEX = "model.safetensors.index.json"
LARGEST_INDEX = 1 << 26
LARGEST_SIDE = 1 << 24  # rows or columns: no vocabulary has sixteen million tokens
# How models call the table of their tokens; what stands before is the model's own (`model.`, `transformer.`, …).
ENDINGS = (
    "embed_tokens.weight",
    "word_embeddings.weight",
    "tok_embeddings.weight",
    "token_embedding.weight",
    "wte.weight",
    "embed_in.weight",
    "shared.weight",
    "embedding.weight",
    "embeddings.weight",
    "embeddings",
)


@dataclass(frozen=True, eq=False)
class EmbeddingMatrix:
    """Rows and the bytes that they belong to.

    Attributes:
        rows: float32, shape (rows, dimensions).
        tokens: the bytes of each row's token, shape (rows,); None for control tokens, holes and padding.
        name: what it is called, for tables and messages.
        source: the file and the tensor that it was read from.
    """

    rows: NDArray[np.float32]
    tokens: tuple[bytes | None, ...]
    name: str
    source: str = ""

    def __post_init__(self) -> None:
        if self.rows.ndim != 2 or len(self.rows) != len(self.tokens) or not self.rows.size:
            raise ArgumentError(
                f"rows of shape {self.rows.shape} for {len(self.tokens):,} tokens: it must be a row for each"
            )
        if not np.isfinite(self.rows).all():
            raise FormatError(f"{self.source or self.name}: rows with numbers that are not finite")

    @property
    def dimensions(self) -> int:
        """How many numbers a row has."""
        return int(self.rows.shape[1])

    @property
    def known(self) -> NDArray[np.int64]:
        """The ids whose token has bytes, ascending."""
        return np.array([id for id, token in enumerate(self.tokens) if token is not None], np.int64)


def read_matrix(
    path: str | PathLike[str],
    *,
    tokenizer: Tokenizer | str | PathLike[str] | None = None,
    tensor: str | None = None,
) -> EmbeddingMatrix:
    """The embedding rows of a model's folder or file, with the bytes of its tokens.

    Args:
        path: a folder with `*.safetensors` (one file, or several with `model.safetensors.index.json`) or with a
            `.gguf`; or such a file.
        tokenizer: a tokenizer, or the path of its folder or file; None: the one in the model's folder, or the tokens
            that the GGUF file lists.
        tensor: the name of the tensor that holds the rows; None: the one called as such tensors are.

    Raises:
        VocabularyNotFoundError: there is no such file or folder, nothing readable in it, or no tokenizer.
        FormatError: a file is damaged, or the rows are fewer than the tokens.
        ArgumentError: it isn't clear which tensor holds the rows; the message lists those that might.
        MissingDependencyError: a GGUF file, and `gguf` isn't installed (`pip install tokloom[gguf]`).
    """
    place = Path(path)
    if not place.exists():
        raise VocabularyNotFoundError(
            f"{place}: no such file or folder (looked in {place.absolute().parent})"
        )
    folder, files = (place, _files(place)) if place.is_dir() else (place.parent, [place])
    name = place.resolve().stem if place.is_file() else place.resolve().name
    if files[0].suffix == ".gguf":
        from tokloom.learned.soft import gguf_file

        rows, listed, source = gguf_file.read_embedding(files, tensor)
        tokens = listed if tokenizer is None else bytes_by_id(_tokenizer(tokenizer, folder))
    else:
        rows, source = _from_safetensors(files, tensor)
        tokens = bytes_by_id(_tokenizer(tokenizer, folder))
    if len(tokens) > len(rows):
        raise FormatError(
            f"{source}: {len(rows):,} rows, and the tokenizer has {len(tokens):,} ids: it is another model's"
        )
    # Models round their tables up; what no token stands for is nobody's row.
    padded = [*tokens, *[None] * (len(rows) - len(tokens))]
    return EmbeddingMatrix(rows, tuple(padded), name, source)


def _tokenizer(given: Tokenizer | str | PathLike[str] | None, folder: Path) -> Tokenizer:
    from tokloom.loading import load

    if isinstance(given, Tokenizer):
        return given
    if given is not None:
        return load(given)
    try:
        return load(folder)
    except VocabularyNotFoundError as error:
        raise VocabularyNotFoundError(
            f"{error}. Rows need the bytes of their tokens: give the tokenizer (tokenizer=, in a shell --tokenizer)"
        ) from None


def _files(folder: Path) -> list[Path]:
    """The files of a folder that may hold the rows, those of one kind."""
    if (folder / INDEX).is_file():
        return [folder / INDEX]
    for ending in (".safetensors", ".gguf"):
        found = sorted(entry for entry in folder.iterdir() if entry.suffix == ending and entry.is_file())
        if found:
            return found
    held = ", ".join(sorted(entry.name for entry in folder.iterdir())[:8]) or "nothing"
    pickled = any(entry.suffix in {".bin", ".pt", ".pth"} for entry in folder.iterdir())
    advice = "; pickled weights are never read: save the model as safetensors" if pickled else ""
    raise VocabularyNotFoundError(f"{folder}: no .safetensors and no .gguf in it (it has {held}){advice}")


def _from_safetensors(files: list[Path], tensor: str | None) -> tuple[NDArray[np.float32], str]:
    by_name = _by_name(files[0]) if files[0].name == INDEX else None
    held: dict[str, Path] = by_name or {
        name: file for file in files for name in safetensors_file.header(file)
    }
    name = _choose(held, tensor, str(files[0]), lambda name: _is_table(held[name], name))
    entry = safetensors_file.header(held[name]).get(name)
    if entry is None:
        raise FormatError(f"{held[name]}: the index says that {name!r} is in it, and it isn't")
    check_shape(entry.shape, f"{held[name]}: {name!r}")
    return safetensors_file.read(held[name], name, entry), f"{held[name]} ({name})"


def check_shape(shape: tuple[int, ...], where: str) -> None:
    """Refuses what is no table of rows."""
    if len(shape) != 2 or not all(1 <= side <= LARGEST_SIDE for side in shape):
        raise FormatError(f"{where} has the shape {shape}; rows of an embedding are (tokens, dimensions)")


def _is_table(file: Path, name: str) -> bool:
    entry = safetensors_file.header(file).get(name)
    return entry is not None and len(entry.shape) == 2


def _by_name(index: Path) -> dict[str, Path]:
    """Which file each tensor of a sharded model is in; files of the same folder only."""
    try:
        told = json.loads(read_file(index, at_most=LARGEST_INDEX))["weight_map"]
        pairs = list(told.items())
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        raise FormatError(f"{index}: no index of tensors (it needs the field weight_map)") from None
    found: dict[str, Path] = {}
    for name, file in pairs:
        if not isinstance(file, str) or Path(file).name != file or os.sep in file:
            raise FormatError(f"{index}: {name!r} would be in {file!r}, which is no file of this folder")
        found[name] = index.parent / file
    return found


def _choose(held: dict[str, Path], wished: str | None, where: str, is_table: Callable[[str], bool]) -> str:
    if wished is not None:
        if wished in held:
            return wished
        raise ArgumentError(f"{where}: no tensor {wished!r}; it has {_some(iter(sorted(held)))}")
    for ending in ENDINGS:
        found = [name for name in held if name == ending or name.endswith(f".{ending}")]
        tables = [name for name in found if is_table(name)]
        if len(tables) == 1:
            return tables[0]
        if len(tables) > 1:
            raise ArgumentError(
                f"{where}: several tensors might be the embedding ({_some(iter(tables))}); name one (tensor=, in a "
                "shell --tensor)"
            )
    raise ArgumentError(
        f"{where}: no tensor is called as an embedding is; name it (tensor=, in a shell --tensor). It has "
        f"{_some(name for name in sorted(held) if is_table(name))}"
    )


def _some(names: Iterator[str]) -> str:
    shown = [name for name, _ in zip(names, range(9), strict=False)]
    return (", ".join(shown[:8]) + (", …" if len(shown) > 8 else "")) or "none"
