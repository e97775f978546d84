"""rustbpe: for training; its merges are the ones that tokloom's must be."""

import rustbpe

from benchmarks.peers import base


class Adapter(base.Peer):
    distribution = "rustbpe"
    vocabularies = frozenset()

    @staticmethod
    def train(texts: list[str], vocab_size: int) -> list[bytes]:
        tokenizer = rustbpe.Tokenizer()
        tokenizer.train_from_iterator(iter(texts), vocab_size, pattern=base.TRAINING_PATTERN)
        return [
            bytes(token) for token, _ in sorted(tokenizer.get_mergeable_ranks(), key=lambda pair: pair[1])
        ]
