"""Small models for the tests of soft embeddings, and the packages with real ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import tokloom
from tokloom.learned import tensors as numbers
from tokloom.learned.soft import EmbeddingMatrix, SoftConfiguration, SoftEmbedding
from tokloom.learned.soft.configuration import shapes

WORDS = [
    "low",
    "lower",
    "lowest",
    "slow",
    "slower",
    "slowest",
    "show",
    "shower",
    "showers",
    "row",
    "rows",
    "rowing",
    "bow",
    "bowing",
]


def package(name: str) -> Path:
    """The folder of an installed package that carries a model; the test is skipped where it isn't."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        pytest.skip(f"no package {name} here (make test-learned installs what carries a model)")
    return Path(spec.origin).parent


def drawn(configuration: SoftConfiguration, seed: int = 0) -> SoftEmbedding:
    """A soft embedding with random weights."""
    generator = np.random.default_rng(seed)
    weights = {
        name: generator.standard_normal(shape).astype(np.float32) * 0.3
        for name, shape in shapes(configuration).items()
    }
    return SoftEmbedding(configuration, weights)


def vocabulary() -> tokloom.BPETokenizer:
    return tokloom.train([" ".join(WORDS)] * 3, 280)


def spelled(tokens: list[bytes | None], dimensions: int = 16) -> NDArray[np.float32]:
    """Rows that follow from the spelling: the sum of a vector for each byte, so that they can be learned."""
    vectors = np.random.default_rng(1).standard_normal((256, dimensions)).astype(np.float32)
    return np.stack([vectors[list(token or b"")].sum(axis=0) for token in tokens])


def many_tokens(count: int = 1_500) -> list[bytes | None]:
    """Different words of letters, all bytes among them."""
    generator = np.random.default_rng(2)
    found: dict[bytes, None] = {bytes([byte]): None for byte in range(256)}
    while len(found) < count:
        found[bytes(generator.choice(list(b"abcdefgh"), generator.integers(2, 8)).tolist())] = None
    return list(found)


def learnable() -> EmbeddingMatrix:
    tokens = many_tokens()
    return EmbeddingMatrix(spelled(tokens), tuple(tokens), "spelled")


def write_safetensors(path: Path, tensors: Mapping[str, NDArray[np.float32]]) -> None:
    path.write_bytes(numbers.write(tensors))


def write_header(path: Path, header: object, data: bytes = b"") -> None:
    """A safetensors file of this header, whatever it says."""
    told = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(told).to_bytes(8, "little") + told + data)


def model_folder(folder: Path, name: str = "model.embed_tokens.weight", extra_rows: int = 0) -> Path:
    """A tiny model: a tokenizer and its rows, more of them where the table is padded."""
    tokenizer = vocabulary()
    tokenizer.save(folder)
    rows = np.arange((tokenizer.vocab_size + extra_rows) * 4, dtype=np.float32).reshape(-1, 4)
    write_safetensors(folder / "model.safetensors", {name: rows, "lm_head.weight": rows})
    return folder
