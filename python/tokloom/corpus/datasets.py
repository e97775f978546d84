"""Text → two PyTorch datasets of packed sequences, one to train on and one to judge by."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import weakref
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from tokloom.corpus.packing import rows_of, write_conversations, write_shards
from tokloom.corpus.sequences import Sequences
from tokloom.corpus.shards import Shards, open_shards
from tokloom.errors import ArgumentError

if TYPE_CHECKING:
    from tokloom.chat import Chat
    from tokloom.learned.text import TextData
    from tokloom.tokenizer import Tokenizer

__all__ = ["PackedDataset", "conversations", "dataset", "prepared"]

TRAINING, VALIDATION = "train", "validation"


class _Folder:
    """A temporary folder that is there as long as this object."""

    def __init__(self) -> None:
        self.path = tempfile.mkdtemp(prefix="tokloom-")
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


class PackedDataset(Dataset[dict[str, Tensor]]):
    """Packed sequences; each item has `units`, `documents` and `counted`, (T,), as `Sequences.rows`.

    Args:
        shards: of ids.
        sequence_length: T.
    """

    def __init__(self, shards: Shards, sequence_length: int) -> None:
        self.shards = shards
        self.sequences = Sequences(shards, sequence_length)
        self._folder: _Folder | None = None  # of both datasets, gone with them

    def __len__(self) -> int:
        """How many sequences."""
        return len(self.sequences)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """One sequence."""
        if not 0 <= index < len(self):
            raise IndexError(f"sequence {index} of {len(self)}")
        packed = self.sequences.rows([index])
        return {
            "units": torch.from_numpy(packed.units[0]),
            "documents": torch.from_numpy(packed.documents[0]),
            "counted": torch.from_numpy(packed.counted[0]),
        }


def dataset(
    source: object,
    tokenizer: Tokenizer | str | PathLike[str],
    sequence_length: int,
    *,
    held_out: float = 0.02,
    seed: int = 0,
    near_duplicates: bool = True,
    piece: int | None = None,
    end: int | None = None,
    directory: str | PathLike[str] | None = None,
) -> tuple[PackedDataset, PackedDataset]:
    """Training and validation sequences: split by whole documents, tokenised once, mapped into memory.

    Args:
        source: as everywhere; rows with "text" (a `datasets.Dataset`) are one, too. Where `directory` has shards of
            this tokenizer already, it isn't looked at, and may be None.
        tokenizer: a name, a folder, or a tokenizer.
        sequence_length: units to a sequence.
        held_out: the share of documents to validate on, as `tokloom.learned.split`.
        seed: of the split.
        near_duplicates: False leaves these in.
        piece: cut long documents into pieces of so many bytes, at line ends.
        end: an id after every document, `tokenizer.eos_id` say. None: none.
        directory: where the shards go, to be used again; None: a temporary folder, gone with the datasets.

    Raises:
        ArgumentError: less text than one sequence; the shards in `directory` are of another tokenizer.
        FormatError: they were changed or cut short.

    Example:
        >>> texts = [f"document {number} says {number**7}" for number in range(200)]
        >>> train, validation = dataset(texts, "bytes", sequence_length=64)
        >>> train[0]["units"].shape, int(train[0]["documents"][-1])
        (torch.Size([64]), 1)
    """
    from tokloom.loading import load

    opened = load(tokenizer) if isinstance(tokenizer, (str, PathLike)) else tokenizer
    temporary = _Folder() if directory is None else None
    folder = Path(temporary.path if temporary is not None else str(directory))
    shards = prepared(
        source,
        opened,
        folder,
        held_out=held_out,
        seed=seed,
        near_duplicates=near_duplicates,
        piece=piece,
        end=end,
    )
    found = PackedDataset(shards[0], sequence_length), PackedDataset(shards[1], sequence_length)
    for each in found:
        each._folder = temporary
    return found


def prepared(
    source: object,
    tokenizer: Tokenizer,
    directory: Path,
    *,
    held_out: float = 0.02,
    seed: int = 0,
    near_duplicates: bool = True,
    piece: int | None = None,
    threads: int | None = None,
    **choices: Any,  # noqa: ANN401 (those of `write_shards`)
) -> tuple[Shards, Shards]:
    """The shards in `directory/train` and `directory/validation`; made, unless they are there.

    Raises: as `dataset`.
    """
    if not all((directory / name / "index.json").is_file() for name in (TRAINING, VALIDATION)):
        if source is None:
            raise ArgumentError(f"{directory} holds no shards, and no text was given")
        texts = split_texts(
            source, held_out=held_out, seed=seed, near_duplicates=near_duplicates, piece=piece
        )
        how = {"held_out": held_out, "split_seed": seed, "near_duplicates": near_duplicates, "piece": piece}
        for name, text in zip((TRAINING, VALIDATION), texts, strict=True):
            if not (directory / name / "index.json").is_file():
                _sweep(directory, name)
                about = json.loads(
                    json.dumps({**how, "text": text.fingerprint, "removed": dict(text.removed)})
                )
                write_shards(
                    text.documents(), tokenizer, directory / name, threads=threads, about=about, **choices
                )
    opened = open_shards(directory / TRAINING), open_shards(directory / VALIDATION)
    for shards in opened:
        shards.check(tokenizer)
    return opened


def conversations(
    items: Iterable[Any],
    chat: Chat,
    tokenizer: Tokenizer,
    directory: str | PathLike[str],
    *,
    held_out: float = 0.02,
    seed: int = 0,
) -> tuple[Shards, Shards]:
    """Conversations as shards in `directory/train` and `directory/validation`, with the mask of what the loss counts.

    The hash of a conversation and the seed decide on its side; copies are on the same side.

    Args:
        items: dictionaries with `messages`, or lists of messages; they are gone through once.
        chat: a format for the tokenizer.
        tokenizer: the one that `chat` renders with.
        directory: of both folders.
        held_out: the share of conversations to validate on.
        seed: another one, another split.

    Raises:
        ArgumentError: there are too few conversations for two sides.
        ConversationError: one is none; the message names the message in it.

    Example:
        >>> import tokloom
        >>> from tokloom.chat import Chat, named_format
        >>> tokenizer = tokloom.load("bytes").with_special_tokens(named_format("nanochat").control_tokens)
        >>> talks = [
        ...     [{"role": "user", "content": f"{n}+1?"}, {"role": "assistant", "content": str(n + 1)}]
        ...     for n in range(40)
        ... ]
        >>> train, validation = conversations(
        ...     talks, Chat(tokenizer, "nanochat"), tokenizer, tempfile.mkdtemp(), held_out=0.2
        ... )
        >>> len(train) + len(validation), 0 < len(validation) < 20
        (40, True)
    """
    if not 0 < held_out < 1:
        raise ArgumentError(f"held_out is {held_out}; it is a share above 0 and below 1")
    sides: dict[bool, list[str]] = {False: [], True: []}
    for item in items:
        text = json.dumps(item, sort_keys=True)
        digest = hashlib.blake2b(f"{seed} {text}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
        sides[int.from_bytes(digest, "big") < held_out * 2.0**64].append(text)
    if not sides[True] or not sides[False]:
        raise ArgumentError(
            f"{len(sides[True])} of {len(sides[True]) + len(sides[False])} conversations would be held out: give more of "
            "them, or another held_out"
        )
    folder = Path(directory)
    for name, side in ((TRAINING, sides[False]), (VALIDATION, sides[True])):
        write_conversations(map(json.loads, side), chat, tokenizer, folder / name)
    return open_shards(folder / TRAINING), open_shards(folder / VALIDATION)


def _sweep(directory: Path, name: str) -> None:
    """Removes what a killed process left beside."""
    for partial in directory.glob(f".{name}.*.partial"):
        shutil.rmtree(partial, ignore_errors=True)


def split_texts(source: object, **choices: Any) -> tuple[TextData, TextData]:  # noqa: ANN401
    """`tokloom.learned.split` of a source that may have rows; something must be held out."""
    from tokloom.learned.text import split

    if not choices.get("held_out", 1):
        raise ArgumentError("held_out is 0: without held-out text nothing says how good a model is")
    return split(rows_of(source), **choices)
