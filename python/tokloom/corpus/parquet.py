"""Documents out of a column of a parquet file, by pyarrow (the extra `tokloom[parquet]`)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from tokloom.errors import FormatError, MissingDependencyError, SourceError, TokloomWarning

# Rows, not bytes, is all that pyarrow can be asked for; web documents have some kilobytes each.
_ROWS_PER_BATCH = 256


def read_column(path: Path, column: str) -> Iterator[bytes]:
    """The texts of one column as bytes, row by row, a few hundred rows in memory.

    A null is no document and is left out; a warning at the end says how many there were.

    Args:
        path: a parquet file.
        column: the name of a column of strings or binary values.

    Raises:
        MissingDependencyError: pyarrow isn't installed.
        FormatError: this is no parquet file, it is damaged, or the column is missing or holds something else.
        SourceError: the file can't be read.
    """
    pa, parquet = _import_pyarrow()
    nulls = 0
    try:
        with parquet.ParquetFile(path) as file:
            kind = _column_type(pa, file.schema_arrow, path, column)
            for batch in file.iter_batches(batch_size=_ROWS_PER_BATCH, columns=[column]):
                # As bytes: a column may hold what isn't UTF-8, and bytes need no validation here.
                values = batch.column(0).cast(kind).cast(pa.large_binary())
                nulls += values.null_count
                yield from values.drop_null().to_pylist()
    except pa.ArrowException as error:
        raise FormatError(f"{path}: not a parquet file that pyarrow can read: {error}") from error
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from error
    if nulls:
        message = f"{path}: {nulls:,} rows of the column {column!r} are null and were left out"
        warnings.warn(message, TokloomWarning, stacklevel=2)


def _import_pyarrow() -> tuple[ModuleType, ModuleType]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingDependencyError(
            "reading parquet needs pyarrow, which isn't installed: pip install 'tokloom[parquet]'"
        ) from error
    return pa, parquet


def _column_type(pa: ModuleType, schema: Any, path: Path, column: str) -> Any:  # noqa: ANN401 (pyarrow has no types)
    """The plain type to cast the column to, so that dictionaries and views need no special care later."""
    index = schema.get_field_index(column)
    if index < 0:
        there = ", ".join(repr(name) for name in schema.names) or "none at all"
        raise FormatError(
            f"{path}: there is no column {column!r}; the columns are {there}. Name one with "
            "tokloom.files(..., text=...), on the command line --text-field"
        )
    types = pa.types
    kind = schema.field(index).type
    value = kind.value_type if types.is_dictionary(kind) else kind
    if types.is_string(value) or types.is_large_string(value) or types.is_string_view(value):
        return pa.large_string()
    if types.is_binary(value) or types.is_large_binary(value) or types.is_binary_view(value):
        return pa.large_binary()
    strings = [
        field.name for field in schema if types.is_string(field.type) or types.is_large_string(field.type)
    ]
    raise FormatError(
        f"{path}: the column {column!r} holds {kind}, not text; columns of text: "
        + (", ".join(repr(name) for name in strings) or "none")
    )
