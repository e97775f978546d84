"""The tokenizers that are measured: a file each, the same few operations on all of them."""

import importlib

from benchmarks.peers.base import Peer

NAMES = (
    "tokloom", "tiktoken", "fastokens", "gigatoken", "toktok", "quicktok", "c_bpe", "bpe_openai", "tokenizers",
    "rustbpe", "ffbpe",
)  # fmt: skip


def named(name: str) -> type[Peer]:
    """The class of a peer: `benchmarks/peers/NAME.py` has one of the name `Adapter`."""
    adapter: type[Peer] = importlib.import_module(f"benchmarks.peers.{name}").Adapter
    return adapter
