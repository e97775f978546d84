"""Any `tokenizer.json` through the library `tokenizers`, where tokloom's engine doesn't do it exactly."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from tokloom import _engine
from tokloom.adapters.adapted import AdaptedTokenizer, Facts, Spans
from tokloom.adapters.huggingface_decoder import pieces_of
from tokloom.adapters.huggingface_file import (
    check_ids,
    check_size,
    checked_text,
    free_number,
    hiding,
    library_errors,
    opened,
    special_of,
    table_of,
    unknown_id,
    written,
)
from tokloom.adapters.huggingface_guarantee import verdict
from tokloom.adapters.pieces import byte_of
from tokloom.adapters.state import State
from tokloom.bpe import BPETokenizer
from tokloom.errors import SpecialTokenError, UnsupportedFormatError, VocabularyError
from tokloom.tokenizer import BOS_NAMES, EOS_NAMES, PAD_NAMES, UNK_NAMES, Tokenizer

if TYPE_CHECKING:
    import tokenizers

# Objects of the library with other special tokens hidden; there are as many as ways that a program parses them.
MOST_INSTANCES = 8


class TokenizersTokenizer(AdaptedTokenizer):
    """A `tokenizer.json` run by the library `tokenizers`.

    With `special="parse"` the ids are those of the library with `add_special_tokens=False`. Otherwise special tokens
    that aren't parsed are out of reach of text, and so is U+2581 where the file uses it for a space.

    Args:
        state: the file and what it is called.
        origin: where it is, for messages.
    """

    kind: ClassVar[str] = "huggingface"
    exports: ClassVar[str] = "huggingface"

    def __init__(self, state: State, origin: str) -> None:
        text = checked_text(state.data, origin)
        self._library = opened(text, origin)
        tokens = table_of(self._library, origin)
        self._file = written(self._library)
        check_ids(self._library, self._file, origin)
        text_returns, why, byte_ids = verdict(self._file)
        fallback = bool(self._file["model"].get("byte_fallback"))
        byte_tokens = {token for token in tokens if token and fallback and byte_of(token) is not None}
        facts = Facts(
            tokens=tokens,
            special=special_of(self._file, byte_tokens),
            pieces=pieces_of(self._file["decoder"]),
            guarantees="text" if text_returns else "none",
            why=why,
            byte_ids=byte_ids,
        )
        super().__init__(state, facts)
        self._unknown = unknown_id(self._file, tokens)
        self._instances: dict[tuple[frozenset[str], int], tokenizers.Tokenizer] = {}
        self._lock = threading.Lock()

    @property
    def post_processor(self) -> str | None:
        found = self._file.get("post_processor")
        return None if found is None else json.dumps(found, ensure_ascii=False)

    @property
    def library(self) -> str:
        return f"tokenizers {sys.modules['tokenizers'].__version__}"

    # Text to ids

    def _instance(self, text: str, parsed: frozenset[str] | None) -> tokenizers.Tokenizer:
        """The library's object in which the special tokens that aren't parsed are out of this text's reach."""
        hidden = frozenset() if parsed is None else frozenset(self._facts.special).difference(parsed)
        if not hidden:
            return self._library
        key = hidden, free_number(text)
        with self._lock:
            if key not in self._instances:
                if len(self._instances) == MOST_INSTANCES:
                    self._instances.pop(next(iter(self._instances)))
                self._instances[key] = opened(hiding(self._file, *key), self.name)
            return self._instances[key]

    def _encoding(self, text: str, parsed: frozenset[str] | None) -> tokenizers.Encoding:
        instance = self._instance(text, parsed)
        with library_errors("the text can't be encoded", VocabularyError):
            return instance.encode(text, add_special_tokens=False)

    def _encode(self, text: str, parsed: frozenset[str] | None) -> list[int]:
        return self._without_hidden(self._encoding(text, parsed).ids, parsed)

    def _without_hidden(self, ids: list[int], parsed: frozenset[str] | None) -> list[int]:
        """The ids, if no control token is among them that the text wasn't to come to: the proof of `hiding`."""
        if parsed is not None:
            allowed = {self._facts.special[name] for name in parsed}
            for id in self._special_ids.difference(allowed).intersection(ids):
                if id != self._unknown:
                    raise VocabularyError(
                        f"the model makes the control token {self._token(id)!r} of ordinary text; nothing was encoded"
                    )
        return ids

    def _encode_many(
        self, texts: list[str], parsed: list[frozenset[str] | None], threads: int
    ) -> list[list[int]]:
        # The library has threads of its own, as many as there are processors; its calls for one text hold the lock.
        groups: dict[tuple[frozenset[str] | None, int], list[int]] = {}
        many: list[list[int]] = [[] for _ in texts]
        for index, (text, names) in enumerate(zip(texts, parsed, strict=True)):
            if threads == 1 or self._stand_in(text, names) is not None:
                many[index] = self._ids(text, names)
            else:
                groups.setdefault((names, free_number(text)), []).append(index)
        for (names, _), indices in groups.items():
            instance = self._instance(texts[indices[0]], names)
            with library_errors("the texts can't be encoded", VocabularyError):
                found = instance.encode_batch_fast(
                    [texts[index] for index in indices], add_special_tokens=False
                )
            for index, encoding in zip(indices, found, strict=True):
                many[index] = self._without_hidden(encoding.ids, names)
        return many

    def _offsets(self, text: str, parsed: frozenset[str] | None) -> Spans:
        offsets: Spans = self._encoding(text, parsed).offsets
        return offsets

    def _first_special(self, text: str) -> tuple[str, int] | None:
        encoding = self._encoding(text, None)
        for id, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
            if id in self._special_ids:
                name, part = self._token(id), text[start:end]
                if id != self._unknown or part.strip() == name:
                    return name, start + max(part.find(name), 0)
        return None

    # Ids to text

    def _library_decode(self, ids: list[int]) -> str:
        with library_errors("the ids can't be decoded", VocabularyError):
            text: str = self._library.decode(ids, skip_special_tokens=False)
        return text

    # Others made from it, and files

    def with_special_tokens(self, names: Iterable[str]) -> TokenizersTokenizer:
        new = self._new_names(names)
        file = json.loads(self._state.data)
        flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
        added = [
            {"id": id, "content": name, **flags, "special": True}
            for id, name in enumerate(new, self.vocab_size)
        ]
        file["added_tokens"] = [*(file.get("added_tokens") or []), *added]
        data = json.dumps(file, ensure_ascii=False).encode()
        larger = TokenizersTokenizer(self._state._replace(data=data), self.name)
        for id, name in enumerate(new, self.vocab_size):
            found = larger.special_tokens.get(name)
            if found != id:
                raise SpecialTokenError(
                    f"{name!r} would get id {found} from the library tokenizers and not {id}, the "
                    "one after the last: its ids have holes. Give the file a token for each id first"
                )
        return larger

    def _derived(self) -> dict[str, bytes]:
        roles = {
            "bos_token": BOS_NAMES,
            "eos_token": EOS_NAMES,
            "pad_token": PAD_NAMES,
            "unk_token": UNK_NAMES,
        }
        special = self._facts.special
        found = {
            role: next((name for name in names if name in special), None) for role, names in roles.items()
        }
        config = {
            **{role: name for role, name in found.items() if name is not None},
            "clean_up_tokenization_spaces": False,
            "tokenizer_class": "PreTrainedTokenizerFast",
        }
        return {"tokenizer_config.json": (json.dumps(config, indent=2, ensure_ascii=False) + "\n").encode()}


