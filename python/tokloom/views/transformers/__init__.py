"""The contract as transformers' protocol: a tokenizer object of transformers 5 that runs ours.

`view` makes one. Encoding, decoding and the files are ours; padding, collators, chat templates and the rest of the
protocol are transformers' own code. Nothing heavy is imported before `view` is called.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tokloom.errors import MissingDependencyError
from tokloom.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tokloom.views.transformers.tokenizer import TransformersView

__all__ = ["TransformersView", "view"]

EXTRA = "pip install 'tokloom[transformers]'"


def view(tokenizer: Tokenizer, pad_token: str | None = None) -> TransformersView:
    """A tokenizer object of transformers that runs `tokenizer`.

    Args:
        tokenizer: any tokenizer of ours; it stays as it is.
        pad_token: fills up batches: the name of a special token there is, or a new one, which gets the id after the
            last. None: the vocabulary's own, where it has one.

    Raises:
        MissingDependencyError: transformers 5 isn't installed.
        SpecialTokenError: `pad_token` is new, but looks like a slip of the pen.

    Warns:
        TokloomWarning: `pad_token` is a token that also means something else.
    """
    _require_transformers()
    from tokloom.views.transformers.padding import with_pad_token
    from tokloom.views.transformers.tokenizer import TransformersView

    return TransformersView(with_pad_token(tokenizer, pad_token), pad_token=pad_token)


def _require_transformers() -> None:
    try:
        import transformers
    except ImportError:
        raise MissingDependencyError(
            f"as_transformers needs transformers 5, which isn't installed: {EXTRA}"
        ) from None
    if not re.match(r"5\.", transformers.__version__):
        raise MissingDependencyError(
            f"as_transformers needs transformers 5, and {transformers.__version__} is installed: {EXTRA}"
        )


def __getattr__(name: str) -> object:
    if name == "TransformersView":
        _require_transformers()
        from tokloom.views.transformers.tokenizer import TransformersView

        return TransformersView
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
