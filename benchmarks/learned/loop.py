"""What the training loop costs beside a bare one: CPU time a step of a small model, one thread."""

import argparse
import tempfile
import time
from typing import Any

import torch
from torch import nn

from tokloom.learned import TextData, TrainingConfiguration, train

STEPS, BATCH = 1_000, 32


class Small:
    """Guesses a byte from the eight before it; 19,000 parameters, the loss with noise."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.text = TextData.of([f"document {number} says {number**7}" for number in range(200)])
        self.model = nn.Sequential(
            nn.Embedding(256, 8), nn.Flatten(), nn.BatchNorm1d(64), nn.Dropout(0.1), nn.Linear(64, 256)
        )

    def batch(self, step: int, *, seed: int, rank: int, ranks: int) -> torch.Tensor:
        return torch.from_numpy(self.text.windows(BATCH, 9, step, seed, rank=rank, ranks=ranks)).long()

    def loss(self, batch: torch.Tensor, _: int) -> tuple[torch.Tensor, dict[str, Any]]:
        logits = self.model(batch[:, :8]).float()
        loss = nn.functional.cross_entropy(logits + 0.01 * torch.randn_like(logits), batch[:, 8])
        return loss, {"right": (logits.argmax(1) == batch[:, 8]).float().mean()}

    def evaluate(self) -> dict[str, float]:
        return {}


def run(arguments: argparse.Namespace) -> None:
    """Three rounds, taking turns."""
    torch.set_num_threads(arguments.threads)
    for _ in range(3):
        print(f"bare {_bare():.2f} ms of CPU a step, train {_train(arguments.threads):.2f} ms", flush=True)


def _bare() -> float:
    task = Small()
    optimiser = torch.optim.AdamW(task.model.parameters(), fused=True)
    start = time.process_time()
    for step in range(STEPS):
        batch = task.batch(step, seed=0, rank=0, ranks=1)
        with torch.autocast("cpu", torch.bfloat16):
            loss, _ = task.loss(batch, step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return (time.process_time() - start) / STEPS * 1e3


def _train(threads: int) -> float:
    task = Small()
    choices = TrainingConfiguration(steps=STEPS, threads=threads, precision="bfloat16")
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        train(task, choices, folder)
        return (time.process_time() - start) / STEPS * 1e3
