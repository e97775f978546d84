"""Mistral's `tekken.json`, read as mistral_common reads it: a rank table with the special tokens' ids in front of it.

Source: mistral_common 1.13, `mistral_common/tokens/tokenizers/tekken.py`. Ids of ordinary tokens are their ranks plus
the number of special tokens; of the table only so many tokens are used as fit into the vocabulary's size. It says the
pattern itself, in tiktoken's dialect.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, NamedTuple

from tokloom.catalogue.special_tokens import TEKKEN_FILL, TEKKEN_UNTIL_V7
from tokloom.errors import FormatError

LARGEST_VOCABULARY = 1 << 24


class Tekken(NamedTuple):
    """What such a file says."""

    pattern: str
    tokens: list[tuple[int, bytes]]
    special_tokens: dict[str, int]


def read_tekken(data: bytes, origin: str) -> Tekken:
    """Reads the file.

    Raises:
        FormatError: it isn't one; the message says where.
    """
    try:
        read = json.loads(data)
        config = read["config"]
        size, reserved = _number(config["default_vocab_size"]), _number(config["default_num_special_tokens"])
        pattern, version = str(config["pattern"]), str(config["version"])
        if not 0 <= reserved < size <= LARGEST_VOCABULARY:
            raise FormatError(f"{origin}: {reserved} special tokens in a vocabulary of {size}")
        return Tekken(
            pattern,
            _tokens(read["vocab"], size - reserved, reserved, origin),
            _special(read.get("special_tokens"), reserved, version, origin),
        )
    except FormatError:
        raise
    except KeyError as error:
        raise FormatError(f"{origin}: no tekken.json: the field {error} is missing") from None
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(f"{origin}: no tekken.json: {error}") from None


def _number(value: object) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r:.40} is no whole number")
    return value


def _tokens(vocab: list[dict[str, Any]], wanted: int, shift: int, origin: str) -> list[tuple[int, bytes]]:
    if len(vocab) < wanted:
        raise FormatError(f"{origin}: {len(vocab):,} tokens, and its sizes ask for {wanted:,}")
    tokens = []
    for rank, token in enumerate(vocab[:wanted]):
        if token["rank"] != rank:
            raise FormatError(f"{origin}: token {rank} says rank {token['rank']!r:.20}; ranks go up by one")
        try:
            tokens.append((rank + shift, base64.b64decode(token["token_bytes"], validate=True)))
        except binascii.Error as error:
            raise FormatError(f"{origin}: token {rank} is no base64 ({error})") from None
    return tokens


def _special(listed: list[dict[str, Any]] | None, reserved: int, version: str, origin: str) -> dict[str, int]:
    if listed is None:
        if version not in {"v1", "v2", "v3", "v7"}:
            raise FormatError(f"{origin}: version {version!r:.20} must say its special tokens, and doesn't")
        names = list(TEKKEN_UNTIL_V7)
    else:
        names = [str(token["token_str"]) for token in listed]
        if [token["rank"] for token in listed] != list(range(len(listed))):
            raise FormatError(f"{origin}: the special tokens' ranks don't go up by one from 0")
    names += [TEKKEN_FILL.format(id=id) for id in range(len(names), reserved)]
    if len(set(names)) != len(names) or len(names) != reserved:
        raise FormatError(f"{origin}: {len(set(names))} special tokens for {reserved} ids")
    return {name: id for id, name in enumerate(names)}
