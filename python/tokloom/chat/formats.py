"""Formats of conversations, as data: what stands around each message, which of it is text and which a control token.

Sources: nanochat, karpathy/nanochat `nanochat/tokenizer.py`; ChatML, OpenAI's description and the templates of the
models that use it (the system's turn is written as it is given, none is made up; tool calls as Qwen2.5 and Hermes have
them); Llama 3, meta-llama/llama3 `llama/tokenizer.py` (`ChatFormat`); Mistral, mistral_common
`tokens/tokenizers/instruct.py` (V1 and V3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Literal, TypeAlias

from tokloom.errors import ArgumentError

__all__ = ["Around", "Control", "Format", "ToolCalls", "ToolResults", "format_names", "named_format"]


@dataclass(frozen=True, slots=True)
class Control:
    """A control token, by name: it enters as an id."""

    name: str


Pieces: TypeAlias = tuple[str | Control, ...]


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around a text.

    Attributes:
        before: of a message, this tells the model whose turn it is, and isn't trained.
        after: trained if the text is: with it the model ends.
        between: what follows that the model doesn't write; never trained.
    """

    before: Pieces = ()
    after: Pieces = ()
    between: Pieces = ()

    def __post_init__(self) -> None:
        """Refuses what is no tuple of pieces."""
        for each in fields(self):
            _check_pieces(each.name, getattr(self, each.name))


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """How an assistant's calls are written, as JSON of these fields; trained.

    Attributes:
        around: what stands around each call, or around the list of all.
        fields: of "name", "arguments" and "id", those that are written, in this order; an id that is None is left out.
        as_list: whether all calls are one JSON list.
        separator: between two calls, and between the text of the answer and the first.
        beside_text: whether an answer may have both a text and calls.
    """

    around: Around
    fields: tuple[str, ...]
    as_list: bool = False
    separator: str = ""
    beside_text: bool = True


@dataclass(frozen=True, slots=True)
class ToolResults:
    """How a tool's answer is written; never trained.

    Attributes:
        around: what stands around each.
        fields: of "content", "call_id" and "name", those that JSON is written of; empty: the content as it is.
        inside: in whose turn they stand, one after another; None: each for itself.
        separator: between two in one turn.
    """

    around: Around
    fields: tuple[str, ...] = ()
    inside: Literal["user"] | None = None
    separator: str = ""


@dataclass(frozen=True, slots=True)
class Format:
    r"""A format of conversations. One's own is a few lines of data.

    Attributes:
        name: what it is called in messages.
        user: what stands around a user's message.
        assistant: what stands around an assistant's message.
        system: what stands around the system's message; "first" or "last": it is put before the first or the last
            user's text, with an empty line between.
        begin: what a conversation begins with.
        parts: what stands around an answer's parts, by type; a type that isn't here can't be said.
        trained: the types of parts that are trained, with what stands around them.
        tool_calls: how calls are written; None: they can't be said.
        tool_results: how tools' answers are written; None: they can't be said.
        strip: the white space that is taken from both ends of each text: "both" (all of it), "answer's end" (spaces at
            the end of an assistant's text), or None.
        alternates: whether user and assistant must take turns, the user first.

    Raises:
        ArgumentError: a part of it is of the wrong kind.

    Example:
        >>> import tokloom
        >>> mine = Format(
        ...     name="mine",
        ...     user=Around(("Q: ",), ("\n",)),
        ...     assistant=Around(("A: ",), (Control("<|end|>"),)),
        ...     system="first",
        ... )
        >>> tokenizer = tokloom.load("bytes").with_special_tokens(mine.control_tokens)
        >>> ids, mask = tokloom.chat.Chat(tokenizer, mine).render(
        ...     [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}]
        ... )
        >>> tokenizer.decode(ids)
        'Q: 1+1?\nA: 2<|end|>'
        >>> mask
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]
    """

    name: str
    user: Around
    assistant: Around
    system: Around | Literal["first", "last"]
    begin: Pieces = ()
    parts: Mapping[str, Around] = field(default_factory=lambda: {"text": Around()})
    trained: frozenset[str] = frozenset({"text", "python"})
    tool_calls: ToolCalls | None = None
    tool_results: ToolResults | None = None
    strip: Literal["both", "answer's end"] | None = None
    alternates: bool = True

    def __post_init__(self) -> None:
        """Refuses what a format can't be made of."""
        _check_pieces("begin", self.begin)
        for name in ("user", "assistant"):
            if not isinstance(getattr(self, name), Around):
                raise ArgumentError(f"{name} is an Around, not {getattr(self, name)!r:.60}")
        if not isinstance(self.system, Around) and self.system not in ("first", "last"):
            raise ArgumentError(f'system is an Around, "first" or "last", not {self.system!r:.60}')
        if self.strip not in (None, "both", "answer's end"):
            raise ArgumentError(f"""strip is "both", "answer's end" or None, not {self.strip!r:.60}""")

    @property
    def control_tokens(self) -> list[str]:
        """The names of all its control tokens, for `Tokenizer.with_special_tokens`; nanochat's are in its own order."""
        turns = (self.begin, self.system, self.user, self.assistant)
        pieces = _pieces((*turns, self.parts, self.tool_calls, self.tool_results))
        return list(dict.fromkeys(piece.name for piece in pieces if isinstance(piece, Control)))


