"""What a file holds, by the ending of its name."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tokloom.errors import SourceError

_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd"}
_FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}

# Everything without an ending of its own is text, so that sources, logs and markup need no list. These are no text,
# whatever the reader hopes: a vocabulary trained on a zip archive looks healthy and is worthless.
_NOT_TEXT = {
    **dict.fromkeys((".bz2", ".xz", ".lzma", ".lz4", ".br", ".snappy"), "a compression"),
    **dict.fromkeys((".zip", ".7z", ".rar", ".tar", ".tgz", ".whl"), "an archive"),
    **dict.fromkeys((".arrow", ".feather", ".npy", ".npz", ".pkl", ".safetensors"), "a binary format"),
    **dict.fromkeys((".pdf", ".docx", ".odt", ".epub"), "a document format"),
}


class FileFormat(NamedTuple):
    """How to read one file: what it holds, and what it is packed in."""

    format: str
    """`text`, `jsonl` or `parquet`."""
    compression: str
    """`none`, `gzip` or `zstd`."""


def format_of(path: Path) -> FileFormat:
    """The format of a file, by its name alone; the file need not exist.

    Args:
        path: its last ending says the compression (`.gz`, `.zst`, `.zstd`), the one before it the format (`.jsonl`,
            `.ndjson`, `.parquet`); everything else is text. Upper and lower case are the same.

    Raises:
        SourceError: the ending belongs to an archive or a binary format, which isn't text.

    Example:
        >>> from pathlib import Path
        >>> format_of(Path("corpus/part-0.jsonl.zst"))
        FileFormat(format='jsonl', compression='zstd')
        >>> format_of(Path("README.md")).format
        'text'
    """
    endings = [ending.lower() for ending in path.suffixes]
    compression = "none"
    if endings and endings[-1] in _COMPRESSIONS:
        compression = _COMPRESSIONS[endings.pop()]
    ending = endings[-1] if endings else ""
    if ending in _NOT_TEXT:
        raise SourceError(
            f"{path}: {ending} is {_NOT_TEXT[ending]} that tokloom doesn't read; unpack or convert it to text, "
            "jsonl or parquet (text and jsonl also as .gz or .zst)"
        )
    file_format = _FORMATS.get(ending, "text")
    if file_format == "parquet" and compression != "none":
        raise SourceError(
            f"{path}: a parquet file has its own compression inside; unpack {path.suffixes[-1]} first"
        )
    return FileFormat(file_format, compression)
