"""toktok: two vocabularies, compiled in."""

import toktok

from benchmarks.peers import base
from benchmarks.vocabularies import Vocabulary


class Adapter(base.BatchPeer):
    distribution = "toktok-rs"
    vocabularies = frozenset({"cl100k_base", "o200k_base"})

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.tokenizer = toktok._encoding(vocabulary.name)
