"""Tokenizers whose ids are cells of a lattice that a network learned (finite scalar quantisation, FSQ).

Here is how they are used, without torch; how each is trained is in modules beside it, imported where it is used.
"""

from __future__ import annotations

from tokloom.learned.fsq.adaptive_tokenizer import AdaptiveTokenizer as AdaptiveTokenizer
from tokloom.learned.fsq.chunk_tokenizer import ChunkTokenizer as ChunkTokenizer
from tokloom.learned.fsq.lattice import LatticeTokenizer as LatticeTokenizer
from tokloom.learned.fsq.tokenizer import FSQTokenizer as FSQTokenizer

__all__ = ["AdaptiveTokenizer", "ChunkTokenizer", "FSQTokenizer", "LatticeTokenizer"]
