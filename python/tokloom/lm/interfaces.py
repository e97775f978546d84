"""Every way of units into a body and out of it; a file each."""

from tokloom.lm.adaptive_softmax import AdaptiveSoftmax
from tokloom.lm.choice import Choice
from tokloom.lm.chunk_vectors import ChunkVectors
from tokloom.lm.code_digits import CodeDigits, CodeDigitsHead, CodeDigitsInput
from tokloom.lm.composed_embedding import ComposedEmbedding, spelled
from tokloom.lm.digits import Kind, kinds_of
from tokloom.lm.interface import Head, Input
from tokloom.lm.token_table import TokenTable

__all__ = [
    "AdaptiveSoftmax",
    "Choice",
    "ChunkVectors",
    "CodeDigits",
    "CodeDigitsHead",
    "CodeDigitsInput",
    "ComposedEmbedding",
    "Head",
    "Input",
    "Kind",
    "TokenTable",
    "kinds_of",
    "spelled",
]
