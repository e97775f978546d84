"""The figures of the learned tokenizers, a file each. `python -m benchmarks.learned`."""
