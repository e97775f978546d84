"""Rendered conversations are those of the formats' owners.

- nanochat: its rules, stated here anew, over tiktoken (karpathy/nanochat, `nanochat/tokenizer.py`, commit 92d63d4). Its
  own code gave the same ids and masks for 20,000 random conversations.
- ChatML and Llama 3: their published definitions as Jinja templates, with special tokens parsed out of what they
  render. (ChatML: OpenAI's `chatml.md` of the openai-python repository, and transformers' documentation of chat
  templates. Llama 3: the prompt format of Meta's model card, `meta-llama/llama3`.)
- Mistral: mistral_common itself, with its own vocabularies.
"""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chats
import samples
import tokloom
from chats import assistant, call, system, tool, user
from tokloom.chat import Chat, named_format
from tokloom.tokenizer import Special, Text, Tokenizer

CHATML = """\
{% for turn in messages %}<|im_start|>{{ turn.role }}
{{ turn.content }}<|im_end|>{{ "\\n" }}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
LLAMA3 = """\
<|begin_of_text|>{% for turn in messages %}<|start_header_id|>{{ turn.role }}<|end_header_id|>

{{ turn.content.strip() }}<|eot_id|>{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>

{{ "" }}{% endif %}"""

harmless = st.lists(
    st.one_of(
        st.sampled_from(samples.NASTY_TEXTS), st.text(max_size=8), st.sampled_from(["a", " b", "\n", "7"])
    ),
    max_size=4,
).map(lambda parts: "".join(parts).encode("utf-8", "ignore").decode())


@st.composite
def talks(draw):
    messages = [system(draw(harmless))] if draw(st.booleans()) else []
    turns = draw(st.lists(harmless, min_size=1, max_size=5))
    # Where the trained part begins our encoding begins anew, so that a prompt is how the whole begins; the text of the
    # whole would merge white space there. See docs/conversations.md.
    talk = [assistant(text.lstrip()) if number % 2 else user(text) for number, text in enumerate(turns)]
    return [*messages, *talk]


@pytest.mark.parametrize(("format", "template"), [("chatml", CHATML), ("llama3", LLAMA3)])
@given(talk=talks(), prompt=st.booleans())
def test_chatml_and_llama3_are_what_their_templates_say(format, template, talk, prompt):
    jinja2 = pytest.importorskip("jinja2", reason="jinja2 is not installed")
    if prompt and talk[-1]["role"] == "assistant":
        talk = talk[:-1]
    tokenizer = chats.vocabulary()
    text = jinja2.Template(template, keep_trailing_newline=True).render(
        messages=talk, add_generation_prompt=prompt
    )
    ids, mask = Chat(tokenizer, format).render(talk, for_completion=prompt)
    assert tokenizer.decode(ids) == text
    if not any(name in turn["content"] for name in chats.CONTROL for turn in talk):
        assert ids == tokenizer.encode(text, special="parse")
    assert len(mask) == len(ids)


# nanochat


def as_nanochat_does(encoding, conversation):
    """(ids, mask): what is trained is what the assistant writes, with what closes it, and not what Python printed."""
    special = encoding._special_tokens
    messages = list(conversation)
    if messages[0]["role"] == "system":
        messages[:2] = [user(messages[0]["content"] + "\n\n" + messages[1]["content"])]
    pairs = [(special["<|bos|>"], 0)]
    for message in messages:
        role, content = message["role"], message["content"]
        parts = (
            [("text", content)]
            if isinstance(content, str)
            else [(part["type"], part["text"]) for part in content]
        )
        pairs.append((special[f"<|{role}_start|>"], 0))
        for type, text in parts:
            trained = int(role == "assistant" and type != "python_output")
            around = {"text": None, "python": "python", "python_output": "output"}[type]
            ids = encoding.encode_ordinary(text)
            if around:
                ids = [special[f"<|{around}_start|>"], *ids, special[f"<|{around}_end|>"]]
            pairs += [(id, trained) for id in ids]
        pairs.append((special[f"<|{role}_end|>"], int(role == "assistant")))
    return [id for id, _ in pairs], [trained for _, trained in pairs]


@given(conversation=chats.conversations(parts=("text", "python", "python_output")), most=st.integers(0, 60))
def test_nanochats_rules(conversation, most):
    tiktoken = pytest.importorskip("tiktoken", reason="tiktoken is not installed")
    tokenizer = chats.vocabulary()
    encoding = tiktoken.Encoding(
        "mine",
        pat_str=tokenizer.tiktoken_pattern(),
        mergeable_ranks={token: id for id, token in tokenizer.tokens().items()},
        special_tokens=tokenizer.special_tokens,
    )
    ids, mask = as_nanochat_does(encoding, conversation)
    view = tokenizer.as_nanochat()
    assert view.render_conversation({"messages": conversation}, max_tokens=10_000) == (ids, mask)
    assert view.render_conversation({"messages": conversation}, most) == (ids[:most], mask[:most])
    if conversation[-1]["role"] == "assistant":
        before, _ = as_nanochat_does(encoding, conversation[:-1])
        prompt = [*before[:2048], tokenizer.special_tokens["<|assistant_start|>"]]
        assert view.render_for_completion({"messages": conversation}) == prompt


# Mistral


class OfMistral(Tokenizer):
    """mistral_common's own tokenizer behind the contract: as much of it as conversations need."""

    guarantees = "text"

    def __init__(self, tokenizer, special_tokens):
        self._tokenizer, self._special = tokenizer, special_tokens
        self.name = self.requested = "of mistral_common"
        self.substituted = False

    @property
    def vocab_size(self) -> int:
        return self._tokenizer.n_words

    @property
    def special_tokens(self):
        return dict(self._special)

    @property
    def fingerprint(self) -> str:
        return self.name

    def encode_to_numpy(self, text: Text, *, special: Special = "text"):
        assert special == "text"
        return np.array(self._tokenizer.encode(text, bos=False, eos=False), np.uint32)

    def spans(self, text, *, special="text"):
        raise NotImplementedError

    def decode_bytes(self, ids):
        raise NotImplementedError

    def token_bytes(self, id):
        raise NotImplementedError

    def with_special_tokens(self, names):
        raise NotImplementedError

    def save(self, directory):
        raise NotImplementedError


def mistral(format, version):
    pytest.importorskip(
        "mistral_common.tokens.tokenizers.mistral",
        reason="mistral_common is not installed with what it needs",
        exc_type=ImportError,
    )
    pytest.importorskip("sentencepiece", reason="sentencepiece is not installed")
    from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

    theirs = {
        "v1": MistralTokenizer.v1,
        "v3": MistralTokenizer.v3,
        "tekken": lambda: MistralTokenizer.v3(is_tekken=True),
    }[version]()
    instruct = theirs.instruct_tokenizer
    inner = instruct.tokenizer
    special = {"<s>": inner.bos_id, "</s>": inner.eos_id}
    names = [name for name in named_format(format).control_tokens if name not in special]
    special |= {name: inner.get_special_token(name) for name in names}
    return theirs, Chat(OfMistral(inner, special), format)


def mistrals_ids(theirs, talk):
    from mistral_common.protocol.instruct.request import ChatCompletionRequest

    return theirs.encode_chat_completion(ChatCompletionRequest.from_openai(talk)).tokens


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("format", "version"), [("mistral-v1", "v1"), ("mistral-v3", "v3"), ("mistral-v3", "tekken")]
)
def test_mistral_is_what_mistral_common_renders(format, version):
    theirs, chat = mistral(format, version)
    draw = random.Random(version)
    texts = [
        "Hello",
        " x ",
        "two\n\nlines",
        "[INST] no [/INST]",
        "</s>",
        "Grüße 你好 🌍",
        "1+1=2  ",
        "<s>",
        "\n a",
    ]
    for _ in range(200):
        talk = [system(draw.choice(texts))] if draw.random() < 0.4 else []
        for number in range(draw.randrange(0, 3) * 2 + 1):
            text = " ".join(draw.choices(texts, k=draw.randrange(1, 4)))
            talk.append(assistant(text) if number % 2 else user(text))
        ids, mask = chat.render(talk)
        assert ids == mistrals_ids(theirs, talk), talk
        assert len(mask) == len(ids)
        assert chat.render(talk, for_completion=True).ids == ids


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("version", ["v3", "tekken"])
def test_mistrals_tool_calls(version):
    theirs, chat = mistral("mistral-v3", version)
    talk = [
        user("weather?"),
        assistant("", tool_calls=[call("weather", '{"city": "Zürich", "days": [1, 2.5]}', id="a1b2c3d4e", type="function")]),
        tool('{"sky": "clear"}', tool_call_id="a1b2c3d4e", name="weather"),
        assistant("Clear."),
        user("and the sea?"),
        assistant("", tool_calls=[call("sea", "{}", id="000000000", type="function"), call("sky", "{}", id="111111111", type="function")]),
        tool("calm", tool_call_id="000000000", name="sea"),
        tool("[1, 2]", tool_call_id="111111111", name="sky"),
    ]  # fmt: skip
    ids, mask = chat.render(talk)
    assert ids == mistrals_ids(theirs, talk)
    assert sum(mask) > 0


def test_the_vocabulary_must_keep_texts_apart():
    """A tokenizer that makes control tokens of text is refused, not believed."""

    class Careless(OfMistral):
        def encode_to_numpy(self, text: Text, *, special: Special = "text"):  # noqa: ARG002 (the contract's)
            return np.array([1], np.uint32)

    special = {name: id for id, name in enumerate(named_format("mistral-v1").control_tokens)}
    chat = Chat(Careless(None, special), "mistral-v1")
    with pytest.raises(tokloom.VocabularyError, match="makes the control token '</s>' of the text"):
        chat.render([user("</s>")])
