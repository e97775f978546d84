"""Bytes of a token → its row of an embedding: learned from the rows of the other tokens, judged on ones never seen.

Used with numpy alone; trained with PyTorch (`pip install tokloom[learned]`).

>>> from tokloom.learned.soft import SoftConfiguration
>>> SoftConfiguration(dimensions=576).kind
'transformer'
"""

from importlib import import_module
from typing import TYPE_CHECKING

from tokloom.learned.soft.configuration import SoftConfiguration as SoftConfiguration
from tokloom.learned.soft.embedding import NoIdsError as NoIdsError
from tokloom.learned.soft.embedding import SoftEmbedding as SoftEmbedding
from tokloom.learned.soft.embedding import open_saved as open_saved
from tokloom.learned.soft.judging import Judgement as Judgement
from tokloom.learned.soft.judging import judge as judge
from tokloom.learned.soft.matrix import EmbeddingMatrix as EmbeddingMatrix
from tokloom.learned.soft.matrix import read_matrix as read_matrix
from tokloom.learned.soft.splitting import split as split

if TYPE_CHECKING:
    from tokloom.learned.soft.training import Learned as Learned
    from tokloom.learned.soft.training import learn as learn
    from tokloom.learned.soft.transferring import extend_vocabulary as extend_vocabulary
    from tokloom.learned.soft.transferring import transfer as transfer

# What is of use only where PyTorch is; imported when it is first asked for.
_HOMES = {
    "Learned": "tokloom.learned.soft.training",
    "learn": "tokloom.learned.soft.training",
    "extend_vocabulary": "tokloom.learned.soft.transferring",
    "transfer": "tokloom.learned.soft.transferring",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'tokloom.learned.soft' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
