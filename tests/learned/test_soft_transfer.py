"""Rows for other tokens: what a model knew stays to the last bit, whatever its tables are."""

import numpy as np
import pytest

import tokloom
from learned.soft_models import drawn, vocabulary
from tokloom.learned.soft import SoftConfiguration

torch = pytest.importorskip("torch", reason="torch isn't installed")
transformers = pytest.importorskip("transformers", reason="transformers isn't installed")

from tokloom.learned.soft.transferring import extend_vocabulary, transfer  # noqa: E402

SIZE = 8


def llama(rows, *, tied=False, dtype=torch.float32):
    torch.manual_seed(0)
    configuration = transformers.LlamaConfig(
        vocab_size=rows,
        hidden_size=SIZE,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        tie_word_embeddings=tied,
        bos_token_id=None,
        eos_token_id=97,
        pad_token_id=None,
    )
    return transformers.LlamaForCausalLM(configuration).to(dtype).eval()


def with_bias(rows):
    """A model whose head has a bias of its own."""
    torch.manual_seed(0)
    configuration = transformers.PhiConfig(
        vocab_size=rows,
        hidden_size=SIZE,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        pad_token_id=None,
        bos_token_id=None,
        eos_token_id=None,
    )
    model = transformers.PhiForCausalLM(configuration).eval()
    torch.nn.init.normal_(model.lm_head.bias)
    return model


def tables(model):
    return (
        model.get_input_embeddings().weight.detach().clone(),
        model.get_output_embeddings().weight.detach().clone(),
    )


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_both_have_stays_and_pieces_are_means(tied, dtype):
    old, new = tokloom.load("bytes"), vocabulary()
    model = llama(256, tied=tied, dtype=dtype)
    before = tables(model)
    change = transfer(model, old, new)
    after = tables(model)
    assert (change.copied, change.made, change.unknown) == (256, new.vocab_size - 256, 0)
    assert change.model is model
    for was, now in zip(before, after, strict=True):
        assert now.dtype == dtype
        assert torch.equal(now[:256], was)
        for id in range(256, new.vocab_size):
            mean = was[list(new.token_bytes(id))].float().mean(dim=0)
            torch.testing.assert_close(now[id], mean.to(dtype))
    assert (model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()) == tied
    assert model.config.vocab_size == new.vocab_size
    assert model(torch.tensor([[3, new.vocab_size - 1]])).logits.shape[-1] == new.vocab_size


def test_to_the_same_tokenizer_nothing_changes():
    tokenizer = vocabulary().with_special_tokens(["<|end|>"])
    model = llama(tokenizer.vocab_size)
    before = tables(model)
    change = transfer(model, tokenizer, tokenizer)
    assert change.copied == tokenizer.vocab_size
    assert all(torch.equal(*pair) for pair in zip(before, tables(model), strict=True))


def test_there_and_back_a_smaller_vocabulary_is_a_part():
    large, small = vocabulary(), tokloom.load("bytes")
    model = llama(large.vocab_size)
    before = tables(model)
    change = transfer(model, large, small)
    assert (change.copied, change.made) == (256, 0)
    assert all(torch.equal(was[:256], now) for was, now in zip(before, tables(model), strict=True))


def test_control_tokens_go_by_name_and_the_configuration_follows():
    old = vocabulary().with_special_tokens(["<|pad|>", "<|end|>"])
    new = tokloom.load("bytes").with_special_tokens(["<|end|>", "<|new|>"])
    model = llama(old.vocab_size)
    model.config.eos_token_id = [old.special_tokens["<|end|>"], 97]
    model.config.pad_token_id = old.special_tokens["<|pad|>"]
    before = tables(model)[0]
    change = transfer(model, old, new)
    after = tables(model)[0]
    assert torch.equal(after[256], before[old.special_tokens["<|end|>"]])
    assert change.unknown == 1
    torch.testing.assert_close(after[257], before[: old.vocab_size - 2].mean(dim=0))
    assert model.config.eos_token_id == [256, 97]
    assert model.config.pad_token_id is None


def test_padded_rows_and_rounding():
    old, new = tokloom.load("bytes"), vocabulary()
    model = llama(320)  # 64 rows are nobody's
    change = transfer(model, old, new, pad_to_multiple_of=64)
    assert len(tables(model)[0]) == 320
    assert change.unknown == 320 - new.vocab_size
    with pytest.raises(tokloom.ArgumentError, match="1 or more"):
        transfer(model, new, old, pad_to_multiple_of=0)


def test_the_bias_of_the_head_goes_along():
    old, new = tokloom.load("bytes"), vocabulary()
    model = with_bias(256)
    before = model.lm_head.bias.detach().clone()
    transfer(model, old, new, method="random")
    assert model.lm_head.bias.shape == (new.vocab_size,)
    assert torch.equal(model.lm_head.bias[:256], before)
    last = list(new.token_bytes(new.vocab_size - 1))
    torch.testing.assert_close(model.lm_head.bias[-1], before[last].mean())


