"""Measures of tokenizers: one family a file; a new family is a new file and its line here."""

from tokloom.metrics import compression
from tokloom.metrics.measure import Measure, Sample

__all__ = ["MEASURES", "Measure", "Sample"]

MEASURES: tuple[Measure, ...] = (*compression.MEASURES,)
"""Every measure that a comparison shows, in the order of its columns."""
