"""c-bpe: two of the vocabularies, shipped with it; lists alone."""

from typing import Any

from c_bpe import openai

from benchmarks.peers import base
from benchmarks.vocabularies import Vocabulary


class Adapter(base.Peer):
    distribution = "c-bpe"
    vocabularies = frozenset({"cl100k_base", "o200k_base"})

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.tokenizer = getattr(openai, vocabulary.name)()

    def one_list(self, text: str) -> list[int]:
        return self.tokenizer.encode(text)

    def lists(self, texts: list[str]) -> Any:
        return [self.tokenizer.encode(text) for text in texts]

    def decode(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids)
