"""The bytes that each id of a vocabulary stands for, as a model of spelling must see them.

`▁` is a space and `<0x00>` one byte (SentencePiece), GPT-2's visible alphabet is bytes, and where a vocabulary marks what
goes on a word (`##ing`, WordPiece) all others begin with a space. Control tokens stand for no bytes, and have None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from tokloom.adapters.pieces import byte_of
from tokloom.byte_alphabet import ALPHABET, bytes_of
from tokloom.errors import UnknownIdError
from tokloom.tokenizer import Tokenizer

__all__ = ["bytes_by_id", "bytes_of_names"]

SPACE = "▁"
GOES_ON = "##"
_UNUSED = re.compile(r"\[unused\d+\]|<unused\d+>|<\|reserved_special_token_\d+\|>")

_NORMAL, _UNKNOWN, _CONTROL, _USER, _UNUSED_TYPE, _BYTE = (
    1,
    2,
    3,
    4,
    5,
    6,
)  # token types, as GGUF numbers them


def bytes_by_id(tokenizer: Tokenizer) -> list[bytes | None]:
    """The bytes of each id of a tokenizer, shape (vocab_size,); None for control tokens and for holes.

    Example:
        >>> import tokloom
        >>> bytes_by_id(tokloom.load("bytes"))[97]
        b'a'
    """
    control = set(tokenizer.special_tokens.values())
    names = tokenizer.token_names
    style = _style(names)
    found: list[bytes | None] = []
    for id in range(tokenizer.vocab_size):
        name = None if names is None else names[id]
        try:
            token = tokenizer.token_bytes(id)
        except UnknownIdError:
            token = b""
        if id in control or not token or (name is not None and _UNUSED.fullmatch(name)):
            found.append(None)
        else:
            found.append(token if style is None or name is None else style(name))
    return found


def bytes_of_names(
    names: Sequence[str], kinds: Sequence[int] | None = None, *, model: str = "llama"
) -> list[bytes | None]:
    r"""The bytes of each id, by the names that a GGUF file gives its tokens.

    Args:
        names: the tokens' names, by id.
        kinds: what each is, as GGUF numbers it (1 ordinary, 3 control, 6 a byte, …); None: all are ordinary.
        model: the file's `tokenizer.ggml.model`: "gpt2" (GPT-2's alphabet), "bert" (WordPiece), or "llama" and others
            (SentencePiece).

    Example:
        >>> bytes_of_names(["<s>", "<0x0A>", "▁a"], [3, 6, 1])
        [None, b'\n', b' a']
        >>> bytes_of_names(["Ġa", "Ċ"], model="gpt2")
        [b' a', b'\n']
    """
    rule: Callable[[str], bytes] = {"gpt2": _byte_level, "bert": _sentence_piece}.get(model, _sentence_piece)
    left_out = {_UNKNOWN, _CONTROL, _UNUSED_TYPE}
    given = [_NORMAL] * len(names) if kinds is None else kinds
    return [
        None if kind in left_out or not name or _UNUSED.fullmatch(name) else rule(name)
        for name, kind in zip(names, given, strict=True)
    ]


def _style(names: Sequence[str | None] | None) -> Callable[[str], bytes] | None:
    """How names are read; None: `token_bytes` says all. By the mark that more tokens have: llama2 has a token `##`, too."""
    given = [] if names is None else [name for name in names if name]
    goes_on = sum(name.startswith(GOES_ON) for name in given)
    space = sum(name.startswith(SPACE) for name in given)
    if not goes_on and not space:
        return None
    return _word_piece if goes_on > space else _sentence_piece


def _word_piece(name: str) -> bytes:
    return name[len(GOES_ON) :].encode() if name.startswith(GOES_ON) else b" " + name.encode()


def _sentence_piece(name: str) -> bytes:
    byte = byte_of(name)
    return bytes([byte]) if byte is not None else name.replace(SPACE, " ").encode()


def _byte_level(name: str) -> bytes:
    """In GPT-2's alphabet; what has other characters was added as it stands."""
    return bytes_of(name) if all(character in ALPHABET for character in name) else name.encode()
