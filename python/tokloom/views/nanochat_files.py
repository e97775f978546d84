r"""The folder that nanochat opens, written and never read: `tokenizer.pkl` and `token_bytes.pt`.

`tokenizer.pkl` is a pickled `tiktoken.Encoding`. `token_bytes.pt` is what `torch.save` writes of a tensor of int32: a
zip archive, uncompressed, with a pickle that says what the tensor is and one file of its numbers. It is written here
without torch, in fixed bytes: torch's own format, docs/source/notes/serialization.rst and torch/serialization.py.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import UnknownIdError
from tokloom.storage import write_directory
from tokloom.tokenizer import Tokenizer
from tokloom.views.nanochat import NanochatView

__all__ = ["TOKENIZER", "TOKEN_BYTES", "export", "files", "lengths", "tensor_file"]

TOKENIZER, TOKEN_BYTES = "tokenizer.pkl", "token_bytes.pt"
# torch aligns a tensor's numbers, so that they can be mapped into memory.
ALIGNMENT = 64


def export(tokenizer: Tokenizer, directory: Path) -> None:
    """Writes the folder; in place of one that this wrote before, and of no other.

    Raises:
        VocabularyError: the vocabulary has no `<|bos|>`, or tiktoken, which nanochat opens it with, can't say what it
            does.
        MissingDependencyError: tiktoken isn't installed (`pip install tokloom[tiktoken]`).
        SourceError: the system refuses (also an OSError); nothing half-written is left.
    """
    write_directory(directory, files(tokenizer), mark=TOKENIZER, ours=(TOKENIZER, TOKEN_BYTES))


def files(tokenizer: Tokenizer) -> dict[str, bytes]:
    """The files' contents by name."""
    encoding = NanochatView(
        tokenizer
    ).tokenizer.as_tiktoken()  # it is asked first whether nanochat can open it
    return {TOKENIZER: pickle.dumps(encoding, protocol=4), TOKEN_BYTES: tensor_file(lengths(tokenizer))}


def lengths(tokenizer: Tokenizer) -> NDArray[np.int32]:
    """How many bytes each id stands for, shape (vocab_size,): 0 for special tokens, and for ids of nothing."""
    special = set(tokenizer.special_tokens.values())
    result = np.zeros(tokenizer.vocab_size, np.int32)
    for id in range(tokenizer.vocab_size):
        if id not in special:
            try:
                result[id] = len(tokenizer.token_bytes(id))
            except UnknownIdError:
                continue
    return result


def tensor_file(numbers: NDArray[np.int32]) -> bytes:
    """What `torch.load` opens as a tensor of int32, shape (n,).

    Example:
        >>> len(tensor_file(np.array([1, 2, 3], np.int32))) < 1000
        True
    """
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as archive:
        for name, data in (
            ("data.pkl", _description(len(numbers))),
            ("byteorder", b"little"),
            ("data/0", numbers.astype("<i4").tobytes()),
            ("version", b"3\n"),
        ):
            entry = zipfile.ZipInfo(f"token_bytes/{name}")  # of 1980: the same bytes at any time
            begins = output.tell() + 30 + len(entry.filename) + 4  # a local header, and that of the padding
            padding = -begins % ALIGNMENT
            entry.extra = b"FB" + padding.to_bytes(2, "little") + b"Z" * padding
            archive.writestr(entry, data)
    return output.getvalue()


def _description(size: int) -> bytes:
    """The pickle of a tensor of this many numbers: instructions in the order in which a reader carries them out."""
    number = pickle.BININT + size.to_bytes(4, "little", signed=True)
    storage = (
        pickle.MARK
        + _string("storage")
        + _global("torch", "IntStorage")
        + _string("0")  # the file of the numbers
        + _string("cpu")
        + number
        + pickle.TUPLE
        + pickle.BINPERSID
    )
    shape, strides = number + pickle.TUPLE1, pickle.BININT1 + b"\x01" + pickle.TUPLE1
    hooks = _global("collections", "OrderedDict") + pickle.EMPTY_TUPLE + pickle.REDUCE
    offset, needs_gradient = pickle.BININT1 + b"\x00", pickle.NEWFALSE
    return (
        pickle.PROTO
        + b"\x02"
        + _global("torch._utils", "_rebuild_tensor_v2")
        + pickle.MARK
        + storage
        + offset
        + shape
        + strides
        + needs_gradient
        + hooks
        + pickle.TUPLE
        + pickle.REDUCE
        + pickle.STOP
    )


def _global(module: str, name: str) -> bytes:
    return pickle.GLOBAL + f"{module}\n{name}\n".encode()


def _string(text: str) -> bytes:
    return pickle.BINUNICODE + len(text).to_bytes(4, "little") + text.encode()
