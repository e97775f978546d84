"""Iterables of documents: checked one by one, handed on in batches."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from tokloom.errors import TextError

if TYPE_CHECKING:
    from tokloom._engine import Counter

Document = str | bytes

# A batch keeps the counting threads busy for some milliseconds and is small beside their tables.
BATCH_LENGTH = 1_000_000


def checked_documents(items: Iterable[object]) -> Iterator[Document]:
    """The items, each one proven to be a str or bytes.

    Raises:
        TypeError: an item is something else; the message has its index and what to do.

    Example:
        >>> list(checked_documents(["one", b"two"]))
        ['one', b'two']
        >>> list(checked_documents([{"text": "one"}]))
        Traceback (most recent call last):
        ...
        TypeError: document 0 is a dict with the keys 'text'; pick the field: (row['text'] for row in data)
    """
    for index, item in enumerate(items):
        if not isinstance(item, (str, bytes)):
            raise TypeError(f"document {index} is {_what_is_wrong(item)}")
        yield item


def add_in_batches(counter: Counter, documents: Iterable[Document]) -> None:
    """Gives documents to a counter, about a million characters at a time.

    Raises:
        TextError: a str holds a lone surrogate; the message has the document's index and the position in it.
    """
    first = 0
    for batch in batches(documents):
        try:
            counter.add_documents(batch)
        except TextError as error:
            raise _with_index(error, batch, first) from None
        first += len(batch)


def batches(documents: Iterable[Document], length: int = BATCH_LENGTH) -> Iterator[list[Document]]:
    """Documents in lists of about `length` characters or bytes in all; one that is longer is a list of its own.

    Example:
        >>> list(batches(["aa", "b", "cccc", "d"], length=3))
        [['aa', 'b'], ['cccc'], ['d']]
    """
    batch: list[Document] = []
    size = 0
    for document in documents:
        if batch and size + len(document) > length:
            yield batch
            batch, size = [], 0
        batch.append(document)
        size += len(document)
    if batch:
        yield batch


def _with_index(error: TextError, batch: Sequence[Document], first: int) -> TextError:
    for index, document in enumerate(batch, start=first):
        if isinstance(document, bytes):
            continue
        try:
            document.encode()
        except UnicodeEncodeError as refused:
            surrogate = ord(document[refused.start])
            return TextError(
                f"document {index}: a lone surrogate, U+{surrogate:04X}, at position {refused.start}; it is no "
                "character. Read the text with errors='replace', or give it as bytes"
            )
    return error


def _what_is_wrong(item: object) -> str:
    kind = type(item).__name__
    if isinstance(item, dict):
        keys = ", ".join(repr(key) for key in list(item)[:8])
        field = repr("text" if "text" in item or not item else next(iter(item)))
        return f"a dict with the keys {keys}; pick the field: (row[{field}] for row in data)"
    if isinstance(item, os.PathLike):
        return f"a {kind} among documents; files are a list of Path alone, or tokloom.files(...)"
    if item is None or kind in ("float", "NAType", "NaTType"):
        return f"a missing value ({item!r}); drop those first, for example with .dropna() or .drop_nulls()"
    if hasattr(item, "as_py"):
        return f"a {kind}; turn the column into strings first: column.to_pylist()"
    return f"neither str nor bytes but {kind}; a document is one str or one bytes"
