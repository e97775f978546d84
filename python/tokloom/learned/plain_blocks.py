"""Layers without weights: they cut, join, look up and count, the same in training as among integers."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from tokloom.errors import ArgumentError

if TYPE_CHECKING:
    from jaxtyping import Float, Int

__all__ = [
    "Argmax",
    "Block",
    "Codes",
    "Concat",
    "Digits",
    "Join",
    "Lookup",
    "Rows",
    "Symbols",
    "Windows",
    "checked_levels",
    "packed",
]


@dataclass(frozen=True)
class Symbols:
    """Whole numbers, and the FSQ codes they stand for (−1..1) where a gradient is to pass."""

    index: Int[Tensor, "batch rows width"]
    code: Float[Tensor, "batch rows width"] | None = None


Values = TypeVar("Values", Tensor, Symbols)


class Block(nn.Module):
    """A layer of the integer network.

    Attributes:
        op: its name in the description.
        input: the layer that it reads: an index, −1 for the stack's input, None for the layer before.
        add: a layer whose activations are added before the rectifier.
    """

    op = ""
    add: int | None = None

    def __init__(self, input: int | None = None) -> None:
        super().__init__()
        self.input = input

    def fields(self) -> dict[str, Any]:
        """The layer's fields in the description, without `op`, `input` and `add`."""
        return {}

    def scale_after(self, scale: Tensor) -> Tensor:
        """What one step of each activation that comes out is worth, where one that goes in is worth `scale`."""
        return scale


