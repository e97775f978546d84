"""Where a run runs: threads, precision, one device or several that `torchrun` started."""

from __future__ import annotations

import gc
import hashlib
import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed

from tokloom.errors import ArgumentError


@dataclass(frozen=True)
class Place:
    """This process among those of a run, and its device."""

    rank: int
    ranks: int
    device: torch.device


@contextmanager
def placed(device: str, threads: int | None) -> Iterator[Place]:
    """Joins the processes that `torchrun` started, if it did, and leaves PyTorch's settings as they were.

    Raises:
        ArgumentError: the device isn't there.
    """
    here, before = device_called(device), torch.get_num_threads()
    joined = False
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        ranks = int(os.environ.get("WORLD_SIZE", "1"))
        if ranks > 1:
            here = _own(here)
            if not torch.distributed.is_initialized():
                _import_compiler()
                torch.distributed.init_process_group("nccl" if here.type == "cuda" else "gloo")
                joined = True
            yield Place(torch.distributed.get_rank(), torch.distributed.get_world_size(), here)
        else:
            yield Place(0, 1, here)
    finally:
        torch.set_num_threads(before)
        if joined:
            _leave()


def _import_compiler() -> None:
    """Data parallelism imports it later: it keeps for good what group is there then (PyTorch 2.15), with its threads."""
    importlib.import_module("torch._dynamo")


def _leave() -> None:
    """Ends the group of processes, with its threads.

    Were they alive at the end of Python, a thread of gloo that still drops the last collective's work would ask for an
    interpreter that is gone: "terminate called without an active exception", in one of 25 runs on a busy machine. Data
    parallelism holds the group in cycles; the collector must see them before and after.
    """
    gc.collect()
    torch.distributed.destroy_process_group()
    gc.collect()


def device_called(name: str) -> torch.device:
    """The device of this name.

    Raises:
        ArgumentError: there is none; the message lists what is there.
    """
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ArgumentError(
            f"the device {name!r} isn't there ({reason:.120}); here: {', '.join(_devices())}"
        ) from None
    if device.type == "meta":
        raise ArgumentError("the device 'meta' computes nothing")
    return device


def bfloat16_is_fast(device: torch.device) -> bool:
    """Whether this device multiplies matrices in bfloat16 by itself: elsewhere it is slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    try:
        flags = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return False
    return any(flag in flags for flag in ("avx512_bf16", "amx_bf16"))


def seed_of(seed: int, step: int, rank: int) -> int:
    """A seed for PyTorch's generator: the same on every machine, unrelated from one step to the next.

    Example:
        >>> seed_of(0, 1, 0) == seed_of(0, 1, 0), seed_of(0, 1, 0) == seed_of(0, 2, 0)
        (True, False)
    """
    digest = hashlib.blake2b(f"tokloom {seed} {step} {rank}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def seed_generator(seed: int, device: torch.device) -> None:
    """Seeds PyTorch's own generator; on other devices than the CPU theirs as well."""
    if device.type == "cpu":
        torch.default_generator.manual_seed(seed)  # a hundredth of what `torch.manual_seed` takes (0.1 ms)
    else:
        torch.manual_seed(seed)


def moved(batch: Any, device: torch.device) -> Any:  # noqa: ANN401 (a batch is the task's own)
    """The batch with its tensors on the device; tuples, lists and dictionaries are gone through."""
    if isinstance(batch, torch.Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, tuple):
        parts = [moved(part, device) for part in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else tuple(parts)
    if isinstance(batch, list):
        return [moved(part, device) for part in batch]
    if isinstance(batch, dict):
        return {name: moved(part, device) for name, part in batch.items()}
    return batch


def _own(device: torch.device) -> torch.device:
    """Each process on its own card, where nobody said which."""
    if device.type != "cuda" or device.index is not None:
        return device
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def _devices() -> list[str]:
    found = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    return found + (["mps"] if torch.backends.mps.is_available() else [])
