"""What is wrong with a conversation is said by message and role."""

import pytest

import chats
from chats import assistant, call, part, system, tool, user
from tokloom.chat import Chat
from tokloom.errors import ConversationError, TokloomError


def nested(depth):
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("conversation", "told"),
    [
        ([], "no messages"),
        ({"messages": []}, "no messages"),
        ({"mesages": []}, "'mesages'"),
        ({}, "nothing"),
        ("hello", "not str"),
        (b"hello", "not bytes"),
        (7, "not int"),
        (None, "not NoneType"),
        ({"messages": {"role": "user"}}, "not dict"),
        ([user(), "hello"], r"message 1 is a dictionary with role and content, not str"),
        ([{"content": "x"}], "message 0 has the role None"),
        ([{"role": "usr", "content": "x"}], "message 0 has the role 'usr'"),
        ([{"role": ["user"], "content": "x"}], "message 0 has the role"),
        (
            [user(), user()],
            r"message 1 \(user\) is out of order: after message 0 \(user\) comes the assistant",
        ),
        ([assistant()], r"message 0 \(assistant\) is out of order: after the beginning comes the user"),
        ([user(), assistant(), assistant()], r"message 2 \(assistant\) .* comes the user"),
        ([user(), system()], r"message 1 \(system\) is out of order: a system message comes first"),
        ([system(), system(), user()], r"message 1 \(system\) is out of order"),
        ([system()], r"message 0 \(system\) stands alone"),
        ([system(), assistant()], r"message 1 \(assistant\) .* after message 0 \(system\) comes the user"),
        ([user(), tool()], r"message 1 \(tool\) is out of order: a tool answers"),
        ([user(), assistant(), tool()], r"message 2 \(tool\) is out of order"),
        ([user(None)], r"message 0 \(user\): content is a str, not NoneType"),
        ([user([part("text")])], r"message 0 \(user\): content is a str, not list"),
        ([{"role": "user"}], r"message 0 \(user\): content is a str"),
        ([user(), assistant(3)], r"message 1 \(assistant\): content is a str or a list of parts, not int"),
        ([user(), assistant(["x"])], r"message 1 \(assistant\), part 0: it is a dictionary"),
        ([user(), assistant([part("image")])], r"message 1 \(assistant\), part 0: the type 'image'"),
        ([user(), assistant([{"type": "text"}])], r"message 1 \(assistant\), part 0 \(text\): text is a str"),
        (
            [user(), assistant([part("text"), {"text": "x"}])],
            r"message 1 \(assistant\), part 1: the type None",
        ),
        ([user("a\ud800")], r"message 0 \(user\): the text has a lone surrogate at character 1"),
        ([user(), assistant([part("text", "\udfff")])], r"message 1 \(assistant\), part 0: .* surrogate"),
        ([{**user(), "thought": "x"}], r"message 0 \(user\) has fields that no format says \('thought'\)"),
        ([{**user(), "tool_calls": [call()]}], r"message 0 \(user\) has tool_calls"),
        ([user(), assistant("", tool_calls="f")], r"message 1 \(assistant\): tool_calls is a list"),
        ([user(), assistant("", tool_calls=["f"])], r"message 1 \(assistant\), tool call 0"),
        ([user(), assistant("", tool_calls=[{"function": {}}])], r"tool call 0: the function's name"),
        (
            [user(), assistant("", tool_calls=[call(arguments="{")])],
            r"tool call 0 \('f'\): the arguments are no JSON",
        ),
        ([user(), assistant("", tool_calls=[call(arguments={"x": {1}})])], r"JSON can't say this"),
        ([user(), assistant("", tool_calls=[call(arguments=nested(100_000))])], r"JSON can't say this"),
        ([user(), assistant("", tool_calls=[call(id=3)])], r"tool call 0: id is a str"),
        ([user(), assistant("", tool_calls=[call()]), user()], r"message 2 \(user\) .* comes the tool"),
        (
            [user(), assistant("", tool_calls=[call()]), tool(), user()],
            r"message 3 \(user\) .* the assistant",
        ),
        (
            [user(), assistant("", tool_calls=[call()]), tool(tool_call_id=3)],
            r"message 2 \(tool\): tool_call_id",
        ),
    ],
)
def test_the_message_is_named(conversation, told):
    with pytest.raises(ConversationError, match=told) as error:
        Chat(chats.vocabulary(), "chatml").render(conversation)
    assert isinstance(error.value, TokloomError)
    assert isinstance(error.value, ValueError)


@pytest.mark.parametrize(
    ("format", "conversation", "told"),
    [
        (
            "chatml",
            [user(), assistant([part("text"), part("python")])],
            r"message 1 .*, part 1: .*chatml .*'python'",
        ),
        ("llama3", [user(), assistant("", tool_calls=[call()])], r"message 1 \(assistant\) calls tools"),
        ("nanochat", [user(), assistant("", tool_calls=[call()])], r"it has parts of type python"),
        (
            "mistral",
            [user(), assistant("x", tool_calls=[call()])],
            r"message 1 \(assistant\) has a text and tool",
        ),
        (
            "mistral",
            [user(), assistant(None, tool_calls=[call()]), tool("1")],
            r"message 2 \(tool\) has no tool_call_id",
        ),
        ("mistral-v1", [user(), assistant(None, tool_calls=[call()])], r"mistral-v1 can't say"),
    ],
)
def test_what_a_format_cannot_say(format, conversation, told):
    with pytest.raises(ConversationError, match=told):
        Chat(chats.vocabulary(), format).render(conversation)


def test_nothing_is_changed_in_the_callers_messages():
    conversation = {"messages": [system(), user(), assistant([part("text")])]}
    before = repr(conversation)
    Chat(chats.vocabulary(), "nanochat").render(conversation, for_completion=True)
    assert repr(conversation) == before
