"""A conversation → ids and the mask of what is trained, of the same length."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, cast

from tokloom.chat.conversation import Conversation, read_messages
from tokloom.chat.formats import Control, Format, named_format
from tokloom.chat.segments import Segment, segments
from tokloom.chat.template_format import Template
from tokloom.errors import ArgumentError, ConversationError, VocabularyError
from tokloom.tokenizer import Ids, Tokenizer

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Chat", "Rendered"]

Side = Literal["right", "left"]
AnyMessage = TypeVar("AnyMessage")


class Rendered(NamedTuple):
    """A conversation as a model reads it.

    Attributes:
        ids: shape (n,).
        mask: shape (n,): 1 where the id is to be predicted in training, else 0.
    """

    ids: list[int]
    mask: list[int]


class Chat:
    r"""Conversations for one tokenizer in one format.

    Texts are encoded apart from control tokens, which enter as ids: a user who types `<|assistant_start|>` gets text.
    Between two control tokens, a format's own text and a message's are one text, as a template would give it; but
    where the trained part begins, and between the parts of an answer, a new one begins: so a prompt's ids are the
    beginning of the whole conversation's.

    Args:
        tokenizer: any tokenizer.
        format: the name of a known format (`tokloom.chat.format_names()`), a `Format` of one's own, or a `Template`.

    Raises:
        VocabularyError: the vocabulary has not all control tokens of the format.
        ArgumentError: no format is called so.

    Example:
        >>> import tokloom
        >>> from tokloom.chat import Chat, named_format
        >>> tokenizer = tokloom.load("bytes").with_special_tokens(named_format("chatml").control_tokens)
        >>> chat = Chat(tokenizer, "chatml")
        >>> conversation = [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}]
        >>> ids, mask = chat.render(conversation)
        >>> tokenizer.decode(ids)
        '<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n2<|im_end|>\n'
        >>> tokenizer.decode([id for id, trained in zip(ids, mask) if trained])
        '2<|im_end|>'
        >>> tokenizer.decode(chat.render(conversation, for_completion=True).ids)
        '<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n'
    """

    def __init__(self, tokenizer: Tokenizer, format: str | Format | Template) -> None:
        self.tokenizer = tokenizer
        self.format = named_format(format) if isinstance(format, str) else format
        special = tokenizer.special_tokens
        if isinstance(self.format, Template):
            names = self.format.control_names(special)
        elif isinstance(self.format, Format):
            names = self.format.control_tokens
        else:
            raise ArgumentError(f"a format is a name, a Format or a Template, not {type(format).__name__}")
        if missing := [name for name in names if name not in special]:
            raise VocabularyError(
                f"{tokenizer.name} has not all control tokens of the format {self.format.name}: "
                f"{', '.join(map(repr, missing))} are missing. Add them: tokenizer.with_special_tokens({missing!r})"
            )
        self._control = {name: special[name] for name in names}

    def render(
        self,
        conversation: Conversation,
        *,
        for_completion: bool = False,
        max_tokens: int | None = None,
        truncate: Literal["tokens", "turns"] = "tokens",
        side: Side | None = None,
    ) -> Rendered:
        """The ids of a conversation, and the mask of what is trained.

        Args:
            conversation: a dictionary with `messages`, or the messages: dictionaries with role and content.
            for_completion: up to where the assistant is to write: its last answer is left out if it ends the
                conversation, and the beginning of one follows.
            max_tokens: the most ids there may be; None: all.
            truncate: how to keep to it: "tokens" cuts anywhere, "turns" leaves out whole exchanges (a user's message and
                what follows it) and keeps the system's message.
            side: what is cut off: "right", the end (the default); "left", the beginning (the default for a completion,
                and the only one).

        Raises:
            ConversationError: a role out of order, a part of unknown type, a content of wrong type, no messages: it
                names the message; or not even one exchange has at most `max_tokens`.
            ArgumentError: `max_tokens` is no whole number or negative, or `truncate` or `side` is neither.
        """
        side = _checked(max_tokens, truncate, side, for_completion)
        if isinstance(self.format, Template):
            template = self.format
            plain = _as_dictionaries(conversation)
            return self._fitted(
                plain,
                [message.get("role") for message in plain],
                lambda kept, prompt: template.segments(kept, self._control, prompt=prompt),
                (for_completion, max_tokens, truncate, side),
            )
        format = self.format
        messages = read_messages(conversation, alternates=format.alternates)
        return self._fitted(
            messages,
            [message.role for message in messages],
            lambda kept, prompt: segments(kept, format, prompt=prompt),
            (for_completion, max_tokens, truncate, side),
        )

    def show(
        self, ids: Ids, mask: Iterable[int], *, show_ids: bool = False, console: Console | None = None
    ) -> None:
        """Prints a rendered conversation in colours: what is trained, what isn't, and where tokens end.

        Args:
            ids: shape (n,).
            mask: shape (n,).
            show_ids: whether each token is followed by its id.
            console: of rich; None: standard output.

        Raises:
            ArgumentError: the lengths differ, or the mask holds something else than 0 and 1.
            UnknownIdError: an id stands for nothing (also a KeyError).
        """
        from tokloom.chat.showing import show

        show(self.tokenizer, ids, mask, show_ids=show_ids, console=console)

    def to_html(self, ids: Ids, mask: Iterable[int], *, show_ids: bool = False) -> str:
        """The same as a page of HTML that needs nothing else: no script, all text escaped.

        Raises:
            ArgumentError: the lengths differ, or the mask holds something else than 0 and 1.
            UnknownIdError: an id stands for nothing (also a KeyError).
        """
        from tokloom.chat.showing import to_html

        return to_html(self.tokenizer, ids, mask, show_ids=show_ids)

    def _fitted(
        self,
        messages: Sequence[AnyMessage],
        roles: Sequence[object],
        as_segments: Callable[[Sequence[AnyMessage], bool], Iterable[Segment]],
        choices: tuple[bool, int | None, str, Side],
    ) -> Rendered:
        for_completion, max_tokens, truncate, side = choices
        if for_completion and roles and roles[-1] == "assistant":
            messages, roles = messages[:-1], roles[:-1]
        if not messages:
            raise ConversationError("there is no message to render" + " an answer to" * for_completion)
        if max_tokens is None or truncate == "tokens":
            return _cut(self._encoded(as_segments(messages, for_completion)), max_tokens, side)
        system = 1 if roles[0] == "system" else 0
        starts = [place for place, role in enumerate(roles) if role == "user" or place == system] or [0]
        fitting, shortest = None, 0
        low, high = 0, len(starts)  # so many exchanges fit; so many are tried at most
        while low < high:
            tried = (low + high + 1) // 2
            if tried == len(starts):
                kept: Sequence[AnyMessage] = messages
            elif side == "right":
                kept = messages[: starts[tried]]
            else:
                kept = [*messages[:system], *messages[starts[-tried] :]]
            rendered = self._encoded(as_segments(kept, for_completion))
            if len(rendered.ids) <= max_tokens:
                fitting, low = rendered, tried
            else:
                high = tried - 1
                shortest = len(rendered.ids)
        if fitting is None:
            raise ConversationError(
                f"not even one exchange fits: the {'first' if side == 'right' else 'last'} has {shortest:,} tokens and "
                f'max_tokens is {max_tokens:,}; truncate="tokens" cuts it'
            )
        return fitting

    def _encoded(self, given: Iterable[Segment]) -> Rendered:
        result = Rendered([], [])
        text, trained = "", False
        for segment in given:
            is_control = isinstance(segment.piece, Control)
            if text and (is_control or segment.apart or segment.trained != trained):
                self._add(result, self._text_ids(text), trained)
                text = ""
            if isinstance(segment.piece, Control):
                self._add(result, [self._control[segment.piece.name]], segment.trained)
            else:
                text, trained = text + segment.piece, segment.trained
        self._add(result, self._text_ids(text) if text else [], trained)
        return result

    def _text_ids(self, text: str) -> list[int]:
        ids = self.tokenizer.encode(text)
        if found := set(ids).intersection(self._control.values()):
            # An adapter's tokenizer could; ours can't.
            name = next(name for name, id in self._control.items() if id in found)
            raise VocabularyError(
                f"{self.tokenizer.name} makes the control token {name!r} of the text {text!r:.60}; its conversations "
                "would hold what nobody wrote"
            )
        return ids

    @staticmethod
    def _add(result: Rendered, ids: list[int], trained: bool) -> None:
        result.ids.extend(ids)
        result.mask.extend([int(trained)] * len(ids))


def _checked(max_tokens: int | None, truncate: str, side: str | None, for_completion: bool) -> Side:
    if max_tokens is not None and (isinstance(max_tokens, bool) or not hasattr(max_tokens, "__index__")):
        raise ArgumentError(f"max_tokens is {max_tokens!r:.40}; it must be a whole number, or None for all")
    if max_tokens is not None and max_tokens < 0:
        raise ArgumentError(f"max_tokens is {max_tokens}; it must be 0 or more")
    if truncate not in {"tokens", "turns"}:
        raise ArgumentError(f'truncate={truncate!r} is not known; it is "tokens" or "turns"')
    if side is None:
        return "left" if for_completion else "right"
    if side not in {"right", "left"}:
        raise ArgumentError(f'side={side!r} is not known; it is "right" or "left"')
    if side == "right" and for_completion:
        raise ArgumentError(
            'side="right" would cut off what is to be answered; a completion is cut at the left'
        )
    return cast(Side, side)


def _cut(rendered: Rendered, max_tokens: int | None, side: Side) -> Rendered:
    if max_tokens is None or len(rendered.ids) <= max_tokens:
        return rendered
    kept = slice(max_tokens) if side == "right" else slice(len(rendered.ids) - max_tokens, None)
    return Rendered(rendered.ids[kept], rendered.mask[kept])


def _as_dictionaries(conversation: Conversation) -> Sequence[Mapping[str, Any]]:
    messages: object = conversation.get("messages") if isinstance(conversation, Mapping) else conversation
    if not isinstance(messages, Sequence) or isinstance(messages, (str, bytes)):
        raise ConversationError(f"messages is a list of dictionaries, not {type(messages).__name__}")
    for index, message in enumerate(messages):
        if not isinstance(message, Mapping):
            raise ConversationError(
                f"message {index} is a dictionary with role and content, not {type(message).__name__}"
            )
    return messages
