"""The engine's networks against the specification in numpy, over networks at random."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import tokloom
from tokloom import _engine
from tokloom.learned import tensors as files
from tokloom.learned.network_reference import run_network

WIDTH = 12  # symbols of an input
SYMBOLS = 257


class Maker:
    """Makes a network layer by layer, and knows what the last layer gives."""

    def __init__(self, seed: int) -> None:
        self.chance = np.random.default_rng(seed)
        self.layers: list[dict[str, Any]] = []
        self.tensors: files.Tensors = {}
        self.activations: dict[int, tuple[int, int]] = {}  # layer → rows, width

    def add(self, op: str, **fields: Any) -> int:
        self.layers.append({"op": op, **fields})
        return len(self.layers) - 1

    def numbers(self, name: str, low: int, high: int, shape: tuple[int, ...], dtype: type) -> None:
        numbers: NDArray[np.generic] = self.chance.integers(low, high, shape, dtype=np.int64).astype(dtype)
        self.tensors[f"net.{len(self.layers) - 1}.{name}"] = numbers

    def requantised(self, rows: int, width: int, shift: int) -> None:
        index = len(self.layers) - 1
        self.numbers("bias", -3000, 3000, (width,), np.int32)
        self.numbers("multiplier", 0, 2**31, (width,), np.int32)
        self.numbers("shift", shift, shift + 1, (1,), np.int32)
        fits = [layer for layer, shape in self.activations.items() if shape == (rows, width)]
        if fits and self.chance.random() < 0.7:
            self.layers[index]["add"] = int(self.chance.choice(fits))
            self.numbers("add_multiplier", 0, 2**31, (width,), np.int32)
        self.activations[index] = (rows, width)

    def embed(self, rows: int, positions: int, symbols: int, width: int) -> int:
        index = self.add("embed", positions=positions, symbols=symbols, width=width)
        self.numbers("table", -127, 128, (positions, symbols, width), np.int8)
        self.requantised(rows, width, 34)
        return index

    def product(self, op: str, rows: int, inputs: int, outputs: int) -> int:
        index = self.add(op, inputs=inputs, outputs=outputs)
        self.numbers("weight", -127, 128, (outputs, inputs), np.int8)
        if op == "dense":
            self.requantised(rows, outputs, 40)
        else:
            self.numbers("bias", -3000, 3000, (outputs,), np.int32)
        return index

    def lookup(self, length: int, inputs: NDArray[np.int64]) -> int:
        """Keys that some of the inputs have."""
        begin = int(self.chance.integers(0, WIDTH - length + 1))
        some = inputs[:, begin : begin + length]
        keys = np.unique(some[(some < 256).all(axis=1)].astype(np.uint8)[::2], axis=0)
        index = self.add("lookup", begin=begin, length=length, keys=len(keys), input=-1)
        self.tensors[f"net.{index}.keys"] = keys.reshape(-1, length)
        return len(keys)


def made(seed: int, inputs: NDArray[np.int64]) -> Maker:
    maker = Maker(seed)
    width, hidden = (int(size) for size in maker.chance.integers(1, 40, 2))
    maker.add("windows", size=5, stride=3, before=1, pad=256)
    rows = WIDTH // 3
    first = maker.embed(rows, 5, SYMBOLS, width)
    keys = maker.lookup(int(maker.chance.integers(1, 5)), inputs)
    maker.embed(1, 1, keys + 1, width * rows)
    one_row = len(maker.layers) - 1
    maker.add("rows", count=rows)
    maker.activations[len(maker.layers) - 1] = (rows, width)
    maker.product("dense", rows, width, hidden)
    maker.product("dense", rows, hidden, width)
    last = len(maker.layers) - 1
    maker.add("concat", of=[first, last, last])
    maker.add("join", count=rows)
    maker.add("concat", of=[len(maker.layers) - 1, one_row])
    wide = 4 * width * rows
    match seed % 4:
        case 0:
            maker.product("dense", 1, wide, hidden)
        case 1:
            maker.product("linear", 1, wide, 6)
            maker.add("rows", count=2)
            levels = [4, 3, 5]
            maker.add("digits", levels=levels)
            thresholds = [np.sort(maker.chance.integers(-90_000, 90_000, level - 1)) for level in levels]
            maker.tensors[f"net.{len(maker.layers) - 1}.thresholds"] = np.concatenate(thresholds).astype(
                np.int32
            )
            maker.add("codes", levels=levels)
        case 2:
            maker.product("linear", 1, wide, 30)
            maker.add("argmax", symbols=10)
        case _:
            maker.product("linear", 1, wide, 7)
    return maker


@given(
    seed=st.integers(0, 2**32),
    inputs=st.lists(st.lists(st.integers(95, 99) | st.just(256), min_size=WIDTH, max_size=WIDTH), max_size=6),
)
def test_the_engine_gives_what_the_specification_gives(seed, inputs):
    rows = np.array(inputs, np.int64).reshape(-1, WIDTH)
    maker = made(seed, rows)
    expected = run_network(maker.layers, maker.tensors, rows[:, None], name="net")
    network = _engine.Network(
        json.dumps(maker.layers),
        files.write(maker.tensors),
        origin="file",
        prefix="net",
        width=WIDTH,
        symbols=SYMBOLS,
    )
    found = network.run(rows.astype(np.uint32).reshape(-1))
    assert found.tolist() == expected.reshape(-1).tolist()
    assert network.output[:2] == expected.shape[1:]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"op": "lookup", "begin": 10, "length": 3, "keys": 0}, "it takes 3 symbols from 10 on"),
        ({"op": "lookup", "begin": 0, "length": 17, "keys": 0}, "it takes 17 symbols"),
        ({"op": "lookup", "begin": 0, "length": 0, "keys": 0}, "it takes 0 symbols"),
        ({"op": "lookup", "begin": 0, "length": 2, "keys": 2**40}, "keys; up to"),
        ({"op": "lookup", "begin": 0, "length": 2, "keys": 2}, "key 1 is not greater"),
        ({"op": "lookup", "begin": 0, "length": 2, "keys": 3}, "the layer asks for U8 [3, 2]"),
        ({"op": "concat", "of": [0]}, "it takes layer 0, which doesn't come before"),
        ({"op": "concat", "of": [-1]}, "layer -1 gives 1 rows of symbols"),
        ({"op": "concat", "of": []}, "it puts no layers"),
        ({"op": "rows", "count": 2, "input": 0}, "it takes layer 0"),
        ({"op": "rows", "count": 2, "input": -2}, "it takes layer -2"),
        ({"op": "rows", "count": 2, "input": "x"}, "invalid type"),
    ],
)
def test_layers_that_can_not_be(change, said):
    tensors: files.Tensors = {"net.0.keys": np.array([[2, 1], [1, 2]], np.uint8)}
    with pytest.raises(tokloom.FormatError) as caught:
        _engine.Network(
            json.dumps([change]), files.write(tensors), origin="file", prefix="net", width=WIDTH, symbols=257
        )
    assert "layer 0" in str(caught.value) or "net.0" in str(caught.value)
    assert said in str(caught.value)
