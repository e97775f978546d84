"""Text or conversations → token shards: tokenised once, in batches, written beside the folder's name and renamed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from tokloom.corpus import shards as files
from tokloom.corpus.shards import Shards, open_shards
from tokloom.corpus.sources import Source, as_source
from tokloom.errors import ArgumentError
from tokloom.storage import new_directory

if TYPE_CHECKING:
    from tokloom.chat import Chat
    from tokloom.tokenizer import Tokenizer

__all__ = ["rows_of", "write_conversations", "write_shards"]

SHARD_TOKENS = 1 << 26
# Of text: enough to keep the encoder's threads busy, small beside their caches. A longer document is streamed.
BATCH_BYTES = 4_000_000


def write_shards(
    source: object,
    tokenizer: Tokenizer,
    directory: str | PathLike[str],
    *,
    end: int | None = None,
    unit: int = 1,
    padding: int = 0,
    shard_tokens: int = SHARD_TOKENS,
    threads: int | None = None,
    about: Mapping[str, Any] | None = None,
) -> Shards:
    """Tokenises documents into a folder of shards; special tokens in a text are text.

    Memory holds a batch of about four megabytes and its ids, however long documents are.

    Args:
        source: as everywhere; rows with "text" are one, too.
        tokenizer: its fingerprint stands in the index.
        directory: a new or empty folder.
        end: an id that is put after every document (`tokenizer.eos_id`, say); it stands for no byte. None: none.
        unit: documents are filled up with `padding` to a multiple of so many ids: the bytes of a chunk.
        padding: the id for that.
        shard_tokens: after so many ids a new shard begins, with the next document.
        threads: of encoding.
        about: further plain values for the index.

    Raises:
        ArgumentError: there is no text.
        SourceError, FormatError, TextError: as `tokloom.train`; the folder isn't empty; the disk is full. Nothing is
            left behind.

    Example:
        >>> import tempfile, tokloom
        >>> folder = Path(tempfile.mkdtemp()) / "shards"
        >>> shards = write_shards(["one", "two!"], tokloom.load("bytes"), folder)
        >>> len(shards), shards.size, shards.text_bytes, shards.read(3, 7).tolist()
        (2, 7, 7, [116, 119, 111, 33])
    """
    documents = _tokenised(rows_of(source), tokenizer, threads)
    after = [] if end is None else [end]
    tokens = max(tokenizer.vocab_size, padding + 1 if unit > 1 else 0)
    return _write(
        (
            (_filled(chain(parts, [np.array(after, np.uint32)]), unit, padding), size)
            for parts, size in documents
        ),
        Path(directory),
        {
            "fingerprint": tokenizer.fingerprint,
            "vocab_size": tokens,
            "unit": unit,
            "tokenizer": tokenizer.name,
        },
        shard_tokens=shard_tokens,
        about={**(about or {}), "end": end},
    )


def write_conversations(
    conversations: Iterable[Any],
    chat: Chat,
    tokenizer: Tokenizer,
    directory: str | PathLike[str],
    *,
    shard_tokens: int = SHARD_TOKENS,
) -> Shards:
    """Renders conversations into a folder of shards, with the mask of what the loss counts.

    Args:
        conversations: dictionaries with `messages`, or lists of messages.
        chat: a format for the tokenizer.
        tokenizer: the one that `chat` renders with.
        directory: a new or empty folder.
        shard_tokens: after so many ids a new shard begins.

    Raises:
        ConversationError: as `Chat.render`.
    """

    def rendered() -> Iterator[tuple[Iterator[NDArray[Any]], int, NDArray[np.uint8]]]:
        special = np.array(sorted(tokenizer.special_tokens.values()), np.uint32)
        for conversation in conversations:
            ids, mask = chat.render(conversation)
            array, trained = np.array(ids, np.uint32), np.array(mask, np.uint8)
            # What the loss counts is what bits are told by: control tokens are 0 bytes, and so is what was given.
            said = array[(trained == 1) & ~np.isin(array, special)]
            yield iter([array]), len(tokenizer.decode_bytes(said.tolist())), trained

    return _write(
        rendered(),
        Path(directory),
        {
            "fingerprint": tokenizer.fingerprint,
            "vocab_size": tokenizer.vocab_size,
            "unit": 1,
            "tokenizer": tokenizer.name,
        },
        shard_tokens=shard_tokens,
        trained=True,
        about={"end": None},
    )


def rows_of(source: object) -> Source:
    """What a source means; rows (dictionaries) with "text", a `datasets.Dataset` among them, are their texts.

    Example:
        >>> list(rows_of([{"text": "one"}, {"text": "two"}]).documents())
        ['one', 'two']
    """
    if isinstance(source, (str, bytes, PathLike, Source, Mapping)) or not isinstance(source, Iterable):
        return as_source(source)
    rows = iter(source)
    first = next(rows, None)
    if not isinstance(first, Mapping):
        if isinstance(source, Iterator) and first is not None:
            return as_source(chain([first], rows))
        return as_source(source)
    if "text" not in first:
        raise ArgumentError(
            f'rows have {", ".join(map(repr, first))}, and no "text"; give the texts: (row["…"] for row in data)'
        )
    return as_source(row["text"] for row in chain([first], rows))


def _tokenised(
    source: Source, tokenizer: Tokenizer, threads: int | None
) -> Iterator[tuple[Iterator[NDArray[np.uint32]], int | list[int]]]:
    """Each document's ids in parts, and its bytes (in a list that is filled as the parts are read)."""
    batch: list[bytes] = []
    held = 0

    def encoded() -> Iterator[tuple[Iterator[NDArray[np.uint32]], int]]:
        for text, ids in zip(batch, tokenizer.encode_batch_to_numpy(batch, threads=threads), strict=True):
            yield iter([ids]), len(text)

    for stream in source.streams():
        begin, size = [], 0
        blocks = (block.encode() if isinstance(block, str) else bytes(block) for block in stream)
        for block in blocks:
            begin.append(block)
            size += len(block)
            if size > BATCH_BYTES:
                break
        if held + size > BATCH_BYTES and batch:
            yield from encoded()
            batch, held = [], 0
        if size > BATCH_BYTES:
            counted: list[int] = []
            yield tokenizer.encode_stream(_counted(chain(begin, blocks), counted)), counted
        elif size:
            batch.append(b"".join(begin))
            held += size
    if batch:
        yield from encoded()


