"""Where training starts: an exact code.

Weights drawn at random have to find out, from examples, that a byte is eight bits; it takes most of a short run, and what
wasn't seen stays wrong. So the first weights hold it: a unit's activations begin with each bit and its opposite, each
number of a vector says one bit (every character has the same share of them), and the decoder asks for the bits. For
sixteen characters in 256 numbers that is exact below U+10000 before any training; it is the parameter-free baseline.
What training adds is what the baseline hasn't: the other planes, and vectors that bear noise.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tokloom.learned.tokun.model import Autoencoder, Block
from tokloom.learned.tokun.shape import BITS, BYTES, PLANES

__all__ = ["start_from_bits"]

# Which bit of a code point each byte holds, from its lowest bit on.
_FIRST_BIT = (16, 8, 0)
_IN_BYTE = (BITS - 16, 8, 8)
_LEAK = 0.05


@torch.no_grad()
def start_from_bits(model: Autoencoder, symbols: Tensor, *, seed: int = 0) -> None:
    """Sets the weights, with a batch of training data to set the norms by.

    Args:
        model: of any shape.
        symbols: bytes of chunks, (chunks, characters, 3).
        seed: of what stays random.
    """
    generator = torch.Generator().manual_seed(seed)
    shape = model.shape
    _set_table(model, generator)
    width, per_unit = shape.widths[0], shape.units[0]
    # Where each activation pair (bit, opposite) of a unit is: (character in the unit, bit) → place of the pair.
    pairs = {
        (character, bit): 2 * (bit * per_unit + character)
        for bit in range(BITS)
        for character in range(per_unit)
        if 2 * (bit * per_unit + character) + 1 < width
    }
    rows = symbols.reshape(-1, shape.positions)
    hidden = model.encoder.merged(_calibrated(model.encoder.merged, rows))
    for group, block in zip(shape.groups[1:-1], model.encoder.blocks, strict=True):
        assert isinstance(block, Block)
        before, after = hidden.shape[1], block.dense.out_features
        pairs = _passed_on(block.dense, pairs, group, before, after)
        hidden = hidden.reshape(len(hidden) // group, -1)
        hidden = block(_calibrated(block, hidden))
    group = shape.groups[-1] if len(shape.groups) > 1 else 1
    places = _set_last(model, pairs, group, hidden.shape[1])
    model.encoder.train()
    model.encoder.norm.momentum, momentum = 1.0, model.encoder.norm.momentum
    vectors = model.encoder.norm(model.encoder.last(hidden.reshape(len(symbols), -1)))
    model.encoder.norm.momentum = momentum
    _set_decoder(model, places, vectors)


def _bits(place: int) -> Tensor:
    return (torch.arange(256)[:, None] >> torch.arange(_IN_BYTE[place]) & 1).float()


def _set_table(model: Autoencoder, generator: torch.Generator) -> None:
    table, shape = model.encoder.merged.table, model.shape
    units, width = shape.units[0], shape.widths[0]
    for position in range(shape.positions):
        character, place = divmod(position, BYTES)
        bits = _bits(place)
        mixed = torch.randn(bits.shape[1], width, generator=generator)
        table[position] = (2 * bits - 1) @ mixed / shape.positions**0.5 / 2
        first = min(2 * BITS * units, width // 2 * 2)
        table[position, :, :first] = 0
        for offset in range(bits.shape[1]):
            pair = 2 * ((_FIRST_BIT[place] + offset) * units + character)
            if pair + 1 < width:
                table[position, :, pair] = bits[:, offset]
                table[position, :, pair + 1] = 1 - bits[:, offset]


def _calibrated(layer: nn.Module, given: Tensor) -> Tensor:
    """Sets the norm of a layer so that it changes nothing; gives back what was given."""
    norm = layer.norm
    assert isinstance(norm, nn.BatchNorm1d)
    norm.train()
    norm.momentum, before = 1.0, norm.momentum
    norm.weight.fill_(1.0)
    norm.bias.zero_()
    layer(given)
    norm.momentum = before
    assert norm.running_var is not None
    assert norm.running_mean is not None
    norm.weight.copy_((norm.running_var + norm.eps).sqrt())
    norm.bias.copy_(norm.running_mean)
    return given


def _passed_on(
    dense: nn.Linear, pairs: dict[tuple[int, int], int], group: int, before: int, after: int
) -> dict[tuple[int, int], int]:
    """A block that hands on the pairs of all its units, the lowest bits first where there isn't room for all."""
    per_unit = 1 + max(character for character, _ in pairs)
    dense.weight.mul_(_LEAK * 4)
    dense.bias.zero_()
    found: dict[tuple[int, int], int] = {}
    for character, bit in sorted(
        ((unit * per_unit + character, bit) for unit in range(group) for character, bit in pairs),
        key=lambda pair: (pair[1], pair[0]),
    ):
        target = 2 * len(found)
        if target + 1 >= after:
            break
        unit, inside = divmod(character, per_unit)
        source = unit * before + pairs[inside, bit]
        dense.weight[target : target + 2] = 0
        dense.weight[target, source] = dense.weight[target + 1, source + 1] = 1
        found[character, bit] = target
    return found


