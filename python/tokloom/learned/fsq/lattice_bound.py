"""FSQ in PyTorch: a number per digit, bounded, rounded to the digit's values, the gradient passed straight through.

Source: Mentzer et al. 2023, arXiv:2309.15505. The half-step shift matters: without it a digit of 8 values has 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from jaxtyping import Float, Int

__all__ = ["LatticeBound"]

_EPSILON = 1e-3


class LatticeBound(nn.Module):
    """(n, d) numbers → (n, d) rounded ones with a gradient, and digits.

    Example:
        >>> rounded, digits = LatticeBound((8, 5))(torch.tensor([[-9.0, -9.0], [0.0, 0.0], [9.0, 9.0]]))
        >>> digits.tolist()
        [[0, 0], [4, 2], [7, 4]]
    """

    half: Tensor
    offset: Tensor
    shift: Tensor
    lowest: Tensor

    def __init__(self, levels: Sequence[int]) -> None:
        super().__init__()
        count = torch.tensor(levels, dtype=torch.float32)
        half = (count - 1) * (1 - _EPSILON) / 2
        offset = torch.where(count % 2 == 0, 0.5, 0.0)
        self.register_buffer("half", half, persistent=False)
        self.register_buffer("offset", offset, persistent=False)
        self.register_buffer("shift", torch.atanh(offset / half), persistent=False)
        self.register_buffer("lowest", torch.div(count, 2, rounding_mode="floor"), persistent=False)

    def forward(self, values: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n d"], Int[Tensor, "n d"]]:
        """Rounded numbers with a gradient, and digits from 0."""
        # In float32: bfloat16 rounds away what lies between two digits.
        bounded = torch.tanh(values.float() + self.shift) * self.half - self.offset
        whole = torch.round(bounded)
        return bounded + (whole - bounded).detach(), (whole + self.lowest).long()
