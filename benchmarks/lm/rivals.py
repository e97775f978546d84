"""The rivals: each a function from a shape to something that runs once, forwards and backwards."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

Run = Callable[[], object]


def trained(loss: Callable[[], torch.Tensor], model: nn.Module) -> Run:
    """Forwards and backwards, without the optimiser's step."""

    def run() -> None:
        model.zero_grad(set_to_none=True)
        loss().backward()

    return run


def mixed(module: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, model: nn.Module) -> Run:
    """The same for what maps (B, T, D) to (B, T, D)."""
    x = x.clone().requires_grad_()
    return trained(lambda: module(x).sum(), model)


def closed_form(x: torch.Tensor) -> Run:
    """`ncps.torch.CfC` of the same width, with its own backbone of 128."""
    from ncps.torch import CfC

    cell = CfC(x.shape[2], x.shape[2], batch_first=True)
    return mixed(lambda x: cell(x)[0], x, cell)


class LeakyLayer(nn.Module):
    """A linear layer for all steps at once, then `snntorch.Leaky` step after step."""

    def __init__(self, width: int) -> None:
        super().__init__()
        import snntorch

        self.linear = nn.Linear(width, width)
        self.neuron = snntorch.Leaky(torch.full((width,), 0.9), learn_beta=True, learn_threshold=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        charge, membrane, spikes = self.linear(x), torch.zeros(x.shape[0], x.shape[2]), []
        for place in range(x.shape[1]):
            fired, membrane = self.neuron(charge[:, place], membrane)
            spikes.append(fired)
        return torch.stack(spikes, dim=1)


def leaky(x: torch.Tensor) -> Run:
    layer = LeakyLayer(x.shape[2])
    return mixed(layer, x, layer)


def llama(units: torch.Tensor, vocabulary: int, *, width: int, layers: int, heads: int, hidden: int) -> Run:
    """transformers' Llama; its loss is of the next unit, so it is given the units as they are."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        max_position_embeddings=units.shape[1],
        use_cache=False,
    )
    model = LlamaForCausalLM(config)
    return trained(lambda: model(input_ids=units, labels=units).loss, model)


def nanochat(path: Path, units: torch.Tensor, vocabulary: int, *, width: int, layers: int, heads: int) -> Run:
    """nanochat's GPT from a copy of its repository: whole attention in each layer, a network of 4·D without gate.

    Its number format is fixed at its import, by NANOCHAT_DTYPE.
    """
    if str(path) not in sys.path:
        sys.path.insert(0, str(path))
    from nanochat.gpt import GPT, GPTConfig

    config = GPTConfig(
        sequence_len=units.shape[1],
        vocab_size=vocabulary,
        n_layer=layers,
        n_head=heads,
        n_kv_head=heads,
        n_embd=width,
        window_pattern="L",
    )
    model: Any = GPT(config)
    model.init_weights()
    # As many places as the others predict, and targets that stand together in memory, as its loader gives them.
    read, targets = units, units.roll(-1, dims=1).contiguous()
    return trained(lambda: model(read, targets), model)


def set_nanochat_format(bfloat16: bool) -> None:
    os.environ["NANOCHAT_DTYPE"] = "bfloat16" if bfloat16 else "float32"
