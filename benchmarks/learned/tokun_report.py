"""What tokun's figures are: tables in Markdown on standard output, and the same as JSON beside the model."""

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import tokloom
from benchmarks.corpora import store
from benchmarks.learned.tokun_text import Texts, points
from tokloom.learned import TrainingConfiguration
from tokloom.learned.tokun import Shape, TokunAutoencoder
from tokloom.learned.tokun.baseline import ConcatenatedBits
from tokloom.learned.tokun.characters import as_bytes
from tokloom.learned.tokun.model import Autoencoder
from tokloom.learned.tokun.report import accuracy, deviations, noised, shift_sensitivity, windows
from tokloom.learned.tokun.shape import NOTHING
from tokloom.learned.tokun.space import between, nearest, picture
from tokloom.learned.tokun.task import TokunTask, code_points_of
from tokloom.learned.tokun.training import DEFAULTS, train_autoencoder
from tokloom.learned.training import train

LEVELS = (0.1, 0.2, 0.3, 0.5, 1.0, 2.0)
CHUNKS = 1000
SCRIPTS = {"en": "Latin", "ru": "Cyrillic", "el": "Greek", "ar": "Arabic", "he": "Hebrew (unseen)", "hi": "Devanagari (unseen)",
           "th": "Thai (unseen)", "km": "Khmer", "ja": "Japanese", "zh": "Chinese (unseen)", "ko": "Hangul (unseen)"}  # fmt: skip


def report(folder: Path, texts: Texts) -> None:
    """Everything about one model."""
    model = tokloom.load(folder if folder.is_absolute() else f"./{folder}")
    assert isinstance(model, TokunAutoencoder)
    found: dict[str, Any] = {}
    for name, part in (
        ("languages", languages),
        ("noise", noise),
        ("shift", shift),
        ("space", space),
        ("speed", speed),
    ):
        found[name] = part(model, texts)
        print(flush=True)
    folder.with_name(folder.name + ".json").write_text(
        json.dumps(found, indent=1, ensure_ascii=False), "utf-8"
    )
    drawn = {SCRIPTS[name]: _text(texts, name) for name in SCRIPTS}
    print(picture(model, drawn, folder.with_name(folder.name + ".svg")))


def sets(texts: Texts, size: int) -> dict[str, tuple[str, NDArray[np.int64]]]:
    """What is looked at: name → (what it is to the model, chunks)."""
    generator = np.random.default_rng(3)
    found = {}
    for kind, languages in (("trained", texts.languages), ("unseen", texts.unseen)):
        for name, text in sorted(languages.items()):
            if len(text) > 1000 or name == "ka":
                found[name] = (kind, windows(text, CHUNKS, size, seed=5))
    found["emoji"] = ("unseen", generator.integers(0x1F300, 0x1F900, (500, size)))
    alone = windows(texts.languages["en"], 500, size, seed=9)
    alone[np.arange(len(alone)), generator.integers(0, size, len(alone))] = generator.integers(
        0x1F300, 0x1F900, len(alone)
    )
    found["one emoji in English"] = ("mixed", alone)
    found["random, below U+D800"] = ("random", generator.integers(0x80, 0xD800, (500, size)))
    found["random, all planes"] = ("random", generator.integers(0xE000, 0x110000, (500, size)))
    return found


def languages(model: TokunAutoencoder, texts: Texts) -> dict[str, Any]:
    """Characters and chunks that come back, per language."""
    looked = sets(texts, model.shape.characters)
    sigma = deviations(model, _pooled(looked, "trained"))
    known, rows = texts.known(), {}
    print(
        "| text | to the model | non-ASCII characters | right | at 0.2 σ | ASCII right | whole chunks | at 0.2 σ |"
    )
    print("|:--|:--|--:|--:|--:|--:|--:|--:|")
    for name, (kind, chunks) in looked.items():
        clean = accuracy(model, chunks)
        noisy = accuracy(model, chunks, level=0.2, sigma=sigma)
        rows[name] = {"kind": kind, "clean": clean, "0.2": noisy}
        print(
            f"| {name} | {kind} | {clean.get('non-ascii looked at', 0):,} | {_share(clean.get('non-ascii'))} | "
            f"{_share(noisy.get('non-ascii'))} | {_share(clean.get('ascii'))} | {_share(clean['chunks'])} | "
            f"{_share(noisy['chunks'])} |"
        )
    for kind in ("trained", "unseen"):
        pooled = _pooled(looked, kind)
        rows[kind] = [accuracy(model, pooled), accuracy(model, pooled, level=0.2, sigma=sigma)]
        print(
            f"| all {kind} | | {rows[kind][0]['non-ascii looked at']:,} | {_share(rows[kind][0]['non-ascii'])} | {_share(rows[kind][1]['non-ascii'])} | | | |"
        )
    for name, first, last in (("Han", 0x4E00, 0xA000), ("Hangul", 0xAC00, 0xD7A4)):
        chunks = looked["zh" if name == "Han" else "ko"][1]
        only = (chunks >= first) & (chunks < last) & ~known[chunks]
        both = [
            accuracy(model, chunks, only=only),
            accuracy(model, chunks, level=0.2, sigma=sigma, only=only),
        ]
        rows[f"unseen {name}"] = both
        print(
            f"| {name} characters that training text hasn't | unseen | {both[0]['only looked at']:,} | {_share(both[0]['only'])} | {_share(both[1]['only'])} | | | |"
        )
    return rows


