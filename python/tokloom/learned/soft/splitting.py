"""Which tokens a model of embeddings never sees: by token, or by family of words, so that `Token` doesn't give ` tokens` away."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError

__all__ = ["Split", "family", "split"]

By = Literal["token", "family"]

# Words that share their first five letters are one family: connect, connection, Connected. It joins strangers too
# (international, internal), which makes the held-out part harder, never easier.
STEM = 5


class Split(NamedTuple):
    """Ids by what they are for, each in ascending order.

    Attributes:
        train: what the model is fitted on.
        validation: what its scale is chosen on.
        held_out: what it is judged on.
        single: tokens of one byte, which all else can be made of: always known, never judged.
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    held_out: NDArray[np.int64]
    single: NDArray[np.int64]


def family(token: bytes) -> bytes:
    """What the members of a family of words share: the first letters, small, without accents or the space before.

    Example:
        >>> family(b" Connected"), family(b"connections"), family(b"()")
        (b'conne', b'conne', b'()')
    """
    text = unicodedata.normalize("NFKD", token.decode("utf-8", "replace")).casefold()
    letters = "".join(character for character in text if character.isalpha())
    return letters[:STEM].encode() or token


def split(
    tokens: Sequence[bytes | None],
    *,
    held_out: float = 0.1,
    validation: float = 0.05,
    by: By = "token",
    seed: int = 0,
) -> Split:
    """Splits a vocabulary; the same for the same bytes, whatever the order of ids.

    Args:
        tokens: bytes by id; None is left out.
        held_out: the share that is held out.
        validation: the share that is kept for choosing the scale.
        by: "token": each on its own; "family": words of one family together.
        seed: another one splits otherwise.

    Raises:
        ArgumentError: a share is out of range, `by` is neither, or nothing is left to train on.

    Example:
        >>> parts = split([bytes([65 + i, 66 + j]) for i in range(26) for j in range(9)], held_out=0.2)
        >>> len(parts.train) + len(parts.validation) + len(parts.held_out)
        234
    """
    if by not in {"token", "family"}:
        raise ArgumentError(f"by={by!r}: tokens are split by 'token' or by 'family'")
    if not (0 <= held_out < 1 and 0 <= validation < 1 and held_out + validation < 1):
        raise ArgumentError(f"held_out={held_out} and validation={validation} are shares, together below 1")
    parts: dict[str, list[int]] = {"train": [], "validation": [], "held_out": [], "single": []}
    for id, token in enumerate(tokens):
        if token is None:
            continue
        place = _place(family(token) if by == "family" else token, seed)
        if len(token) == 1:
            parts["single"].append(id)
        elif place < held_out:
            parts["held_out"].append(id)
        else:
            parts["validation" if place < held_out + validation else "train"].append(id)
    if not parts["train"]:
        raise ArgumentError(f"{len(tokens):,} ids leave no token of two bytes or more to train on")
    return Split(**{name: np.array(ids, np.int64) for name, ids in parts.items()})


def _place(key: bytes, seed: int) -> float:
    digest = hashlib.blake2b(key, digest_size=8, key=seed.to_bytes(8, "little")).digest()
    return int.from_bytes(digest, "little") / 2**64
