"""A `tokenizer.json` as the library `tokenizers` reads it, and the same with some special tokens out of reach of text."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tokloom.adapters.huggingface_parts import check_charsmaps, unknown_part
from tokloom.errors import (
    FormatError,
    MissingDependencyError,
    TokloomError,
    UnsupportedFormatError,
    VocabularyError,
)

if TYPE_CHECKING:
    import tokenizers

MARK = "\ufdd0"  # a noncharacter: in no text but by accident or malice
# No vocabulary is near this; a table of ids up to a file's highest one is made.
MOST_IDS = 1 << 24


@contextmanager
def library_errors(what: str, kind: type[TokloomError] = FormatError) -> Iterator[None]:
    """Errors and panics of the library as ours; `what` says where."""
    try:
        yield
    except TokloomError:
        raise
    except BaseException as error:
        # The library raises bare exceptions, and its panics are no `Exception` at all.
        if type(error) is not Exception and type(error).__name__ != "PanicException":
            raise
        raise kind(f"{what}: the library tokenizers says: {error}") from None


def opened(text: str, origin: str) -> tokenizers.Tokenizer:
    """The library's object of a `tokenizer.json`; it neither truncates nor pads.

    Raises:
        MissingDependencyError: tokenizers isn't installed.
        FormatError: the library refuses the file.
    """
    try:
        import tokenizers
    except ImportError:
        raise MissingDependencyError(
            f"{origin} needs the library tokenizers, which isn't installed: pip install 'tokloom[tokenizers]'"
        ) from None
    try:
        with library_errors(origin):
            made = tokenizers.Tokenizer.from_str(text)
    except FormatError as error:
        reason = unknown_part(json.loads(text))
        if not reason:
            raise
        told = str(error).removeprefix(f"{origin}: ")
        raise FormatError(f"{origin}: {reason}. {told[0].upper()}{told[1:]}") from None
    made.no_truncation()
    made.no_padding()
    return made


def checked_text(data: bytes, origin: str) -> str:
    """The file as text, if it is a JSON object that can be read without harm.

    Raises:
        FormatError: not UTF-8, not JSON, nested too deep, without a model, or with a normalizer's table that is damaged.
        UnsupportedFormatError: the model leaves merges out at random.
    """
    try:
        text = data.decode()
        file = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{origin}: no tokenizer.json: {error}") from None
    if not isinstance(file, dict) or not isinstance(file.get("model"), dict):
        raise FormatError(f"{origin}: no tokenizer.json: it is no object with a `model`")
    if file["model"].get("dropout"):
        reason = f"model.dropout: {file['model']['dropout']!r}: merges left out at random give no certain ids"
        raise UnsupportedFormatError(f"{origin}: {reason}. Set it to null", reason)
    check_charsmaps(file, origin)
    return text


def written(library: tokenizers.Tokenizer) -> dict[str, Any]:
    """The file as the library itself writes it: every field there, none but those it knows."""
    with library_errors("the tokenizer", VocabularyError):
        file: dict[str, Any] = json.loads(library.to_str())
    return file


def check_ids(library: tokenizers.Tokenizer, file: dict[str, Any], origin: str) -> None:
    """Refuses a vocabulary in which two tokens have one id: the library takes it, and writes but one of them."""
    if len(file["model"]["vocab"]) != library.get_vocab_size(with_added_tokens=False):
        raise FormatError(f"{origin}: model.vocab: two tokens have the same id; give each token its own")


def hiding(file: dict[str, Any], hidden: Collection[str], number: int) -> str:
    """The file with these special tokens called otherwise, so that text which reads like them is text.

    Their ids stay. `tokenizers` can be told not to look for special tokens, but its models may still come to them: to
    a whole word `[CLS]`, to Unigram's piece `<s>`, through merges. The new names begin with `mark_of(number)`, which
    the text must not contain.
    """
    names = {name: f"{mark_of(number)}{place}" for place, name in enumerate(sorted(hidden))}
    file = {**file, "model": dict(file["model"]), "added_tokens": copy.deepcopy(file["added_tokens"])}
    # It adds nothing here; but it may name tokens, and the library looks for them.
    file["post_processor"] = None
    for token in file["added_tokens"]:
        if token["content"] in names:
            flags = dict.fromkeys(("lstrip", "rstrip", "single_word", "normalized"), False)
            token.update(content=names[token["content"]], **flags)
    model = file["model"]
    if isinstance(model["vocab"], dict):
        model["vocab"] = {names.get(token, token): id for token, id in model["vocab"].items()}
    else:
        model["vocab"] = [[names.get(piece, piece), score] for piece, score in model["vocab"]]
    if model.get("unk_token") in names:
        model["unk_token"] = names[model["unk_token"]]
    if model.get("merges"):
        prefix = model.get("continuing_subword_prefix") or ""
        model["merges"] = [pair for pair in model["merges"] if not _makes(pair, names, prefix)]
    return json.dumps(file, ensure_ascii=False)


def _makes(pair: str | list[str], names: Collection[str], prefix: str) -> bool:
    left, right = pair if isinstance(pair, list) else pair.split(" ", 1)
    return left in names or right in names or left + right.removeprefix(prefix) in names


def mark_of(number: int) -> str:
    """What the hidden names begin with; `number` is one for which it isn't in the text."""
    return f"{MARK}{number}{MARK}"


def free_number(text: str) -> int:
    """The least number whose mark isn't in the text."""
    if MARK not in text:
        return 0
    taken = set(re.findall(f"(?<={MARK})[0-9]+(?={MARK})", text))
    return next(number for number in range(len(taken) + 1) if str(number) not in taken)


def special_of(file: dict[str, Any], byte_tokens: Collection[str]) -> dict[str, int]:
    """Special tokens and their ids, in ascending order of id; not the bytes, to which text must come."""
    tokens = sorted(
        (token["id"], token["content"])
        for token in file["added_tokens"]
        if token["special"] and token["content"] not in byte_tokens
    )
    return {content: id for id, content in tokens}


def check_size(library: tokenizers.Tokenizer, origin: str) -> int:
    """How many ids there are, holes counted. To be asked first: the library writes a file by counting to the last id.

    Raises:
        FormatError: an id is beyond what any vocabulary has.
    """
    highest = max(library.get_vocab(with_added_tokens=True).values(), default=-1)
    if highest >= MOST_IDS:
        raise FormatError(f"{origin}: it has the id {highest:,}; at most {MOST_IDS:,} ids are read")
    return highest + 1


def table_of(library: tokenizers.Tokenizer, origin: str) -> list[str | None]:
    """Each id's token; None for one that stands for nothing."""
    return [library.id_to_token(id) for id in range(check_size(library, origin))]


def unknown_id(file: dict[str, Any], tokens: list[str | None]) -> int | None:
    """The id that the model itself gives to what it doesn't know."""
    model = file["model"]
    if model["type"] == "Unigram":
        id = model.get("unk_id")
        return id if isinstance(id, int) else None
    name = model.get("unk_token")
    return tokens.index(name) if name is not None and name in tokens else None
