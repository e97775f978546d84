"""toktok: two vocabularies, compiled in."""

from typing import Any

import toktok

from benchmarks.peers import base
from benchmarks.vocabularies import Vocabulary


class Adapter(base.Peer):
    distribution = "toktok-rs"
    vocabularies = frozenset({"cl100k_base", "o200k_base"})

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.tokenizer = toktok._encoding(vocabulary.name)

    def one_array(self, text: str) -> Any:
        return self.tokenizer.encode_batch([text], 1)[0]

    def arrays(self, texts: list[str]) -> Any:
        return self.tokenizer.encode_batch(texts, 1)[0]

    def one_list(self, text: str) -> list[int]:
        return self.tokenizer.encode_ordinary(text)

    def lists(self, texts: list[str]) -> Any:
        return [self.tokenizer.encode_ordinary(text) for text in texts]

    def decode(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids)
