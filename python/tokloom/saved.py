"""tokloom's own form of a vocabulary: a directory with `tokloom.json` and a token table.

`tokloom.json` says everything but the tokens; `vocabulary.tiktoken` holds these, `merges.txt` the merges where ids
alone don't say them (a line each: left id, right id, merged id). The fingerprint in `tokloom.json` is that of the
whole: a file that was changed or cut short is refused. `tokenizer.json` and `tokenizer_config.json` are derived, for
other libraries, and never read here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tokloom import _engine
from tokloom.errors import ArgumentError, FormatError, PatternError, SpecialTokenError, VocabularyError
from tokloom.storage import read_file, write_directory

T = TypeVar("T")

VERSION = 1
DESCRIPTION = "tokloom.json"
TOKENS = "vocabulary.tiktoken"
MERGES = "merges.txt"
DERIVED = ("tokenizer.json", "tokenizer_config.json")
OTHERS = ("tokenizer.model",)  # the file of another library's tokenizer, where an adapter saved it
MODEL = "model.safetensors"  # the numbers of a learned tokenizer
OURS = (DESCRIPTION, TOKENS, MERGES, *DERIVED, *OTHERS)

LARGEST_DESCRIPTION = 1 << 26
LARGEST_TABLE = 1 << 30

_ADDED_FIELDS = ("content", "id", "special", "strip_left", "strip_right", "single_word", "normalized")


class State(NamedTuple):
    """A vocabulary as plain values: what is saved, and what is sent between processes."""

    description: dict[str, Any]
    tokens: bytes
    merges: str | None


def state(vocabulary: _engine.Vocabulary) -> State:
    """The vocabulary as plain values."""
    listed = vocabulary.listed_merges()
    description = {
        "tokloom": VERSION,
        "kind": vocabulary.kind,
        "fingerprint": vocabulary.fingerprint,
        "vocab_size": vocabulary.size,
        "unicode": _engine.UNICODE_VERSION,
        "pattern": {
            "name": _engine.pattern_name(vocabulary.splits),
            "splits": [{"regex": regex, "gaps": gaps} for regex, gaps in vocabulary.splits],
        },
        "merges": "listed" if listed is not None else "by rank" if vocabulary.kind == "bpe" else "none",
        "whole_pretoken_first": vocabulary.whole_pretoken_first,
        "added_tokens": [dict(zip(_ADDED_FIELDS, token, strict=True)) for token in vocabulary.added_tokens],
        "post_processor": vocabulary.post_processor,
    }
    merges = (
        None if listed is None else "".join(f"{left} {right} {merged}\n" for left, right, merged in listed)
    )
    return State(description, vocabulary.token_table(), merges)


def vocabulary(state: State, origin: str = "tokloom.json") -> _engine.Vocabulary:
    """The vocabulary of these values; what doesn't fit together is a `FormatError` that names `origin`."""
    description = state.description
    try:
        if description["unicode"] != _engine.UNICODE_VERSION:
            raise FormatError(
                f"{origin}: made with the tables of Unicode {description['unicode']}, and this tokloom has those of "
                f"{_engine.UNICODE_VERSION}: letters may differ. Open it with the tokloom that made it"
            )
        found = _engine.Vocabulary.from_parts(
            [
                (_typed(split["regex"], str), _typed(split["gaps"], str))
                for split in description["pattern"]["splits"]
            ],
            _engine.read_ranks(state.tokens, f"{origin} ({TOKENS})"),
            kind=_typed(description["kind"], str),
            merges=None if state.merges is None else _read_merges(state.merges, origin),
            whole_pretoken_first=_typed(description["whole_pretoken_first"], bool),
            added_tokens=[_added_token(token) for token in description["added_tokens"]],
            post_processor=description["post_processor"],
        )
        fingerprint = _typed(description["fingerprint"], str)
    except (VocabularyError, SpecialTokenError, PatternError, ArgumentError, UnicodeError) as error:
        raise FormatError(f"{origin}: {error}") from None
    except KeyError as error:
        raise FormatError(
            f"{origin}: the field {error} is missing; the file was changed or cut short"
        ) from None
    except (TypeError, AttributeError) as error:
        raise FormatError(f"{origin}: a field is not what it should be ({error})") from None
    if found.size != description.get("vocab_size"):
        raise FormatError(
            f"{origin}: it says vocab_size {description.get('vocab_size')}, and the files {found.size}"
        )
    if found.fingerprint != fingerprint:
        raise FormatError(
            f"{origin}: the files don't fit together: they say {fingerprint[:12]}…, and are {found.fingerprint[:12]}…. "
            "One of them was changed or cut short; save the vocabulary again, or get it anew"
        )
    return found


