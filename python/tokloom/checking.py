"""Does a tokenizer keep its promises on this text? One function a check; the command `tokloom check` shows them."""

from __future__ import annotations

import importlib
import importlib.util
import pickle
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

from tokloom.errors import SpecialTokenError
from tokloom.tokenizer import Tokenizer

__all__ = ["Check", "check"]

SAMPLE = (
    "All human beings are born free and equal in dignity and rights.",
    "Tous les êtres humains naissent libres et égaux. Όλοι οι άνθρωποι γεννιούνται ελεύθεροι.",
    "人人生而自由,在尊严和权利上一律平等。 すべての人間は、生まれながらにして自由である。",
    "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق. 👩‍👩‍👧‍👦 🇺🇳",
    "def f(x: int) -> int:\n\treturn x ** 2  # square\r\n\n\n   1234567 <|endoftext|> </s> [INST]\u00a0",
    "",
)
"""What is looked at where no text is given: scripts, code, white space, and what could be control tokens."""

T = TypeVar("T", str, bytes)

_REFERENCE_BYTES = 20_000  # the reference is clear before fast: some seconds


class _SkippedError(Exception):
    """Why a check can't run here."""


class _FailedError(Exception):
    """What is wrong."""


@dataclass(frozen=True)
class Check:
    """What came of one check.

    Attributes:
        name: what was checked.
        passed: whether it holds; None where nothing could be checked, `told` says why.
        told: what was found.
        seconds: how long it took.
    """

    name: str
    passed: bool | None
    told: str
    seconds: float


def check(tokenizer: Tokenizer, texts: Sequence[bytes] | None = None) -> list[Check]:
    """Runs every check on these texts; one that fails doesn't keep the others from running.

    Args:
        tokenizer: what is checked.
        texts: documents, as bytes. None: a few lines in several scripts.

    Example:
        >>> import tokloom
        >>> from tokloom.checking import check
        >>> [done.name for done in check(tokloom.load("bytes")) if done.passed is False]
        []
    """
    given = [text.encode() for text in SAMPLE] if texts is None else list(texts)
    return [_run(name, function, tokenizer, given) for name, function in CHECKS.items()]


def _run(
    name: str, function: Callable[[Tokenizer, list[bytes]], str], tokenizer: Tokenizer, texts: list[bytes]
) -> Check:
    begun = time.perf_counter()
    try:
        passed, told = True, function(tokenizer, texts)
    except _SkippedError as reason:
        passed, told = None, str(reason)
    except _FailedError as found:
        passed, told = False, str(found)
    except Exception as error:  # noqa: BLE001 (whatever is raised, the check has failed, and the next one runs)
        passed, told = False, f"{type(error).__name__}: {error}"
    return Check(name, passed, told, time.perf_counter() - begun)


def initialisation(tokenizer: Tokenizer, texts: list[bytes]) -> str:  # noqa: ARG001 (a check's signature)
    """The vocabulary is consistent, and another process gets the same one."""
    too_high = {
        name: id for name, id in tokenizer.special_tokens.items() if not 0 <= id < tokenizer.vocab_size
    }
    if too_high:
        raise _FailedError(f"special tokens outside the vocabulary: {too_high}")
    again = pickle.loads(pickle.dumps(tokenizer))  # our own bytes, made the line before
    if again.fingerprint != tokenizer.fingerprint:
        raise _FailedError("a copy for another process has another fingerprint")
    return f"{tokenizer.vocab_size:,} ids, fingerprint {tokenizer.fingerprint[:12]}"


def round_trip(tokenizer: Tokenizer, texts: list[bytes]) -> str:
    """What is encoded comes back, as far as the tokenizer guarantees it."""
    if tokenizer.guarantees == "bytes":
        for number, data in _not_empty(enumerate(texts)):
            if tokenizer.decode_bytes(tokenizer.encode(data)) != data:
                raise _FailedError(f"document {number}: other bytes came back")
        return f"{len(texts):,} documents, every byte"
    readable = _readable(texts)
    lost = [number for number, text in readable if tokenizer.decode(tokenizer.encode(text)) != text]
    if lost and tokenizer.guarantees == "text":
        raise _FailedError(
            f"document {lost[0]}: another text came back ({len(lost):,} of {len(readable):,} did)"
        )
    if lost:
        raise _SkippedError(f"not guaranteed: {len(lost):,} of {len(readable):,} documents come back changed")
    return f"{len(readable):,} documents of UTF-8, every character"


def batches(tokenizer: Tokenizer, texts: list[bytes]) -> str:
    """Many texts at once give what each gives alone, whatever the threads."""
    given = [document for _, document in _documents(tokenizer, texts)]
    alone = [tokenizer.encode(document) for document in given]
    for threads in (1, 4):
        if tokenizer.encode_batch(given, threads=threads) != alone:
            raise _FailedError(f"encode_batch with {threads} threads gives other ids")
    if tokenizer.encode_batch_to_numpy(given).tolist() != alone:
        raise _FailedError("encode_batch_to_numpy gives other ids")
    if [tokenizer.count_tokens(document) for document in given] != list(map(len, alone)):
        raise _FailedError("count_tokens counts others than encode gives")
    return f"{len(given):,} documents, {sum(map(len, alone)):,} tokens"


