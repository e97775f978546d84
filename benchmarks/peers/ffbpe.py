"""ffbpe: for training, with GPT-2's split pattern, the only one it has."""

import ffbpe

from benchmarks.peers import base


class Adapter(base.Peer):
    distribution = "ffbpe"
    vocabularies = frozenset()

    @staticmethod
    def train(texts: list[str], vocab_size: int) -> list[bytes]:
        model = ffbpe.train_bpe(texts, vocab_size=vocab_size)
        return [token for token, _ in sorted(model.vocab.items(), key=lambda pair: pair[1])]
