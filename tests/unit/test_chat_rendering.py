"""Formats, masks, prompts and truncation, on conversations that can be checked by eye."""

import dataclasses
from typing import Any, Literal

import pytest

import chats
import tokloom
from chats import CONTROL, assistant, call, part, system, tool, user
from tokloom.chat import Around, Chat, Control, Format, format_names, named_format
from tokloom.errors import ArgumentError, ConversationError, VocabularyError


@pytest.fixture(scope="module")
def tokenizer():
    """Bytes: what is read off is the format's doing, not that of merges."""
    return tokloom.load("bytes").with_special_tokens(CONTROL)


def shown(tokenizer, rendered):
    """The text, what is trained of it in braces."""
    text, inside = b"", False
    for id, trained in zip(rendered.ids, rendered.mask, strict=True):
        if bool(trained) != inside:
            text += b"{" if trained else b"}"
            inside = bool(trained)
        text += tokenizer.token_bytes(id)
    return text.decode() + "}" * inside


TALK = [system("S"), user("U"), assistant("A"), user("V"), assistant("B")]
CALLS = [
    user("U"),
    assistant("", tool_calls=[call("f", {"x": "é"}, id="123456789"), call("g", '{"y":1}', id="abcdefghi")]),
    tool('{"z": 2}', tool_call_id="123456789"),
    tool("fine", tool_call_id="abcdefghi"),
    assistant("A"),
]


@pytest.mark.parametrize(
    ("format", "conversation", "expected"),
    [
        (
            "nanochat",
            TALK,
            "<|bos|><|user_start|>S\n\nU<|user_end|><|assistant_start|>{A<|assistant_end|>}"
            "<|user_start|>V<|user_end|><|assistant_start|>{B<|assistant_end|>}",
        ),
        (
            "nanochat",
            [user("U"), assistant([part("text", "a"), part("python", "p"), part("python_output", "o")])],
            "<|bos|><|user_start|>U<|user_end|><|assistant_start|>{a<|python_start|>p<|python_end|>}"
            "<|output_start|>o<|output_end|>{<|assistant_end|>}",
        ),
        (
            "chatml",
            TALK,
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n{A<|im_end|>}\n"
            "<|im_start|>user\nV<|im_end|>\n<|im_start|>assistant\n{B<|im_end|>}\n",
        ),
        (  # Qwen2.5's template
            "chatml",
            CALLS,
            "<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n"
            '{<tool_call>\n{"name": "f", "arguments": {"x": "é"}}\n</tool_call>\n'
            '<tool_call>\n{"name": "g", "arguments": {"y": 1}}\n</tool_call><|im_end|>}\n'
            '<|im_start|>user\n<tool_response>\n{"z": 2}\n</tool_response>\n'
            "<tool_response>\nfine\n</tool_response><|im_end|>\n<|im_start|>assistant\n{A<|im_end|>}\n",
        ),
        (
            "chatml",
            [user("U"), assistant("I look.", tool_calls=[call()])],
            "<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n"
            '{I look.\n<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call><|im_end|>}\n',
        ),
        (
            "llama3",
            [system(" S\n"), user("\tU "), assistant("\n A ")],
            "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\nU<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n{A<|eot_id|>}",
        ),
        ("mistral-v1", TALK, "<s>[INST] S\n\nU [/INST]{A</s>}[INST] V [/INST]{B</s>}"),
        ("mistral-v3", TALK, "<s>[INST]U[/INST]{A</s>}[INST]S\n\nV[/INST]{B</s>}"),
        ("mistral", [user("U"), assistant(" A \n  ")], "<s>[INST]U[/INST]{ A \n</s>}"),
        (
            "mistral",
            CALLS,
            '<s>[INST]U[/INST]{[TOOL_CALLS][{"name": "f", "arguments": {"x": "é"}, "id": "123456789"}, '
            '{"name": "g", "arguments": {"y": 1}, "id": "abcdefghi"}]</s>}'
            '[TOOL_RESULTS]{"content": {"z": 2}, "call_id": "123456789"}[/TOOL_RESULTS]'
            '[TOOL_RESULTS]{"content": "fine", "call_id": "abcdefghi"}[/TOOL_RESULTS]{A</s>}',
        ),
    ],
)
def test_formats(tokenizer, format, conversation, expected):
    assert shown(tokenizer, Chat(tokenizer, format).render(conversation)) == expected
    assert Chat(tokenizer, format).render({"messages": conversation}) == Chat(tokenizer, format).render(
        conversation
    )


