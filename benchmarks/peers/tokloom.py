"""tokloom itself: by name where its catalogue knows the vocabulary, else by the rank file."""

import inspect
from typing import Any

import tokloom
from benchmarks.peers import base
from benchmarks.vocabularies import Vocabulary

_THREADS = "threads" in inspect.signature(tokloom.BPETokenizer.encode_to_numpy).parameters


class Adapter(base.Peer):
    distribution = "tokloom"

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.tokenizer: Any
        if vocabulary.name in tokloom.names():
            self.tokenizer = tokloom.load(vocabulary.name, offline=True)
        else:
            self.tokenizer = tokloom.load(
                str(vocabulary.path), pattern=vocabulary.pattern, special_tokens=vocabulary.special_tokens
            )

    def one_array(self, text: str, threads: int = 1) -> Any:
        if _THREADS:
            return self.tokenizer.encode_to_numpy(text, threads=threads)
        return self.tokenizer.encode_to_numpy(text)

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
