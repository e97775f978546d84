"""Figures of the learned tokenizers: a file each, `python -m benchmarks.learned NAME --minutes M`."""
