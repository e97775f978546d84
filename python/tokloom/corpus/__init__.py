"""Text to count, train on or measure: files, or documents out of any iterable."""

from tokloom.corpus.sources import Source, SourceFile, as_source, files

__all__ = ["Source", "SourceFile", "as_source", "files"]
