"""What a step of training takes: memory by part, and the batch that fits."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from tokloom.errors import ArgumentError

if TYPE_CHECKING:
    from tokloom.lm.model import LanguageModel

__all__ = ["Memory", "batch_that_fits", "memory_of"]

# Above this a larger batch makes no step faster for its size, and training slower.
LARGEST_BATCH = 64
# What is kept for the backward direction is measured; what comes and goes within an operation isn't.
IN_FLIGHT = 1.5
SHARE_OF_FREE = 0.6


@dataclass(frozen=True)
class Memory:
    """Bytes that a step of training holds.

    Attributes:
        weights: weights, gradients and the optimiser's two moments, in float32.
        sequence: what a sequence keeps for the backward direction.
    """

    weights: int
    sequence: int

    def of(self, batch: int) -> int:
        """Bytes for a batch of sequences, about."""
        return self.weights + int(IN_FLIGHT * batch * self.sequence)


def memory_of(model: LanguageModel, sequence_length: int) -> Memory:
    """What training holds, by what autograd keeps of one sequence.

    Example:
        >>> from tokloom.lm import LanguageModel
        >>> model = LanguageModel.for_tokenizer("bytes", width=16, layers=1, heads=1)
        >>> memory_of(model, 64).sequence > memory_of(model, 32).sequence > 32 * 16 * 4
        True
    """
    device = next(model.parameters()).device
    chunk = (model.config.vocab_size,) if model.config.input == "chunk-vectors" else ()
    units = torch.zeros((1, sequence_length, *chunk), dtype=torch.int64, device=device)
    documents = torch.zeros((1, sequence_length), dtype=torch.int64, device=device)
    held: dict[int, int] = {weight.untyped_storage().data_ptr(): 0 for weight in model.parameters()}
    kept: list[torch.Tensor] = []  # or another's storage might get its address

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in held:
            held[storage.data_ptr()] = storage.nbytes()
            kept.append(tensor)
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model.nll(units, documents).sum()
    parameters = sum(weight.numel() for weight in model.parameters())
    return Memory(16 * parameters, sum(held.values()))


def batch_that_fits(memory: Memory, device: torch.device, *, ranks: int = 1) -> int:
    """Sequences of a step of all devices: a power of two for each, at most 64, within 60 % of the memory that is free.

    Raises:
        ArgumentError: not even one sequence fits.
    """
    free = free_memory(device)
    budget = int(SHARE_OF_FREE * free) // (ranks if device.type == "cpu" else 1)
    if memory.of(1) > budget:
        raise ArgumentError(
            f"one sequence takes {memory.of(1) / 1e9:.1f} GB with the weights, and {budget / 1e9:.1f} GB are free: shorter "
            "sequences (--sequence-length), a smaller preset, or checkpointing"
        )
    batch = 1
    while 2 * batch <= LARGEST_BATCH and memory.of(2 * batch) <= budget:
        batch *= 2
    return batch * ranks


def free_memory(device: torch.device) -> int:
    """Bytes that are free on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        with open("/proc/meminfo", encoding="ascii") as file:  # noqa: PTH123
            found = dict(line.split(":", 1) for line in file)
        return int(found["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return int(os.sysconf("SC_PHYS_PAGES")) * int(os.sysconf("SC_PAGE_SIZE")) // 2
