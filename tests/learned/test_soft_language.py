"""The loss of a language model over sampled segmentations, and what replaced rows cost: beside the plain computation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokloom
from learned.soft_models import WORDS, vocabulary
from tokloom.learned.soft import SoftConfiguration
from tokloom.learned.soft.segmentation import Segmenter, units_of
from tokloom.learned.soft.token_bytes import bytes_by_id

torch = pytest.importorskip("torch", reason="torch isn't installed")
transformers = pytest.importorskip("transformers", reason="transformers isn't installed")

from tokloom.learned import TextData, TrainingConfiguration, train  # noqa: E402
from tokloom.learned.soft.language import (  # noqa: E402
    LanguageBatch,
    LanguageLoss,
    LanguageModel,
    LanguageSettings,
)
from tokloom.learned.soft.modules import build  # noqa: E402
from tokloom.learned.soft.plugging import Plugged, windows_of  # noqa: E402

WIDTH = 12
TOKENIZER = vocabulary()
TOKENS = bytes_by_id(TOKENIZER)
KNOWN = {token: id for id, token in enumerate(TOKENS) if token is not None}
HIDDEN = [id for id in range(256, len(TOKENS)) if id % 3 == 0]
TEXT = TextData.of([" ".join(WORDS[place:] + WORDS[:place]) * 4 for place in range(len(WORDS))])


def language_model():
    torch.manual_seed(0)
    configuration = transformers.LlamaConfig(
        vocab_size=len(TOKENS),
        hidden_size=WIDTH,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        tie_word_embeddings=False,
        pad_token_id=None,
        bos_token_id=None,
        eos_token_id=None,
    )
    model = transformers.LlamaForCausalLM(configuration).eval()
    # Larger than a model begins with, so that every row matters.
    torch.nn.init.normal_(model.model.embed_tokens.weight)
    torch.nn.init.normal_(model.lm_head.weight)
    return model


def task(model=None, **settings):
    model = model or language_model()
    torch.manual_seed(1)
    soft = build(
        SoftConfiguration(dimensions=WIDTH, kind="bag", width=4, buckets=64, outputs=("input", "head"))
    )
    table, head = model.model.embed_tokens.weight.detach(), model.lm_head.weight.detach()
    soft.fit([table.numpy(), head.numpy()])
    return LanguageLoss(
        soft,
        LanguageModel(model.model, model.model.layers, table, head, start=0),
        Segmenter(TOKENIZER, TOKENS, hidden=HIDDEN),
        TEXT,
        TEXT,
        hidden=HIDDEN,
        tokens=TOKENS,
        settings=LanguageSettings(**{"windows": 2, "length": 8, **settings}),
    )


# Segmentations


@given(st.text(max_size=40), st.integers(0, 9), st.floats(0, 1), st.floats(0, 1))
def test_units_are_the_text_and_never_hidden(text, seed, cut, join):
    segmenter = Segmenter(TOKENIZER, TOKENS, hidden=HIDDEN, cut=cut, join=join)
    units = segmenter.sample(text, np.random.default_rng(seed))
    assert b"".join(units) == text.encode()
    assert not {TOKENS[id] for id in HIDDEN} & set(units)
    assert all(units)
    assert b"".join(segmenter.plain(text)) == text.encode()


def test_without_chances_it_is_the_vocabularys_own():
    text = " ".join(WORDS)
    plain = Segmenter(TOKENIZER, TOKENS, cut=0, join=0)
    assert plain.sample(text, np.random.default_rng(0)) == plain.plain(text)
    changed = Segmenter(TOKENIZER, TOKENS, cut=0.5, join=0.5).sample(text, np.random.default_rng(0))
    assert changed != plain.plain(text)
    assert set(changed) - set(TOKENS)
    with pytest.raises(tokloom.ArgumentError, match="shares"):
        Segmenter(TOKENIZER, TOKENS, cut=1.5)


# The loss


def test_with_nothing_predicted_it_is_the_models_own_loss():
    model = language_model()
    one = task(model, anchor=0)
    ids = np.array([[97, 98, 99, 300 % len(TOKENS), 100]])
    ids[ids == HIDDEN[0]] = 101
    windows = [[TOKENS[id] or b"" for id in ids[0]]]
    units = units_of(windows, KNOWN)
    batch = LanguageBatch(units, np.zeros(len(units.tokens), bool))
    everything = torch.ones(len(TOKENS), dtype=torch.bool)
    _, nats = one._nats(batch, everything)
    given_ = torch.from_numpy(np.concatenate([[[0]], ids], axis=1))
    scores = model(given_[:, :-1]).logits
    expected = torch.nn.functional.cross_entropy(scores[0], given_[0, 1:], reduction="none")
    torch.testing.assert_close(nats[0], expected)


def test_true_rows_as_predictions_change_nothing():
    model = language_model()
    one = task(model, anchor=0)
    batch = one.batch(0, seed=0, rank=0, ranks=1)
    known = batch.units.ids >= 0
    batch = LanguageBatch(batch.units, known | (batch.units.ids < 0))
    table = KNOWN

    class Known:
        mean, scale = one.soft.mean, one.soft.scale

        def __call__(self, tokens):
            ids = [table.get(token, 0) for token in tokens]
            return torch.stack([one.language.table[ids], one.language.head[ids]], dim=1)

    everything = torch.ones(len(TOKENS), dtype=torch.bool)
    if (~known).any():
        units = units_of([[b"a", b"b", b"c"]], table)
        batch = LanguageBatch(units, np.array([True, False, True]))
    plain = one._nats(batch._replace(predicted=np.zeros(len(batch.units.tokens), bool)), everything)[1]
    one.soft = Known()
    torch.testing.assert_close(one._nats(batch, everything)[1], plain)


def test_batches_are_a_function_of_the_step():
    one = task()
    same = [one.batch(3, seed=0, rank=0, ranks=1) for _ in range(2)]
    assert same[0].units.tokens == same[1].units.tokens
    assert (same[0].predicted == same[1].predicted).all()
    assert one.batch(4, seed=0, rank=0, ranks=1).units.tokens != same[0].units.tokens
    for step in range(20):
        batch = one.batch(step, seed=0, rank=0, ranks=1)
        assert not {TOKENS[id] for id in HIDDEN} & set(batch.units.tokens)
        assert batch.predicted[batch.units.ids < 0].all()
    assert task(share=0).batch(0, seed=0, rank=0, ranks=1).predicted.any()


@pytest.mark.parametrize("thaw", [0, 1])
def test_only_the_rows_and_thawed_layers_learn(thaw, tmp_path):
    model = language_model()
    before = {name: each.clone() for name, each in model.state_dict().items()}
    one = task(model, thaw=thaw, pull=0.1)
    first = one.evaluate()["bits_per_byte"]
    how = TrainingConfiguration(steps=60, learning_rate=1e-2, precision="float32", threads=1, warmup=5)
    result = train(one, how, tmp_path / "run")
    assert result.measures["bits_per_byte"] < first
    changed = {name for name, each in model.state_dict().items() if not torch.equal(each, before[name])}
    assert bool(changed) == bool(thaw)
    assert all(name.startswith("model.layers.1.") for name in changed)


def test_what_pulls_together_does(tmp_path):
    apart = []
    for pull in (0.0, 3.0):
        one = task(pull=pull, anchor=0)
        how = TrainingConfiguration(steps=40, learning_rate=1e-2, precision="float32", threads=1, warmup=5)
        train(one, how, tmp_path / str(pull))
        rows = one.soft([token for token in TOKENS if token]).detach()
        apart.append(float((rows[:, 0] - rows[:, 1]).square().mean()))
    assert apart[1] < apart[0] / 2


@pytest.mark.parametrize(
    "wrong", [{"windows": 0}, {"length": 1}, {"thaw": -1}, {"share": 1.5}, {"pull": -1.0}]
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(tokloom.ArgumentError):
        LanguageSettings(**wrong)


# What replaced rows cost


def test_the_cost_is_that_of_the_whole_head():
    model = language_model()
    windows = windows_of(np.random.default_rng(0).integers(0, len(TOKENS), 100), 20, 0)
    held_out = np.array([*HIDDEN, 97, 98])
    table, head = model.model.embed_tokens.weight.detach(), model.lm_head.weight.detach()
    generator = torch.Generator().manual_seed(3)
    new_in, new_out = (torch.randn(len(held_out), WIDTH, generator=generator) for _ in range(2))
    replaced_in, replaced_out = table.clone(), head.clone()
    replaced_in[held_out], replaced_out[held_out] = new_in, new_out
    sizes = np.array([len(token or b"") for token in TOKENS])

    def body(embedded):
        return model.model(inputs_embeds=embedded).last_hidden_state

    plugged = Plugged(body, windows, replaced_in, head, held_out=held_out, sizes=sizes)
    for rows, full in ((new_out, replaced_out), (head[held_out], head)):
        with torch.no_grad():
            scores = body(replaced_in[windows[:, :-1]]) @ full.T
        nats = torch.nn.functional.cross_entropy(scores.transpose(1, 2), windows[:, 1:], reduction="none")
        bits = nats.double() / np.log(2)
        cost = plugged.cost(rows)
        assert cost.bits_per_byte == pytest.approx(
            float(bits.sum()) / sizes[windows[:, 1:].numpy()].sum(), rel=1e-5
        )
        at = torch.from_numpy(np.isin(windows[:, 1:].numpy(), held_out))
        after = torch.from_numpy(np.isin(windows[:, :-1].numpy(), held_out)) & ~at
        assert cost.at_held_out == pytest.approx(float(bits[at].mean()), rel=1e-5)
        assert cost.after_held_out == pytest.approx(float(bits[after].mean()), rel=1e-5)
        assert cost.elsewhere == pytest.approx(float(bits[~at & ~after].mean()), rel=1e-5)


def test_a_text_without_a_window_is_refused():
    with pytest.raises(tokloom.ArgumentError, match="no window"):
        windows_of([1, 2], 3, 0)
