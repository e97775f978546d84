"""bpe-openai (Pathlit's package of GitHub's crate): two of the vocabularies, shipped with it; lists alone.

Its Python class refuses texts of a million characters or 200,000 tokens: what it wraps is asked, which doesn't.
"""

from typing import Any

import bpe_openai

from benchmarks.peers import base
from benchmarks.vocabularies import Vocabulary


class Adapter(base.Peer):
    distribution = "bpe-openai"
    vocabularies = frozenset({"cl100k_base", "o200k_base"})

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.tokenizer = bpe_openai.get_encoding(vocabulary.name)

    def one_list(self, text: str) -> list[int]:
        return self.tokenizer._backend.encode(text)

    def lists(self, texts: list[str]) -> Any:
        return [self.tokenizer._backend.encode(text) for text in texts]

    def decode(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids)
