"""`TransformersView`: a tokenizer object of transformers' Python backend whose ids are ours.

This module needs transformers; `tokloom.views.transformers.view` imports it when it is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any, NoReturn

from transformers import BatchEncoding
from transformers.tokenization_utils_base import TruncationStrategy
from transformers.utils import PaddingStrategy

from tokloom.errors import ArgumentError
from tokloom.tokenizer import Special
from tokloom.views.transformers import chat, saving
from tokloom.views.transformers.inputs import encode_all, samples
from tokloom.views.transformers.requirements import require_jinja, require_tensors
from tokloom.views.transformers.rows import Request, check_pad_length, result
from tokloom.views.transformers.special_tokens import SpecialTokens
from tokloom.views.transformers.truncation import longest_first


class TransformersView(SpecialTokens):
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
        require_tensors(return_tensors)
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

    def pad(self, encoded_inputs: Any, *arguments: Any, return_tensors: Any = None, **choices: Any) -> Any:
        """Fills up rows of ids to one length, by transformers' own code; a collator calls it.

        Args:
            encoded_inputs: a row, a batch, or a list of rows, as `__call__` gives them.
            *arguments: as for transformers' own method.
            return_tensors: as for `__call__`.
            **choices: as for transformers' own method.

        Raises:
            ArgumentError: there is no pad token, or a row is longer than what it is to be filled up to.
            MissingDependencyError: the library of `return_tensors` isn't installed.
        """
        require_tensors(return_tensors)
        return super().pad(encoded_inputs, *arguments, return_tensors=return_tensors, **choices)

    def _get_padding_truncation_strategies(self, *arguments: Any, **choices: Any) -> Any:
        """What transformers makes of `padding`, `truncation` and `max_length`."""
        try:
            return super()._get_padding_truncation_strategies(*arguments, **choices)
        except ValueError as error:
            if self.pad_token is not None or "padding token" not in str(error):
                raise
            # Its own advice is to take the end of text, whose labels collators then mask.
            raise ArgumentError(
                f"{self._runs.name} has no pad token to fill up with; make the view with "
                "as_transformers(pad_token='<|pad|>'), which adds one as the last id (resize the model's embeddings by "
                "len(view) then), or with the name of one of its special tokens"
            ) from None

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
            ConversationError: no message, or something in it that JSON can't say; or the template's own control
                tokens can't be told from text.
            ArgumentError: choices that contradict each other; or the template marks nothing as generated and that was
                asked for.
            MissingDependencyError: jinja2 isn't installed, or the library of `return_tensors`.
        """
        require_jinja()
        require_tensors(return_tensors)
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
            VocabularyError: there can't be a `tokenizer.json`, and the folder holds another vocabulary's.
            SourceError: the system refuses (also an OSError); nothing half-written is left.

        Warns:
            TokloomWarning: a `tokenizer.json` can't say what this vocabulary does; it is in tokloom's own form alone.
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
            VocabularyError: there can't be a `tokenizer.json`, and the folder holds another vocabulary's.
            SourceError: the system refuses (also an OSError); nothing half-written is left.

        Warns:
            TokloomWarning: a `tokenizer.json` can't say what this vocabulary does: tokloom opens the folder, and
                `AutoTokenizer` doesn't, or by rules of its own.
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
