"""Comparisons of tokenizers, as tables for people and as data for programs."""

from tokloom.report.comparison import Comparison, ComparisonRow, compare

__all__ = ["Comparison", "ComparisonRow", "compare"]