def from_bytes(data: bytes, origin: str, *, name: str) -> Tokenizer:
    """The tokenizer of a `tokenizer.json`: tokloom's engine where that is provably the same, else the library's.

    Args:
        data: the file.
        origin: where it is, for messages.
        name: what to call it.

    Raises:
        FormatError: the file is damaged, or neither reads it.
        MissingDependencyError: it is for the library tokenizers, which isn't installed.
    """
    try:
        return BPETokenizer(_engine.Vocabulary.from_huggingface(data, origin), name=name)
    except UnsupportedFormatError as error:
        reason = error.reason
    except (VocabularyError, SpecialTokenError) as error:
        reason = str(error)  # the file is in order, and its parts don't fit the engine
    return TokenizersTokenizer(State("huggingface", data, (), name, reason), origin)


def restore(state: State, origin: str) -> TokenizersTokenizer:
    """The adapter of a state that was saved or sent."""
    return TokenizersTokenizer(state, origin)


def takes(object: object) -> bool:
    """Whether it is a tokenizer of the library, or one of transformers that has one."""
    return _backend(object) is not None


def adapt(object: object, name: str | None) -> Tokenizer:
    """The same tokenizer, by what the object would write into a `tokenizer.json`, without padding and truncation."""
    backend = _backend(object)
    assert backend is not None, "takes() is asked first"
    called = name or getattr(object, "name_or_path", "") or "tokenizer"
    origin = f"the object {called!r}"
    check_size(backend, origin)
    file = {**written(backend), "truncation": None, "padding": None}
    return from_bytes(json.dumps(file, ensure_ascii=False).encode(), origin, name=called)


def _backend(object: object) -> tokenizers.Tokenizer | None:
    library = sys.modules.get("tokenizers")
    if library is None:
        return None  # nobody can have made one
    for found in (object, getattr(object, "backend_tokenizer", None)):
        if isinstance(found, library.Tokenizer):
            tokenizer: tokenizers.Tokenizer = found
            return tokenizer
    return None
