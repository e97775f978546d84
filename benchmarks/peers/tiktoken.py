"""tiktoken: the measure of exactness, and the 1.0 of the tables."""

import base64
from typing import Any

import tiktoken

from benchmarks.peers import base
from benchmarks.vocabularies import Vocabulary


class Adapter(base.Peer):
    distribution = "tiktoken"

    def __init__(self, vocabulary: Vocabulary) -> None:
        if (
            vocabulary.name == "gpt2"
        ):  # its two files of 2019 aren't in the wheel; r50k_base has the same ranks
            r50k = tiktoken.get_encoding("r50k_base")
            self.encoding = tiktoken.Encoding(
                "gpt2",
                pat_str=r50k._pat_str,
                mergeable_ranks=_ranks(vocabulary),
                special_tokens=r50k._special_tokens,
            )
        else:
            self.encoding = tiktoken.get_encoding(vocabulary.name)

    def one_array(self, text: str) -> Any:
        return self.encoding.encode_to_numpy(text, disallowed_special=())

    def arrays(self, texts: list[str]) -> Any:
        return [self.encoding.encode_to_numpy(text, disallowed_special=()) for text in texts]

    def one_list(self, text: str) -> list[int]:
        return self.encoding.encode_ordinary(text)

    def lists(self, texts: list[str]) -> list[list[int]]:
        return [self.encoding.encode_ordinary(text) for text in texts]

    def decode(self, ids: list[int]) -> str:
        return self.encoding.decode(ids)

    def decode_array(self, ids: Any) -> str:
        return self.encoding.decode(ids)


def _ranks(vocabulary: Vocabulary) -> dict[bytes, int]:
    pairs = (line.split() for line in vocabulary.path.read_bytes().splitlines())
    return {base64.b64decode(token): int(rank) for token, rank in pairs}