def test_a_format_of_ones_own(tokenizer):
    mine = Format(
        name="mine",
        begin=("Talk:\n",),
        system=Around(("[", Control("<s>")), ("]",)),
        user=Around(("Q: ",), ("\n",)),
        assistant=Around(("A: ",), (Control("</s>"),), ("\n",)),
        alternates=False,
    )
    talk = [system("S"), user("a"), user("b"), assistant("c")]
    assert shown(tokenizer, Chat(tokenizer, mine).render(talk)) == "Talk:\n[<s>S]Q: a\nQ: b\nA: {c</s>}\n"
    with pytest.raises(ConversationError, match=r"message 2 \(user\)"):
        Chat(tokenizer, dataclasses.replace(mine, alternates=True)).render(talk)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"user": Around()}, None),
        ({"begin": "Talk"}, "begin is a tuple of texts and control tokens.*'Talk'"),
        ({"begin": ["Talk"]}, "begin is a tuple"),
        ({"begin": (3,)}, "begin is a tuple"),
        ({"user": ("Q: ",)}, "user is an Around"),
        ({"system": None}, 'system is an Around, "first" or "last", not None'),
        ({"system": ["first"]}, "system is an Around"),
        ({"strip": "all"}, "strip is"),
    ],
)
def test_what_a_format_cannot_be_made_of(wrong, told):
    parts: dict[str, Any] = {
        "name": "mine",
        "user": Around(),
        "assistant": Around(),
        "system": "first",
        **wrong,
    }
    if told is None:
        assert Format(**parts).control_tokens == []
        return
    with pytest.raises(ArgumentError, match=told):
        Format(**parts)


def test_a_text_alone_is_no_tuple_of_pieces():
    with pytest.raises(ArgumentError, match=r"before is a tuple .* a tuple of one has a comma: \('Q: ',\)"):
        Around(before="Q: ")  # type: ignore[arg-type]


def test_typed_control_tokens_are_text(tokenizer):
    for format in format_names():
        chat = Chat(tokenizer, format)
        plain = chat.render([user("x"), assistant("x")])
        typed = "".join(CONTROL)
        hostile = chat.render([user(typed), assistant(typed)])
        control = set(tokenizer.special_tokens.values())
        assert [id for id in hostile.ids if id in control] == [id for id in plain.ids if id in control]


def test_the_vocabulary_lacks_tokens():
    few = tokloom.load("bytes").with_special_tokens(["<|im_start|>"])
    with pytest.raises(
        VocabularyError, match=r"'<\|im_end\|>'.*with_special_tokens\(\['<\|im_end\|>'\]\)"
    ) as error:
        Chat(few, "chatml")
    assert "im_start" not in str(error.value)


def test_unknown_formats(tokenizer):
    with pytest.raises(ArgumentError, match=r"'vicuna'.*nanochat, chatml"):
        Chat(tokenizer, "vicuna")
    with pytest.raises(ArgumentError, match="not int"):
        Chat(tokenizer, 5)  # type: ignore[arg-type]


def test_nanochats_tokens_stand_in_its_own_order():
    # karpathy/nanochat, nanochat/tokenizer.py: SPECIAL_TOKENS
    pairs = [
        f"<|{who}_{end}|>" for who in ("user", "assistant", "python", "output") for end in ("start", "end")
    ]
    assert named_format("nanochat").control_tokens == ["<|bos|>", *pairs]