def special_tokens(tokenizer: Tokenizer, texts: list[bytes]) -> str:
    """Text stays text; a control token comes out of it only where that is asked for."""
    known = tokenizer.special_tokens
    if not known:
        raise _SkippedError("the vocabulary has none")
    for name, id in list(known.items())[:64]:
        if id in tokenizer.encode(name) and id not in _also_text(tokenizer):
            raise _FailedError(f"{name!r} as text gives its id")
        if id not in tokenizer.encode(name, special="parse"):
            raise _FailedError(f'{name!r} with special="parse" doesn\'t give its id')
        try:
            tokenizer.encode(name, special="raise")
        except SpecialTokenError:
            continue
        raise _FailedError(f'{name!r} with special="raise" isn\'t refused')
    control = set(known.values())
    documents = _documents(tokenizer, texts)
    for number, document in documents:
        if control.intersection(tokenizer.encode(document)) - _also_text(tokenizer):
            raise _FailedError(f"document {number}: a control token came out of text")
    return f"{len(known):,} known, text stays text in {len(documents):,} documents"


def _also_text(tokenizer: Tokenizer) -> set[int]:
    """The id of unknown text is both: a control token, and what text may become."""
    return set() if tokenizer.unk_id is None else {tokenizer.unk_id}


def transformers(tokenizer: Tokenizer, texts: list[bytes]) -> str:
    """As transformers sees it: the same ids, and as many of them as the embedding must have rows."""
    try:
        view: Any = tokenizer.as_transformers()
    except ImportError as error:  # a `MissingDependencyError`, or an installation that is broken
        raise _SkippedError(str(error)) from None
    if len(view) != tokenizer.vocab_size:
        raise _FailedError(f"len() is {len(view):,}, vocab_size {tokenizer.vocab_size:,}")
    readable = [text for _, text in _readable(texts)]
    ids = tokenizer.encode_batch(readable)
    if view(readable, add_special_tokens=False)["input_ids"] != ids:
        raise _FailedError("calling it gives other ids")
    if view.batch_decode(ids, skip_special_tokens=False) != tokenizer.decode_batch(ids):
        raise _FailedError("batch_decode gives other texts")
    return f"{len(readable):,} documents: the same ids and texts"


def reference(tokenizer: Tokenizer, texts: list[bytes]) -> str:
    """The ids of the specification in plain Python."""
    from tokloom.bpe import BPETokenizer

    if not isinstance(tokenizer, BPETokenizer) or tokenizer.kind != "bpe":
        raise _SkippedError(
            "the reference is for byte-level BPE; this tokenizer is another library's, or of words"
        )
    specification = _specification()
    vocabulary = tokenizer._vocabulary
    ids = {token: id for id, token in tokenizer.tokens().items()}
    listed = vocabulary.listed_merges()
    if listed is None:
        parts = lambda pretoken: specification.encode(pretoken, ids)  # noqa: E731
    else:
        tokens = tokenizer.tokens()
        merges = [(tokens[left], tokens[right]) for left, right, _ in listed]
        whole = vocabulary.whole_pretoken_first
        parts = lambda pretoken: specification.encode_listed(pretoken, ids, merges, whole)  # noqa: E731
    added = [specification.Added(*token) for token in vocabulary.added_tokens]
    by_hand = specification.Tokenizer(vocabulary.splits, ids, parts, added)
    done = 0
    for number, data in _not_empty(enumerate(texts)):
        part = data[: max(0, _REFERENCE_BYTES - done)]
        if tokenizer.encode(part) != [id for id, _ in specification.tokens(by_hand, part)]:
            raise _FailedError(f"document {number}: other ids than the reference's")
        done += len(part)
    return f"{done:,} bytes: the same ids"


def _specification() -> ModuleType:
    """The reference, which needs a library that nothing else here does."""
    if importlib.util.find_spec("regex") is None:
        raise _SkippedError("the reference needs regex (pip install regex)")
    return importlib.import_module("tokloom.reference")


def _documents(tokenizer: Tokenizer, texts: list[bytes]) -> Sequence[tuple[int, str | bytes]]:
    """The documents that this tokenizer is for, with their numbers: bytes, if it takes any; else those in UTF-8."""
    return _not_empty(enumerate(texts)) if tokenizer.guarantees == "bytes" else _readable(texts)


def _readable(texts: list[bytes]) -> list[tuple[int, str]]:
    """The documents that are UTF-8, with their numbers."""
    texts_or_none = ((number, _decoded(data)) for number, data in enumerate(texts))
    readable = [(number, text) for number, text in texts_or_none if text is not None]
    if texts and not readable:
        raise _SkippedError("nothing to check it on: no document is UTF-8")
    return _not_empty(readable)


def _not_empty(documents: Iterable[tuple[int, T]]) -> list[tuple[int, T]]:
    """All of them, if there is text in any: what was tried on nothing isn't kept."""
    listed = list(documents)
    if not any(document for _, document in listed):
        raise _SkippedError("nothing to check it on: the text is empty")
    return listed


def _decoded(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


CHECKS: dict[str, Callable[[Tokenizer, list[bytes]], str]] = {
    "initialisation": initialisation,
    "round trip": round_trip,
    "batches": batches,
    "special tokens": special_tokens,
    "transformers": transformers,
    "reference": reference,
}
