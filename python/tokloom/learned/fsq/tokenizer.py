"""`FSQTokenizer`: what all kinds share: the digits of their ids, and where each is trained."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError, MissingDependencyError
from tokloom.tokenizer import Tokenizer

# kind → the module and the function that trains it.
_TRAINERS = {
    "chunks": ("tokloom.learned.fsq.chunk_training", "train_chunks"),
    "original": ("tokloom.learned.fsq.original", "train_original"),
    "adaptive": ("tokloom.learned.fsq.adaptive_training", "train_adaptive"),
    "lattice": ("tokloom.learned.fsq.lattice", "train_lattice"),
}


class FSQTokenizer(Tokenizer):
    """A tokenizer whose ids have digits: cells of a lattice with so many levels in each dimension.

    Attributes:
        kind: "fsq-chunks", "fsq-adaptive" or "fsq-lattice".
        levels: how many digits there are in each dimension.
    """

    kind: str
    levels: tuple[int, ...]

    def digits(self) -> NDArray[np.int32]:
        """The digits of all ids, shape (vocab_size, len(levels)); -1 where an id has none: a byte, a special token."""
        raise NotImplementedError

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of it, for `tokloom inspect`."""
        coded = int((self.digits() >= 0).all(axis=1).sum())
        return {"levels": " × ".join(map(str, self.levels)), "ids with digits": coded}

    @staticmethod
    def train(source: object, *, kind: str = "chunks", **choices: object) -> FSQTokenizer:
        """Trains a tokenizer of this kind.

        Args:
            source: text, as for `tokloom.train`.
            kind: "chunks": 16 bytes are a few codes of a network; "adaptive": spans that the network carries exactly,
                a text cut into the fewest; "lattice": a BPE vocabulary whose tokens have digits; "original": the
                published design, to compare with.
            choices: those of the kind: `tokloom.learned.fsq.chunk_training.train_chunks` and the like.

        Raises:
            ArgumentError: there is no such kind, or a choice is out of range.
            MissingDependencyError: PyTorch isn't installed (`pip install tokloom[learned]`).
        """
        if kind not in _TRAINERS:
            raise ArgumentError(f"kind={kind!r} is not known; it is one of {', '.join(map(repr, _TRAINERS))}")
        module, function = _TRAINERS[kind]
        try:
            train = getattr(import_module(module), function)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.startswith("tokloom"):
                raise
            raise MissingDependencyError(
                f"training needs {error.name}, which isn't installed: pip install 'tokloom[learned]'"
            ) from None
        trained: FSQTokenizer = train(source, **choices)
        return trained
