"""quicktok: two of the vocabularies, shipped with it."""

from typing import Any

import quicktok

from benchmarks.peers import base
from benchmarks.vocabularies import Vocabulary


class Adapter(base.BatchPeer):
    distribution = "quicktok-v1"
    vocabularies = frozenset({"cl100k_base", "o200k_base"})

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.tokenizer = quicktok.get_encoding(vocabulary.name)

    def decode_array(self, ids: Any) -> str:
        return self.tokenizer.decode(ids)
