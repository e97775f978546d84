"""Whatever the texts: control tokens are the format's alone, ids and mask are of one length, texts come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import chats
from tokloom.chat import Chat, Control, named_format
from tokloom.chat.conversation import read_messages
from tokloom.chat.segments import segments

CHATS = {name: Chat(chats.vocabulary(), name) for name in chats.FORMATS}
PARTS = {name: tuple(named_format(name).parts) for name in chats.FORMATS}


@pytest.mark.parametrize("name", chats.FORMATS)
@given(data=st.data())
def test_texts_never_become_control_tokens(name, data):
    conversation = data.draw(chats.conversations(parts=PARTS[name]))
    tokenizer = chats.vocabulary()
    control = {id: token for token, id in tokenizer.special_tokens.items()}
    ids, mask = CHATS[name].render(conversation)
    assert len(ids) == len(mask)
    assert set(mask) <= {0, 1}
    given_out = [
        segment.piece for segment in segments(read_messages(conversation), named_format(name), prompt=False)
    ]
    assert [control[id] for id in ids if id in control] == [
        piece.name for piece in given_out if isinstance(piece, Control)
    ]
    # Without its control tokens, what is decoded is the texts, to the character.
    texts = "".join(piece for piece in given_out if isinstance(piece, str))
    assert tokenizer.decode([id for id in ids if id not in control]) == texts


@pytest.mark.parametrize("name", chats.FORMATS)
@given(data=st.data())
def test_what_is_trained_is_what_the_assistant_wrote(name, data):
    conversation = data.draw(chats.conversations(parts=PARTS[name]))
    format, tokenizer = named_format(name), chats.vocabulary()
    ids, mask = CHATS[name].render(conversation)
    special = set(tokenizer.special_tokens.values())
    trained = [id for id, is_trained in zip(ids, mask, strict=True) if is_trained and id not in special]
    written = []
    for message in conversation:
        if message["role"] == "assistant":
            content = message["content"]
            parts = [chats.part("text", content)] if isinstance(content, str) else content
            texts = [part["text"] for part in parts]
            if texts and format.strip == "both":
                texts[0] = texts[0].lstrip()
                texts[-1] = texts[-1].rstrip()
            elif texts and format.strip == "answer's end":
                texts[-1] = texts[-1].rstrip(" ")
            written += [
                text for text, part in zip(texts, parts, strict=True) if part["type"] != "python_output"
            ]
    assert tokenizer.decode(trained) == "".join(written)


@pytest.mark.parametrize("name", chats.FORMATS)
@given(data=st.data(), most=st.integers(0, 80), side=st.sampled_from(["left", "right"]))
def test_ids_and_mask_are_cut_alike(name, data, most, side):
    conversation = data.draw(chats.conversations(parts=PARTS[name]))
    chat = CHATS[name]
    whole, cut = chat.render(conversation), chat.render(conversation, max_tokens=most, side=side)
    pairs = list(zip(*whole, strict=True))
    kept = pairs[:most] if side == "right" else pairs[max(0, len(pairs) - most) :]
    assert list(zip(*cut, strict=True)) == kept


@pytest.mark.parametrize("name", chats.FORMATS)
@given(data=st.data())
def test_a_prompt_is_how_the_whole_begins(name, data):
    conversation = data.draw(chats.conversations(parts=PARTS[name]))
    if conversation[-1]["role"] != "assistant":
        conversation.append(chats.assistant(data.draw(chats.texts)))
    whole = CHATS[name].render(conversation)
    prompt = CHATS[name].render(conversation, for_completion=True)
    assert whole.ids[: len(prompt.ids)] == prompt.ids
    assert whole.mask[: len(prompt.ids)] == prompt.mask
