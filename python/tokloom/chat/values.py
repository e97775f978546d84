"""What a chat template is given: a copy of nothing but JSON's own types, since a template can call what others have."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, cast

from tokloom.errors import ArgumentError, ConversationError

__all__ = ["JSON", "plain", "schemas"]

JSON: TypeAlias = "str | int | float | bool | list[JSON] | dict[str, JSON] | None"

DEEPEST = 64
KINDS: dict[type, Callable[[Any], object]] = {
    type(None): lambda value: value,
    bool: bool,
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
}


def plain(value: object, where: str, depth: int = 0) -> JSON:
    """The value out of dictionaries, lists, str, numbers, True, False and None alone.

    Args:
        value: what is given; data classes and models of pydantic become dictionaries.
        where: what it is called, for messages.
        depth: how deep it lies in what was given.

    Raises:
        ConversationError: something else is in it, a key is no str, or it is nested too deeply.

    Example:
        >>> plain([{"role": "user", "content": ("a", 1)}], "messages")
        [{'role': 'user', 'content': ['a', 1]}]
    """
    if depth > DEEPEST:
        raise ConversationError(f"{where:.60}… is nested deeper than {DEEPEST} levels")
    # What derives from these (an enum, a number of numpy) may have more to call.
    for kind, make in KINDS.items():
        if isinstance(value, kind):
            return cast(JSON, make(value))
    if isinstance(value, Mapping):
        return {
            _key(key, where): plain(item, f"{where}[{key!r:.40}]", depth + 1) for key, item in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [plain(item, f"{where}[{number}]", depth + 1) for number, item in enumerate(value)]
    if (fields := _fields(value)) is not None:
        return plain(fields, where, depth + 1)
    raise ConversationError(
        f"{where} is {type(value).__name__}: what a template is given is what JSON can say (str, numbers, lists, "
        "dictionaries)"
    )


def schemas(tools: Sequence[Mapping[str, Any] | Callable[..., Any]] | None) -> JSON:
    """Tools as JSON schemas; functions are described by signature and docstring, as transformers does it.

    Raises:
        ArgumentError: it is no list.
        ConversationError: one isn't of JSON's types.
    """
    if tools is None:
        return None
    if not isinstance(tools, (list, tuple)):
        raise ArgumentError(f"tools is a list of functions or of JSON schemas, not {type(tools).__name__}")
    from transformers.utils.chat_template_utils import get_json_schema

    return plain([get_json_schema(tool) if callable(tool) else tool for tool in tools], "tools")


def _fields(value: object) -> object:
    """What a data class or a model of pydantic holds."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    dump = getattr(value, "model_dump", None)
    return dump() if callable(dump) else None


def _key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise ConversationError(
            f"a key of {where} is {type(key).__name__}, {key!r:.40}; in what JSON can say it is a str"
        )
    return str.__str__(key)
