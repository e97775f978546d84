"""What the view refuses, and with which words."""

import numpy as np
import pytest

import tokloom

pytest.importorskip("transformers", reason="transformers isn't installed (make test-transformers has it)")


@pytest.fixture
def view(make):
    return make("<|endoftext|>", "<|pad|>").as_transformers()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"bytes", "sample 0 is bytes: a text is a str"),
        (3, "sample 0 is int"),
        (["a", None], "sample 1 is NoneType"),
        (["a", b"b"], "sample 1 is bytes"),
        ([b"a"], "list of bytes"),
        ([["a", "b", "c"]], "sample 0 has 3 texts"),
        ({"text": "a"}, "sample 0 is dict"),
        ([1, "a"], "list of int, str"),
        ([True, False], "list of bool"),
        (np.array(["a"]), "sample 0 is ndarray"),
    ],
)
def test_what_is_no_text(view, text, says):
    with pytest.raises(tokloom.ArgumentError, match=says):
        view(text)


def test_lone_surrogates(view):
    for text in ("a\ud800", ["fine", "a\ud800"]):
        with pytest.raises(tokloom.TextError, match="lone surrogate"):
            view(text)
    view.chat_template = "{{ messages[0].content }}"
    with pytest.raises(tokloom.TextError, match="lone surrogate"):
        view.apply_chat_template([{"role": "user", "content": "a\ud800"}])


def test_pairs_that_do_not_match(view):
    for second in ("a", ["a"], ["a", "b", "c"]):
        with pytest.raises(tokloom.ArgumentError, match="text_pair must be a list of as many"):
            view(["a", "b"], second)


def test_ids_as_input(view):
    assert view([97, 98])["input_ids"] == [97, 98]
    assert view([[97, 98], [97]], padding=True)["attention_mask"] == [[1, 1], [1, 0]]
    for wrong in ([10**6], [-1]):
        with pytest.raises(tokloom.UnknownIdError, match="stands for no token"):
            view(wrong)
    with pytest.raises(tokloom.ArgumentError, match="needs texts"):
        view([97], return_offsets_mapping=True)


def test_nothing(view):
    assert dict(view([])) == {"input_ids": [], "attention_mask": []}
    assert dict(view("")) == {"input_ids": [], "attention_mask": []}
    with pytest.raises(ValueError, match="specify either"):
        view(None)


def test_lengths_that_can_not_be(view):
    for length in (0, -1):
        with pytest.raises(tokloom.ArgumentError, match="1 or more"):
            view("hello", truncation=True, max_length=length)
    with pytest.raises(tokloom.ArgumentError, match="are left after truncation"):
        view("hello world", "x", truncation="only_second", max_length=3)
    with pytest.raises(ValueError, match="multiple"):
        view("hello", truncation=True, padding=True, max_length=7, pad_to_multiple_of=4)
    with pytest.raises(ValueError, match="valid"):
        view("hello", padding="sideways")


def test_unknown_choices(view):
    with pytest.raises(tokloom.ArgumentError, match="add_prefix_space="):
        view("hello", add_prefix_space=True)
    with pytest.raises(tokloom.ArgumentError, match="nothing that decoding knows"):
        view.decode([97], nonsense=True)
    with pytest.raises(tokloom.ArgumentError, match="no id stands for"):
        view.decode([97], spaces_between_special_tokens=True)


def test_unknown_ids_and_names(view):
    with pytest.raises(tokloom.UnknownIdError):
        view.decode([10**6])
    with pytest.raises(tokloom.UnknownIdError):
        view.batch_decode([[97], [-100]])
    with pytest.raises(tokloom.ArgumentError, match="name of no token"):
        view.convert_tokens_to_string(["no token"])
    assert view.convert_ids_to_tokens([97, 10**6]) == ["a", None]


def test_overflow(view):
    ids = view.encode("hello world there")
    found = view("hello world there", truncation=True, max_length=4, stride=2, return_overflowing_tokens=True)
    assert found["input_ids"] == ids[:4]
    assert found["overflowing_tokens"] == ids[2:]
    assert found["num_truncated_tokens"] == len(ids) - 4
    found = view(["hello world there", "a"], truncation=True, max_length=4, return_overflowing_tokens=True)
    assert found["overflowing_tokens"] == [ids[4:], []]
    assert found["num_truncated_tokens"] == [len(ids) - 4, 0]
    with pytest.raises(ValueError, match="longest_first"):
        view("a b", "c d", truncation=True, max_length=2, return_overflowing_tokens=True)


class Words(tokloom.Tokenizer):
    """Another kind of tokenizer, which is not reversible and has no file of `tokenizers`."""

    guarantees = "none"
    name = requested = "words"
    substituted = False
    words = ("the", "lower", "the", "<unk>")

    @property
    def vocab_size(self):
        return 6

    @property
    def special_tokens(self):
        return {"<unk>": 5}

    @property
    def fingerprint(self):
        return "words"

    def encode_to_numpy(self, text, *, special="text"):
        del special
        return np.array([{"the": 0, "lower": 1}.get(word, 5) for word in text.split()], np.uint32)

    def spans(self, *_, **__):
        raise tokloom.ArgumentError("words don't say where they are")

    def decode_bytes(self, ids):
        return b" ".join(self.token_bytes(id) for id in ids)

    def token_bytes(self, id):
        known = {0: b"the", 1: b"lower", 2: b"the", 5: b"<unk>"}
        if id not in known:
            raise tokloom.UnknownIdError(f"id {id}")
        return known[id]

    def with_special_tokens(self, _):
        raise tokloom.ArgumentError("words take no more")

    def save(self, _):
        raise tokloom.ArgumentError("words aren't saved")


def test_any_tokenizer_has_a_view(tmp_path):
    view = Words().as_transformers()
    assert view(["the lower", "x"])["input_ids"] == [[0, 1], [5]]
    assert view.get_vocab() == {"the": 0, "lower": 1, "the#2": 2, "<unk>": 5}
    assert len(view) == 6
    assert view.unk_token_id == 5
    assert view.convert_tokens_to_ids(["the#2", "strange"]) == [2, 5]
    assert view.decode([0, 1]) == "the lower"
    with pytest.raises(tokloom.ArgumentError, match="words aren't saved"):
        view.save_pretrained(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(tokloom.ArgumentError, match="where they are"):
        view("the", return_offsets_mapping=True)
    with pytest.raises(tokloom.ArgumentError, match="take no more"):
        Words().as_transformers(pad_token="<|pad|>")
    view.chat_template = "{{ messages[0].content }}<unk>"
    assert view.apply_chat_template([{"role": "user", "content": "the"}], return_dict=False) == [5]
    with pytest.raises(tokloom.ArgumentError, match="in pieces"):
        view.apply_chat_template([{"role": "user", "content": "the <unk>"}])
