"""Layers written for speed give what PyTorch's own operations give."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812

from tokloom.lm.layers import GatedNetwork, Norm
from tokloom.lm.rotary import EPS, rotations, turned


def same(ours, theirs, into) -> None:
    assert torch.allclose(ours, theirs, atol=1e-5)
    weights = torch.randn_like(ours)
    for mine, other in zip(
        torch.autograd.grad((ours * weights).sum(), into),
        torch.autograd.grad((theirs * weights).sum(), into),
        strict=True,
    ):
        assert torch.allclose(mine, other, atol=1e-4, rtol=1e-4)


def test_the_norm_is_pytorchs() -> None:
    norm, x = Norm(24), torch.randn(3, 5, 24, requires_grad=True)
    with torch.no_grad():
        norm.weight.normal_()
    same(norm(x), F.rms_norm(x, (24,), norm.weight, eps=1e-6), [x, norm.weight])
    zeros = torch.zeros(1, 24, requires_grad=True)
    norm(zeros).sum().backward()
    assert zeros.grad is not None
    assert zeros.grad.isfinite().all()


def test_the_gated_network_is_three_products() -> None:
    network, x = GatedNetwork(12, 20), torch.randn(2, 5, 12, requires_grad=True)
    gate, up = network.gate_up(x).chunk(2, dim=-1)
    same(network(x), network.down(F.silu(gate) * up), [x, *network.parameters()])


def test_turning_is_norm_and_rotation() -> None:
    heads = torch.randn(2, 9, 3, 8, requires_grad=True)
    sharpness = torch.randn(4, requires_grad=True)
    turns = rotations(torch.arange(9.0)[None] * 1.5, 8, 100.0)
    angles = torch.arange(9.0)[:, None] * 1.5 * 100.0 ** (-torch.arange(0, 8, 2) / 8)
    cosine, sine = angles.cos()[:, None], angles.sin()[:, None]

    def plain(x: torch.Tensor) -> torch.Tensor:
        first, second = x[..., 0::2], x[..., 1::2]
        pairs = first * cosine - second * sine, first * sine + second * cosine
        return torch.stack(pairs, dim=-1).flatten(-2)

    same(turned(heads, turns), plain(heads), [heads])
    normed = F.rms_norm(heads, (8,), eps=EPS) * sharpness.repeat_interleave(2)
    same(turned(heads, turns, sharpness), plain(normed), [heads, sharpness])
