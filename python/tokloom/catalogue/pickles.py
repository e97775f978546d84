"""Files that are programs, told by their content and refused unread."""

from __future__ import annotations

import os
from pathlib import Path

from tokloom.errors import FormatError

_LOOKED_AT = 4096  # bytes of the beginning
_ENOUGH = 8  # opcodes in a row: no text and no vocabulary begins so by accident
_ZIP = b"PK\x03\x04"


def refuse_pickle(path: Path) -> None:
    """Refuses a pickle unread: what it holds is code.

    Raises:
        FormatError: the file's name or its content says that it is one, or a checkpoint of PyTorch, which holds one.
    """
    try:
        beginning, size, end = _ends(path)
    except OSError:
        return  # whoever reads it says so
    if beginning.startswith(_ZIP) and b"/data.pkl" in beginning:
        raise FormatError(
            f"{path}: a checkpoint of PyTorch, which holds a pickle, and that is a program; tokloom runs nothing that it "
            "loads, so it is not read. Export the vocabulary with the library that wrote it, as a tokenizer.json, a "
            "SentencePiece .model or a rank file, and load that"
        )
    if path.suffix not in {".pkl", ".pickle"} and not _is_pickle(beginning, size, end):
        return
    raise FormatError(
        f"{path}: a pickle, which is a program; tokloom runs nothing that it loads, so it is not read. If you trust the "
        "file, open it where it was made, and hand over what comes out:\n"
        f'    with open({str(path)!r}, "rb") as file: encoding = pickle.load(file)\n'
        '    tokloom.adapt(encoding).save("mine")'
    )


def _ends(path: Path) -> tuple[bytes, int, bytes]:
    """The beginning of a file, its size, and its last byte; nothing of a pipe, where what is read is gone."""
    if not path.is_file():
        return b"", 0, b""
    with path.open("rb") as file:
        beginning = file.read(_LOOKED_AT)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        return beginning, size, file.read(1)


def _is_pickle(beginning: bytes, size: int, end: bytes) -> bool:
    """By its first two bytes, or, of the protocols 0 and 1, by the opcodes that it begins with; none is run."""
    if beginning[:1] == b"\x80" and beginning[1:2] in {bytes([number]) for number in range(2, 6)}:
        return True
    if end != b".":
        return False
    import pickletools  # here, since hardly any file ends so

    opcodes = 0
    try:
        for opcode, _, at in pickletools.genops(beginning):
            opcodes += 1
            if opcode.name == "STOP":
                return opcodes > 1 and at is not None and at + 1 == size
    except (ValueError, IndexError, OverflowError):  # no opcode, or what was read ends here
        pass
    return size > len(beginning) and opcodes >= _ENOUGH
