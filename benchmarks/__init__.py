"""Short measurements beside the peers: `python -m benchmarks`."""
