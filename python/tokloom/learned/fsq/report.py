"""What a tokenizer of chunks does on several texts, beside a table of strings and a vocabulary of words of its size."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tokloom.metrics.reconstruction import (
    Reconstruction,
    StringTable,
    Words,
    code_use,
    reconstruction,
    shared_codes,
    symbols_of,
)
from tokloom.report.table import Table

if TYPE_CHECKING:
    from tokloom.learned.fsq.chunk_tokenizer import ChunkTokenizer

__all__ = ["ChunkReport", "perplexity", "report", "speed"]

Bytes = NDArray[np.uint8]
# How much of a text goes through PyTorch for the perplexity.
CHUNKS = 4096


@dataclass
class ChunkReport:
    """All figures of one tokenizer; `tables()` shows them, `to_dict()` is for JSON."""

    name: str
    training: Mapping[str, Any]
    texts: dict[str, Reconstruction] = field(default_factory=dict)
    table: dict[str, Reconstruction] = field(default_factory=dict)
    words: dict[str, dict[str, float]] = field(default_factory=dict)
    perplexity: dict[str, float] = field(default_factory=dict)
    speed: dict[str, float] = field(default_factory=dict)
    codes: int = 0
    size: int = 0
    shared: dict[str, dict[str, float]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **vars(self),
            "training": dict(self.training),
            "texts": {name: each.to_dict() for name, each in self.texts.items()},
            "table": {name: each.to_dict() for name, each in self.table.items()},
        }

    def tables(self) -> list[Table]:
        """What comes back and what it costs; speed and size; codes that texts share."""
        columns = [
            "text",
            "vocabulary",
            "bytes",
            "characters",
            "tokens",
            "chunks",
            "perplexity",
            "bytes per token",
            "escaped",
            "codes used",
            "of",
            "entropy, bits",
        ]
        rows = []
        for name, found in self.texts.items():
            rows.append([name, "network", *_cells(found, self.perplexity.get(name))])
            rows.append(["", "table", *_cells(self.table[name], None)])
            words = self.words[name]
            rows.append(["", "words", *[""] * 5, f"{words['bytes per token']:.2f}", *[""] * 4])
        quality = Table(
            f"{self.name}: what comes back from codes alone, on held-out text",
            columns,
            rows,
            [
                "characters, tokens, chunks: shares that come back right before any patch. bytes per token: codes, "
                "patches and escaped bytes counted. table: as many of the commonest strings, each part the nearest. "
                "words: as many of the commonest words, all else as bytes. of: how many codes were looked at."
            ],
            frozenset({0, 1}),
        )
        facts = {**{key: f"{value:.4f}" for key, value in self.speed.items()}, "MB": f"{self.size / 1e6:.2f}"}
        return [
            quality,
            Table("speed and size", ["what", "figure"], [list(item) for item in facts.items()]),
        ] + ([self._shared_table()] if self.shared else [])

    def _shared_table(self) -> Table:
        names = list(self.shared)
        rows = [[one, *(f"{self.shared[one][other]:.2f}" for other in names)] for one in names]
        return Table(
            "how far texts share codes",
            ["", *names],
            rows,
            ["Σ min(p, q) over the codes' shares in two texts: 1 is the same use, 0 none in common."],
        )


def _cells(found: Reconstruction, perplexity: float | None) -> list[str]:
    return [
        f"{found.bytes:,}",
        f"{found.characters:.4f}",
        f"{found.tokens:.4f}",
        f"{found.chunks:.4f}",
        "" if perplexity is None else f"{perplexity:.3f}",
        f"{found.bytes_per_token:.3f}",
        f"{found.escaped:.4f}",
        f"{found.codes_used:,}",
        f"{found.codes_seen:,}",
        f"{found.entropy:.2f}",
    ]


def report(
    tokenizer: ChunkTokenizer, texts: Mapping[str, Bytes], training: Bytes, *, folder: Path | None = None
) -> ChunkReport:
    """Measures a tokenizer beside its baselines.

    Args:
        tokenizer: of chunks.
        texts: held-out, by name.
        training: what it was trained on: the baselines count in the same text.
        folder: where it is saved, for its size on disk.
    """
    length = tokenizer.chunk_size // tokenizer.codes_per_chunk
    entries = min(tokenizer.codes, 1 << 20)
    table = StringTable(training, min(length, 8), entries)
    words = Words(training[: 1 << 24].tobytes(), entries)
    found = ChunkReport(tokenizer.name, tokenizer.description.get("training", {}), codes=tokenizer.codes)
    uses = {}
    for name, text in texts.items():
        found.texts[name] = reconstruction(tokenizer, text)
        found.table[name] = table.reconstruction(text, tokenizer.chunk_size)
        found.words[name] = {
            "bytes per token": words.bytes_per_token(text.tobytes()),
            "known words": words.known(text.tobytes()),
        }
        value = perplexity(tokenizer, text)
        if value is not None:
            found.perplexity[name] = value
        uses[name] = code_use(tokenizer, text)
    found.shared = shared_codes(uses) if len(uses) > 1 else {}
    found.speed = speed(tokenizer, next(iter(texts.values())))
    if folder is not None:
        found.size = sum(path.stat().st_size for path in Path(folder).iterdir() if path.is_file())
    return found


def perplexity(tokenizer: ChunkTokenizer, text: Bytes) -> float | None:
    """exp of the mean cross-entropy of a chunk's symbols given its codes, in nats; None where the scale isn't known."""
    import torch

    from tokloom.learned.network_torch import TorchNetwork

    logit = tokenizer.description.get("training", {}).get("logit")
    layers = tokenizer.network["decoder"]
    if logit is None or layers[-1]["op"] != "argmax":
        return None
    symbols = symbols_of(text, tokenizer.chunk_size)
    symbols = symbols[np.linspace(0, len(symbols) - 1, min(CHUNKS, len(symbols))).astype(np.int64)]
    codes = tokenizer.raw_encode(symbols).astype(np.int64)
    basis = np.cumprod([1, *tokenizer.levels[:-1]])
    digits = codes[..., None] // basis % np.array(tokenizer.levels)
    decoder = TorchNetwork(layers[:-1], tokenizer.tensors(), name="decoder")
    total = 0.0
    for part in np.array_split(np.arange(len(symbols)), -(-len(symbols) // 512)):
        sums = decoder(torch.from_numpy(digits[part].reshape(len(part), 1, -1)))
        logits = sums.double().reshape(-1, layers[-1]["symbols"]) * logit
        wanted = torch.from_numpy(symbols[part].ravel())
        total += float(torch.nn.functional.cross_entropy(logits, wanted, reduction="sum"))
    return float(np.exp(total / symbols.size))


def speed(tokenizer: ChunkTokenizer, text: Bytes) -> dict[str, float]:
    """Milliseconds on one thread: the best of several runs.

    Chunks are encoded whole: codes, verification, patches. Tokens are decoded.
    """
    size = tokenizer.chunk_size
    one, many = text[:size].tobytes(), text[: 64 * size].tobytes()
    ids_of_one, ids_of_many = tokenizer.encode(one), tokenizer.encode(many)
    chunks = max(1, len(many) // size)
    return {
        "ms per chunk encoded, batch 1": _best(lambda: tokenizer.encode_to_numpy(one)),
        "ms per chunk encoded, batch 64": _best(lambda: tokenizer.encode_to_numpy(many)) / chunks,
        "ms per token decoded, batch 1": _best(lambda: tokenizer.decode_bytes(ids_of_one)) / len(ids_of_one),
        "ms per token decoded, batch 64": _best(lambda: tokenizer.decode_bytes(ids_of_many))
        / len(ids_of_many),
    }


def _best(run: Callable[[], object], times: int = 50) -> float:
    found = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        found.append(time.perf_counter() - began)
    return min(found) * 1000


def as_markdown(tables: Sequence[Table]) -> str:
    """All tables, one after the other."""
    return "\n\n".join(table.to_markdown() for table in tables) + "\n"
