"""Train, load, compare and use tokenizers, exactly.

>>> import tokloom
>>> tokenizer = tokloom.train(["low lower lowest"] * 3, 260)
>>> tokenizer.decode(tokenizer.encode("lower"))
'lower'
"""

from importlib import import_module
from typing import TYPE_CHECKING

from tokloom.adapters import adapt as adapt
from tokloom.bpe import BPETokenizer as BPETokenizer
from tokloom.corpus import Source as Source
from tokloom.corpus import files as files
from tokloom.counts import PretokenCounts as PretokenCounts
from tokloom.counts import count_pretokens as count_pretokens
from tokloom.decode_stream import DecodeStream as DecodeStream
from tokloom.errors import ArgumentError as ArgumentError
from tokloom.errors import ConversationError as ConversationError
from tokloom.errors import FormatError as FormatError
from tokloom.errors import MissingDependencyError as MissingDependencyError
from tokloom.errors import PatternError as PatternError
from tokloom.errors import SourceError as SourceError
from tokloom.errors import SourceNotFoundError as SourceNotFoundError
from tokloom.errors import SpecialTokenError as SpecialTokenError
from tokloom.errors import TextError as TextError
from tokloom.errors import TokloomError as TokloomError
from tokloom.errors import TokloomWarning as TokloomWarning
from tokloom.errors import TrainingError as TrainingError
from tokloom.errors import UnknownIdError as UnknownIdError
from tokloom.errors import UnsupportedFormatError as UnsupportedFormatError
from tokloom.errors import VocabularyError as VocabularyError
from tokloom.errors import VocabularyNotFoundError as VocabularyNotFoundError
from tokloom.loading import fetch as fetch
from tokloom.loading import load as load
from tokloom.loading import names as names
from tokloom.loading import vocabularies as vocabularies
from tokloom.patterns import pattern_names as pattern_names
from tokloom.ragged import Ragged as Ragged
from tokloom.report import Comparison as Comparison
from tokloom.report import compare as compare
from tokloom.tokenizer import Tokenizer as Tokenizer
from tokloom.training import train as train

if TYPE_CHECKING:
    from tokloom import chat as chat

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name != "chat":
        raise AttributeError(f"module 'tokloom' has no attribute {name!r}")
    # At its first use: most programs have no conversations, and needn't wait for it.
    return import_module("tokloom.chat")