class Windows(Block):
    """A row of symbols → one row for each stride, with what stands around it."""

    op = "windows"

    def __init__(self, size: int, stride: int, before: int, pad: int, *, input: int | None = None) -> None:
        super().__init__(input)
        self.size, self.stride, self.before, self.pad = size, stride, before, pad

    def fields(self) -> dict[str, Any]:
        """Size, stride, what stands before, and the symbol outside."""
        return {"size": self.size, "stride": self.stride, "before": self.before, "pad": self.pad}

    def forward(self, given: Symbols) -> Symbols:
        """(batch, 1, n) → (batch, n/stride, size)."""
        index = self._unfold(given.index, self.pad)
        return Symbols(index, None if given.code is None else self._unfold(given.code, 0.0))

    def _unfold(self, values: Tensor, pad: float) -> Tensor:
        width = values.shape[-1]
        after = max(0, self.size - self.before - self.stride)
        padded = functional.pad(values[:, 0], (self.before, after), value=pad)
        return padded.unfold(1, self.size, self.stride)[:, : width // self.stride]


class Lookup(Block):
    """Whether a row's part is one of some known byte strings, and which: memory that costs no arithmetic.

    Args:
        keys: (n, length) bytes, ascending and distinct; at most 8 bytes each.
        begin: where in the row the part begins.
    """

    op = "lookup"
    keys: Tensor

    def __init__(self, keys: Int[Tensor, "n length"], begin: int, *, input: int | None = None) -> None:
        super().__init__(input)
        if not 1 <= keys.shape[1] <= 8 or not len(keys):
            raise ArgumentError(
                f"{len(keys)} keys of {keys.shape[1]} bytes; a lookup needs one or more of 1 to 8"
            )
        self.begin, self.length = begin, keys.shape[1]
        self.register_buffer("keys", keys.to(torch.uint8))

    def fields(self) -> dict[str, Any]:
        """Where the part lies, and the number of keys."""
        return {"begin": self.begin, "length": self.length, "keys": len(self.keys)}

    def forward(self, given: Symbols) -> Symbols:
        """(batch, rows, width) → (batch, rows, 1): 1 + the key's index, 0 where there is none."""
        part = given.index[..., self.begin : self.begin + self.length]
        known = (part <= 255).all(-1)
        keys, wanted = packed(self.keys.long()), packed(part.clamp(max=255))
        place = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
        return Symbols(torch.where(known & (keys[place] == wanted), place + 1, 0)[..., None])


def packed(rows: Int[Tensor, "... length"]) -> Int[Tensor, " ..."]:
    """Up to eight bytes → one number, in the same order; the first is moved so that 64 bits with a sign are enough."""
    weights = 256 ** torch.arange(rows.shape[-1] - 1, -1, -1, device=rows.device)
    return (rows[..., 0] - 128) * weights[0] + (rows[..., 1:] * weights[1:]).sum(-1)


class Codes(Block):
    """A row of digits → the one number of its code."""

    op = "codes"
    basis: Tensor

    def __init__(self, levels: Sequence[int], *, input: int | None = None) -> None:
        super().__init__(input)
        self.levels = checked_levels(levels)
        self.register_buffer("basis", torch.tensor([1, *self.levels[:-1]]).cumprod(0), persistent=False)

    def fields(self) -> dict[str, Any]:
        """The levels."""
        return {"levels": list(self.levels)}

    def forward(self, given: Symbols) -> Symbols:
        """(batch, rows, digits) → (batch, rows, 1)."""
        return Symbols((given.index * self.basis).sum(-1, keepdim=True))


class Rows(Block):
    """One row → `count` rows."""

    op = "rows"

    def __init__(self, count: int, *, input: int | None = None) -> None:
        super().__init__(input)
        self.count = count

    def fields(self) -> dict[str, Any]:
        """How many."""
        return {"count": self.count}

    def forward(self, given: Values) -> Values:
        """(batch, rows, count · width) → (batch, rows · count, width)."""
        count = self.count
        return _reshaped(given, lambda x: x.reshape(x.shape[0], x.shape[1] * count, x.shape[2] // count))

    def scale_after(self, scale: Tensor) -> Tensor:
        """One row's; all must be equal."""
        parts = scale.reshape(self.count, -1)
        if not bool((parts == parts[0]).all()):
            raise ArgumentError("rows of one layer need one scale: put a dense layer between concat and rows")
        return parts[0]


class Join(Block):
    """`count` rows → one row."""

    op = "join"

    def __init__(self, count: int, *, input: int | None = None) -> None:
        super().__init__(input)
        self.count = count

    def fields(self) -> dict[str, Any]:
        """How many."""
        return {"count": self.count}

    def forward(self, given: Values) -> Values:
        """(batch, rows · count, width) → (batch, rows, count · width)."""
        count = self.count
        return _reshaped(given, lambda x: x.reshape(x.shape[0], x.shape[1] // count, x.shape[2] * count))

    def scale_after(self, scale: Tensor) -> Tensor:
        """Each row's, one after the other."""
        return scale.repeat(self.count)


class Concat(Block):
    """Several layers' activations side by side."""

    op = "concat"

    def __init__(self, of: Sequence[int]) -> None:
        super().__init__()
        self.of = list(of)

    def fields(self) -> dict[str, Any]:
        """Of which layers."""
        return {"of": self.of}

    def forward(self, *given: Float[Tensor, "batch rows width"]) -> Float[Tensor, "batch rows widths"]:
        """The rows of all, side by side."""
        return torch.cat(given, dim=-1)


class Argmax(Block):
    """Each group of sums → the place of the greatest."""

    op = "argmax"

    def __init__(self, symbols: int) -> None:
        super().__init__()
        self.symbols = symbols

    def fields(self) -> dict[str, Any]:
        """How many sums a group has."""
        return {"symbols": self.symbols}

    def forward(self, given: Float[Tensor, "batch rows width"]) -> Symbols:
        """(batch, rows, n · symbols) → (batch, rows, n)."""
        return Symbols(given.unflatten(-1, (-1, self.symbols)).argmax(-1))


class Digits(Block):
    """FSQ (Mentzer et al. 2023, arXiv:2309.15505): each number → one of its dimension's levels.

    The bound is the published one, with the half step that gives an even number of levels all of them. It runs in
    float32 whatever the layers around it run in: bfloat16 moves digits.
    """

    op = "digits"

    def __init__(self, levels: Sequence[int]) -> None:
        super().__init__()
        self.levels = checked_levels(levels)
        try:
            from vector_quantize_pytorch import FSQ
        except ImportError as error:
            from tokloom.errors import MissingDependencyError

            raise MissingDependencyError(
                "FSQ needs vector-quantize-pytorch: pip install 'tokloom[learned]'"
            ) from error
        self.fsq = FSQ(list(self.levels), return_indices=False)
        self.register_buffer("middle", torch.tensor([level // 2 for level in self.levels]), persistent=False)

    def fields(self) -> dict[str, Any]:
        """The levels."""
        return {"levels": list(self.levels)}

    def forward(self, given: Float[Tensor, "batch rows width"]) -> Symbols:
        """The digits, and their codes in −1..1, through which the gradient passes straight."""
        with torch.autocast(given.device.type, enabled=False):
            code, _ = self.fsq(given.float())
            return Symbols((code.detach() * self.middle + self.middle).round().long(), code)


def _reshaped(given: Values, reshape: Callable[[Tensor], Tensor]) -> Values:
    if isinstance(given, Tensor):
        return reshape(given)
    return Symbols(reshape(given.index), None if given.code is None else reshape(given.code))


def checked_levels(levels: Sequence[int]) -> tuple[int, ...]:
    """The levels, if they can be quantised to.

    Raises:
        ArgumentError: none at all, one below 3, or more codes than float32 counts exactly.

    Example:
        >>> checked_levels([8, 8, 5])
        (8, 8, 5)
    """
    try:
        checked = tuple(operator.index(level) for level in levels)
    except TypeError:
        raise ArgumentError(f"levels are whole numbers, one for each dimension, not {levels!r:.60}") from None
    if not checked or min(checked) < 3:
        raise ArgumentError(
            f"levels {list(checked)}: each dimension needs 3 or more (1 tells nothing, and FSQ's bound begins at 3)"
        )
    product = 1
    for level in checked:
        product *= level
    if product > 2**24:
        raise ArgumentError(f"levels {list(checked)} make {product} codes; {2**24} are the most")
    return checked