def noise(model: TokunAutoencoder, texts: Texts) -> dict[str, Any]:
    """Characters that come back at each level of noise, beside the baseline."""
    looked = sets(texts, model.shape.characters)
    groups = {
        "trained languages": _pooled(looked, "trained"),
        "unseen scripts": _pooled(looked, "unseen"),
        "English": looked["en"][1],
    }
    coders: dict[str, Any] = {
        "tokun": model,
        "baseline": ConcatenatedBits(model.shape.characters, model.shape.vector),
    }
    found: dict[str, Any] = {}
    print("| characters right | noise |", " | ".join(f"{level} σ" for level in LEVELS), "|")
    print("|:--|:--|" + "--:|" * len(LEVELS))
    for group, chunks in groups.items():
        key = "ascii" if group == "English" else "non-ascii"
        for along in ("each", "all"):
            for name, coder in coders.items():
                sigma = deviations(coder, groups["trained languages"])
                row = [
                    accuracy(coder, chunks, level=level, sigma=sigma, along=along)[key] for level in LEVELS
                ]
                found[f"{group}, {along}, {name}"] = row
                told = "each number by its own σ" if along == "each" else "all alike"
                print(
                    f"| {group}, {key}: {name} | {told} | " + " | ".join(_share(each) for each in row) + " |"
                )
    return found


def shift(model: TokunAutoencoder, texts: Texts) -> dict[str, Any]:
    """What of the vectors stays when a character is put before a text."""
    found: dict[str, Any] = {}
    pieces = {
        name: [_text(texts, name)[begin : begin + 500] for begin in range(0, 10_000, 500)]
        for name in ("en", "ru", "code")
    }
    print("| text | chunks | vectors kept | cosine at the same place | characters to a vector |")
    print("|:--|:--|--:|--:|--:|")
    for name, parts in pieces.items():
        for how in ("grid", "pretokens"):
            pairs = [(model.embed(part, pieces=how), model.embed("A" + part, pieces=how)) for part in parts]
            measured = shift_sensitivity(pairs)
            characters = sum(map(len, parts)) / sum(len(before) for before, _ in pairs)
            found[f"{name}, {how}"] = {**measured, "characters": characters}
            print(
                f"| {name} | {how} | {measured['kept']:.3f} | {measured['cosine']:.3f} | {characters:.1f} |"
            )
    return found


def space(model: TokunAutoencoder, texts: Texts) -> dict[str, Any]:
    """Neighbours of some words, and the way between two."""
    words = sorted({word for word in _text(texts, "en").split() if 3 <= len(word) <= model.shape.characters})
    near = {
        word: nearest(model, word, words, 5)
        for word in ("function", "window", "1999", "which")
        if len(word) <= model.shape.characters
    }
    ways = {
        f"{first} → {second}": between(model, first, second, 9)
        for first, second in (("window", "function"), ("Montag", "Freitag"))
    }
    for word, found in near.items():
        print(f"- {word!r}: {', '.join(f'{text!r} {cosine:.2f}' for text, cosine in found)}")
    for way, steps in ways.items():
        print(f"- {way}: {' · '.join(map(repr, steps))}")
    vectors = model.embed(_text(texts, "en")[:1600])
    norms = np.linalg.norm(vectors, axis=1)
    return {
        "near": near,
        "ways": ways,
        "norm": float(norms.mean()),
        "σ": float(deviations(model, model.chunks(_text(texts, "en"))).mean()),
    }


def speed(model: TokunAutoencoder, texts: Texts) -> dict[str, Any]:
    """MB/s of one thread's CPU time, the best of three."""
    found = {}
    for name in ("en", "ja"):
        text = (_text(texts, name) * 4)[:400_000]
        size = len(text.encode()) / 1e6
        vectors = model.embed(text)
        found[name] = {
            "embed": size / _seconds(lambda text=text: model.embed(text)),
            "decode": size / _seconds(lambda vectors=vectors: model.decode(vectors)),
        }
        print(
            f"- {name}: embeds {found[name]['embed']:.2f} MB/s, decodes {found[name]['decode']:.2f} MB/s ({len(vectors):,} vectors)"
        )
    return found


