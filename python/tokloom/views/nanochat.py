"""A tokenizer as nanochat's own code calls it: names, arguments and results of its `RustBPETokenizer`.

Source: karpathy/nanochat, `nanochat/tokenizer.py` and `scripts/tok_train.py` (92d63d4, July 2026). What differs raises:
a `str` with a lone surrogate (nanochat replaces it), and conversations that nanochat stops at with an assertion.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, overload

from tokloom.chat import Chat, Conversation, named_format
from tokloom.errors import ArgumentError, ConversationError, UnknownIdError, VocabularyError
from tokloom.tokenizer import Ids, Tokenizer

__all__ = ["NanochatView", "view"]

BOS = "<|bos|>"
RED, GREEN, GRAY, RESET = "\x1b[91m", "\x1b[92m", "\x1b[90m", "\x1b[0m"


def view(tokenizer: Tokenizer) -> NanochatView:
    """The tokenizer as nanochat's own code calls it.

    Raises:
        VocabularyError: the vocabulary has no `<|bos|>`.
    """
    return NanochatView(tokenizer)


class NanochatView:
    """What nanochat's training, evaluation and chat call a tokenizer.

    Args:
        tokenizer: one with `<|bos|>`; conversations need all of nanochat's nine special tokens.

    Raises:
        VocabularyError: the vocabulary has no `<|bos|>`.

    Example:
        >>> import tokloom
        >>> nine = tokloom.chat.named_format("nanochat").control_tokens
        >>> view = tokloom.load("bytes").with_special_tokens(nine).as_nanochat()
        >>> view.encode(["a", "bc"], prepend="<|bos|>")
        [[256, 97], [256, 98, 99]]
        >>> ids, mask = view.render_conversation(
        ...     {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}]}
        ... )
        >>> view.decode(ids)
        '<|bos|><|user_start|>?<|user_end|><|assistant_start|>!<|assistant_end|>'
        >>> mask
        [0, 0, 0, 0, 0, 1, 1]
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        if BOS not in tokenizer.special_tokens:
            nine = named_format("nanochat").control_tokens
            missing = [name for name in nine if name not in tokenizer.special_tokens]
            raise VocabularyError(
                f"{tokenizer.name} has no {BOS!r}, with which nanochat begins every document; add nanochat's tokens: "
                f"tokenizer.with_special_tokens({missing!r})"
            )
        self.bos_token_id = tokenizer.special_tokens[BOS]
        self._chat: Chat | None = None  # at the first conversation: documents need no more than `<|bos|>`

    # What it is

    def get_vocab_size(self) -> int:
        """The highest id + 1."""
        return self.tokenizer.vocab_size

    def get_special_tokens(self) -> set[str]:
        """The names of the special tokens."""
        return set(self.tokenizer.special_tokens)

    def get_bos_token_id(self) -> int:
        """The id of `<|bos|>`."""
        return self.bos_token_id

    def encode_special(self, text: str) -> int:
        """The id of one token: a special one by its name, else an ordinary one by its text.

        Raises:
            UnknownIdError: the text is no single token (also a KeyError).
        """
        special = self.tokenizer.special_tokens
        if text in special:
            return special[text]
        ids = self.tokenizer.encode(text)
        if len(ids) != 1 or self.tokenizer.token_bytes(ids[0]) != text.encode():
            raise UnknownIdError(f"{text!r:.60} is no special token, and no single token either")
        return ids[0]

    # Text to ids and back

    @overload
    def encode(
        self,
        text: str,
        prepend: int | str | None = None,
        append: int | str | None = None,
        num_threads: int = 8,
    ) -> list[int]: ...

    @overload
    def encode(
        self,
        text: list[str],
        prepend: int | str | None = None,
        append: int | str | None = None,
        num_threads: int = 8,
    ) -> list[list[int]]: ...

    def encode(
        self,
        text: str | list[str],
        prepend: int | str | None = None,
        append: int | str | None = None,
        num_threads: int = 8,
    ) -> list[int] | list[list[int]]:
        """The ids of a text, or of many; special tokens in a text are text.

        Args:
            text: a text or a list of texts.
            prepend: a token to begin each with, by id or name.
            append: a token to end each with, by id or name.
            num_threads: how many threads share a list.

        Raises:
            ArgumentError: `text` is neither (also a ValueError).
            UnknownIdError: `prepend` or `append` is no single token, or no id of one (also a KeyError).
            TextError: a text has a lone surrogate.
        """
        before = [] if prepend is None else [self._id(prepend)]
        after = [] if append is None else [self._id(append)]
        if isinstance(text, str):
            return [*before, *self.tokenizer.encode(text), *after]
        if not isinstance(text, list):
            raise ArgumentError(f"nanochat encodes a str or a list of str, not {type(text).__name__}")
        rows = self.tokenizer.encode_batch(text, threads=num_threads)
        return [[*before, *ids, *after] for ids in rows] if before or after else rows

    __call__ = encode

    def decode(self, ids: Ids) -> str:
        """The text that the ids stand for; what is not UTF-8 is replaced.

        Raises:
            UnknownIdError: an id stands for nothing (also a KeyError).
        """
        return self.tokenizer.decode(ids)

    def id_to_token(self, id: int) -> str:
        """The text of one token; what is not UTF-8 is replaced.

        Raises:
            UnknownIdError: the id stands for nothing (also a KeyError).
        """
        return self.tokenizer.decode([id])

    def decode_single_token_bytes(self, token_id: int) -> bytes:
        """The bytes of one token.

        Raises:
            UnknownIdError: the id stands for nothing (also a KeyError).
        """
        return self.tokenizer.token_bytes(token_id)

    # Conversations

    def render_conversation(
        self, conversation: Mapping[str, Any], max_tokens: int = 2048
    ) -> tuple[list[int], list[int]]:
        """The ids of a conversation, and the mask of what is trained, of the same length.

        Args:
            conversation: a dictionary with `messages`; fields that nanochat doesn't know are left out.
            max_tokens: what is beyond is cut off.

        Raises:
            ArgumentError: `max_tokens` is no number, or negative.
            ConversationError: a role out of order, a part of unknown type, a content of wrong type, no messages.
            VocabularyError: the vocabulary has not all of nanochat's special tokens.
        """
        self._chat = self._chat or Chat(self.tokenizer, "nanochat")
        ids, mask = self._chat.render(_known_fields(conversation), max_tokens=max_tokens)
        return ids, mask

    def render_for_completion(self, conversation: Mapping[str, Any]) -> list[int]:
        """The ids of a conversation without its last message, an assistant's, up to where the assistant writes it.

        As in nanochat, at most the first 2,048 are kept before `<|assistant_start|>`.

        Raises:
            ConversationError: as for `render_conversation`, or the last message is no assistant's.
        """
        messages = _known_fields(conversation)
        if not messages or messages[-1].get("role") != "assistant":
            raise ConversationError("the last message must be the assistant's: it is what is to be completed")
        ids, _ = self.render_conversation({"messages": messages[:-1]})
        return [*ids, self.encode_special("<|assistant_start|>")]

    def visualize_tokenization(self, ids: list[int], mask: list[int], with_token_id: bool = False) -> str:
        """The tokens with `|` between them, in a terminal's colours: green is trained, red isn't.

        As in nanochat, what the tokens hold goes to the terminal as it is; `tokloom.chat.show` escapes what a stranger's
        text could do to it.
        """
        tokens = []
        for id, trained in zip(ids, mask, strict=False):
            tokens.append(f"{GREEN if trained == 1 else RED}{self.decode([id])}{RESET}")
            if with_token_id:
                tokens.append(f"{GRAY}({id}){RESET}")
        return "|".join(tokens)

    # Files

    def save(self, tokenizer_dir: str | PathLike[str]) -> None:
        """Writes the files that nanochat opens into a folder, beside whatever else is there.

        Raises:
            VocabularyError: tiktoken, which nanochat opens it with, can't say what this tokenizer does.
            MissingDependencyError: tiktoken isn't installed (`pip install tokloom[tiktoken]`).
            SourceError: the system refuses (also an OSError).
        """
        from tokloom.storage import as_source_error, write_file
        from tokloom.views.nanochat_files import files

        directory = Path(tokenizer_dir)
        contents = files(self.tokenizer)
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise as_source_error(error, directory) from None
        for name, data in contents.items():
            write_file(directory / name, data)

    def _id(self, token: int | str) -> int:
        """The id of a token that is given by id or name.

        Raises:
            UnknownIdError: it is none.
        """
        if isinstance(token, str):
            return self.encode_special(token)
        if isinstance(token, bool) or not hasattr(token, "__index__"):
            raise UnknownIdError(f"a token is an id or a name, not {type(token).__name__} ({token!r:.40})")
        self.tokenizer.token_bytes(token)  # raises where the id stands for nothing
        return operator.index(token)


def _known_fields(conversation: Conversation) -> list[dict[str, Any]]:
    """The messages with what nanochat reads of them."""
    messages = conversation.get("messages") if isinstance(conversation, Mapping) else None
    if not isinstance(messages, (list, tuple)) or not all(
        isinstance(message, Mapping) for message in messages
    ):
        raise ConversationError("a conversation is a dictionary with 'messages', a list of dictionaries")
    return [{key: message[key] for key in ("role", "content") if key in message} for message in messages]
