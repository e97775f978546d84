"""Small tasks for the tests of the loop."""

import torch
from torch import nn

from tokloom.learned import TextData

TEXT = TextData.of([f"document {number} says {number**7} and {number**3}" for number in range(200)])


class Next:
    """Guesses the next byte from eight; with noise, dropout and a BatchNorm, which have a state of their own."""

    def __init__(self, seed=0, text=TEXT, size=32):
        torch.manual_seed(seed)
        self.text, self.size = text, size
        self.model = nn.Sequential(
            nn.Embedding(256, 8), nn.Flatten(), nn.BatchNorm1d(64), nn.Dropout(0.1), nn.Linear(64, 256)
        )

    def batch(self, step, *, seed, rank, ranks):
        return torch.from_numpy(self.text.windows(self.size, 9, step, seed, rank=rank, ranks=ranks)).long()

    def loss(self, batch, step):  # noqa: ARG002
        logits = self.model(batch[:, :8]).float()
        loss = nn.functional.cross_entropy(logits + 0.01 * torch.randn_like(logits), batch[:, 8])
        return loss, {"right": (logits.argmax(1) == batch[:, 8]).float().mean()}

    def evaluate(self):
        batch = torch.from_numpy(self.text.windows(64, 9, 0, 1)).long()
        return {"loss": nn.functional.cross_entropy(self.model(batch[:, :8]), batch[:, 8]).item()}
