"""A transformer of ours and a Llama of transformers: the same logits, there and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tokloom.errors import ArgumentError, FormatError, SourceError
from tokloom.lm.configuration import ModelConfig
from tokloom.lm.huggingface import from_llama, to_llama
from tokloom.lm.model import LanguageModel

transformers = pytest.importorskip("transformers")


def ours(**choices) -> LanguageModel:
    torch.manual_seed(1)
    values = {
        "vocab_size": 97,
        "width": 48,
        "layers": 2,
        "heads": 6,
        "key_heads": 2,
        "hidden": 80,
        "qk_norm": False,
    }
    return LanguageModel(ModelConfig(**{**values, **choices}))


def logits(model: LanguageModel, units: torch.Tensor) -> torch.Tensor:
    return model.head.logits(model.body(model.input.embed(units)))


@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"tied": True},
        {"tied": True, "input_scale": 1.0},
        {"key_heads": None, "rotary_base": 500_000.0, "norm_eps": 1e-2},
    ],
    ids=str,
)
@torch.no_grad()
def test_the_same_logits_there_and_back(choices: dict, tmp_path: Path) -> None:
    model = ours(**choices)
    for weight in model.parameters():  # norms that are 1 hide what reads the wrong one
        weight.mul_(1 + 0.1 * torch.rand_like(weight))
    to_llama(model, tmp_path / "llama")
    units = torch.randint(97, (2, 33))
    theirs = transformers.LlamaForCausalLM.from_pretrained(tmp_path / "llama").eval()
    assert torch.allclose(theirs(units).logits, logits(model, units), atol=1e-4)
    again = from_llama(tmp_path / "llama")
    assert torch.allclose(logits(again, units), logits(model, units), atol=1e-5)


@torch.no_grad()
def test_a_llama_of_theirs_opens(tmp_path: Path) -> None:
    torch.manual_seed(2)
    config = transformers.LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, bos_token_id=5, eos_token_id=6, pad_token_id=None,
    )  # fmt: skip
    theirs = transformers.LlamaForCausalLM(config).eval()
    theirs.save_pretrained(tmp_path / "parts", max_shard_size="20kB")
    assert len(list((tmp_path / "parts").glob("*.safetensors"))) > 1
    model = from_llama(tmp_path / "parts")
    units = torch.randint(64, (2, 20))
    assert torch.allclose(logits(model, units), theirs(units).logits, atol=1e-4)
    # Its start is their bos: the first unit's probability is theirs after it.
    after = theirs(torch.cat((torch.full((2, 1), 5), units), dim=1)).logits[:, :-1].log_softmax(-1)
    nats = -after.gather(2, units.unsqueeze(2)).squeeze(2)
    assert torch.allclose(model.nll(units), nats, atol=1e-4)


def test_what_is_no_llama_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="qk_norm=False"):
        to_llama(ours(qk_norm=True), tmp_path / "llama")
    with pytest.raises(ArgumentError, match="another one"):
        to_llama(ours(body="liquid"), tmp_path / "llama")
    to_llama(ours(), tmp_path / "llama")
    config = tmp_path / "llama" / "config.json"
    described = json.loads(config.read_text())
    for change, told in (
        ({"model_type": "qwen3"}, "model_type"),
        ({"hidden_act": "gelu"}, "hidden_act"),
        ({"attention_bias": True}, "attention_bias"),
        ({"rope_scaling": {"rope_type": "llama3"}}, "rope_scaling"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}}, "yarn"),
        ({"intermediate_size": 96}, "network"),
        ({"num_hidden_layers": 3}, "no 'self_attn"),
        ({"num_hidden_layers": 1}, "doesn't have"),
        ({"hidden_size": "48"}, "width"),
    ):
        config.write_text(json.dumps({**described, **change}))
        with pytest.raises(FormatError, match=told):
            from_llama(tmp_path / "llama")
    with pytest.raises(SourceError):
        from_llama(tmp_path / "nowhere")
    config.write_text(json.dumps(described))
    weights = tmp_path / "llama" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(FormatError):
        from_llama(tmp_path / "llama")
