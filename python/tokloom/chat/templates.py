"""A model's own Jinja template, rendered so that what the template writes can be told from what strangers wrote.

A rendered conversation is one string, and `<|im_end|>` in it may be the template's or a user's. It is told by rendering
twice: once as it is, and once with a shadow in place of every text of the messages, in which each character is another
one that occurs nowhere else. Where the second, with its characters put back, is the first, each character is known to
be the template's or the messages'. Where it isn't (the template changes texts, or decides by what they say), nothing
is guessed: `ConversationError`.

Templates are programs of strangers. They run in transformers' own sandbox (Jinja's, immutable), which stops access
to Python, but not a template that takes long.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from tokloom.chat.shadows import MARK_END, MARK_START, ControlTokens, Own, own_tokens, tell_apart
from tokloom.chat.values import JSON, plain, schemas
from tokloom.errors import ArgumentError, ConversationError, FormatError, MissingDependencyError

if TYPE_CHECKING:
    import jinja2
    from jinja2.parser import Parser

__all__ = ["Piece", "check_marked", "marks_generation", "render_template", "template_constants"]

ASSISTANTS = ("assistant", "model")  # as messages have it; Gemma's say "model"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a rendered conversation.

    Attributes:
        text: the characters.
        control: whether it is one control token, written by the template; else it is text, whatever it looks like.
        trained: whether it stands between `{% generation %}` and `{% endgeneration %}`.
    """

    text: str
    control: bool = False
    trained: bool = False


def render_template(
    template: str,
    messages: Sequence[Mapping[str, Any]],
    *,
    control_tokens: Collection[str],
    tools: Sequence[Mapping[str, Any] | Callable[..., Any]] | None = None,
    documents: Sequence[Mapping[str, Any]] | None = None,
    add_generation_prompt: bool = False,
    named_tokens: Mapping[str, str] | None = None,
    variables: Mapping[str, Any] | None = None,
) -> list[Piece]:
    """The conversation as the template writes it, in pieces: control tokens, and text.

    What it guarantees: together the pieces' texts are the string that transformers renders; a piece is `control` only
    if the template wrote it, every character of it; no text of `messages`, `tools`, `documents` or `variables` is, also
    not together with what the template writes around it. Neighbours differ in `control` or `trained`, or are two
    control tokens. Numbers are no texts: a template that builds a token's name from one is believed.

    Args:
        template: a Jinja template as `tokenizer_config.json` has it (`chat_template`).
        messages: dictionaries with at least a role, as transformers takes them; None as a value is as if left out.
        control_tokens: the names that become ids where the template writes them.
        tools: descriptions (JSON schemas), or functions that transformers makes them from.
        documents: what the template knows as `documents`.
        add_generation_prompt: whether the beginning of an answer is added.
        named_tokens: what the template knows as `bos_token` and the like: they count as the template's own.
        variables: further variables of the template, which count as text of strangers.

    Raises:
        ConversationError: the template refuses the conversation, or it can't be proven which of a control token's
            characters are whose.
        FormatError: it is no Jinja template.
        MissingDependencyError: transformers or jinja2 isn't installed (`pip install tokloom[transformers]`).

    Example:
        >>> template = "{% for m in messages %}<|user|>{{ m.content | trim }}{% endfor %}"
        >>> for piece in render_template(
        ...     template, [{"role": "user", "content": "a <|user|>"}], control_tokens=["<|user|>"]
        ... ):
        ...     print(piece)
        Piece(text='<|user|>', control=True, trained=False)
        Piece(text='a <|user|>', control=False, trained=False)
    """
    if "" in control_tokens:
        raise ArgumentError("control_tokens holds an empty name; leave it out")
    compiled = _compile(template)
    data = {
        "messages": plain(_as_transformers_sees(messages), "messages"),
        "tools": schemas(tools),
        "documents": plain(documents, "documents"),
        "variables": plain(variables or {}, "the template's variables"),
    }
    fixed: dict[str, Any] = {**(named_tokens or {}), "add_generation_prompt": add_generation_prompt}
    now = datetime.now()  # in local time, as transformers has it; one for all renderings
    fixed["strftime_now"] = now.strftime
    tokens = ControlTokens(control_tokens)
    truth = _render(compiled.plain, data, fixed)
    trained: list[bool] = []

    def render(shadow: dict[str, JSON]) -> str:
        nonlocal trained
        text, trained = _split_marks(_render(compiled.marked, shadow, fixed))
        return text

    seen = tell_apart(truth, render, data, compiled.constants, tokens)
    return list(_pieces(truth, trained, own_tokens(truth, seen, tokens)))


def template_constants(template: str) -> frozenset[str]:
    """The words that a template's code holds: what it may look for in a text.

    Raises:
        FormatError: it is no Jinja template.
        MissingDependencyError: transformers or jinja2 isn't installed (`pip install tokloom[transformers]`).
    """
    return _compile(template).constants


def marks_generation(template: str) -> bool:
    """Whether the template marks with `{% generation %}` what the model is trained on.

    Raises:
        FormatError: it is no Jinja template.
        MissingDependencyError: transformers or jinja2 isn't installed (`pip install tokloom[transformers]`).
    """
    return _compile(template).marks_generation


