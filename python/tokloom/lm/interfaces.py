"""Every way of units into a body and out of it; a file each."""

from tokloom.lm.adaptive_softmax import AdaptiveSoftmax as AdaptiveSoftmax
from tokloom.lm.choice import Choice as Choice
from tokloom.lm.chunk_vectors import ChunkVectors as ChunkVectors
from tokloom.lm.code_digits import CodeDigits as CodeDigits
from tokloom.lm.code_digits import CodeDigitsHead as CodeDigitsHead
from tokloom.lm.code_digits import CodeDigitsInput as CodeDigitsInput
from tokloom.lm.composed_embedding import ComposedEmbedding as ComposedEmbedding
from tokloom.lm.composed_embedding import spelled as spelled
from tokloom.lm.digits import Kind as Kind
from tokloom.lm.digits import kinds_of as kinds_of
from tokloom.lm.interface import Head as Head
from tokloom.lm.interface import Input as Input
from tokloom.lm.token_table import TokenTable as TokenTable
