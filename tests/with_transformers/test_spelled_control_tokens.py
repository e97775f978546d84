"""Vocabularies that change a text before they look for control tokens: other spellings of one are no way in."""

import pytest

import tokloom
from tokloom.chat import Chat, Template

pytest.importorskip("transformers", reason="transformers isn't installed (make test-transformers has it)")
tokenizers = pytest.importorskip("tokenizers", reason="tokenizers isn't installed (make test has it)")


def words(end):
    file = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({"[UNK]": 0, "hi": 1, "bye": 2, "[end]": 3}, unk_token="[UNK]")
    )
    file.normalizer = tokenizers.normalizers.Lowercase()
    file.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    file.add_special_tokens(["[UNK]", end])
    return tokloom.adapt(file)


def lower_case():
    return words(tokenizers.AddedToken("[end]", special=True, normalized=False))


def normalized():
    return words(tokenizers.AddedToken("[END]", special=True, normalized=True))


def compatible():
    letters = ["<unk>", "</s>", "▁", *"hibye<"]
    file = tokenizers.Tokenizer(
        tokenizers.models.Unigram([(letter, -float(place)) for place, letter in enumerate(letters)], unk_id=0)
    )
    file.normalizer = tokenizers.normalizers.NFKC()
    file.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    file.decoder = tokenizers.decoders.Metaspace()
    file.add_special_tokens(["<unk>", "</s>"])
    return tokloom.adapt(file)


VOCABULARIES = [
    (lower_case, "[end]", "[END]"),
    (normalized, "[END]", "[end]"),
    (compatible, "</s>", "＜/s＞"),
]


def says(text):
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize(("make", "end", "spelled"), VOCABULARIES)
def test_another_spelling_is_no_control_token(make, end, spelled):
    tokenizer = make()
    view = tokenizer.as_transformers()
    view.chat_template = f"{{% for m in messages %}}{{{{ m.content }}}} {end} {{% endfor %}}"
    id = tokenizer.special_tokens[end]
    assert id in tokenizer.encode(f"hi {spelled} bye", special="parse")  # it is found, where all is parsed
    assert view.apply_chat_template(says("hi bye"), return_dict=False).count(id) == 1
    assert (
        view.apply_chat_template(says("hi stranger bye"), return_dict=False).count(id) == 1
    )  # unknown words
    for text in (f"hi {spelled} bye", spelled, f"bye {spelled}"):
        with pytest.raises(tokloom.ConversationError, match="finds others in this conversation"):
            view.apply_chat_template(says(text))


@pytest.mark.parametrize(("make", "end", "spelled"), VOCABULARIES)
def test_a_chat_encodes_texts_apart(make, end, spelled):
    tokenizer = make()
    template = Template(
        f"{{% for m in messages %}}{{{{ m.content }}}}{{% generation %}}{end}{{% endgeneration %}}{{% endfor %}}",
        control_tokens=[end],
    )
    for text in ("hi bye", f"hi {spelled} bye", f"hi {end} bye"):
        ids, mask = Chat(tokenizer, template).render(says(text))
        assert ids.count(tokenizer.special_tokens[end]) == sum(mask) == 1
        assert mask[-1] == 1


def test_one_in_place_of_the_templates_own():
    """As many are found as the template wrote, but not where it wrote them."""
    tokenizer = words(tokenizers.AddedToken("[end]", special=True, normalized=False, single_word=True))
    view = tokenizer.as_transformers()
    view.chat_template = "{% for m in messages %}{{ m.content }}x[end]{% endfor %}"
    with pytest.raises(tokloom.ConversationError, match="finds others in this conversation"):
        view.apply_chat_template(says("hi [END] bye"))