def check_marked(messages: Iterable[object], is_marked: bool, where: str) -> None:
    """Refuses a mask of zeros for a conversation in which the assistant speaks: it would train nothing.

    Args:
        messages: dictionaries with a role.
        is_marked: whether the template marked anything as generated.
        where: what the conversation is called, for the message.

    Raises:
        ConversationError: a message is the assistant's, and nothing is marked.
    """
    roles = [message.get("role") for message in messages if isinstance(message, Mapping)]
    if not is_marked and any(role in ASSISTANTS for role in roles):
        raise ConversationError(
            f"{where}: the assistant speaks, and the template marked nothing of it as generated, so that the mask would "
            "be zeros and train nothing; put {% generation %} … {% endgeneration %} around what the model writes where "
            "the template writes an assistant's message"
        )


# The template


@dataclass(frozen=True)
class _Compiled:
    plain: jinja2.Template
    marked: jinja2.Template
    constants: frozenset[str]
    marks_generation: bool


@lru_cache(maxsize=64)
def _compile(template: str) -> _Compiled:
    try:
        import jinja2
        from jinja2 import ext, nodes
        from transformers.utils.chat_template_utils import _compile_jinja_template
    except ImportError as error:
        raise _missing(error) from None

    class Marks(ext.Extension):
        """Puts a mark before and after what stands in a generation block, wherever the block is rendered to."""

        tags = {"generation"}  # noqa: RUF012 (Jinja's own way)
        priority = 1000  # the last extension that knows a tag is asked

        def parse(self, parser: Parser) -> nodes.Node:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.CallBlock(self.call_method("mark"), [], [], body).set_lineno(line)

        def mark(self, caller: Callable[[], str]) -> str:
            return f"{MARK_START}{caller()}{MARK_END}"

    try:
        plain = _compile_jinja_template(template)
        environment = plain.environment.overlay(extensions=[Marks])
        parsed = environment.parse(template)
        marked = environment.from_string(template)
    except ImportError as error:  # of a jinja2 that transformers finds too old
        raise _missing(error) from None
    except (jinja2.TemplateSyntaxError, RecursionError) as error:
        raise FormatError(f"not a Jinja template that transformers opens: {error}") from None
    constants = {node.value for node in parsed.find_all(nodes.Const) if isinstance(node.value, str)}
    constants |= {node.attr for node in parsed.find_all(nodes.Getattr)}
    constants |= {node.key for node in parsed.find_all(nodes.Keyword)}
    marks = any(node.identifier == Marks.identifier for node in parsed.find_all(nodes.ExtensionAttribute))
    return _Compiled(plain, marked, frozenset(constants) - {""}, marks)


def _missing(error: ImportError) -> MissingDependencyError:
    return MissingDependencyError(
        f"a model's own template needs transformers and jinja2 ({error}): pip install 'tokloom[transformers]'"
    )


def _render(template: jinja2.Template, data: dict[str, JSON], fixed: dict[str, Any]) -> str:
    import jinja2

    named = {key: data[key] for key in ("messages", "tools", "documents")}
    try:
        text: str = template.render({**cast(dict[str, JSON], data["variables"]), **named, **fixed})
    except jinja2.TemplateError as error:
        raise ConversationError(f"the template refuses this conversation: {error}") from None
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ConversationError(
            f"the template fails on this conversation ({type(error).__name__}: {error}); look at what it expects of "
            "the messages"
        ) from None
    return text


# The messages


def _as_transformers_sees(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    from transformers.utils import chat_template_utils

    for index, message in enumerate(messages):
        if not isinstance(message, Mapping):
            raise ConversationError(f"message {index} is no dictionary, but {type(message).__name__}")
    chat = [{key: value for key, value in message.items() if value is not None} for message in messages]
    alias: Any = getattr(chat_template_utils, "_alias_reasoning_fields", None)  # transformers 5
    return cast(list[dict[str, Any]], chat if alias is None else alias(chat))


# Pieces


def _split_marks(text: str) -> tuple[str, list[bool]]:
    """The text without its marks, and for each character whether it stands between them."""
    characters, trained, depth = [], [], 0
    for char in text:
        if char in {MARK_START, MARK_END}:
            depth += 1 if char == MARK_START else -1
        else:
            characters.append(char)
            trained.append(depth > 0)
    return "".join(characters), trained


def _pieces(truth: str, trained: list[bool], controls: list[Own]) -> Iterator[Piece]:
    end = 0
    for control in controls:
        yield from _texts(truth, trained, end, control.start)
        end = control.end
        yield Piece(control.token, control=True, trained=all(trained[control.start : end]))
    yield from _texts(truth, trained, end, len(truth))


def _texts(truth: str, trained: list[bool], start: int, end: int) -> Iterator[Piece]:
    while start < end:
        stop = start + 1
        while stop < end and trained[stop] == trained[start]:
            stop += 1
        yield Piece(truth[start:stop], trained=trained[start])
        start = stop
