"""Published vocabularies that lie on this machine already, told by their hashes. Nothing is downloaded."""

import hashlib
import importlib.util
import os
import tempfile
from pathlib import Path

import tokloom

# name → (sha256 as tiktoken 0.14 publishes it, split pattern, special tokens)
_PUBLISHED = {
    "gpt2": (
        "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930",
        "gpt2",
        {"<|endoftext|>": 50256},
    ),
    "cl100k": (
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
        "gpt4",
        {"<|endoftext|>": 100257},
    ),
    "o200k": (
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
        "o200k",
        {"<|endoftext|>": 199999},
    ),
}
_LARGEST_FILE = 20_000_000


def find() -> dict[str, tokloom.Tokenizer]:
    """The vocabularies at hand, by name. tiktoken and litellm keep them in files that are named by a hash."""
    names = {sha256: name for name, (sha256, _, _) in _PUBLISHED.items()}
    found: dict[str, tokloom.Tokenizer] = {}
    for path in _candidates():
        name = names.get(hashlib.sha256(path.read_bytes()).hexdigest())
        if name is not None and name not in found:
            _, pattern, special_tokens = _PUBLISHED[name]
            found[name] = tokloom.load(path, pattern=pattern, special_tokens=special_tokens)
            found[name].name = name
    return {name: found[name] for name in _PUBLISHED if name in found}


def _candidates() -> list[Path]:
    return [
        path
        for folder in _folders()
        if folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)
        for path in sorted(folder.iterdir())
        if path.is_file() and os.access(path, os.R_OK) and path.stat().st_size <= _LARGEST_FILE
    ]


def _folders() -> list[Path]:
    named = [
        Path(value)
        for name in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR")
        if (value := os.environ.get(name))
    ]
    litellm = importlib.util.find_spec("litellm")
    bundled = [
        Path(folder, "litellm_core_utils", "tokenizers")
        for folder in (litellm.submodule_search_locations if litellm else None) or []
    ]
    return [*named, Path(tempfile.gettempdir(), "data-gym-cache"), *bundled]
