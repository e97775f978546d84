"""tokenizers: lists alone. It numbers bytes in its own alphabet, so that its merges differ where two counts are equal."""

import os
from collections.abc import Iterator
from typing import Any

import tokenizers
from tokenizers import pre_tokenizers, trainers

from benchmarks.peers import base
from benchmarks.vocabularies import Vocabulary, tokenizer_json


class Adapter(base.Peer):
    distribution = "tokenizers"
    vocabularies = frozenset({"cl100k_base", "o200k_base"})
    share = 0.1

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.tokenizer = tokenizers.Tokenizer.from_file(str(tokenizer_json(vocabulary)))

    def one_list(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def lists(self, texts: list[str]) -> Any:
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        encoded = self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [encoding.ids for encoding in encoded]

    def decode(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids, skip_special_tokens=False)

    @staticmethod
    def train(texts: list[str], vocab_size: int) -> list[bytes]:
        tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(tokenizers.Regex(base.TRAINING_PATTERN), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
        )
        tokenizer.train_from_iterator(_batches(texts), trainer)
        return [
            token.encode() for token, _ in sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1])
        ]


def _batches(texts: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(texts), 64):
        yield texts[start : start + 64]
