"""A `.model` through the library `sentencepiece`: BPE, Unigram, words or characters."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

from tokloom.adapters import sentencepiece_file as model_file
from tokloom.adapters.adapted import SPACE, AdaptedTokenizer, Facts, Guarantee, Spans
from tokloom.adapters.pieces import Pieces, byte_of
from tokloom.adapters.sentencepiece_file import BYTE, CONTROL, UNKNOWN, Model
from tokloom.adapters.state import State
from tokloom.errors import FormatError, MissingDependencyError

if TYPE_CHECKING:
    import sentencepiece


class SentencePieceTokenizer(AdaptedTokenizer):
    """A `.model` run by the library `sentencepiece`.

    The library never finds control tokens in a text. Where they are parsed, what is between them is encoded by itself,
    each part as a text of its own, and so it is decoded.

    Args:
        state: the file and what it is called.
        origin: where it is, for messages.
    """

    kind: ClassVar[str] = "sentencepiece"
    exports: ClassVar[str] = "sentencepiece"

    def __init__(self, state: State, origin: str) -> None:
        model = model_file.read(state.data, origin)
        self._processor = _opened(state.data, origin)
        if self._processor.vocab_size() != len(model.pieces):
            raise FormatError(f"{origin}: the library sentencepiece counts its pieces otherwise")
        tokens = [piece.text for piece in model.pieces]
        special = {
            piece.text: id for id, piece in enumerate(model.pieces) if piece.type in {CONTROL, UNKNOWN}
        }
        if len(set(tokens)) != len(tokens):
            raise FormatError(f"{origin}: two pieces read the same")
        special |= {name: id for id, name in enumerate(state.added, len(tokens))}
        guarantees, why = _guarantee(model)
        byte_ids = {byte_of(piece.text): id for id, piece in enumerate(model.pieces) if piece.type == BYTE}
        facts = Facts(
            tokens=[*tokens, *state.added],
            special=special,
            pieces=_pieces(model, frozenset(special), self._processor.decode([self._processor.unk_id()])),
            guarantees=guarantees,
            why=why,
            byte_ids=[byte_ids[byte] for byte in range(256)] if guarantees == "text" else None,
        )
        super().__init__(state, facts)
        self._all_names = _pattern_of(special)

    @property
    def library(self) -> str:
        return f"sentencepiece {sys.modules['sentencepiece'].__version__}"

    # What it is: the file says its own

    def _role(self, id: int) -> int | None:
        return id if id >= 0 else None

    @property
    def bos_id(self) -> int | None:
        return self._role(self._processor.bos_id())

    @property
    def eos_id(self) -> int | None:
        return self._role(self._processor.eos_id())

    @property
    def pad_id(self) -> int | None:
        return self._role(self._processor.pad_id())

    @property
    def unk_id(self) -> int | None:
        return self._role(self._processor.unk_id())

    # Text to ids

    def _parts_of(self, text: str, parsed: frozenset[str] | None) -> Iterator[tuple[int, str, int | None]]:
        """The text cut at special tokens that are parsed: where each part begins, the part, its id if it is one."""
        pattern = self._all_names if parsed is None else _pattern_of(parsed)
        at = 0
        if pattern is not None:
            for match in pattern.finditer(text):
                if match.start() > at:
                    yield at, text[at : match.start()], None
                yield match.start(), match[0], self._facts.special[match[0]]
                at = match.end()
        if at < len(text):
            yield at, text[at:], None

    def _encode(self, text: str, parsed: frozenset[str] | None) -> list[int]:
        ids: list[int] = []
        for _, part, id in self._parts_of(text, parsed):
            ids.extend(self._processor.encode(part) if id is None else [id])
        return ids

    def _offsets(self, text: str, parsed: frozenset[str] | None) -> Spans:
        spans: Spans = []
        for start, part, id in self._parts_of(text, parsed):
            if id is not None:
                spans.append((start, start + len(part)))
                continue
            found = model_file.offsets(self._processor.encode(part, out_type="serialized_proto"))
            begun = [0]
            for byte in part.encode():
                begun.append(begun[-1] + (byte & 0xC0 != 0x80))
            spans.extend((start + begun[first], start + begun[last]) for first, last in found)
        return spans

    def _first_special(self, text: str) -> tuple[str, int] | None:
        return next(((part, start) for start, part, id in self._parts_of(text, None) if id is not None), None)

    # Ids to text

    def _library_decode(self, ids: list[int]) -> str:
        text: str = self._processor.decode(ids)  # never asked: `pieces` is always there
        return text

    # Others made from it, and files

    def with_special_tokens(self, names: Iterable[str]) -> SentencePieceTokenizer:
        added = (*self._state.added, *self._new_names(names))
        return SentencePieceTokenizer(self._state._replace(added=added), self.name)

    def _derived(self) -> dict[str, bytes]:
        return {}


def _pattern_of(names: Collection[str]) -> re.Pattern[str] | None:
    """What finds these special tokens, of two that begin alike the longer."""
    longest_first = sorted(names, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if names else None


def _guarantee(model: Model) -> tuple[Guarantee, str]:
    reasons = (
        (model.normalization, f"the normalization {model.normalization} changes the text"),
        (not model.byte_fallback, "a character that isn't in the vocabulary is lost: no byte fallback"),
        (model.trims, "spaces are trimmed: remove_extra_whitespaces"),
        (not model.escapes, "spaces aren't written as U+2581"),
        (model.suffix, "spaces belong to the words before them: treat_whitespace_as_suffix"),
        (model.denormalizes, "text is changed after decoding"),
    )
    why = next((reason for against, reason in reasons if against), "")
    return ("none" if why else "text"), why


def _pieces(model: Model, names: frozenset[str], unknown: str) -> Pieces:
    """How the library puts tokens together; special ones by their names, which it leaves out."""
    bytes_of = {piece.text: byte_of(piece.text) for piece in model.pieces if piece.type == BYTE}
    unknowns = {piece.text for piece in model.pieces if piece.type == UNKNOWN}

    def later(token: str) -> bytes:
        byte = bytes_of.get(token)
        if byte is not None:
            return bytes([byte])
        if token in unknowns:
            return unknown.encode()
        return token.encode() if token in names else token.replace(SPACE, " ").encode()

    def first(token: str) -> bytes:
        if token in names or not (model.prefix or model.trims):
            return later(token)
        return later(token.removeprefix(SPACE))

    return Pieces(
        later=later, first=first, alone=later, begins=names - unknowns, first_until_bytes=model.trims
    )


def _opened(data: bytes, origin: str) -> sentencepiece.SentencePieceProcessor:
    try:
        import sentencepiece
    except ImportError:
        raise MissingDependencyError(
            f"{origin} needs the library sentencepiece, which isn't installed: pip install 'tokloom[sentencepiece]'"
        ) from None
    try:
        return sentencepiece.SentencePieceProcessor(model_proto=data)
    except (RuntimeError, ValueError, OSError) as error:
        raise FormatError(f"{origin}: the library sentencepiece says: {error}") from None


def from_bytes(data: bytes, origin: str, *, name: str) -> SentencePieceTokenizer:
    """The tokenizer of a `.model`.

    Args:
        data: the file.
        origin: where it is, for messages.
        name: what to call it.

    Raises:
        FormatError: the file is no SentencePiece model, or damaged.
        MissingDependencyError: the library sentencepiece isn't installed.
    """
    return SentencePieceTokenizer(State("sentencepiece", data, (), name, ""), origin)


def restore(state: State, origin: str) -> SentencePieceTokenizer:
    """The adapter of a state that was saved or sent."""
    return SentencePieceTokenizer(state, origin)


def takes(object: object) -> bool:
    """Whether it is a processor of the library."""
    library = sys.modules.get("sentencepiece")
    return library is not None and isinstance(object, library.SentencePieceProcessor)


def adapt(object: sentencepiece.SentencePieceProcessor, name: str | None) -> SentencePieceTokenizer:
    """The same model, by the bytes of its file."""
    called = name or "sentencepiece"
    return from_bytes(object.serialized_model_proto(), f"the object {called!r}", name=called)
