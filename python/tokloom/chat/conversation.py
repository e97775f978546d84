"""A conversation: messages of roles, an answer's parts, tool calls; read from plain dictionaries, errors by message.

```
{
    "messages": [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "6 × 7?"},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I compute."},
                {"type": "python", "text": "6 * 7"},
                {"type": "python_output", "text": "42"},
            ],
        },
    ]
}
```
An assistant may instead call tools, and tools answer:

```
    {"role": "assistant", "content": "", "tool_calls": [{"id": "a1", "function": {"name": "f", "arguments": {"x": 1}}}]},
    {"role": "tool", "content": "2", "tool_call_id": "a1"},
```
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from tokloom.errors import ConversationError

__all__ = ["Conversation", "Message", "Part", "Role", "ToolCall", "read_messages"]

Role = Literal["system", "user", "assistant", "tool"]
ROLES = ("system", "user", "assistant", "tool")
PARTS = ("text", "python", "python_output")
FIELDS = ("role", "content", "tool_calls", "tool_call_id", "name")

Conversation: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""A dictionary with `messages`, or the messages themselves."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of an answer: text, code for Python, or what Python printed."""

    type: str
    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function's name and its arguments, which JSON can say; an id that its result refers to."""

    name: str
    arguments: Any
    id: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `index` is its place in the conversation as it was given, for errors."""

    index: int
    role: Role
    parts: tuple[Part, ...]
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None

    @property
    def text(self) -> str:
        """The text of all parts, one after another."""
        return "".join(part.text for part in self.parts)


def at(index: int, role: object) -> str:
    """How errors name a message."""
    return f"message {index} ({role})"


def read_messages(conversation: Conversation, *, alternates: bool = True) -> list[Message]:
    """The messages, checked.

    Args:
        conversation: a dictionary with `messages`, or these.
        alternates: whether user and assistant must take turns, the user first.

    Raises:
        ConversationError: no messages, a role out of order, a part of unknown type, a content of wrong type; it names
            the message.

    Example:
        >>> [message] = read_messages([{"role": "user", "content": "hello"}])
        >>> message.role, message.text
        ('user', 'hello')
    """
    given: object = conversation
    if isinstance(conversation, Mapping):
        if "messages" not in conversation:
            raise ConversationError(
                f"a conversation is a dictionary with 'messages', or a list of messages; this one has "
                f"{_names(conversation)}"
            )
        given = conversation["messages"]
    if not isinstance(given, Sequence) or isinstance(given, (str, bytes)):
        raise ConversationError(f"messages is a list of dictionaries, not {type(given).__name__}")
    messages = [_message(index, message) for index, message in enumerate(given)]
    _check_order(messages, alternates)
    return messages


def _message(index: int, message: object) -> Message:
    if not isinstance(message, Mapping):
        raise ConversationError(
            f"message {index} is a dictionary with role and content, not {type(message).__name__}"
        )
    role = message.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise ConversationError(f"message {index} has the role {role!r}; it is one of {', '.join(ROLES)}")
    here = at(index, role)
    if unknown := [field for field in message if field not in FIELDS and message[field] is not None]:
        raise ConversationError(
            f"{here} has fields that no format says ({_names(unknown)}); known are {', '.join(FIELDS)}. Leave them "
            "out if they are not to be rendered"
        )
    calls = _tool_calls(here, message.get("tool_calls"))
    content = message.get("content")
    if content is None and calls:
        content = ""
    if calls and role != "assistant":
        raise ConversationError(f"{here} has tool_calls, which only an assistant makes")
    for field in ("tool_call_id", "name"):
        if not isinstance(message.get(field), str | None):
            raise ConversationError(f"{here}: {field} is a str, not {type(message[field]).__name__}")
    return Message(
        index=index,
        role=cast(Role, role),
        parts=_parts(here, role, content),
        tool_calls=calls,
        tool_call_id=message.get("tool_call_id"),
        name=message.get("name"),
    )


def _parts(here: str, role: str, content: object) -> tuple[Part, ...]:
    if isinstance(content, str):
        _check_text(here, content)
        return (Part("text", content),)
    if role != "assistant":
        raise ConversationError(
            f"{here}: content is a str, not {type(content).__name__}; only an assistant's may be a list of parts"
        )
    if not isinstance(content, Sequence) or isinstance(content, (bytes, bytearray)):
        raise ConversationError(f"{here}: content is a str or a list of parts, not {type(content).__name__}")
    return tuple(_part(f"{here}, part {number}", part) for number, part in enumerate(content))


def _part(here: str, part: object) -> Part:
    if not isinstance(part, Mapping):
        raise ConversationError(f"{here}: it is a dictionary with type and text, not {type(part).__name__}")
    kind, text = part.get("type"), part.get("text")
    if not isinstance(kind, str) or kind not in PARTS:
        raise ConversationError(f"{here}: the type {kind!r} is not known; it is one of {', '.join(PARTS)}")
    if not isinstance(text, str):
        raise ConversationError(f"{here} ({kind}): text is a str, not {type(text).__name__}")
    _check_text(here, text)
    return Part(kind, text)


def _check_text(here: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ConversationError(
            f"{here}: the text has a lone surrogate at character {error.start}, which is no Unicode"
        ) from None


def _tool_calls(here: str, calls: object) -> tuple[ToolCall, ...]:
    if calls is None:
        return ()
    if not isinstance(calls, Sequence) or isinstance(calls, (str, bytes)):
        raise ConversationError(f"{here}: tool_calls is a list, not {type(calls).__name__}")
    return tuple(_tool_call(f"{here}, tool call {number}", call) for number, call in enumerate(calls))


def _tool_call(here: str, call: object) -> ToolCall:
    function = call.get("function", call) if isinstance(call, Mapping) else None
    if not isinstance(call, Mapping) or not isinstance(function, Mapping):
        raise ConversationError(f"{here}: it is a dictionary with a function of name and arguments")
    name, arguments, id = function.get("name"), function.get("arguments", {}), call.get("id")
    if not isinstance(name, str) or not name:
        raise ConversationError(f"{here}: the function's name is a str, not {name!r:.40}")
    if not isinstance(id, str | None):
        raise ConversationError(f"{here}: id is a str, not {type(id).__name__}")
    return ToolCall(name, _arguments(f"{here} ({name!r:.40})", arguments), id)


def _arguments(here: str, arguments: object) -> object:
    if isinstance(arguments, str):  # as OpenAI's protocol has it: JSON in a str
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError) as error:
            raise ConversationError(f"{here}: the arguments are no JSON ({error})") from None
    to_json(here, arguments)
    return arguments


def to_json(here: str, value: object) -> str:
    """The value as JSON in one line, letters of all scripts as they are."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConversationError(f"{here}: JSON can't say this ({error})") from None
    _check_text(here, text)
    return text