def _check_pieces(name: str, pieces: object) -> None:
    if not isinstance(pieces, tuple) or not all(isinstance(piece, str | Control) for piece in pieces):
        raise ArgumentError(
            f"{name} is a tuple of texts and control tokens, such as ('Q: ', Control('<|end|>')), not {pieces!r:.60}; "
            "a tuple of one has a comma: ('Q: ',)"
        )


def _pieces(value: object) -> Iterator[str | Control]:
    """All pieces in a part of a format, in the order in which they are met."""
    if isinstance(value, str | Control):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _pieces(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _pieces(item)
    elif isinstance(value, Around | ToolCalls | ToolResults):
        for each in fields(value):
            yield from _pieces(getattr(value, each.name))


def _between(start: str, end: str) -> Around:
    return Around((Control(start),), (Control(end),))


NANOCHAT = Format(
    name="nanochat",
    begin=(Control("<|bos|>"),),
    user=_between("<|user_start|>", "<|user_end|>"),
    assistant=_between("<|assistant_start|>", "<|assistant_end|>"),
    system="first",
    parts={
        "text": Around(),
        "python": _between("<|python_start|>", "<|python_end|>"),
        "python_output": _between("<|output_start|>", "<|output_end|>"),
    },
)


def _chatml(role: str) -> Around:
    return Around((Control("<|im_start|>"), f"{role}\n"), (Control("<|im_end|>"),), ("\n",))


CHATML = Format(
    name="chatml",
    system=_chatml("system"),
    user=_chatml("user"),
    assistant=_chatml("assistant"),
    tool_calls=ToolCalls(
        Around(("<tool_call>\n",), ("\n</tool_call>",)), ("name", "arguments"), separator="\n"
    ),
    tool_results=ToolResults(
        Around(("<tool_response>\n",), ("\n</tool_response>",)), inside="user", separator="\n"
    ),
)


def _llama3(role: str) -> Around:
    header = (Control("<|start_header_id|>"), role, Control("<|end_header_id|>"), "\n\n")
    return Around(header, (Control("<|eot_id|>"),))


LLAMA3 = Format(
    name="llama3",
    begin=(Control("<|begin_of_text|>"),),
    system=_llama3("system"),
    user=_llama3("user"),
    assistant=_llama3("assistant"),
    strip="both",
)

MISTRAL_V1 = Format(
    name="mistral-v1",
    begin=(Control("<s>"),),
    system="first",
    user=Around(("[INST] ",), (" [/INST]",)),
    assistant=Around((), (Control("</s>"),)),
)

MISTRAL_V3 = Format(
    name="mistral-v3",
    begin=(Control("<s>"),),
    system="last",
    user=_between("[INST]", "[/INST]"),
    assistant=Around((), (Control("</s>"),)),
    tool_calls=ToolCalls(
        Around((Control("[TOOL_CALLS]"),)), ("name", "arguments", "id"), as_list=True, beside_text=False
    ),
    tool_results=ToolResults(_between("[TOOL_RESULTS]", "[/TOOL_RESULTS]"), ("content", "call_id")),
    strip="answer's end",
)

FORMATS = {
    "nanochat": NANOCHAT,
    "chatml": CHATML,
    "llama3": LLAMA3,
    "mistral": MISTRAL_V3,
    "mistral-v1": MISTRAL_V1,
    "mistral-v3": MISTRAL_V3,
}


def format_names() -> list[str]:
    """The names of the known formats.

    Example:
        >>> format_names()
        ['nanochat', 'chatml', 'llama3', 'mistral', 'mistral-v1', 'mistral-v3']
    """
    return list(FORMATS)


def named_format(name: str) -> Format:
    """The format of this name.

    Raises:
        ArgumentError: no format is called so.

    Example:
        >>> named_format("chatml").control_tokens
        ['<|im_start|>', '<|im_end|>']
    """
    if name not in FORMATS:
        raise ArgumentError(
            f"no format is called {name!r}; known are {', '.join(FORMATS)}, or give a tokloom.chat.Format of your own"
        )
    return FORMATS[name]
