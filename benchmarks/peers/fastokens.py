"""fastokens: flat buffers of a batch; a result object for one text."""

from typing import Any

import fastokens

from benchmarks.peers import base
from benchmarks.vocabularies import Vocabulary


class Adapter(base.Peer):
    distribution = "fastokens"
    vocabularies = frozenset({"cl100k_base", "o200k_base"})  # the encodings that it knows by name

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.tokenizer = fastokens.Tokenizer.from_tiktoken(
            str(vocabulary.path), encoding=vocabulary.file, special_tokens={}
        )

    def one_array(self, text: str) -> Any:
        return self.tokenizer.encode_batch_flat([text])[0]

    def arrays(self, texts: list[str]) -> Any:
        return self.tokenizer.encode_batch_flat(texts)[0]

    def one_list(self, text: str) -> list[int]:
        return self.tokenizer.encode(text).ids

    def lists(self, texts: list[str]) -> Any:
        return [encoding.ids for encoding in self.tokenizer.encode_batch(texts)]

    def decode(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids)