def _set_last(
    model: Autoencoder, pairs: dict[tuple[int, int], int], group: int, before: int
) -> list[tuple[int, int]]:
    """Each number of the vector: which (character, bit) it says."""
    shape, last = model.shape, model.encoder.last
    per_unit = 1 + max(character for character, _ in pairs)
    share = max(1, shape.vector // shape.characters)
    last.weight.mul_(_LEAK)
    last.bias.zero_()
    places = []
    for number in range(shape.vector):
        character, turn = number % shape.characters, number // shape.characters
        # All bits in turn; where a character has fewer numbers than bits, its lowest ones.
        bits = [bit for bit in range(BITS) if (character % per_unit, bit) in pairs][: max(share, 1)]
        bit = bits[turn % len(bits)]
        unit, inside = divmod(character, per_unit)
        source = unit * before + pairs[inside, bit]
        if unit < group:
            last.weight[number, source] += 1
            last.weight[number, source + 1] -= 1
        places.append((character, bit))
    return places


def _set_decoder(model: Autoencoder, places: list[tuple[int, int]], vectors: Tensor) -> None:
    shape, decoder = model.shape, model.decoder
    variance, mean = model.encoder.norm.running_var, model.encoder.norm.running_mean
    assert variance is not None
    assert mean is not None
    deviation = (variance + model.encoder.norm.eps).sqrt()
    said: dict[tuple[int, int], list[int]] = {}
    for number, place in enumerate(places):
        said.setdefault(place, []).append(number)
    units, characters = shape.rows, shape.units[0]
    blocks = [block for block in decoder.blocks if isinstance(block, Block)]
    # The first block unfolds all characters; the ones after it hand on.
    held = shape.characters // decoder.factors[0]
    width = blocks[0].dense.out_features // decoder.factors[0]
    pairs = _unfolded(blocks[0], said, deviation, mean, held, width)
    hidden = blocks[0](_calibrated(blocks[0], vectors))
    for index, block in enumerate(blocks[1:], 1):
        factor = decoder.factors[index]
        after = block.dense.out_features // factor
        pairs, held = _handed_on(block, pairs, held, factor, after), held // factor
        hidden = hidden.reshape(-1, block.dense.in_features)
        hidden = block(_calibrated(block, hidden))
    assert held == characters
    assert units * characters == shape.characters
    head = decoder.head
    head.weight.mul_(_LEAK)
    head.bias.zero_()
    for character in range(characters):
        for part, first, size in ((0, 0, PLANES), (1, PLANES, 256), (2, PLANES + 256, 256)):
            bits = _bits(part)[:size]
            begin = character * shape.logits + first
            for offset in range(bits.shape[1]):
                pair = pairs.get((character, _FIRST_BIT[part] + offset))
                if pair is None:
                    continue
                sign = 2 * bits[:, offset] - 1
                head.weight[begin : begin + size, pair] = 2 * sign
                head.weight[begin : begin + size, pair + 1] = -2 * sign
    # What no number says of a character is what most characters have: plane 0.
    for character in range(characters):
        if (character, 16) not in pairs:
            head.bias[character * shape.logits] = 2.0


def _unfolded(  # noqa: PLR0917
    block: Block,
    said: dict[tuple[int, int], list[int]],
    deviation: Tensor,
    mean: Tensor,
    held: int,
    width: int,
) -> dict[tuple[int, int], int]:
    dense = block.dense
    dense.weight.mul_(0.5)
    dense.bias.zero_()
    pairs: dict[tuple[int, int], int] = {}
    for character, bit in sorted(said, key=lambda place: (place[1], place[0])):
        unit, inside = divmod(character, held)
        if (inside, bit) not in pairs:
            if 2 * len(pairs) + 1 >= width:
                continue
            pairs[inside, bit] = 2 * len(pairs)
        row = unit * width + pairs[inside, bit]
        numbers = said[character, bit]
        dense.weight[row : row + 2] = 0
        for number in numbers:
            # The number is (2·bit − 1 − mean) / deviation.
            dense.weight[row, number] = deviation[number] / len(numbers)
            dense.weight[row + 1, number] = -deviation[number] / len(numbers)
        average = mean[numbers].mean()
        dense.bias[row], dense.bias[row + 1] = average, -average
    return pairs


def _handed_on(
    block: Block, pairs: dict[tuple[int, int], int], held: int, factor: int, width: int
) -> dict[tuple[int, int], int]:
    dense, inner = block.dense, held // factor
    dense.weight.mul_(_LEAK * 4)
    dense.bias.zero_()
    found: dict[tuple[int, int], int] = {}
    for (character, bit), source in sorted(pairs.items(), key=lambda item: (item[0][1], item[0][0])):
        unit, inside = divmod(character, inner)
        if (inside, bit) not in found:
            if 2 * len(found) + 1 >= width:
                continue
            found[inside, bit] = 2 * len(found)
        row = unit * width + found[inside, bit]
        dense.weight[row : row + 2] = 0
        dense.weight[row, source] = dense.weight[row + 1, source + 1] = 1
    return found