def configurations(
    texts: Texts,
    steps: int,
    seed: int,
    names: tuple[str, ...] = ("4", "4x4", "4x8", "4x16", "16x4", "64", "4x4x4", "4x32", "4x4x16"),
) -> None:
    """A run of as many steps for each shape: what comes back, and where it ends."""
    rows = {}
    print(
        "| groups | characters | parameters | CPU s | trained | unseen scripts | chunks, trained | trained, 0.2 σ | 0.5 σ | 1 σ |"
    )
    print("|:--|" + "--:|" * 9)
    for name in names:
        model, seconds = _short(texts, name, steps, seed)
        rows[name] = _measured(model, texts, seconds)
        _print_row(name, rows[name])
    place = store.cache() / "learned" / "tokun-configurations.json"
    place.write_text(json.dumps(rows, indent=1), "utf-8")


CHOICES: dict[str, dict[str, Any]] = {
    "as it is (noise up to 1 σ)": {},
    "self-attention within the chunk": {"attention": True},
    "random weights at the start": {"start": "random"},
    "text alone, no windows of code points": {"share": 1.0},
    "noise up to 0.5 σ": {"noise": 0.5},
    "no noise in training": {"noise": 0.0},
}


def choices(texts: Texts, steps: int, seed: int) -> None:
    """The same short run with one choice changed, measured in PyTorch, float32."""
    held = {"trained": texts.languages, "unseen": texts.unseen}
    print("| choice | CPU s | trained | unseen scripts | trained, 0.5 σ | unseen scripts, 0.5 σ |")
    print("|:--|" + "--:|" * 5)
    looked = {kind: _pooled(sets(texts, 16), kind)[::2] for kind in held}
    text = code_points_of(texts.training)
    for name, changed in CHOICES.items():
        began = time.process_time()
        configuration = TrainingConfiguration(**{**DEFAULTS, "steps": steps, "seed": seed, "threads": 1})
        told: dict[str, Any] = {"noise": 1.0, **changed}
        task = TokunTask(
            Shape((4, 16)), text, text[:0], batch_size=configuration.batch_size, seed=seed, **told
        )
        with tempfile.TemporaryDirectory() as folder:
            train(task, configuration, folder)
        seconds = time.process_time() - began
        task.model.eval()
        row = [_in_float(task.model, looked[kind], level) for level in (0.0, 0.5) for kind in held]
        print(f"| {name} | {seconds:.0f} | " + " | ".join(map(_share, row)) + " |", flush=True)


def _in_float(model: Autoencoder, chunks: NDArray[np.int64], level: float) -> float:
    symbols = torch.from_numpy(as_bytes(chunks))
    with torch.no_grad():
        vectors = noised(model.encoder(symbols).numpy(), level, np.ones(model.shape.vector))
        guesses = model.guesses(model.decoder(torch.from_numpy(vectors)))
    right = (guesses == symbols.reshape(-1, 3)).all(1).numpy().reshape(chunks.shape)
    return float(right[(chunks > 127) & (chunks < NOTHING)].mean())


def _short(texts: Texts, name: str, steps: int, seed: int) -> tuple[TokunAutoencoder, float]:
    began = time.process_time()
    model = train_autoencoder(
        (texts.training, texts.held_out), name=name, steps=steps, seed=seed, threads=1, noise=1.0,
        batch_size=max(64, 8192 // max(16, int(np.prod([int(g) for g in name.split("x")])) // 4)), evaluate_every=steps,
    )  # fmt: skip
    return model, time.process_time() - began


def _measured(model: TokunAutoencoder, texts: Texts, seconds: float) -> dict[str, Any]:
    looked = sets(texts, model.shape.characters)
    trained, unseen = (_pooled(looked, kind)[::2] for kind in ("trained", "unseen"))
    sigma = deviations(model, trained)
    found = {"characters": model.shape.characters, "parameters": model.card["parameters"], "seconds": seconds}
    found["trained"], found["unseen"] = accuracy(model, trained), accuracy(model, unseen)
    return found | {
        str(level): accuracy(model, trained, level=level, sigma=sigma) for level in (0.2, 0.5, 1.0)
    }


def _print_row(name: str, row: dict[str, Any]) -> None:
    shares = [row["trained"]["non-ascii"], row["unseen"]["non-ascii"], row["trained"]["chunks"]]
    shares += [row[level]["non-ascii"] for level in ("0.2", "0.5", "1.0")]
    told = " | ".join(map(_share, shares))
    print(
        f"| {name} | {row['characters']} | {row['parameters']:,} | {row['seconds']:.0f} | {told} |",
        flush=True,
    )


def _pooled(looked: dict[str, tuple[str, NDArray[np.int64]]], kind: str) -> NDArray[np.int64]:
    return np.concatenate([chunks[:150] for of, chunks in looked.values() if of == kind])


def _text(texts: Texts, name: str) -> str:
    found = (texts.languages | texts.unseen)[name]
    return found.tobytes().decode("utf-32-le")


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _seconds(call: Callable[[], object]) -> float:
    taken = []
    for _ in range(3):
        began = time.thread_time()
        call()
        taken.append(time.thread_time() - began)
    return min(taken)


__all__ = ["choices", "configurations", "points", "report"]
