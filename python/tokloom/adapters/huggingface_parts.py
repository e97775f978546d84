"""Which part of a `tokenizer.json` the library `tokenizers` can't take, in words: its own say neither where nor what."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

from tokloom.adapters.charsmap import wrong_with
from tokloom.errors import FormatError

# Each section, the library's module that holds its types, and where a `Sequence` of it keeps its parts.
_SECTIONS = {
    "normalizer": ("normalizers", "normalizers"),
    "pre_tokenizer": ("pre_tokenizers", "pretokenizers"),
    "model": ("models", ""),
    "post_processor": ("processors", "processors"),
    "decoder": ("decoders", "decoders"),
}
_FIELDS = frozenset({*_SECTIONS, "version", "truncation", "padding", "added_tokens"})
_DEEPEST = 32  # the library itself gives up somewhat later


def unknown_part(file: Mapping[str, Any]) -> str:
    """The first part that the installed library doesn't know, as a sentence; "" where it knows all by name.

    To be asked when the library has refused the file: it decides, this says why.
    """
    import tokenizers

    library = f"tokenizers {tokenizers.__version__}"
    extra = sorted(set(file).difference(_FIELDS))
    if extra:
        return f"the field {extra[0]!r} isn't known to {library}: take it out, or update it (pip install -U tokenizers)"
    for section in _SECTIONS:
        known = set(dir(importlib.import_module(f"tokenizers.{_SECTIONS[section][0]}")))
        for path, part in parts(file, section):
            kind = part.get("type")
            if isinstance(kind, str) and kind not in known:
                return (
                    f"{path}: the type {kind!r} isn't known to {library}; a newer one may know it "
                    "(pip install -U tokenizers)"
                )
    return ""


def parts(file: Mapping[str, Any], section: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The parts of a section with their paths, those inside of a sequence too.

    Example:
        >>> file = {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}]}}
        >>> [path for path, _ in parts(file, "normalizer")]
        ['normalizer', 'normalizer.normalizers[0]']
    """
    inside = _SECTIONS[section][1]
    waiting = [(section, file.get(section), 0)]
    while waiting:
        path, part, depth = waiting.pop()
        if not isinstance(part, dict):
            continue
        yield path, part
        below = part.get(inside)
        if isinstance(below, list) and depth < _DEEPEST:
            waiting += [
                (f"{path}.{inside}[{at}]", one, depth + 1) for at, one in reversed(list(enumerate(below)))
            ]


def check_charsmaps(file: Mapping[str, Any], origin: str) -> None:
    """Refuses a table of SentencePiece's normalizer on which the library would panic, and write to standard error.

    Raises:
        FormatError: it is cut short, or leads outside of itself.
    """
    for path, part in parts(file, "normalizer"):
        if part.get("type") == "Precompiled":
            text = part.get("precompiled_charsmap")
            wrong = wrong_with(text) if isinstance(text, str) else "it is no text"
            if wrong:
                raise FormatError(
                    f"{origin}: {path}.precompiled_charsmap: {wrong}; take it whole from where the file was made"
                )
