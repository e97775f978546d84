"""What a training gave, small enough to be told to the parent: so that two can be held against each other."""

import hashlib
from collections.abc import Sequence
from typing import Any


def digest(tokens: Sequence[bytes]) -> dict[str, Any]:
    """The checksum of the tokens in the order of their ids, and the tokens as short hashes."""
    hashes = [hashlib.sha256(token).hexdigest()[:8] for token in tokens]
    return {"checksum": hashlib.sha256("".join(hashes).encode()).hexdigest()[:16], "tokens": "".join(hashes)}


def compared(result: dict[str, Any], right: str | None) -> dict[str, Any]:
    """Whether a training's tokens are the right ones, and where they aren't.

    >>> ours, theirs = digest([b"a", b"b"]), digest([b"a", b"c"])
    >>> compared(ours, theirs["tokens"])
    {'exact': False, 'differs': 'token 1'}
    """
    if right is None or "tokens" not in result:
        return {}
    if result["tokens"] == right:
        return {"exact": True}
    length = min(len(result["tokens"]), len(right))
    at = next(
        (at for at in range(0, length, 8) if result["tokens"][at : at + 8] != right[at : at + 8]), length
    )
    return {"exact": False, "differs": f"token {at // 8:,}"}
