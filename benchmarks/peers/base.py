"""What a peer can be asked. What it doesn't have stays out of its file, and is a dash in the tables."""

from collections.abc import Sequence
from typing import Any

from benchmarks.vocabularies import Vocabulary

# llama3's: GPT-4's without possessive repeats and `$`, so that it means the same to tokloom, rustbpe and tokenizers.
# gigatoken and ffbpe train with GPT-2's alone: fewer, longer pretokens of digits, else the same amount of work.
TRAINING_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


class Peer:
    """A tokenizer with special tokens off: their names in a text are text, for everyone.

    What comes back is what the library gives, without a conversion; `benchmarks.checksum` makes ids of it after the
    clock has stopped.
    """

    distribution = ""
    vocabularies: frozenset[str] = frozenset({"gpt2", "p50k_base", "cl100k_base", "o200k_base"})
    # The part of a corpus that it encodes: for one that would take minutes where others take a second.
    share = 1.0

    def __init__(self, vocabulary: Vocabulary) -> None:
        raise NotImplementedError

    def one_array(self, text: str) -> Any:
        """A text's ids in a buffer: no Python object for each."""
        raise NotImplementedError

    def arrays(self, texts: list[str]) -> Any:
        """Many texts' ids in buffers, with one thread."""
        raise NotImplementedError

    def one_list(self, text: str) -> list[int]:
        """A text's ids as a list."""
        raise NotImplementedError

    def lists(self, texts: list[str]) -> Sequence[Sequence[int]]:
        """Many texts' ids as lists, with one thread."""
        raise NotImplementedError

    def decode(self, ids: list[int]) -> str | bytes:
        """The text of a list of ids."""
        raise NotImplementedError

    def decode_array(self, ids: Any) -> str | bytes:
        """The text of an array of uint32."""
        raise NotImplementedError

    @staticmethod
    def train(texts: list[str], vocab_size: int) -> list[bytes]:
        """Trains on texts; returns the tokens in the order of their ids."""
        raise NotImplementedError

    @classmethod
    def can(cls, operation: str) -> bool:
        """Whether it has the operation."""
        return getattr(cls, operation) is not getattr(Peer, operation)


class BatchPeer(Peer):
    """A peer of tiktoken's calls, with a batch that comes as arrays; its `tokenizer` is made by the subclass."""

    tokenizer: Any

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
