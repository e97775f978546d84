"""The contract as transformers' protocol: a tokenizer object of transformers 5 that runs ours.

`view` makes one. Encoding, decoding and the files are ours; padding, collators, chat templates and the rest of the
protocol are transformers' own code. Nothing heavy is imported before `view` is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokloom.tokenizer import Tokenizer
from tokloom.views.transformers.requirements import require_transformers

if TYPE_CHECKING:
    from tokloom.views.transformers.tokenizer import TransformersView

__all__ = ["TransformersView", "view"]


def view(tokenizer: Tokenizer, pad_token: str | None = None) -> TransformersView:
    """A tokenizer object of transformers that runs `tokenizer`.

    Args:
        tokenizer: any tokenizer of ours; it stays as it is.
        pad_token: fills up batches: the name of a special token there is, or a new one, which gets the id after the
            last. None: the vocabulary's own, where it has one.

    Raises:
        MissingDependencyError: transformers 5 isn't installed, or can't be imported.
        SpecialTokenError: `pad_token` is new, but looks like a slip of the pen.

    Warns:
        TokloomWarning: `pad_token` is a token that also means something else.
    """
    require_transformers()
    from tokloom.views.transformers.padding import with_pad_token
    from tokloom.views.transformers.tokenizer import TransformersView

    return TransformersView(with_pad_token(tokenizer, pad_token), pad_token=pad_token)


def __getattr__(name: str) -> object:
    if name == "TransformersView":
        require_transformers()
        from tokloom.views.transformers.tokenizer import TransformersView

        return TransformersView
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
