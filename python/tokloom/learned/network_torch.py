"""The integer network in PyTorch, for batches on any device: the same integers as the engine's.

Sums of products of whole numbers below 2^53 are exact in float64, in whatever order a device adds them; the rest is
done on 64-bit integers. What each layer means is in `tokloom.learned.network_reference`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from tokloom.errors import FormatError
from tokloom.learned.network_reference import OPERATIONS, Layer, Tensors, tensors_of
from tokloom.learned.plain_blocks import packed

if TYPE_CHECKING:
    from jaxtyping import Int

__all__ = ["TorchNetwork"]

Own = Mapping[str, Tensor]
Run = Callable[[Layer, Own, Tensor, "Tensor | None"], Tensor]


class TorchNetwork:
    """A network's layers, with its tensors on a device.

    Args:
        layers: the description.
        tensors: as numpy arrays, `"<name>.<index>.<tensor>"`.
        name: which network's tensors to take.
        device: "cpu", "cuda", …

    Raises:
        FormatError: a layer that isn't known.
    """

    def __init__(
        self, layers: Sequence[Layer], tensors: Tensors, *, name: str = "encoder", device: str = "cpu"
    ) -> None:
        self.layers = list(layers)
        self.device = torch.device(device)
        for index, layer in enumerate(self.layers):
            if layer.get("op") not in OPERATIONS:
                raise FormatError(f"layer {index} of {name} is {layer.get('op')!r}, which isn't known")
        self.tensors = [
            {
                key: _exact(key, torch.from_numpy(values.copy()).to(self.device))
                for key, values in tensors_of(tensors, f"{name}.{index}.").items()
            }
            for index in range(len(self.layers))
        ]

    @torch.no_grad()
    def __call__(self, values: Int[Tensor, "batch rows width"]) -> Int[Tensor, "batch rows width"]:
        """The last layer's output, on the network's device."""
        first = values.to(self.device, torch.int64)
        outputs: list[Tensor] = []
        for index, (layer, own) in enumerate(zip(self.layers, self.tensors, strict=True)):
            source = layer.get("input", index - 1)
            given = first if source == -1 else outputs[source]
            if layer["op"] == "concat":
                given = torch.cat([outputs[part] for part in layer["of"]], dim=-1)
            added = outputs[layer["add"]] if "add" in layer else None
            outputs.append(RUN[layer["op"]](layer, own, given, added))
        return outputs[-1] if outputs else first


def _exact(name: str, values: Tensor) -> Tensor:
    """Weights as float64 transposed, for exact products; what is looked up as it is; all else as 64-bit integers."""
    if name == "weight":
        return values.double().T.contiguous()
    return values if name == "table" else values.long()


def _windows(layer: Layer, own: Own, given: Tensor, added: Tensor | None) -> Tensor:  # noqa: ARG001
    width = given.shape[-1]
    after = max(0, layer["size"] - layer["before"] - layer["stride"])
    padded = functional.pad(given[:, 0], (layer["before"], after), value=layer["pad"])
    return padded.unfold(1, layer["size"], layer["stride"])[:, : width // layer["stride"]]


def _lookup(layer: Layer, own: Own, given: Tensor, added: Tensor | None) -> Tensor:  # noqa: ARG001
    part = given[..., layer["begin"] : layer["begin"] + layer["length"]]
    keys, wanted = packed(own["keys"]), packed(part.clamp(max=255))
    place = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
    return torch.where((part <= 255).all(-1) & (keys[place] == wanted), place + 1, 0)[..., None]


def _embed(layer: Layer, own: Own, given: Tensor, added: Tensor | None) -> Tensor:  # noqa: ARG001
    total = torch.zeros(*given.shape[:2], own["table"].shape[2], dtype=torch.int64, device=given.device)
    for place, rows in enumerate(own["table"]):
        total += rows[given[..., place]]
    return _requantised(own, total, added)


def _dense(layer: Layer, own: Own, given: Tensor, added: Tensor | None) -> Tensor:  # noqa: ARG001
    return _requantised(own, (given.double() @ own["weight"]).long(), added)


def _linear(layer: Layer, own: Own, given: Tensor, added: Tensor | None) -> Tensor:  # noqa: ARG001
    return (given.double() @ own["weight"]).long() + own["bias"]


def _requantised(own: Own, products: Tensor, added: Tensor | None) -> Tensor:
    shift = int(own["shift"][0])
    total = (products + own["bias"]) * own["multiplier"]
    if added is not None:
        total = total + added * own["add_multiplier"]
    return ((total + (1 << (shift - 1))) >> shift).clamp(0, 127)


def _concat(layer: Layer, own: Own, given: Tensor, added: Tensor | None) -> Tensor:  # noqa: ARG001
    return given


def _rows(layer: Layer, own: Own, given: Tensor, added: Tensor | None) -> Tensor:  # noqa: ARG001
    return given.reshape(given.shape[0], given.shape[1] * layer["count"], given.shape[2] // layer["count"])


def _join(layer: Layer, own: Own, given: Tensor, added: Tensor | None) -> Tensor:  # noqa: ARG001
    return given.reshape(given.shape[0], given.shape[1] // layer["count"], given.shape[2] * layer["count"])


def _digits(layer: Layer, own: Own, given: Tensor, added: Tensor | None) -> Tensor:  # noqa: ARG001
    parts = own["thresholds"].split([level - 1 for level in layer["levels"]])
    counted = [(given[..., place, None] >= part).sum(-1) for place, part in enumerate(parts)]
    return torch.stack(counted, dim=-1)


def _codes(layer: Layer, own: Own, given: Tensor, added: Tensor | None) -> Tensor:  # noqa: ARG001
    basis = torch.tensor([1, *layer["levels"][:-1]], device=given.device).cumprod(0)
    return (given * basis).sum(-1, keepdim=True)


def _argmax(layer: Layer, own: Own, given: Tensor, added: Tensor | None) -> Tensor:  # noqa: ARG001
    groups = given.unflatten(-1, (-1, layer["symbols"]))
    # The lowest of equals, which torch.argmax doesn't promise.
    greatest = groups.amax(-1, keepdim=True)
    places = torch.arange(layer["symbols"], device=given.device)
    return torch.where(groups == greatest, places, layer["symbols"]).amin(-1)


RUN: dict[str, Run] = {
    "windows": _windows,
    "lookup": _lookup,
    "embed": _embed,
    "dense": _dense,
    "linear": _linear,
    "concat": _concat,
    "rows": _rows,
    "join": _join,
    "digits": _digits,
    "codes": _codes,
    "argmax": _argmax,
}
