"""gigatoken: arrays of its own library (awkward) for a batch, numpy's for one text; decodes to bytes."""

import tempfile
from pathlib import Path
from typing import Any

import gigatoken
from gigatoken.gigatoken_rs import train_bpe

from benchmarks.peers import base
from benchmarks.vocabularies import Vocabulary

# Documents that follow each other in one buffer: the byte between them occurs in no corpus.
_SEPARATOR = b"\0\1\0"


class Adapter(base.Peer):
    distribution = "gigatoken"
    vocabularies = frozenset(
        {"gpt2", "cl100k_base", "o200k_base"}
    )  # it refuses p50k_base: its ranks have a hole

    def __init__(self, vocabulary: Vocabulary) -> None:
        scheme = {"gpt2": "gpt2", "gpt4": "gpt4", "o200k": "o200k"}[vocabulary.pattern]
        self.tokenizer = gigatoken.Tokenizer.from_tiktoken(vocabulary.path, scheme, {})

    def one_array(self, text: str) -> Any:
        return self.tokenizer.encode(text)

    def arrays(self, texts: list[str]) -> Any:
        return self.tokenizer.encode_batch(texts, parallel=False)

    def one_list(self, text: str) -> list[int]:
        return self.tokenizer.encode_batch_list([text], parallel=False)[0]

    def lists(self, texts: list[str]) -> Any:
        return self.tokenizer.encode_batch_list(texts, parallel=False)

    def decode(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids).decode("utf-8", "replace")

    def decode_array(self, ids: Any) -> str:
        return self.tokenizer.decode(ids).decode("utf-8", "replace")

    @staticmethod
    def train(texts: list[str], vocab_size: int) -> list[bytes]:
        with tempfile.NamedTemporaryFile(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as file:
            file.write(_SEPARATOR.join(text.encode() for text in texts))
            file.flush()
            vocabulary, _ = train_bpe(Path(file.name), vocab_size, [], separator=_SEPARATOR)
        return [token for _, token in sorted(vocabulary.items())]
