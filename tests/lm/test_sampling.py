"""Generated text: the same with and without cache and for the same seed; whole characters; nothing that isn't there."""

import pytest
import torch

import tokloom
from lm.test_model import BODIES
from tokloom.errors import ArgumentError
from tokloom.lm import Choice, LanguageModel
from tokloom.lm.sampling import generate, generate_text
from tokloom.lm.units import Units, forbid

BYTES = tokloom.load("bytes")
CHOICES = [Choice(temperature=0), Choice(temperature=0.7, top_k=20), Choice(top_p=0.8)]


def model_of(tokenizer=BYTES, **choices) -> LanguageModel:
    torch.manual_seed(1)
    return LanguageModel.for_tokenizer(tokenizer, width=16, layers=2, heads=2, **choices)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("prompt", ["", "Once upon"])
def test_with_and_without_cache(body, choice, prompt):
    model = model_of(body=body)
    said = [
        generate_text(model, BYTES, prompt, units=40, choice=choice, seed=3, cached=cached)
        for cached in (True, False)
    ]
    assert said[0] == said[1]
    assert said[0] == generate_text(model, BYTES, prompt, units=40, choice=choice, seed=3)
    assert model.training  # as it was


@pytest.mark.parametrize("prompt", ["", "four"])
def test_chunks_and_spelled_words(prompt):
    chunks = model_of(input="chunk-vectors", vocab_size=4)
    spelled = model_of(input="composed", head="composed-bytes")
    for model in (chunks, spelled, model_of(head="composed-bytes")):
        texts = {
            generate_text(model, BYTES, prompt, units=6, seed=2, cached=cached) for cached in (True, False)
        }
        assert len(texts) == 1


def test_a_prompt_that_fills_no_chunk_is_refused():
    with pytest.raises(ArgumentError, match="multiple of 4 bytes"):
        generate(model_of(input="chunk-vectors", vocab_size=4), BYTES, "three")


def saying(text: str, tokenizer=BYTES) -> LanguageModel:
    """A model that has nothing but this text to say: each byte is followed by the next."""
    model = model_of(tokenizer)

    class Script:
        place = 0

        def sample(self, *_):
            ids = [*text.encode(), *([tokenizer.eos_id] if tokenizer.eos_id is not None else [])]
            unit = torch.tensor([ids[self.place]])
            self.place += 1
            return unit

    model.sample = Script().sample  # type: ignore[method-assign]
    return model


def test_no_half_characters():
    parts = list(generate(saying("né 水!"), BYTES, units=len("né 水!".encode())))
    assert "".join(parts) == "né 水!"
    assert "\ufffd" not in "".join(parts)
    assert list(generate(saying("水"), BYTES, units=2)) == ["\ufffd"]  # cut inside one


@pytest.mark.parametrize(
    ("stop", "expected"),
    [(["END"], "a ENd b"), (["b", "END"], "a ENd "), (["zz"], "a ENd bENDc"), ([], "a ENd bENDc")],
)
def test_stop_strings(stop, expected):
    text = "a ENd bENDc"
    assert generate_text(saying(text), BYTES, units=len(text), stop=stop) == expected
    with pytest.raises(ArgumentError, match="empty"):
        generate(saying(text), BYTES, stop=[""])


def test_the_end_of_a_text_ends_it():
    tokenizer = BYTES.with_special_tokens(["<|endoftext|>"])
    assert tokenizer.eos_id == 256
    assert generate_text(saying("that is all", tokenizer), tokenizer, units=100) == "that is all"


@pytest.mark.parametrize("choices", [{}, {"input": "composed"}])
def test_rows_beyond_the_vocabulary_are_never_sampled(choices):
    model = model_of(vocab_size=320, **choices)
    with torch.no_grad():
        state = model.start(500)
        assert int(model.sample(state).max()) >= 256
        forbid(model, BYTES)
        assert int(model.sample(state).max()) < 256
        assert int(model.sample(state, Choice(top_k=3)).max()) < 256
    # The likelihood still is over all rows: it is what the model says.
    nats = [model.nll(torch.tensor([[unit]])).item() for unit in range(320)]
    assert sum(torch.tensor(nats).neg().exp().tolist()) == pytest.approx(1, abs=1e-4)


def test_seeds_differ():
    model = model_of()
    assert generate_text(model, BYTES, units=30, seed=1) != generate_text(model, BYTES, units=30, seed=2)


def test_another_tokenizer_is_refused():
    with pytest.raises(ArgumentError, match="another tokenizer"):
        generate(model_of(), BYTES.with_special_tokens(["<|end|>"]))


def test_a_name_that_is_spelled_is_its_unit():
    tokenizer = BYTES.with_special_tokens(["<|endoftext|>"])
    model = model_of(tokenizer, input="composed", head="composed-bytes")
    units = Units(tokenizer, model.config)
    assert units.ids_of(torch.tensor([257] + [256] * 15)) == [256]
    assert units.ids_of(torch.tensor([104, 105] + [256] * 14)) == [104, 105]
