"""Known vocabularies give the ids of the libraries that published them, from the very same files."""

import functools
import hashlib
import random
import sys
from pathlib import Path

import pytest
import tiktoken
import tiktoken_ext.openai_public
from hypothesis import given

import published
import samples
import tokloom
from tokloom.catalogue import ENTRIES
from tokloom.catalogue.finding import find
from tokloom.catalogue.special_tokens import O200K_HARMONY
from tokloom.catalogue.table import BY_NAME

OPENAI = published.OPENAI
TWICE_NAMED = "<|reserved_200018|>"  # tiktoken has two names for this id of o200k_harmony


@functools.cache
def in_tiktoken(name: str) -> tiktoken.Encoding:
    """tiktoken's own construction, which finds our verified file in a cache folder made for it."""
    found = find(BY_NAME[name], offline=True)
    folder = _cache_folder()
    path = folder / hashlib.sha1((found.file.url or "").encode()).hexdigest()
    if not path.exists():
        path.write_bytes(found.data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(folder))
        return tiktoken.Encoding(**tiktoken_ext.openai_public.ENCODING_CONSTRUCTORS[OPENAI[name]]())


@functools.cache
def _cache_folder() -> Path:
    import tempfile

    return Path(tempfile.mkdtemp(prefix="tokloom-test-tiktoken-"))


@pytest.fixture(scope="module", autouse=True)
def cleared_cache():
    yield
    import shutil

    if _cache_folder.cache_info().currsize:
        shutil.rmtree(_cache_folder())


@pytest.fixture(params=OPENAI)
def name(request) -> str:
    published.load(request.param)
    return request.param


def control(name: str) -> dict[str, int]:
    return {token: id for token, id in in_tiktoken(name)._special_tokens.items() if token != TWICE_NAMED}


def test_sizes_and_special_tokens_are_tiktokens(name):
    ours, theirs = published.load(name), in_tiktoken(name)
    assert ours.vocab_size == theirs.n_vocab
    assert ours.special_tokens == control(name)


def test_every_token_is_tiktokens_and_the_holes_are_too(name):
    ours, theirs = published.load(name), in_tiktoken(name)
    assert isinstance(ours, tokloom.BPETokenizer)
    assert ours.tokens() == {id: token for token, id in theirs._mergeable_ranks.items()}
    known = set(theirs._mergeable_ranks.values()) | set(theirs._special_tokens.values())
    holes = set(range(ours.vocab_size)) - known
    assert len(holes) == {"gpt4": 16, "gpt4o": 19}.get(name, 0)
    for id in sorted(holes):
        with pytest.raises(KeyError):
            ours.decode_bytes([id])
        with pytest.raises(KeyError):
            theirs.decode_bytes([id])


@pytest.mark.parametrize("name", OPENAI)
def test_ids_of_odd_texts_are_tiktokens(name):
    ours, theirs = published.load(name), in_tiktoken(name)
    for text in samples.NASTY_TEXTS:
        assert ours.encode(text) == theirs.encode_ordinary(text), text
        assert ours.decode(ours.encode(text)) == text


@pytest.mark.parametrize("name", OPENAI)
@given(text=samples.texts())
def test_ids_of_any_text_are_tiktokens(name, text):
    assert published.load(name).encode(text) == in_tiktoken(name).encode_ordinary(text)


@pytest.mark.parametrize("name", OPENAI)
def test_special_tokens_in_texts_are_tiktokens(name):
    ours, theirs = published.load(name), in_tiktoken(name)
    randomly = random.Random(0)
    tokens = list(control(name))
    texts = tokens[:40] + tokens[-40:]
    texts += ["".join(randomly.choices([*tokens[:12], " ", "a", "\n", "<|", "|>"], k=9)) for _ in range(200)]
    for text in texts:
        assert ours.encode(text) == theirs.encode_ordinary(text), text
        parsed = theirs.encode(text, allowed_special="all")
        assert ours.encode(text, special="parse") == parsed, text
        assert ours.decode_bytes(parsed) == theirs.decode_bytes(parsed)
        one = {"<|endoftext|>"}
        expected = theirs.encode(text, allowed_special=one, disallowed_special=())
        assert ours.encode(text, special=one) == expected, text


