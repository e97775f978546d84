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

    def loss(self, batch, step):  # noqa: ARG002 (the protocol's)
        logits = self.model(batch[:, :8]).float()
        loss = nn.functional.cross_entropy(logits + 0.01 * torch.randn_like(logits), batch[:, 8])
        return loss, {"right": (logits.argmax(1) == batch[:, 8]).float().mean()}

    def evaluate(self):
        batch = torch.from_numpy(self.text.windows(64, 9, 0, 1)).long()
        return {"loss": nn.functional.cross_entropy(self.model(batch[:, :8]), batch[:, 8]).item()}


class Plain(Next):
    """The same without noise, dropout and BatchNorm: what several processes can make as one does."""

    def __init__(self, seed=0, text=TEXT, size=32):
        super().__init__(seed, text, size)
        torch.manual_seed(seed)
        self.model = nn.Sequential(nn.Embedding(256, 8), nn.Flatten(), nn.LayerNorm(64), nn.Linear(64, 256))

    def loss(self, batch, step):  # noqa: ARG002 (the protocol's)
        return nn.functional.cross_entropy(self.model(batch[:, :8]).float(), batch[:, 8]), {}


class Slow(Next):
    """Says each step, and waits a little, so that a test can stop it in the middle."""

    def batch(self, step, **choices):
        import time

        print("step", step, flush=True)  # noqa: T201
        time.sleep(0.02)
        return super().batch(step, **choices)


def weights(task):
    """A copy of all that the model saves."""
    return {name: each.clone() for name, each in task.model.state_dict().items()}


def same(one, other):
    """Whether two copies are equal, bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
