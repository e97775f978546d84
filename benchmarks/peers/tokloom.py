"""tokloom itself: by name, from the rank file that all have."""

from typing import Any

import tokloom
from benchmarks.peers import base
from benchmarks.vocabularies import Vocabulary


class Adapter(base.Peer):
    distribution = "tokloom"

    def __init__(self, vocabulary: Vocabulary) -> None:
        # Verified as everybody's is who asks for the name; from the second time on by the tables in the cache.
        self.tokenizer = tokloom.load(vocabulary.name, path=vocabulary.path, offline=True)

    def one_array(self, text: str, threads: int = 1) -> Any:
        return self.tokenizer.encode_to_numpy(text, threads=threads)

    def arrays(self, texts: list[str], threads: int = 1) -> Any:
        return self.tokenizer.encode_batch_to_numpy(texts, threads=threads)

    def one_list(self, text: str) -> list[int]:
        return self.tokenizer.encode(text)

    def lists(self, texts: list[str], threads: int = 1) -> Any:
        return self.tokenizer.encode_batch(texts, threads=threads)

    def decode(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids)

    def decode_array(self, ids: Any) -> str:
        return self.tokenizer.decode(ids)

    @staticmethod
    def train(texts: list[str], vocab_size: int, threads: int = 1, memory: str | None = None) -> list[bytes]:
        tokenizer = tokloom.train(texts, vocab_size, pattern="llama3", threads=threads, memory=memory)
        return [token for _, token in sorted(tokenizer.tokens().items())]