def _check_order(messages: list[Message], alternates: bool) -> None:
    if not messages:
        raise ConversationError("the conversation has no messages")
    if all(message.role == "system" for message in messages):
        raise ConversationError(f"{at(0, 'system')} stands alone; a user's message follows it")
    previous: Message | None = None
    for message in messages:
        if expected := _expected(previous, message, alternates):
            raise ConversationError(f"{at(message.index, message.role)} is out of order: {expected}")
        previous = message


def _expected(previous: Message | None, message: Message, alternates: bool) -> str:
    """What should stand there instead; empty where the message is in order."""
    before = "the beginning" if previous is None else at(previous.index, previous.role)
    if message.role == "system":
        return "" if previous is None else "a system message comes first, and there is one at most"
    calls = previous is not None and (previous.role == "tool" or bool(previous.tool_calls))
    if message.role == "tool":
        return "" if calls else f"a tool answers an assistant that called it, and before it is {before}"
    if not alternates:
        return ""
    after_calls = "assistant" if previous is not None and previous.role == "tool" else "tool"
    turn = (
        after_calls if calls else "assistant" if previous is not None and previous.role == "user" else "user"
    )
    return "" if message.role == turn else f"after {before} comes the {turn}"


def _names(names: object) -> str:
    return ", ".join(f"{name!r:.40}" for name in cast(Sequence[object], names)) or "nothing"
