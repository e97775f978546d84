"""Train, load, compare and use tokenizers, exactly.

    >>> import tokloom
    >>> tokenizer = tokloom.train(["low lower lowest"] * 3, 260)
    >>> tokenizer.decode(tokenizer.encode("lower"))
    'lower'
"""

from .bpe import BPETokenizer as BPETokenizer
from .bpe import train as train
from .corpus import Source as Source
from .corpus import files as files
from .counts import PretokenCounts as PretokenCounts
from .counts import count_pretokens as count_pretokens
from .errors import ArgumentError as ArgumentError
from .errors import FormatError as FormatError
from .errors import MissingDependencyError as MissingDependencyError
from .errors import PatternError as PatternError
from .errors import SourceError as SourceError
from .errors import SpecialTokenError as SpecialTokenError
from .errors import TextError as TextError
from .errors import TokloomError as TokloomError
from .errors import TokloomWarning as TokloomWarning
from .errors import UnknownIdError as UnknownIdError
from .errors import VocabularyError as VocabularyError
from .errors import VocabularyNotFoundError as VocabularyNotFoundError
from .loading import load as load
from .loading import names as names
from .patterns import pattern_names as pattern_names
from .report import Comparison as Comparison
from .report import compare as compare
from .tokenizer import DecodeStream as DecodeStream
from .tokenizer import Ragged as Ragged
from .tokenizer import Tokenizer as Tokenizer

__version__ = "0.1.0"
