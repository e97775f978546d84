"""Conversations for tests: a vocabulary with every format's control tokens, and conversations by hypothesis."""

from functools import lru_cache
from typing import Any

from hypothesis import strategies as st

import samples
import tokloom
from tokloom.chat import format_names, named_format

FORMATS = format_names()
CONTROL = list(dict.fromkeys(name for format in FORMATS for name in named_format(format).control_tokens))


@lru_cache
def vocabulary() -> tokloom.BPETokenizer:
    """A small vocabulary of merges with the control tokens of all formats."""
    texts = [text for text in samples.NASTY_TEXTS if text] * 3 + ["user\nassistant\n\nsystem\n"] * 9
    size = 600 + len(CONTROL)
    return tokloom.train(texts, size, pattern="gpt4", special_tokens=CONTROL)


def user(content: object = "hello") -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(content: object = "hi", **more: object) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


def system(content: object = "be short") -> dict[str, Any]:
    return {"role": "system", "content": content}


def tool(content: object = "{}", **more: object) -> dict[str, Any]:
    return {"role": "tool", "content": content, **more}


def part(type: str, text: str = "x") -> dict[str, Any]:
    return {"type": type, "text": text}


def call(name: str = "f", arguments: object = None, **more: object) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": {} if arguments is None else arguments}, **more}


# Texts that look like control tokens, whole or in part, beside any others.
hostile = st.one_of(
    st.sampled_from(CONTROL),
    st.sampled_from(["<|", "|>", "<|im_", "end|>", "[INST", "]", "\n", " ", "", "<tool_call>", "</s"]),
    st.sampled_from(samples.NASTY_TEXTS),
    st.text(max_size=8),
).filter(lambda text: not any("\ud800" <= char <= "\udfff" for char in text))
texts = st.lists(hostile, max_size=4).map("".join)


@st.composite
def conversations(draw: st.DrawFn, parts: tuple[str, ...] = ("text",)) -> list[dict[str, Any]]:
    """A conversation in order; answers are texts, or lists of parts of these types."""
    messages = [system(draw(texts))] if draw(st.booleans()) else []
    for number in range(draw(st.integers(1, 6))):
        if number % 2 == 0:
            messages.append(user(draw(texts)))
        elif draw(st.booleans()):
            messages.append(assistant(draw(texts)))
        else:
            kinds = draw(st.lists(st.sampled_from(parts), max_size=4))
            messages.append(assistant([part(kind, draw(texts)) for kind in kinds]))
    return messages
