"""Conversations through a chat template: its own control tokens are ids, whatever the messages say is text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from tokloom.chat.shadows import ControlTokens, Own, own_tokens, tell_apart
from tokloom.chat.templates import check_marked, marks_generation, template_constants
from tokloom.chat.values import JSON, plain, schemas
from tokloom.errors import ArgumentError, ConversationError

if TYPE_CHECKING:
    from tokloom.tokenizer import Tokenizer
    from tokloom.views.transformers.tokenizer import TransformersView


class Shape(NamedTuple):
    """In which form the ids are wanted."""

    padding: Any
    truncation: Any
    max_length: int | None
    return_tensors: Any
    return_dict: bool
    choices: Mapping[str, Any]


@dataclass(frozen=True)
class Rendering:
    """A template and all that it is given but the conversation."""

    template: str
    tools: Any = None
    documents: Any = None
    add_generation_prompt: bool = False
    continue_final_message: bool | str = False
    marks_generated: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)
    own_variables: Mapping[str, Any] = field(default_factory=dict)


class Told(NamedTuple):
    """A conversation as text: what the template marks as generated, its own control tokens, whether it holds no others."""

    text: str
    generated: list[tuple[int, int]]
    own: list[Own]
    only_own: bool


class Encoded(NamedTuple):
    """A conversation as ids, and for each whether the template marks it as generated."""

    ids: list[int]
    generated: list[int]


def apply(
    view: TransformersView, conversation: Any, rendering: Rendering, shape: Shape, *, tokenize: bool
) -> Any:
    """What `apply_chat_template` returns."""
    conversations, batched = _conversations(conversation)
    _check(rendering, shape, tokenize)
    given = _given(rendering)
    if not tokenize:
        texts = [_render(rendering, given | {"messages": messages})[0] for messages in conversations]
        return texts if batched else texts[0]
    encoded = [_encode(view, rendering, given | {"messages": messages}) for messages in conversations]
    if rendering.marks_generated:
        for number, (messages, each) in enumerate(zip(conversations, encoded, strict=True)):
            check_marked(cast(list[JSON], messages), any(each.generated), f"conversation {number}")
    ids = [each.ids for each in encoded]
    found = view(
        ids if batched or shape.return_tensors is not None else ids[0],
        padding=shape.padding,
        truncation=shape.truncation,
        max_length=shape.max_length,
        add_special_tokens=False,
        **(dict(shape.choices) | {"return_tensors": None}),
    )
    if rendering.marks_generated:
        rows = found["input_ids"] if batched or shape.return_tensors is not None else [found["input_ids"]]
        masks = [_as_long(view, each, row, shape) for each, row in zip(encoded, rows, strict=True)]
        found["assistant_masks"] = masks if batched or shape.return_tensors is not None else masks[0]
    if shape.return_tensors is not None:
        found.convert_to_tensors(shape.return_tensors)
    return found if shape.return_dict else found["input_ids"]


def _check(rendering: Rendering, shape: Shape, tokenize: bool) -> None:
    if rendering.continue_final_message and rendering.add_generation_prompt:
        raise ArgumentError(
            "continue_final_message=True leaves the last message open, add_generation_prompt=True begins another: give one"
        )
    if not rendering.marks_generated:
        return
    if not (tokenize and shape.return_dict):
        raise ArgumentError("return_assistant_tokens_mask=True goes with tokenize=True and return_dict=True")
    if rendering.continue_final_message:
        raise ArgumentError("return_assistant_tokens_mask=True doesn't go with continue_final_message")
    if not marks_generation(rendering.template):
        raise ArgumentError(
            "the template doesn't mark what is generated ({% generation %} … {% endgeneration %}), so there is no mask "
            "of the assistant's tokens; a mask of zeros would train nothing. Add the marks to the template"
        )


def _conversations(conversation: Any) -> tuple[list[JSON], bool]:
    """The conversations as lists of messages of plain values, and whether there were several."""
    conversation = getattr(conversation, "messages", conversation)
    if not isinstance(conversation, Sequence) or isinstance(conversation, (str, bytes)):
        raise ConversationError(f"a conversation is a list of messages, not {type(conversation).__name__}")
    batched = len(conversation) > 0 and (
        isinstance(conversation[0], (list, tuple)) or hasattr(conversation[0], "messages")
    )
    several = conversation if batched else [conversation]
    return [_messages(each, number) for number, each in enumerate(several)], batched


def _messages(conversation: Any, number: int) -> JSON:
    messages = plain(getattr(conversation, "messages", conversation), "conversation")
    if not isinstance(messages, list) or not messages:
        raise ConversationError(
            f"conversation {number} is empty or no list; give a list of one message at least"
        )
    found: list[JSON] = []
    for place, message in enumerate(messages):
        if not isinstance(message, dict):
            raise ConversationError(f"message {place} is {type(message).__name__}; a message is a dict")
        # What is None is as if it weren't there, as in transformers: templates would write "None".
        found.append({key: value for key, value in message.items() if value is not None})
    return found


def _given(rendering: Rendering) -> dict[str, JSON]:
    """All that the template is given but the messages, as plain values."""
    return {
        "tools": schemas(rendering.tools),
        "documents": plain(rendering.documents, "documents"),
        "variables": plain(rendering.variables, "the template's variables"),
    }


def _render(rendering: Rendering, given: dict[str, JSON]) -> tuple[str, list[tuple[int, int]]]:
    """The chat as text, and where the template marks it as generated; by transformers' own code."""
    from transformers.utils.chat_template_utils import render_jinja_template

    values: Any = given  # its types are narrower than what templates take
    texts, spans = render_jinja_template(
        conversations=[values["messages"]],
        tools=values["tools"],
        documents=values["documents"],
        chat_template=rendering.template,
        return_assistant_tokens_mask=rendering.marks_generated,
        continue_final_message=rendering.continue_final_message,
        add_generation_prompt=rendering.add_generation_prompt,
        **{**rendering.own_variables, **values["variables"]},
    )
    return texts[0], list(spans[0]) if spans else []


