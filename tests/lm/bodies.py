"""The bodies that every test of bodies is about, small and with the same weights in every run."""

from __future__ import annotations

import torch

from tokloom.lm.body import Body
from tokloom.lm.liquid import LiquidSpiking
from tokloom.lm.transformer import Transformer

WIDTH = 24
BODIES = {
    "transformer": lambda: Transformer(WIDTH, 2, 4),
    "transformer, grouped queries, no QK norm": lambda: Transformer(WIDTH, 2, 4, key_heads=2, qk_norm=False),
    "liquid": lambda: LiquidSpiking(WIDTH, 2, spikes=False),
    "liquid with attention": lambda: LiquidSpiking(WIDTH, 2, spikes=False, attention=2),
    "liquid-spiking": lambda: LiquidSpiking(WIDTH, 2),
    "liquid-spiking with attention": lambda: LiquidSpiking(
        WIDTH, 2, attention=1, surrogate="sigmoid", slope=10
    ),
}
SPIKING = [name for name in BODIES if "spiking" in name]


def body(name: str) -> Body:
    torch.manual_seed(0)
    return BODIES[name]()
