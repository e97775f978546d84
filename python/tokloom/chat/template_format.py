"""A model's own Jinja template as a format: what it marks with `{% generation %}` is trained."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tokloom.chat.formats import Control
from tokloom.chat.segments import Segment
from tokloom.chat.templates import check_marked, marks_generation, render_template
from tokloom.errors import ConversationError, VocabularyError

__all__ = ["Template"]

# What nearly every template calls its control tokens like; a text that only looks like one is rare.
LOOKS_LIKE_CONTROL = re.compile(r"<[|｜][^<>|｜\s'\"{}]{1,60}[|｜]>")


@dataclass(frozen=True)
class Template:
    """A model's own template, such as `chat_template` of `tokenizer_config.json`.

    Attributes:
        template: the template's text, in Jinja.
        named_tokens: what it knows as `bos_token` and the like.
        variables: further variables of it, such as `enable_thinking`.
        tools: descriptions of tools, for templates that show them.
        control_tokens: the names that become ids; None: all special tokens of the vocabulary, and each name in the
            template that looks like one (`<|…|>`) must be one of them.

    Example:
        >>> import tokloom
        >>> from tokloom.chat import Chat, Template
        >>> template = Template(
        ...     "{% for m in messages %}<|{{ m.role }}|>{% if m.role == 'assistant' %}"
        ...     "{% generation %}{{ m.content }}<|end|>{% endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor %}"
        ... )
        >>> tokenizer = tokloom.load("bytes").with_special_tokens(["<|user|>", "<|assistant|>", "<|end|>"])
        >>> messages = [{"role": "user", "content": "<|end|>"}, {"role": "assistant", "content": "?"}]
        >>> ids, mask = Chat(tokenizer, template).render(messages)
        >>> ids
        [256, 60, 124, 101, 110, 100, 124, 62, 257, 63, 258]
        >>> mask
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]
    """

    template: str
    named_tokens: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    tools: Sequence[Mapping[str, Any]] | None = None
    control_tokens: Collection[str] | None = None
    name: ClassVar[str] = "of a template"

    def __post_init__(self) -> None:
        """Refuses a template that doesn't say what is trained."""
        if not marks_generation(self.template):
            raise ConversationError(
                "the template doesn't say what is trained: put {% generation %} before what the model writes in an "
                "assistant's turn and {% endgeneration %} after it, or use one of tokloom.chat's formats. (Ids without "
                "a mask: as_transformers().apply_chat_template)"
            )

    def control_names(self, special_tokens: Collection[str]) -> list[str]:
        """The names that become ids in a vocabulary with these special tokens.

        Raises:
            VocabularyError: one that the template writes is none of them.
        """
        wanted = self.control_tokens
        if wanted is None:
            wanted = dict.fromkeys([*LOOKS_LIKE_CONTROL.findall(self.template), *self.named_tokens.values()])
        if missing := [name for name in wanted if name not in special_tokens]:
            raise VocabularyError(
                f"the template writes {', '.join(map(repr, missing))}, no special token of the vocabulary: add it with "
                f"tokenizer.with_special_tokens({missing!r}), or say with control_tokens= which are meant as such"
            )
        return list(special_tokens if self.control_tokens is None else wanted)

    def segments(
        self, messages: Sequence[Mapping[str, Any]], control_tokens: Collection[str], *, prompt: bool
    ) -> Iterator[Segment]:
        """The conversation in segments; with `prompt` the beginning of an answer follows.

        Raises:
            ConversationError: the assistant speaks and nothing is marked as generated. A prompt may do without: it is
                for a model to go on, and some templates mark nothing but the last answer.
        """
        pieces = render_template(
            self.template,
            messages,
            control_tokens=control_tokens,
            tools=self.tools,
            add_generation_prompt=prompt,
            named_tokens=self.named_tokens,
            variables=self.variables,
        )
        if not prompt:
            check_marked(messages, any(piece.trained for piece in pieces), "the conversation")
        for piece in pieces:
            yield Segment(Control(piece.text) if piece.control else piece.text, piece.trained)
