"""`TransformersView`: a tokenizer object of transformers' Python backend whose ids are ours.

This module needs transformers; `tokloom.views.transformers.view` imports it when it is called.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Any, NoReturn

from transformers import AddedToken, BatchEncoding, PreTrainedTokenizer
from transformers.tokenization_utils_base import TruncationStrategy
from transformers.utils import PaddingStrategy

from tokloom.errors import ArgumentError, SpecialTokenError
from tokloom.tokenizer import Special, Tokenizer
from tokloom.views.transformers import chat, saving
from tokloom.views.transformers.framing import post_processor
from tokloom.views.transformers.inputs import encode_all, samples
from tokloom.views.transformers.padding import warn_if_shared
from tokloom.views.transformers.rows import Request, check_pad_length, result
from tokloom.views.transformers.token_names import Added, TokenNames, added_tokens, token_names
from tokloom.views.transformers.truncation import longest_first

# The parts that transformers has names for; what else is special is an extra special token there.
ROLES = {"sep_token": ("[SEP]",), "cls_token": ("[CLS]",), "mask_token": ("[MASK]", "<mask>", "<|mask|>")}


class TransformersView(PreTrainedTokenizer):  # type: ignore[misc, unused-ignore]
    """A tokenizer of transformers that runs one of ours. Made by `Tokenizer.as_transformers`.

    Text stays text: special tokens that stand in it are split out only with `split_special_tokens=False`.

    Attributes:
        split_special_tokens: True: special tokens in a text are ordinary text. False: each becomes its id.

    Example:
        >>> import tokloom
        >>> view = tokloom.load("bytes").as_transformers(pad_token="<|pad|>")
        >>> view(["ab", "c"], padding=True)["input_ids"], len(view)
        ([[97, 98], [99, 256]], 257)
    """

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

    # Text to ids

    def _encode_plus(
        self,
        text: Any,
        text_pair: Any = None,
        add_special_tokens: bool = True,
        padding_strategy: PaddingStrategy = PaddingStrategy.DO_NOT_PAD,
        truncation_strategy: TruncationStrategy = TruncationStrategy.DO_NOT_TRUNCATE,
        max_length: int | None = None,
        stride: int = 0,
        is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: Any = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        verbose: bool = True,
        split_special_tokens: bool | None = None,
        **unknown: Any,
    ) -> BatchEncoding:
        """What `__call__` and `encode` come to."""
        if unknown:
            raise ArgumentError(f"{next(iter(unknown))}= is nothing that this tokenizer knows")
        if (
            max_length is not None
            and max_length < 1
            and truncation_strategy != TruncationStrategy.DO_NOT_TRUNCATE
        ):
            raise ArgumentError(f"max_length is {max_length}; it must be 1 or more")
        batch, batched = samples(text, text_pair, words=is_split_into_words)
        encoded = encode_all(
            self._runs,
            batch,
            words=is_split_into_words,
            special=self._special(split_special_tokens),
            spans=return_offsets_mapping,
        )
        request = Request(
            add_special_tokens=add_special_tokens,
            padding=padding_strategy,
            truncation=truncation_strategy,
            max_length=max_length,
            stride=stride,
            pad_to_multiple_of=pad_to_multiple_of,
            padding_side=padding_side,
            return_tensors=return_tensors,
            return_token_type_ids=return_token_type_ids,
            return_attention_mask=return_attention_mask,
            return_overflowing_tokens=return_overflowing_tokens,
            return_special_tokens_mask=return_special_tokens_mask,
            return_offsets_mapping=return_offsets_mapping,
            return_length=return_length,
            verbose=verbose,
        )
        return result(self, encoded, request, batched=batched)

    def _special(self, split_special_tokens: bool | None) -> Special:
        as_text = self.split_special_tokens if split_special_tokens is None else split_special_tokens
        return "text" if as_text else "parse"

    def tokenize(
        self, text: str, pair: str | None = None, add_special_tokens: bool = False, **choices: Any
    ) -> list[str]:
        """The names of a text's tokens.

        Args:
            text: the text.
            pair: a second text.
            add_special_tokens: whether those that the vocabulary's post-processor adds are among them.
            **choices: as for `__call__`.
        """
        found = self(text, pair, add_special_tokens=add_special_tokens, **choices)
        names: list[str] = self.convert_ids_to_tokens(found["input_ids"])
        return names

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """How many tokens the vocabulary's post-processor adds to a text, or to a pair of texts."""
        return self._framing.added(pair=pair)

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """The ids with those that the vocabulary's post-processor adds."""
        return self._framing.ids(token_ids_0, token_ids_1)

    def create_token_type_ids_from_sequences(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """For each id, also of those that are added, the number of its text: 0 or 1."""
        return self._framing.type_ids(token_ids_0, token_ids_1)

    def get_special_tokens_mask(
        self,
        token_ids_0: list[int],
        token_ids_1: list[int] | None = None,
        already_has_special_tokens: bool = False,
    ) -> list[int]:
        """1 for each id that is added, or, if they are added already, for each special token; 0 for others."""
        if already_has_special_tokens:
            mask: list[int] = super().get_special_tokens_mask(token_ids_0, token_ids_1, True)
            return mask
        zeros = None if token_ids_1 is None else [0] * len(token_ids_1)
        return self._framing.laid([0] * len(token_ids_0), zeros, 1)

    def truncate_sequences(
        self,
        ids: list[int],
        pair_ids: list[int] | None = None,
        num_tokens_to_remove: int = 0,
        truncation_strategy: str | TruncationStrategy = "longest_first",
        stride: int = 0,
    ) -> tuple[list[int], list[int] | None, list[int]]:
        """What is left of one text or two, and what went; of two, the longer one is cut first."""
        if pair_ids is None or TruncationStrategy(truncation_strategy) != TruncationStrategy.LONGEST_FIRST:
            left: tuple[list[int], list[int] | None, list[int]] = super().truncate_sequences(
                ids, pair_ids, num_tokens_to_remove, truncation_strategy, stride
            )
            return left
        return *longest_first(ids, pair_ids, num_tokens_to_remove, self.truncation_side), []

    def _pad(
        self,
        encoded_inputs: Any,
        max_length: int | None = None,
        padding_strategy: PaddingStrategy = PaddingStrategy.DO_NOT_PAD,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_attention_mask: bool | None = None,
    ) -> dict[str, Any]:
        """Fills up one row; what `pad` does for each."""
        name = self.model_input_names[0]
        if padding_strategy == PaddingStrategy.MAX_LENGTH:
            check_pad_length(encoded_inputs, name, max_length)
        before = len(encoded_inputs[name])
        row: dict[str, Any] = super()._pad(
            encoded_inputs,
            max_length=max_length,
            padding_strategy=padding_strategy,
            pad_to_multiple_of=pad_to_multiple_of,
            padding_side=padding_side,
            return_attention_mask=return_attention_mask,
        )
        if "offset_mapping" in row:
            filling = [(0, 0)] * (len(row[name]) - before)
            left = (padding_side or self.padding_side) == "left"
            row["offset_mapping"] = (
                filling + row["offset_mapping"] if left else row["offset_mapping"] + filling
            )
        return row

    # Ids to text

    def _decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        spaces_between_special_tokens: bool = False,
        use_source_tokenizer: bool = False,  # noqa: ARG002 (transformers passes it, and ignores it, too)
        **unknown: Any,
    ) -> str:
        """What `decode` and `batch_decode` come to."""
        if unknown:
            raise ArgumentError(f"{next(iter(unknown))}= is nothing that decoding knows")
        if spaces_between_special_tokens:
            raise ArgumentError("spaces_between_special_tokens=True would add spaces that no id stands for")
        if isinstance(token_ids, dict):
            token_ids = token_ids["input_ids"]
        ids = [token_ids] if isinstance(token_ids, int) else token_ids
        text = self._runs.decode(ids, skip_special_tokens=skip_special_tokens)
        asked = (
            self.clean_up_tokenization_spaces
            if clean_up_tokenization_spaces is None
            else clean_up_tokenization_spaces
        )
        return str(self.clean_up_tokenization(text)) if asked else text

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """The text of tokens that are given by name.

        Raises:
            ArgumentError: a name is none.
        """
        known = self._named().by_name
        unknown = next((name for name in tokens if name not in known), None)
        if unknown is not None:
            raise ArgumentError(f"{unknown!r} is the name of no token; names are as `tokenize` gives them")
        return self._runs.decode([known[name] for name in tokens])

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

    # Conversations

    def apply_chat_template(
        self,
        conversation: Any,
        tools: Any = None,
        documents: Any = None,
        chat_template: str | None = None,
        add_generation_prompt: bool = False,
        continue_final_message: bool | str = False,
        tokenize: bool = True,
        padding: Any = False,
        truncation: Any = False,
        max_length: int | None = None,
        return_tensors: Any = None,
        return_dict: bool = True,
        return_assistant_tokens_mask: bool = False,
        tokenizer_kwargs: dict[str, Any] | None = None,
        sanitize_control_tokens: bool = True,
        **variables: Any,
    ) -> Any:
        """A conversation through a template: the template's own control tokens as ids, the messages' text as text.

        As in transformers; but a control token that stands in a message, a tool, a document or a variable is text, and
        a template for which that can't be told is refused.

        Args:
            conversation: messages, each a dict with "role" and more; or a list of conversations.
            tools: functions or their JSON schemas, for templates that know of them.
            documents: dicts with "title" and "text", likewise.
            chat_template: the template, or the name of one; default: `self.chat_template`.
            add_generation_prompt: whether what begins an answer comes last.
            continue_final_message: whether the last message stays open; a str names the field.
            tokenize: False: the text, in which control tokens can't be told from text any more.
            padding: as for `__call__`.
            truncation: as for `__call__`.
            max_length: as for `__call__`.
            return_tensors: as for `__call__`.
            return_dict: False: the ids alone.
            return_assistant_tokens_mask: also "assistant_masks", 1 for what the template marks as generated.
            tokenizer_kwargs: more choices of `__call__`.
            sanitize_control_tokens: nothing else is done here; False is refused.
            **variables: for the template.

        Raises:
            ArgumentError: no message; or the template's own control tokens can't be told from text, or it marks
                nothing as generated and that was asked for.
        """
        if not sanitize_control_tokens:
            raise ArgumentError(
                "sanitize_control_tokens=False would let a message write control tokens, which this tokenizer never "
                "does; to parse all of a rendered text, give it to the tokenizer with split_special_tokens=False"
            )
        request = chat.Rendering(
            template=self.get_chat_template(chat_template, tools),
            tools=tools,
            documents=documents,
            add_generation_prompt=add_generation_prompt,
            continue_final_message=continue_final_message,
            marks_generated=return_assistant_tokens_mask,
            variables=variables,
            own_variables=self.special_tokens_map,
        )
        shape = chat.Shape(
            padding, truncation, max_length, return_tensors, return_dict, tokenizer_kwargs or {}
        )
        return chat.apply(self, conversation, request, shape, tokenize=tokenize)

    # Files

    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str, ...]:
        """Writes `tokenizer.json` and tokloom's own form, for `tokenizers`, `AutoTokenizer` and `tokloom.load`.

        Raises:
            VocabularyError: a `tokenizer.json` can't say what this vocabulary does.
            SourceError: the system refuses (also an OSError); nothing half-written is left.
        """
        return saving.save_vocabulary(self._runs, save_directory, filename_prefix)

    def save_pretrained(
        self,
        save_directory: str | PathLike[str],
        legacy_format: bool | None = None,
        filename_prefix: str | None = None,
        push_to_hub: bool = False,
        **choices: Any,
    ) -> tuple[str, ...]:
        """Writes a folder that `AutoTokenizer.from_pretrained` and `tokloom.load` open, beside files that are there.

        `AutoTokenizer` follows transformers' rules, which parse special tokens that stand in a text.

        Args:
            save_directory: the folder, for instance a model's.
            legacy_format: True is refused: there is no older format for these vocabularies.
            filename_prefix: refused: the folder would not open again.
            push_to_hub: refused: `push_to_hub(name)` does it.
            **choices: of transformers' own method.

        Returns:
            The files that were written.

        Raises:
            ArgumentError: what is refused.
            VocabularyError: a `tokenizer.json` can't say what this vocabulary does.
            SourceError: the system refuses (also an OSError); nothing half-written is left.
        """
        if legacy_format or filename_prefix or push_to_hub:
            raise ArgumentError(
                "legacy_format, filename_prefix and push_to_hub are not for this tokenizer: the folder that it saves "
                "holds a tokenizer.json under its own name, and push_to_hub(name) uploads it"
            )
        return saving.save_pretrained(
            lambda folder: super(TransformersView, self).save_pretrained(folder, **choices), save_directory
        )

    @classmethod
    def from_pretrained(cls, *_: Any, **__: Any) -> NoReturn:
        """Refused: a folder is opened by `tokloom.load`.

        Raises:
            ArgumentError: always.
        """
        raise ArgumentError(
            "open the folder with tokloom.load(path).as_transformers(), or with transformers' AutoTokenizer"
        )


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
