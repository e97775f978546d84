"""Messages → segments: texts and control tokens in order, each trained or not, as a format has them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from tokloom.chat.conversation import Message, Part, at, to_json
from tokloom.chat.formats import Around, Control, Format, Pieces
from tokloom.errors import ConversationError

__all__ = ["Segment", "segments"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A text or a control token.

    Attributes:
        piece: what it is.
        trained: whether the model learns to write it.
        apart: whether a text is encoded apart from a text before it; else the two are one text, if both are trained or
            neither.
    """

    piece: str | Control
    trained: bool = False
    apart: bool = False


def segments(messages: Sequence[Message], format: Format, *, prompt: bool) -> Iterator[Segment]:
    """The conversation in segments; with `prompt` the beginning of an answer follows.

    Raises:
        ConversationError: the format can't say a message.
    """
    yield from _untrained(format.begin)
    for role, neighbours in groupby(_with_system_merged(messages, format), key=lambda message: message.role):
        group = list(neighbours)
        if role == "tool":
            yield from _tool_results(group, format)
            continue
        for message in group:
            yield from _turn(message, format)
    if prompt:
        yield from _untrained(format.assistant.before)


def _untrained(pieces: Pieces) -> Iterator[Segment]:
    return (Segment(piece) for piece in pieces)


def _with_system_merged(messages: Sequence[Message], format: Format) -> Sequence[Message]:
    if isinstance(format.system, Around) or messages[0].role != "system":
        return messages
    system, rest = messages[0], list(messages[1:])
    users = [place for place, message in enumerate(rest) if message.role == "user"]
    if not users:
        raise ConversationError(
            f"{at(system.index, 'system')} is put before a user's text in the format {format.name}, and there is none"
        )
    place = users[0] if format.system == "first" else users[-1]
    merged = f"{system.text}\n\n{rest[place].text}"
    rest[place] = replace(rest[place], parts=(Part("text", merged),))
    return rest


def _turn(message: Message, format: Format) -> Iterator[Segment]:
    around = {"system": format.system, "user": format.user, "assistant": format.assistant}[message.role]
    assert isinstance(around, Around)  # a system message without was merged
    answers = message.role == "assistant"
    yield from _untrained(around.before)
    yield from (
        _answer(message, format) if answers else (Segment(part.text) for part in _stripped(message, format))
    )
    yield from (Segment(piece, trained=answers) for piece in around.after)
    yield from _untrained(around.between)


def _stripped(message: Message, format: Format) -> tuple[Part, ...]:
    """The parts without white space at the ends of the whole, as the format has it."""
    parts = list(message.parts)
    if not parts or format.strip is None:
        return message.parts
    if format.strip == "both":
        parts[0] = replace(parts[0], text=parts[0].text.lstrip())
        parts[-1] = replace(parts[-1], text=parts[-1].text.rstrip())
    elif message.role == "assistant":
        parts[-1] = replace(parts[-1], text=parts[-1].text.rstrip(" "))
    return tuple(parts)


def _answer(message: Message, format: Format) -> Iterator[Segment]:
    for number, part in enumerate(_stripped(message, format)):
        around = format.parts.get(part.type)
        if around is None:
            raise ConversationError(
                f"{at(message.index, message.role)}, part {number}: the format {format.name} can't say a part of type "
                f"{part.type!r}; it has {', '.join(format.parts)}"
            )
        trained = part.type in format.trained
        yield from (Segment(piece, trained) for piece in around.before)
        yield Segment(part.text, trained, apart=number > 0)
        yield from (Segment(piece, trained) for piece in around.after)
        yield from _untrained(around.between)
    if message.tool_calls:
        yield from _tool_calls(message, format)


def _tool_calls(message: Message, format: Format) -> Iterator[Segment]:
    here, writes = at(message.index, message.role), format.tool_calls
    if writes is None:
        raise ConversationError(
            f"{here} calls tools, which the format {format.name} can't say"
            + ("; it has parts of type python and python_output" if "python" in format.parts else "")
        )
    if message.text and not writes.beside_text:
        raise ConversationError(
            f"{here} has a text and tool calls; the format {format.name} allows one of both"
        )
    calls = [
        {
            name: value
            for name, value in (("name", call.name), ("arguments", call.arguments), ("id", call.id))
            if name in writes.fields and not (name == "id" and value is None)
        }
        for call in message.tool_calls
    ]
    texts = [to_json(here, calls)] if writes.as_list else [to_json(here, call) for call in calls]
    for number, text in enumerate(texts):
        if writes.separator and (number or message.text):
            yield Segment(writes.separator, trained=True)
        for piece in (*writes.around.before, text, *writes.around.after):
            yield Segment(piece, trained=True)


def _tool_results(messages: list[Message], format: Format) -> Iterator[Segment]:
    writes = format.tool_results
    if writes is None:
        raise ConversationError(
            f"{at(messages[0].index, 'tool')}: the format {format.name} can't say a tool's answer"
        )
    turn = format.user if writes.inside == "user" else Around()
    yield from _untrained(turn.before)
    for number, message in enumerate(messages):
        if number and writes.separator:
            yield Segment(writes.separator)
        text = _tool_result(message, format, writes.fields) if writes.fields else message.text
        yield from _untrained((*writes.around.before, text, *writes.around.after, *writes.around.between))
    yield from _untrained((*turn.after, *turn.between))


def _tool_result(message: Message, format: Format, fields: tuple[str, ...]) -> str:
    here = at(message.index, message.role)
    try:
        content = json.loads(message.text)
    except (ValueError, RecursionError):
        content = message.text
    known = {"content": content, "call_id": message.tool_call_id, "name": message.name}
    given_as = {"call_id": "tool_call_id"}
    for field in fields:
        if known[field] is None and field != "content":
            raise ConversationError(
                f"{here} has no {given_as.get(field, field)}, which the format {format.name} writes"
            )
    return to_json(here, {field: known[field] for field in fields})