def test_the_one_name_that_harmony_lacks_here():
    theirs = in_tiktoken_special("o200k_harmony")
    assert set(theirs) - set(O200K_HARMONY) == {TWICE_NAMED}
    assert theirs[TWICE_NAMED] == O200K_HARMONY["<|endofprompt|>"]


def in_tiktoken_special(name: str) -> dict[str, int]:
    published.load(name)
    return in_tiktoken(name)._special_tokens


def test_hashes_and_addresses_are_those_in_tiktokens_source():
    source = Path(tiktoken_ext.openai_public.__file__).read_text()
    files = {(file.url, file.sha256) for entry in ENTRIES for file in entry.files if file.url}
    assert len(files) == 4
    for url, sha256 in files:
        assert sha256
        assert f'"{url}",\n        expected_hash="{sha256}"' in source


def test_tekken_is_mistral_commons():
    ours = published.load("tekken")
    theirs = _tekkenizer()
    assert ours.vocab_size == theirs.n_words == 131_072
    assert ours.special_tokens == {
        str(one["token_str"].value if hasattr(one["token_str"], "value") else one["token_str"]): one["rank"]
        for one in theirs._all_special_tokens
    }
    for text in samples.NASTY_TEXTS:
        assert ours.encode(text) == theirs.encode(text, bos=False, eos=False), text
    for id in [*range(1_000, 1_300), 50_000, 131_071]:
        assert ours.token_bytes(id) == theirs.id_to_byte_piece(id), id


@given(text=samples.texts())
def test_tekken_gives_mistral_commons_ids(text):
    ours = published.load("tekken")
    assert ours.encode(text) == _tekkenizer().encode(text, bos=False, eos=False)


@functools.cache
def _tekkenizer():
    tekken = pytest.importorskip(
        "mistral_common.tokens.tokenizers.tekken", reason="mistral_common or what it needs isn't installed"
    )
    from tokloom.catalogue.places import places

    entry = BY_NAME["tekken"]
    path = next(place.path for place in places(entry.files[0]) if place.path and place.path.is_file())
    return tekken.Tekkenizer.from_file(path)


@pytest.mark.parametrize("name", ["mistral-v1", "mistral-v3", "llama2"])
def test_sentencepiece_vocabularies(name):
    ours = published.load(name)
    assert ours.vocab_size == BY_NAME[name].vocab_size
    assert ours.guarantees == "text"
    found = find(BY_NAME[name], offline=True)
    if found.file.form != "sentencepiece":
        theirs = pytest.importorskip("tokenizers").Tokenizer.from_str(found.data.decode())
        for text in samples.NASTY_TEXTS:
            expected = theirs.encode("".join(text), add_special_tokens=False).ids
            if not any(token in text for token in ("<s>", "</s>", "<unk>")):
                assert ours.encode(text) == expected, text
        return
    sentencepiece = pytest.importorskip("sentencepiece")
    theirs = sentencepiece.SentencePieceProcessor(model_proto=found.data)
    for text in samples.NASTY_TEXTS:
        if "\x00" not in text:
            assert ours.encode(text) == theirs.encode(text), text


def test_llama3_is_metas():
    ours = published.load("llama3")
    module = pytest.importorskip(
        "llama_models.llama3.tokenizer", reason="llama_models or what it needs isn't installed"
    )
    theirs = module.Tokenizer.get_instance()
    assert ours.vocab_size == theirs.n_words == 128_256
    assert ours.special_tokens == theirs.special_tokens
    assert ours.bos_id == theirs.bos_id
    assert ours.eos_id == theirs.eos_id
    for text in samples.NASTY_TEXTS:
        assert ours.encode(text) == theirs.model.encode_ordinary(text), text
        parsed = theirs.model.encode(text, allowed_special="all")
        assert ours.encode(text, special="parse") == parsed, text


def test_no_package_that_carries_a_file_is_imported():
    before = set(sys.modules)
    tokloom.vocabularies()
    new = {module.partition(".")[0] for module in set(sys.modules) - before}
    assert not new & {"litellm", "llama_index", "mistral_common", "llama_models", "wordllama"}
