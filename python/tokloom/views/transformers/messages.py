"""What a chat template is given: plain values, and the strings among them that are somebody's text."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tokloom.errors import ArgumentError

DEEPEST = 64
IDENTIFIER = re.compile(r"[A-Za-z_]{1,32}")
KEY = re.compile(r"[A-Za-z0-9_$.-]{1,64}")
# Who speaks: chosen by the program from a short list, and templates make control tokens of it, as `<|user|>`.
ROLES = frozenset(
    {
        "assistant",
        "developer",
        "environment",
        "function",
        "ipython",
        "model",
        "observation",
        "system",
        "tool",
        "user",
    }
)
# Kinds of parts and of parameters: templates compare them.
TYPES = frozenset(
    {
        "array",
        "audio",
        "boolean",
        "function",
        "image",
        "image_url",
        "integer",
        "null",
        "number",
        "object",
        "string",
    }
    | {"text", "video", "thinking", "tool_call", "tool_result"}
)
# Fields that transformers itself looks up, or that every template does.
FIELDS = frozenset(
    {"role", "content", "text", "type", "name", "tool_calls", "function", "arguments", "parameters", "title"}
    | {"reasoning_content", "thinking", "reasoning"}
)


def plain(value: Any, where: str, depth: int = 0) -> Any:
    """The value out of dicts, lists, str, numbers, True, False and None alone.

    Raises:
        ArgumentError: something else is in it, or it is nested too deeply.
    """
    if depth > DEEPEST:
        raise ArgumentError(f"{where} is nested more than {DEEPEST} deep")
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Mapping):
        return {
            plain(key, where, depth + 1): plain(item, f"{where}[{key!r:.40}]", depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{where}[{number}]", depth + 1) for number, item in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return plain(fields, where, depth + 1)
    if callable(dump := getattr(value, "model_dump", None)):
        return plain(dump(), where, depth + 1)
    raise ArgumentError(
        f"{where} is {type(value).__name__}: what a template is given is text, numbers, lists and dicts of them"
    )


def schemas(tools: Any) -> list[Any] | None:
    """Tools as JSON schemas; functions are described by their signature and docstring, as transformers does it."""
    if tools is None:
        return None
    if not isinstance(tools, (list, tuple)):
        raise ArgumentError(f"tools is a list of functions or of JSON schemas, not {type(tools).__name__}")
    from transformers.utils.chat_template_utils import get_json_schema

    described = (tool if isinstance(tool, Mapping) else get_json_schema(tool) for tool in tools)
    return [plain(tool, f"tools[{number}]") for number, tool in enumerate(described)]


def strings(value: Any) -> Iterator[str]:
    """All strings in plain values, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from strings(key)
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def with_text(value: Any, change: Callable[[str], str], words: frozenset[str], key: object = None) -> Any:
    """The value with every string that is somebody's text changed.

    What names things stays: roles and types that are usual or that the template knows, and the keys that it looks up.

    Args:
        value: plain values.
        change: what to do to a text.
        words: the strings and names in the template.
        key: under which key the value stands.
    """
    if isinstance(value, str):
        return value if _names_something(key, value, words) else change(value)
    if isinstance(value, list):
        return [with_text(item, change, words, key) for item in value]
    if isinstance(value, dict):
        return {
            change(name) if isinstance(name, str) and not _is_looked_up(name, words) else name: with_text(
                item, change, words, name
            )
            for name, item in value.items()
        }
    return value


def _is_looked_up(key: str, words: frozenset[str]) -> bool:
    return key in FIELDS or (key in words and KEY.fullmatch(key) is not None)


def _names_something(key: object, value: str, words: frozenset[str]) -> bool:
    usual = {"role": ROLES, "type": TYPES}.get(key) if isinstance(key, str) else None
    return usual is not None and (
        value in usual or (value in words and IDENTIFIER.fullmatch(value) is not None)
    )
