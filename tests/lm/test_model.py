"""The model as a whole: for every body and interface causal, the same packed or alone, and the same after a save."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import tokloom
from tokloom.errors import ArgumentError, FormatError, SourceError
from tokloom.lm import Choice, LanguageModel, ModelConfig
from tokloom.lm.interfaces import spelled

BODIES = ("transformer", "liquid", "liquid-spiking")
UNITS = 30


def tables() -> dict:
    digits = [(unit, -1) for unit in range(10)] + [(10 + unit % 4, unit // 4) for unit in range(18)]
    digits += [(-1, -1)] * 2
    return {
        "digits": np.array(digits, np.int32),
        "levels": np.array([14, 5]),
        "special_tokens": np.array([29]),
        "order": np.arange(UNITS)[::-1].copy(),
        "symbols": spelled([bytes([97 + unit]) * (1 + unit % 3) for unit in range(29)] + [None], longest=4),
    }


INTERFACES: dict[str, dict] = {
    "table": {},
    "tied": {"tied": True},
    "table, adaptive softmax": {"head": "adaptive-softmax"},
    "digits": {"input": "code-digits"},
    "digits in alone": {"input": "code-digits", "head": "token-table"},
    "digits out alone": {"head": "code-digits"},
    "composed rows": {"input": "composed"},
    "composed bytes": {"input": "composed", "head": "composed-bytes"},
    "composed in alone": {"input": "composed", "head": "token-table"},
    "chunks": {"input": "chunk-vectors", "vocab_size": 4},
    "chunks, separate": {"input": "chunk-vectors", "head": "chunk-separate", "vocab_size": 4},
}
pairings = pytest.mark.parametrize(
    ("body", "interface"), [(body, name) for body in BODIES for name in INTERFACES], ids=str
)


def made(body: str, interface: str, **choices) -> LanguageModel:
    torch.manual_seed(0)
    values = {
        "vocab_size": UNITS,
        "body": body,
        "width": 16,
        "layers": 1,
        "heads": 2,
        **INTERFACES[interface],
    }
    model = LanguageModel(ModelConfig(**{**values, **choices}), tables())
    with torch.no_grad():
        for weight in model.head.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return model.eval()


def units_for(model: LanguageModel, batch: int, time: int) -> torch.Tensor:
    if model.config.input != "chunk-vectors":
        return torch.randint(UNITS, (batch, time))
    chunks = torch.randint(256, (batch, time, 4))
    chunks[:, ::3, 2:] = 256
    return chunks


@pairings
@torch.no_grad()
def test_causal_and_the_same_packed_padded_or_alone(body: str, interface: str) -> None:
    model = made(body, interface)
    units = units_for(model, 1, 24)
    nats = model.nll(units)
    assert (nats > 0).all()
    other = units.clone()
    other[:, 12:] = units_for(model, 1, 12)
    assert torch.allclose(model.nll(other)[:, :12], nats[:, :12], atol=1e-5)
    documents = torch.tensor([[0] * 10 + [1] * 14])
    alone = torch.cat((model.nll(units[:, :10]), model.nll(units[:, 10:])), dim=1)
    assert torch.allclose(model.nll(units, documents), alone, atol=1e-4)
    padding = torch.full_like(units[:, :5], -1)
    padded = model.nll(torch.cat((units, padding), dim=1))
    assert torch.allclose(padded[:, :24], nats, atol=1e-5)
    assert (padded[:, 24:] == 0).all()
    assert torch.allclose(model.nll(torch.cat((units_for(model, 3, 24), units)))[3:], nats, atol=1e-5)


@pairings
def test_what_came_first_matters_last_and_everything_learns(body: str, interface: str) -> None:
    model = made(body, interface)
    units = units_for(model, 4, 20)
    changed = units.clone()
    changed[:, 0] = (changed[:, 0] + 1) % UNITS
    with torch.no_grad():
        assert (model(units)[:, -1] - model(changed)[:, -1]).abs().max() > 1e-4
    model.nll(units).mean().backward()
    still = [name for name, weight in model.named_parameters() if weight.grad is None]
    assert not still


@pairings
@torch.no_grad()
def test_generation_goes_on_as_the_parallel_form(body: str, interface: str) -> None:
    model = made(body, interface)
    whole = units_for(model, 2, 5)
    state = model.advance(whole, model.start(2))
    if interface == "composed bytes":  # what it says are symbols, and units are symbols, too
        whole = model.head.symbols[whole]
    generator = torch.Generator().manual_seed(0)
    for _ in range(6):
        following = torch.cat((whole, whole[:, :1]), dim=1)
        assert torch.allclose(state.hidden, model(following)[:, -1], atol=1e-5)
        unit = model.sample(state, Choice(temperature=0.8), generator).unsqueeze(1)
        whole = torch.cat((whole, unit), dim=1)
        state = model.advance(unit, state)


@pytest.mark.parametrize("interface", INTERFACES)
@torch.no_grad()
def test_saved_and_loaded_it_says_the_same(interface: str, tmp_path: Path) -> None:
    model = made("liquid-spiking", interface)
    units = units_for(model, 2, 9)
    model.save(tmp_path / "model")
    again = LanguageModel.load(tmp_path / "model")
    assert torch.equal(again.nll(units), model.nll(units))
    assert again.config == model.config
    assert again.parameters_by_part() == model.parameters_by_part()
    assert sum(again.parameters_by_part().values()) == sum(weight.numel() for weight in again.parameters())
    model.save(tmp_path / "model")  # in its own place
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["model.json", "model.safetensors"]


def test_files_that_are_not_a_model_are_refused(tmp_path: Path) -> None:
    made("transformer", "digits").save(tmp_path / "model")
    described, weights = tmp_path / "model" / "model.json", tmp_path / "model" / "model.safetensors"
    good, whole = json.loads(described.read_text()), weights.read_bytes()
    for change, told in (
        ({"kind": "tokenizer"}, "no language model"),
        ({"tokloom": 99}, "version 99"),
        ({"config": {**good["config"], "layers": 2}}, "missing"),
        ({"config": {**good["config"], "width": 1 << 20, "heads": 2}}, "where the configuration says"),
        ({"config": {**good["config"], "width": 1 << 60}}, "width"),
        ({"config": {**good["config"], "width": "16"}}, "width"),
        ({"config": {**good["config"], "body": "recurrent"}}, "body"),
        ({"config": {**good["config"], "speed": 3}}, "speed"),
        ({"config": []}, "configuration"),
        ({"config": {**good["config"], "vocab_size": 31}}, "31"),
    ):
        described.write_text(json.dumps({**good, **change}))
        with pytest.raises(FormatError, match=told):
            LanguageModel.load(tmp_path / "model")
    described.write_text("{")
    with pytest.raises(FormatError, match="no JSON"):
        LanguageModel.load(tmp_path / "model")
    described.write_text(json.dumps(good))
    weights.write_bytes(whole[:-1])
    with pytest.raises(FormatError, match="cut short"):
        LanguageModel.load(tmp_path / "model")
    weights.unlink()
    with pytest.raises(SourceError):
        LanguageModel.load(tmp_path / "model")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(ArgumentError):
        made("transformer", "table").save(tmp_path / "other")
    assert (tmp_path / "other" / "notes.txt").read_text() == "mine"


def test_a_configuration_for_a_tokenizer(tmp_path: Path) -> None:
    tokenizer = tokloom.train(["low lower lowest"] * 3, 262, special_tokens=["<|bos|>"])
    tokenizer.save(tmp_path / "mine")
    config = ModelConfig.for_tokenizer(tmp_path / "mine", "small", body="liquid", start=tokenizer.bos_id)
    assert (config.vocab_size, config.width, config.tokenizer) == (
        tokenizer.vocab_size,
        384,
        tokenizer.fingerprint,
    )
    assert ModelConfig.for_tokenizer(tokenizer, vocab_size=320).vocab_size == 320
    with pytest.raises(ArgumentError, match=r"ids 260 to 261 .* tokloom prune .*mine -o smaller --keep 260"):
        ModelConfig.for_tokenizer(str(tmp_path / "mine"), vocab_size=260)
    model = LanguageModel.for_tokenizer(
        tokenizer, input="composed", head="composed-bytes", width=16, layers=1
    )
    assert (
        model.nll(torch.tensor([[*tokenizer.encode("low lower"), tokenizer.vocab_size - 1]])).isfinite().all()
    )
    with pytest.raises(ArgumentError, match="has no digits"):
        LanguageModel.for_tokenizer(tokenizer, input="code-digits")
    for wrong in (
        {"preset": "huge"},
        {"speed": 3},
        {"body": "rnn"},
        {"width": 0},
        {"start": 262},
        {"attention": 9},
    ):
        with pytest.raises(ArgumentError):
            ModelConfig.for_tokenizer(tokenizer, **wrong)
    with pytest.raises(ArgumentError, match="same units"):
        ModelConfig(vocab_size=4, input="chunk-vectors", head="token-table")


@torch.no_grad()
def test_a_unit_as_the_start() -> None:
    model = made("transformer", "table", start=3)
    units = torch.tensor([[5, 6, 7]])
    y = model.body(model.input.embed(torch.tensor([[3, 5, 6]])))
    assert torch.allclose(model(units), y, atol=1e-6)
    assert torch.allclose(model.start(1).hidden, y[:, 0], atol=1e-6)