def _encode(view: TransformersView, rendering: Rendering, given: dict[str, JSON]) -> Encoded:
    tokenizer = view.tokenizer
    chat = _told_apart(rendering, given, frozenset(tokenizer.special_tokens))
    if chat.only_own:
        ids = tokenizer.encode(chat.text, special="parse")
        spans = tokenizer.spans(chat.text, special="parse") if rendering.marks_generated else []
        _check_control(tokenizer, chat, ids)
    else:
        ids, spans = _piecewise(view, chat.text, chat.own)
    return Encoded(ids, [int(any(start < b and a < end for a, b in chat.generated)) for start, end in spans])


def _check_control(tokenizer: Tokenizer, chat: Told, ids: list[int]) -> None:
    """Refuses ids in which a control token is another's than the template's.

    A vocabulary that normalizes (lower case, NFKC) before it looks for control tokens finds them in other spellings,
    too, which no search of the text shows.

    Raises:
        ConversationError: the control tokens are not those that the template wrote, one for one, where it wrote them.
    """
    special = set(tokenizer.special_tokens.values())
    reads_bytes = tokenizer.guarantees == "bytes"
    if not reads_bytes:
        special.difference_update(
            tokenizer.encode(chat.text)
        )  # that of unknown text, which any text may come to
    found = [place for place, id in enumerate(ids) if id in special]
    written = [own for own in chat.own if tokenizer.special_tokens[own.token] in special]
    agrees = [ids[place] for place in found] == [tokenizer.special_tokens[own.token] for own in written]
    if agrees and found and not reads_bytes:
        spans = tokenizer.spans(chat.text, special="parse")
        agrees = all(
            spans[place][0] <= own.start and own.end <= spans[place][1]
            for place, own in zip(found, written, strict=True)
        )
    if not agrees:
        raise ConversationError(
            f"{tokenizer.name} changes a text before it looks for control tokens, and finds others in this conversation "
            "than those that the template wrote: a message spells one, or the template's own isn't recognized where it "
            "stands. Take the word out of the message, or render with one of tokloom.chat's formats, which encode texts "
            "apart"
        )


def _told_apart(rendering: Rendering, given: dict[str, JSON], names: frozenset[str]) -> Told:
    tokens = _control_tokens(names)

    def render(shadow: dict[str, JSON]) -> str:
        try:
            return _render(rendering, shadow)[0]
        except Exception as error:  # a template may raise anything over a text that it doesn't expect
            raise ConversationError(f"the template fails on another text: {error}") from error

    text, generated = _render(rendering, given)
    if not names:
        return Told(text, generated, [], only_own=True)
    constants = template_constants(rendering.template)
    try:
        seen = tell_apart(text, render, given, constants, tokens)
    except ConversationError:
        before = text
        text, generated = _render(rendering, given)
        if text == before:
            raise
        seen = tell_apart(text, render, given, constants, tokens)  # it tells the time, and that went on
    own = own_tokens(text, seen, tokens)
    parsed = [match.span() for match in tokens.pattern.finditer(text)]
    return Told(text, generated, own, only_own=parsed == [(start, end) for start, end, _ in own])


@lru_cache(maxsize=8)
def _control_tokens(names: frozenset[str]) -> ControlTokens:
    return ControlTokens(names)


def _piecewise(view: TransformersView, text: str, own: list[Own]) -> tuple[list[int], list[tuple[int, int]]]:
    """The ids where messages hold control tokens: the template's own as ids, what is between them as text."""
    tokenizer = view.tokenizer
    if tokenizer.guarantees != "bytes":
        raise ArgumentError(
            f"a message holds a control token as text, and {tokenizer.name} encodes a text by where it stands, so that "
            "it can't be encoded in pieces; take the control token out of the message"
        )
    ids: list[int] = []
    spans: list[tuple[int, int]] = []
    before = 0
    for start, end, token in [*own, Own(len(text), len(text), "")]:
        between = text[before:start]
        ids += tokenizer.encode(between)
        spans += [(before + a, before + b) for a, b in tokenizer.spans(between)]
        if token:
            id = tokenizer.special_tokens[token]
            flags = view.added_tokens_decoder[id]
            if flags.lstrip or flags.rstrip or flags.single_word:
                raise ArgumentError(
                    f"a message holds a control token as text, and the template's {token!r} takes the white space around "
                    "it, which could be the message's; take the control token out of the message"
                )
            ids.append(id)
            spans.append((start, end))
        before = end
    return ids, spans


def _as_long(view: TransformersView, chat: Encoded, row: list[int], shape: Shape) -> list[int]:
    """The marks, shortened and filled up as the row was."""
    kept = chat.generated
    if len(row) < len(kept):  # cut, and then to that length
        return kept[len(kept) - len(row) :] if view.truncation_side == "left" else kept[: len(row)]
    filling = [0] * (len(row) - len(kept))
    left = (shape.choices.get("padding_side") or view.padding_side) == "left"
    return filling + kept if left else kept + filling