def _counted(blocks: Iterable[bytes], counted: list[int]) -> Iterator[bytes]:
    for block in blocks:
        counted.append(len(block))
        yield block


def _filled(parts: Iterable[NDArray[Any]], unit: int, padding: int) -> Iterator[NDArray[Any]]:
    length = 0
    for part in parts:
        length += len(part)
        yield part
    if length % unit:
        yield np.full(unit - length % unit, padding, np.uint32)


class _Writer:
    """The files of one shard, and their sha256."""

    def __init__(self, folder: Path, number: int, dtype: str, *, trained: bool) -> None:
        self.length, self.documents, self.dtype = 0, 0, dtype
        kinds = ["tokens", "ends", "bytes"] + (["trained"] if trained else [])
        self._files: dict[str, tuple[str, BinaryIO, Any]] = {}
        for kind in kinds:
            name = files.file_name(kind, number)
            self._files[kind] = name, (folder / name).open("xb"), hashlib.sha256()

    def write(self, kind: str, data: bytes) -> None:
        _, file, digest = self._files[kind]
        file.write(data)
        digest.update(data)

    def close(self) -> Iterator[tuple[str, int, str]]:
        """Names, sizes and sha256."""
        for name, file, digest in self._files.values():
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
            file.close()
            yield name, size, digest.hexdigest()

    def abandon(self) -> None:
        for _, file, _ in self._files.values():
            file.close()


def _write(
    documents: Iterable[Any],
    directory: Path,
    facts: Mapping[str, Any],
    *,
    shard_tokens: int,
    about: Mapping[str, Any],
    trained: bool = False,
) -> Shards:
    if shard_tokens < 1:
        raise ArgumentError(f"shard_tokens is {shard_tokens}; a shard has at least one id")
    dtype = files.dtype_of(facts["vocab_size"])
    sizes: dict[str, int] = {}
    digests: dict[str, str] = {}
    counts = {"documents": 0, "tokens": 0, "bytes": 0}
    with new_directory(directory) as folder:
        writer: _Writer | None = None
        number = 0

        def closed() -> None:
            nonlocal writer, number
            if writer is not None:
                for name, size, digest in writer.close():
                    sizes[name], digests[name] = size, digest
                writer, number = None, number + 1

        try:
            for parts, size, *mask in documents:
                if writer is None:
                    writer = _Writer(folder, number, dtype, trained=trained)
                before = writer.length
                for part in parts:
                    writer.write("tokens", part.astype(dtype).tobytes())
                    writer.length += len(part)
                text_bytes = sum(size) if isinstance(size, list) else size
                writer.write("ends", writer.length.to_bytes(8, "little"))
                writer.write("bytes", text_bytes.to_bytes(8, "little"))
                if trained:
                    writer.write("trained", mask[0].tobytes())
                counts["documents"] += 1
                counts["tokens"] += writer.length - before
                counts["bytes"] += text_bytes
                if writer.length >= shard_tokens:
                    closed()
            closed()
        finally:
            if writer is not None:
                writer.abandon()
        if not counts["tokens"]:
            raise ArgumentError("there is no text: no document, or all are empty")
        index = {
            "tokloom": files.VERSION,
            "kind": files.KIND,
            **facts,
            "trained": trained,
            "shards": number,
            **counts,
            **about,
            "sizes": sizes,
            "sha256": digests,
        }
        text = json.dumps(index, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        # The mark last: a folder that has it has all of it.
        (folder / files.INDEX).write_bytes(text.encode("utf-8", "surrogatepass"))
    return open_shards(directory)