def ours_in(directory: Path) -> tuple[str, ...]:
    """The names that a folder may hold which `save` replaces.

    `model.safetensors` is ours only where `tokloom.json` says that it holds something learned: beside a vocabulary it is
    somebody's language model.
    """
    from tokloom import learned

    try:
        kind = describe(directory).get("kind")
    except (ValueError, OSError):
        return OURS
    return (*OURS, MODEL) if isinstance(kind, str) and kind in learned.KINDS else OURS


def save(vocabulary: _engine.Vocabulary, directory: Path) -> None:
    """Writes the directory; in place of one that `save` wrote before, and of no other."""
    description, tokens, merges = state(vocabulary)
    files = {TOKENS: tokens}
    if merges is not None:
        files[MERGES] = merges.encode()
    if vocabulary.opens_in_huggingface():
        files |= _derived(vocabulary)
    files[DESCRIPTION] = (json.dumps(description, indent=1, ensure_ascii=False) + "\n").encode()
    write_directory(directory, files, mark=DESCRIPTION, ours=ours_in(directory))


def _derived(vocabulary: _engine.Vocabulary) -> dict[str, bytes]:
    from tokloom.errors import TokloomError
    from tokloom.tokenizer import BOS_NAMES, EOS_NAMES, PAD_NAMES, UNK_NAMES

    special = {content for content, _, is_special, *_ in vocabulary.added_tokens if is_special}
    known = [
        next((name for name in names if name in special), None)
        for names in (BOS_NAMES, EOS_NAMES, PAD_NAMES, UNK_NAMES)
    ]
    bos, eos, pad, unk = known
    try:
        model = vocabulary.to_huggingface()
    except TokloomError:
        return {}  # what `tokenizers` would read differently is saved in our own form alone; `export` says why
    return {
        "tokenizer.json": model,
        "tokenizer_config.json": vocabulary.huggingface_config(bos=bos, eos=eos, pad=pad, unk=unk),
    }


def describe(directory: Path) -> dict[str, Any]:
    """What `tokloom.json` in a saved directory says, of whatever kind."""
    path = directory / DESCRIPTION
    data = read_file(path, at_most=LARGEST_DESCRIPTION)
    try:
        description = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: not JSON ({error})") from None
    version = description.get("tokloom") if isinstance(description, dict) else None
    if type(version) is not int:
        raise FormatError(f"{path}: not a vocabulary that tokloom saved (it has no field 'tokloom')")
    if version != VERSION:
        raise FormatError(
            f"{path}: of version {version}, and this tokloom reads version {VERSION}; use a newer one"
        )
    found: dict[str, Any] = description
    return found


def load(directory: Path, description: dict[str, Any]) -> _engine.Vocabulary:
    """Reads a directory that `save` wrote, `tokloom.json` already read."""
    path = directory / DESCRIPTION
    if description.get("merges") not in ("by rank", "listed", "none"):
        raise FormatError(f'{path}: the field merges must be "by rank", "listed" or "none"')
    tokens = read_file(directory / TOKENS, at_most=LARGEST_TABLE)
    merges = None
    if description.get("merges") == "listed":
        merges = read_file(directory / MERGES, at_most=LARGEST_TABLE).decode("ascii", "replace")
    return vocabulary(State(description, tokens, merges), str(path))


def _typed(value: object, kind: type[T]) -> T:
    if type(value) is not kind:
        raise TypeError(f"{value!r:.40} is no {kind.__name__}")
    return value


def _added_token(token: dict[str, Any]) -> _engine.AddedToken:
    id = _typed(token["id"], int)
    if not 0 <= id < 2**31:
        raise TypeError(f"id {id} is out of range")
    special, left, right, word, normalized = (_typed(token[flag], bool) for flag in _ADDED_FIELDS[2:])
    return _typed(token["content"], str), id, special, left, right, word, normalized


def _read_merges(text: str, origin: str) -> list[tuple[int, int, int]]:
    merges = []
    for number, line in enumerate(text.splitlines(), 1):
        ids = line.split(" ")
        if len(ids) != 3 or not all(id.isascii() and id.isdigit() and len(id) <= 10 for id in ids):
            raise FormatError(f"{origin} ({MERGES}), line {number}: expected three ids, found {line[:40]!r}")
        left, right, merged = map(int, ids)
        if max(left, right, merged) >= 2**31:
            raise FormatError(f"{origin} ({MERGES}), line {number}: an id is out of range")
        merges.append((left, right, merged))
    return merges
