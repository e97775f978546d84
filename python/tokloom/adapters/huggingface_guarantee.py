"""What a `tokenizer.json` gives back, read off its settings.

Two ways are known to give back every text. Bytes in GPT-2's alphabet, split in a way that the engine doesn't do; and
SentencePiece's way: a space is written U+2581, and what isn't in the vocabulary is written as bytes. For anything else
nothing is promised, and the first setting that stands against it is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tokloom.adapters.pieces import byte_of
from tokloom.byte_alphabet import ALPHABET

SPACE = "▁"
PREPEND = {"type": "Prepend", "prepend": SPACE}
WRITE_SPACE = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
READ_SPACE = {"type": "Replace", "pattern": {"String": SPACE}, "content": " "}
BYTES = ({"type": "ByteFallback"}, {"type": "Fuse"})
STRIP = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
KEEPING = {"Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"}  # splits that drop nothing


class Verdict(NamedTuple):
    """What comes back, why not everything does, and the ids of the bytes where U+2581 needs them."""

    text: bool
    why: str
    byte_ids: Sequence[int] | None


def verdict(file: dict[str, Any]) -> Verdict:
    """What the file's settings promise; the file as `tokenizers` writes it."""
    model, added = file["model"], file["added_tokens"]
    against = _model(model) or _added(added)
    if against:
        return Verdict(False, against, None)
    steps = _steps(file["pre_tokenizer"], "pretokenizers")
    if steps and steps[-1]["type"] == "ByteLevel":
        against = _byte_level(file, steps)
        return Verdict(not against, against, None)
    byte_ids, against = _byte_tokens(model)
    against = against or _sentencepiece(file, steps)
    return Verdict(not against, against, None if against else byte_ids)


def _steps(section: dict[str, Any] | None, field: str) -> list[dict[str, Any]]:
    if section is None:
        return []
    if section["type"] != "Sequence":
        return [section]
    return [step for nested in section[field] for step in _steps(nested, field)]


def _model(model: dict[str, Any]) -> str:
    if model["type"] != "BPE":
        reasons = {
            "WordPiece": "WordPiece keeps no white space, and a word that it doesn't know becomes one unknown token",
            "WordLevel": "a word that isn't in the vocabulary becomes the unknown token",
            "Unigram": "Unigram here reads the text <0x41> as the byte it names, or has no tokens for bytes",
        }
        return reasons.get(model["type"], f"nothing is known of the model {model['type']}")
    for field in ("continuing_subword_prefix", "end_of_word_suffix"):
        if model.get(field):
            return f"{field} {model[field]!r} marks words in a way that isn't undone exactly"
    return ""


def _added(added: Iterable[dict[str, Any]]) -> str:
    for token in added:
        if not token["special"] and (token["lstrip"] or token["rstrip"]):
            return f"the added token {token['content']!r} takes the white space beside it"
    return ""


def _split_drops(step: dict[str, Any]) -> str:
    match step["type"]:
        case "Split" | "Punctuation":
            return "" if step["behavior"] in KEEPING else f"a {step['type']} step drops what it splits at"
        case "Digits":
            return ""
    return f"nothing is known of the step {step['type']}"


def _byte_level(file: dict[str, Any], steps: list[dict[str, Any]]) -> str:
    vocabulary = file["model"]["vocab"]
    missing = next((character for character in ALPHABET if character not in vocabulary), None)
    if file["normalizer"] is not None:
        return f"the normalizer {file['normalizer']['type']} changes the text"
    if steps[-1]["add_prefix_space"]:
        return "a space is put before the text, and isn't taken away again"
    if missing is not None:
        return f"no token for the byte 0x{ALPHABET[missing]:02X}"
    if file["decoder"] is None or file["decoder"]["type"] != "ByteLevel":
        return "the decoder isn't ByteLevel"
    for token in file["added_tokens"]:
        # The decoder reads such a token's characters as bytes, and other ones than its own.
        content = token["content"]
        if not content.isascii() and all(character in ALPHABET for character in content):
            return f"the decoder reads the added token {content!r} as other bytes"
    return next(filter(None, map(_split_drops, steps[:-1])), "")


def _byte_tokens(model: dict[str, Any]) -> tuple[list[int], str]:
    """The ids of the 256 bytes, and what keeps text apart from them or doesn't."""
    vocabulary = model["vocab"]
    names = [f"<0x{byte:02X}>" for byte in range(256)]
    missing = next((name for name in names if name not in vocabulary), None)
    if not model.get("byte_fallback") or missing:
        return [], "a character that isn't in the vocabulary is lost: there are no tokens for bytes"
    if model.get("ignore_merges"):
        return [], "with ignore_merges the text <0x41> becomes the byte it names"
    for pair in model["merges"]:
        left, right = pair if isinstance(pair, list) else pair.split(" ", 1)
        if byte_of(left + right) is not None:
            return [], f"merges make {left + right} of the text that reads so"
    return [vocabulary[name] for name in names], ""


def _sentencepiece(file: dict[str, Any], steps: list[dict[str, Any]]) -> str:
    normalizers = _steps(file["normalizer"], "normalizers")
    prepends = normalizers[:1] == [PREPEND]
    spaces = normalizers[prepends:]
    if spaces == [] and [step["type"] for step in steps[:1]] == ["Metaspace"]:
        metaspace, steps = steps[0], steps[1:]
        if metaspace["replacement"] != SPACE or metaspace["prepend_scheme"] != "never":
            return "Metaspace puts a space before a text only if it doesn't begin with one"
    elif spaces != [WRITE_SPACE]:
        changed = next((step["type"] for step in spaces if step != WRITE_SPACE), "")
        return f"the normalizer {changed} changes the text" if changed else "spaces aren't written as U+2581"
    if prepends and any(not token["special"] for token in file["added_tokens"]):
        return "a space is put behind each added token, and isn't taken away again"
    if any(byte_of(token["content"]) is not None for token in file["added_tokens"]):
        return "the text <0x41> becomes the byte it names: it is an added token"
    wanted = [READ_SPACE, *BYTES, *([STRIP] if prepends else [])]
    if _steps(file["decoder"], "decoders") != wanted:
        return "the decoder doesn't undo what the normalizer does"
    return next(filter(None, map(_split_drops, steps)), "")
