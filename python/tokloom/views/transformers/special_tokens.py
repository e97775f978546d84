"""What the tokens of a view are: their ids and names, which of them are special, and more of those.

This module needs transformers; `tokloom.views.transformers.view` imports it when it is called.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from transformers import AddedToken, PreTrainedTokenizer

from tokloom.errors import ArgumentError, SpecialTokenError
from tokloom.tokenizer import Tokenizer
from tokloom.views.transformers.framing import post_processor
from tokloom.views.transformers.padding import warn_if_shared
from tokloom.views.transformers.token_names import Added, TokenNames, added_tokens, token_names

# The parts that transformers has names for; what else is special is an extra special token there.
ROLES = {"sep_token": ("[SEP]",), "cls_token": ("[CLS]",), "mask_token": ("[MASK]", "<mask>", "<|mask|>")}


class SpecialTokens(PreTrainedTokenizer):
    """The half of a view that knows its tokens."""

    def __init__(self, tokenizer: Tokenizer, *, pad_token: str | None = None) -> None:
        self._runs = tokenizer
        self._names: TokenNames | None = None
        self._framing, self._trimming = post_processor(tokenizer)
        self._added_tokens_decoder = {token.id: _as_theirs(token) for token in added_tokens(tokenizer)}
        named = _named_tokens(tokenizer) | ({} if pad_token is None else {"pad_token": pad_token})
        extra = [name for name in tokenizer.special_tokens if name not in named.values()]
        super().__init__(**named, extra_special_tokens=extra, clean_up_tokenization_spaces=False)
        self.split_special_tokens = True

    # What it is

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer that it runs; another one after `add_special_tokens`."""
        return self._runs

    @property
    def vocab_size(self) -> int:
        """The highest id + 1, special tokens counted: the rows an embedding needs."""
        return self._runs.vocab_size

    def __len__(self) -> int:
        return self._runs.vocab_size

    def __bool__(self) -> bool:
        return True

    def _update_total_vocab_size(self) -> None:
        self.total_vocab_size = self._runs.vocab_size

    def _named(self) -> TokenNames:
        if self._names is None:
            self._names = token_names(self._runs)
        return self._names

    def get_vocab(self) -> dict[str, int]:
        """The id of every token by its name; of ordinary tokens, that is their bytes in GPT-2's alphabet."""
        return {name: id for id, name in self._named().by_id.items()}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_names": None}  # made again where it is needed

    # Special tokens

    def __setattr__(self, key: str, value: Any) -> None:
        role = key.removesuffix("_id")
        if role in self.SPECIAL_TOKENS_ATTRIBUTES and value is not None:
            name = self._named().by_id.get(value) if role != key else str(value)
            if name not in self._runs.special_tokens:
                raise SpecialTokenError(
                    f"{key} is to be {value!r}, which is no special token of this vocabulary; add it with "
                    f"add_special_tokens({{{role!r}: …}}), or before with tokenizer.with_special_tokens([…])"
                )
            if role == "pad_token":
                warn_if_shared(str(name), stacklevel=3)
        super().__setattr__(key, value)

    def add_special_tokens(
        self, special_tokens_dict: dict[str, Any], replace_extra_special_tokens: bool = True
    ) -> int:
        """Adds special tokens, new ids at the end; `len` and `vocab_size` follow.

        Returns:
            How many are new.

        Raises:
            SpecialTokenError: a name is empty or a token already.
        """
        listed = ("extra_special_tokens", "additional_special_tokens")
        tokens = [
            token
            for key, value in (special_tokens_dict or {}).items()
            for token in (value if key in listed and isinstance(value, (list, tuple)) else [value])
            if isinstance(token, (str, AddedToken))
        ]
        added = self._grow(tokens)
        super().add_special_tokens(special_tokens_dict, replace_extra_special_tokens)
        return added

    def _add_tokens(self, new_tokens: Iterable[Any], special_tokens: bool = False) -> int:
        """What transformers' `add_tokens` calls."""
        tokens = list(new_tokens)
        ordinary = [
            str(token)
            for token in tokens
            if str(token) not in self._added_tokens_encoder and not (special_tokens or _is_special(token))
        ]
        if ordinary:
            raise ArgumentError(
                f"{ordinary[0]!r} is no special token, and only such can be added: a word that is split out of every "
                "text would change the ids of text. Add it with special_tokens=True, or before with "
                "tokenizer.with_special_tokens([…]); or train more merges: tokenizer.train_more(…)"
            )
        known = set(self.all_special_tokens)
        added = self._grow(tokens)
        self._extra_special_tokens.extend(str(token) for token in tokens if str(token) not in known)
        return added

    def _grow(self, tokens: Sequence[Any]) -> int:
        for token in tokens:
            if isinstance(token, AddedToken) and (token.lstrip or token.rstrip or token.single_word):
                raise ArgumentError(
                    f"{token.content!r} is to take white space or only whole words, which tokens that are added here don't"
                )
        new = [name for name in dict.fromkeys(map(str, tokens)) if name not in self._added_tokens_encoder]
        if not new:
            return 0
        self._runs = self._runs.with_special_tokens(new)
        self._names = None
        self._added_tokens_decoder = {token.id: _as_theirs(token) for token in added_tokens(self._runs)}
        self._added_tokens_encoder: dict[str, int] = {
            token.content: id for id, token in self._added_tokens_decoder.items()
        }
        self._update_total_vocab_size()
        return len(new)

    # Names and ids

    def _convert_token_to_id_with_added_voc(self, token: str) -> int | None:
        """The id of a name; for one that is none, the id of unknown text, or None."""
        id = self._named().by_name.get(token)
        return self.unk_token_id if id is None and self.unk_token is not None else id

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """The name of an id, or the names of several; None for an id that stands for nothing."""
        names = self._named().by_id
        if isinstance(ids, int):
            return names.get(ids)
        skipped = set(self._runs.special_tokens.values()) if skip_special_tokens else set()
        return [names.get(id) for id in map(int, ids) if id not in skipped]


def _named_tokens(tokenizer: Tokenizer) -> dict[str, str]:
    """The vocabulary's special tokens that transformers has a name for."""
    special = tokenizer.special_tokens
    names = {id: name for name, id in special.items()}
    ids = {
        "bos_token": tokenizer.bos_id,
        "eos_token": tokenizer.eos_id,
        "pad_token": tokenizer.pad_id,
        "unk_token": tokenizer.unk_id,
    }
    found = {role: names[id] for role, id in ids.items() if id in names}
    for role, usual in ROLES.items():
        name = next((name for name in usual if name in special), None)
        if name is not None:
            found[role] = name
    return found


def _as_theirs(token: Added) -> AddedToken:
    return AddedToken(
        token.content,
        special=token.special,
        lstrip=token.strip_left,
        rstrip=token.strip_right,
        single_word=token.single_word,
        normalized=token.normalized,
    )


def _is_special(token: object) -> bool:
    return isinstance(token, AddedToken) and bool(token.special)