def test_random_rows_are_spread_as_the_old_ones_and_follow_the_seed():
    old, new = tokloom.load("bytes"), vocabulary()
    matrix = torch.randn(256, 512) * 3 + 1
    made = [transfer(matrix, old, new, method="random", seed=seed).model for seed in (0, 0, 1)]
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])
    assert made[0][256:].mean() == pytest.approx(1, abs=0.2)
    assert made[0][256:].std() == pytest.approx(3, abs=0.3)


def test_soft_rows_for_input_and_head():
    old, new = tokloom.load("bytes"), vocabulary()
    both = drawn(
        SoftConfiguration(dimensions=SIZE, kind="bag", width=4, buckets=64, outputs=("input", "head"))
    )
    model = llama(256)
    transfer(model, old, new, method="soft", soft=both)
    names = [new.token_bytes(id) for id in range(256, new.vocab_size)]
    for output, table in zip(both.outputs, tables(model), strict=True):
        assert np.abs(table[256:].numpy() - both.rows(names, output)).max() < 1e-6


def test_soft_that_doesnt_fit_is_refused_before_anything_changes():
    old, new = tokloom.load("bytes"), vocabulary()
    model = llama(256)
    before = tables(model)
    small = drawn(SoftConfiguration(dimensions=3, kind="bag", width=4, buckets=64))
    only_input = drawn(SoftConfiguration(dimensions=SIZE, kind="bag", width=4, buckets=64))
    for soft, message in ((None, "needs soft="), (small, "of 3 numbers"), (only_input, "a table of its own")):
        with pytest.raises(tokloom.ArgumentError, match=message):
            transfer(model, old, new, method="soft", soft=soft)
    with pytest.raises(tokloom.ArgumentError, match="'pieces', 'soft' or 'random'"):
        transfer(model, old, new, method="mean")  # type: ignore[arg-type]
    assert all(torch.equal(*pair) for pair in zip(before, tables(model), strict=True))
    transfer(llama(256, tied=True), old, new, method="soft", soft=only_input)


def test_models_that_dont_fit_are_refused():
    old, new = tokloom.load("bytes"), vocabulary()
    with pytest.raises(tokloom.ArgumentError, match="it is another's"):
        transfer(llama(255), old, new)
    with pytest.raises(tokloom.ArgumentError, match="no tables"):
        transfer(torch.nn.Linear(2, 2), old, new)
    with pytest.raises(tokloom.ArgumentError, match="two axes"):
        transfer(torch.zeros(3), old, new)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_plain_matrices_keep_their_type_and_every_bit(dtype):
    matrix = torch.randn(256, SIZE, dtype=torch.float64).to(dtype)
    made = transfer(matrix, tokloom.load("bytes"), vocabulary()).model
    assert made.dtype == dtype
    assert torch.equal(made[:256], matrix)
    array = matrix.numpy()
    found = transfer(array, tokloom.load("bytes"), vocabulary()).model
    assert found.dtype == array.dtype
    assert (found[:256] == array).all()
    assert len(array) == 256


# Words that are added


@pytest.mark.parametrize("tied", [True, False])
def test_words_are_added(tied):
    tokenizer = tokloom.load("bytes").with_special_tokens(["<|end|>"])
    model = llama(264, tied=tied)
    before = tables(model)
    change = extend_vocabulary(model, tokenizer, [" tokloom", "né"])
    assert change.ids == {" tokloom": 257, "né": 258}
    assert change.tokenizer.encode("a tokloom né") == [97, 257, 32, 258]
    assert change.tokenizer.decode([97, 257, 32, 258]) == "a tokloom né"
    after = tables(model)
    assert len(after[0]) == 264  # there was room
    for was, now in zip(before, after, strict=True):
        assert torch.equal(now[:257], was[:257])
        assert torch.equal(now[259:], was[259:])
        torch.testing.assert_close(now[258], was[list("né".encode())].mean(dim=0))


def test_words_are_added_to_a_tokenizer_of_transformers():
    fast = pytest.importorskip("tokenizers", reason="a fast tokenizer")
    plain = fast.Tokenizer(fast.models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")]))
    wrapped = transformers.PreTrainedTokenizerFast(tokenizer_object=plain)
    change = extend_vocabulary(torch.eye(3), wrapped, ["abab"])
    assert wrapped("abab", add_special_tokens=False)["input_ids"] == [3]
    assert change.model[3].tolist() == [0, 0, 1]


def test_words_that_cant_be_added_are_refused():
    matrix, tokenizer = torch.eye(256), tokloom.load("bytes")
    for wrong, message in ((["a"], "a token already"), (["xx", "xx"], "twice"), ([""], "empty")):
        with pytest.raises(tokloom.ArgumentError, match=message):
            extend_vocabulary(matrix, tokenizer, wrong)
    with pytest.raises(TypeError, match="a list of str"):
        extend_vocabulary(matrix, tokenizer, "word")
