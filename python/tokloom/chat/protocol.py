"""Where the protocol of chats has words of its own: names of fields, roles and types, each in its place and nowhere else.

They are chosen by the program, so a template may look for them, or build a token from one (Phi-3's
`'<|' + message['role'] + '|>'`, with GLM-4's role `observation`). The same words in a tool's arguments, or as the names
of its parameters, are strangers'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["PLACES", "Place"]

ROLES = frozenset(
    {"system", "developer", "user", "assistant", "tool", "ipython", "model"}
    | {"environment", "function", "observation"}
)
PART_TYPES = frozenset(
    {"text", "image", "image_url", "audio", "video", "thinking", "tool_call", "tool_result", "function"}
)
SCHEMA_TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean", "null", "function"})


@dataclass(frozen=True)
class Place:
    """A kind of dictionary in what a template is given.

    Attributes:
        fields: names that are the protocol's.
        words: by field, the texts there that are the protocol's.
        inside: by field, the place that its value is, or that each of a list is.
        others: the place that the value of any other field is; None: strangers' all through.
    """

    fields: frozenset[str] = frozenset()
    words: Mapping[str, frozenset[str]] = field(default_factory=dict)
    inside: Mapping[str, str] = field(default_factory=dict)
    others: str | None = None


_SCHEMA_FIELDS = frozenset({"type", "name", "description", "parameters", "properties", "required"})
_SUBSCHEMAS = dict.fromkeys(("items", "anyOf", "oneOf", "allOf", "additionalProperties", "return"), "schema")

PLACES: Mapping[str, Place] = {
    "data": Place(inside={"messages": "message", "tools": "tool", "documents": "document"}),
    "message": Place(
        fields=frozenset(
            {"role", "content", "type", "text", "name", "id", "tool_calls", "tool_call_id", "function"}
            | {"reasoning_content", "thinking", "reasoning"}
        ),
        words={"role": ROLES, "type": PART_TYPES},
        inside={"content": "part", "tool_calls": "call", "thinking": "part"},
    ),
    "part": Place(
        fields=frozenset(
            {"type", "text", "content", "name", "id", "title"}
            | {"image", "image_url", "audio", "video", "thinking", "reasoning"}
        ),
        words={"type": PART_TYPES},
        inside={"content": "part"},
    ),
    "call": Place(
        fields=frozenset({"type", "id", "function", "name", "arguments", "parameters"}),
        words={"type": PART_TYPES},
        inside={"function": "function"},
    ),
    "function": Place(fields=frozenset({"name", "arguments", "parameters", "description"})),
    "tool": Place(
        fields=_SCHEMA_FIELDS | {"function"},
        words={"type": SCHEMA_TYPES},
        inside={"function": "tool", "parameters": "schema", **_SUBSCHEMAS},
    ),
    "schema": Place(
        fields=_SCHEMA_FIELDS,
        words={"type": SCHEMA_TYPES},
        inside={"properties": "properties", **_SUBSCHEMAS},
    ),
    "properties": Place(others="schema"),
    "document": Place(fields=frozenset({"title", "text"})),
    "strangers": Place(),
}
"""What a template is given is a dictionary of the first place."""