class TestCompletion:
    @pytest.mark.parametrize("format", format_names())
    @pytest.mark.parametrize("answer", ["A", "\nA", " A", "\n\n", ""])
    def test_a_prompt_is_how_the_whole_begins(self, format, answer):
        chat = Chat(chats.vocabulary(), format)
        talk = [user("U"), assistant(answer)]
        prompt, whole = chat.render(talk, for_completion=True), chat.render(talk)
        assert whole.ids[: len(prompt.ids)] == prompt.ids
        assert whole.mask[: len(prompt.ids)] == prompt.mask
        assert prompt == chat.render(talk[:1], for_completion=True)

    def test_after_a_tool(self, tokenizer):
        prompt = Chat(tokenizer, "chatml").render(CALLS, for_completion=True)
        assert tokenizer.decode(prompt.ids).endswith("</tool_response><|im_end|>\n<|im_start|>assistant\n")

    def test_nothing_to_answer(self, tokenizer):
        free = dataclasses.replace(named_format("chatml"), alternates=False)
        with pytest.raises(ConversationError, match="an answer to"):
            Chat(tokenizer, free).render([assistant()], for_completion=True)

    def test_the_end_is_never_cut_off(self, tokenizer):
        with pytest.raises(ArgumentError, match="what is to be answered"):
            Chat(tokenizer, "chatml").render(TALK, for_completion=True, max_tokens=9, side="right")


class TestTruncation:
    @pytest.mark.parametrize("format", format_names())
    @pytest.mark.parametrize("side", ["right", "left"])
    def test_by_tokens(self, tokenizer, format, side):
        chat = Chat(tokenizer, format)
        whole = chat.render(TALK)
        for most in range(len(whole.ids) + 2):
            cut = chat.render(TALK, max_tokens=most, side=side)
            kept = slice(0, most) if side == "right" else slice(max(0, len(whole.ids) - most), None)
            assert cut == (whole.ids[kept], whole.mask[kept])

    @pytest.mark.parametrize("format", format_names())
    def test_by_turns(self, tokenizer, format):
        chat = Chat(tokenizer, format)
        three = [system("S"), *[turn for i in range(3) for turn in (user(f"u{i}"), assistant(f"a{i}"))]]
        whole = chat.render(three)
        kept_right = [three, three[:5], three[:3]]
        kept_left = [three, [three[0], *three[3:]], [three[0], *three[5:]]]
        sides: list[tuple[Literal["right", "left"], list[list[dict[str, Any]]]]]
        sides = [("right", kept_right), ("left", kept_left)]
        for side, shorter in sides:
            for kept in shorter:
                exact = len(chat.render(kept).ids)
                assert chat.render(three, max_tokens=exact, truncate="turns", side=side) == chat.render(kept)
            least = len(chat.render(shorter[-1]).ids)
            with pytest.raises(
                ConversationError, match=f"has {least:,} tokens and max_tokens is {least - 1:,}"
            ):
                chat.render(three, max_tokens=least - 1, truncate="turns", side=side)
        assert chat.render(three, max_tokens=10_000, truncate="turns") == whole

    def test_a_prompt_loses_its_oldest_turns(self, tokenizer):
        chat = Chat(tokenizer, "nanochat")
        short = chat.render([TALK[0], TALK[3]], for_completion=True)
        assert chat.render(TALK, for_completion=True, max_tokens=len(short.ids), truncate="turns") == short
        assert tokenizer.decode(short.ids) == "<|bos|><|user_start|>S\n\nV<|user_end|><|assistant_start|>"

    def test_calls_and_their_answers_stay_together(self, tokenizer):
        chat = Chat(tokenizer, "chatml")
        talk = [*CALLS, user("V"), assistant("B")]
        last = chat.render(talk[-2:])
        cut = chat.render(talk, max_tokens=len(chat.render(talk).ids) - 1, truncate="turns", side="left")
        assert cut == last

    @pytest.mark.parametrize(
        "wrong",
        [
            {"max_tokens": -1},
            {"max_tokens": "5"},
            {"max_tokens": 5.0},
            {"max_tokens": True},
            {"max_tokens": 5, "truncate": "words"},
            {"max_tokens": 5, "side": "middle"},
        ],
    )
    def test_wrong_choices(self, tokenizer, wrong):
        with pytest.raises(ArgumentError):
            Chat(tokenizer, "chatml").render(TALK, **wrong)
