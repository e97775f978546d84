"""Vocabularies seen as transformers' tokenizers: ours, and the one that transformers opens from the folder we save."""

import functools
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import published
import tokloom

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|endoftext|>2", "한국"]
TEXTS = [
    "the lower the slower, don't they? <|im_start|> 1234567 été \n\n  naïve\tthere ",
    "人人生而自由,在尊严和权利上一律平等。 hello world, Hello World; I'll be there",
    "def f(x):\n    return x ** 2\n\n\nfor i in range(10):\n\tprint(f(i))\n",
]
CARRIED = {
    "p50k": ("ec7223a39ce59f226a68acc30dc1af2788490e15", "gpt2", {"<|endoftext|>": 50256}),
    "cl100k": (
        "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
        "gpt4",
        {"<|endoftext|>": 100257, "<|fim_prefix|>": 100258, "<|im_end|>": 100276},
    ),
}
TRAINED = ("gpt2", "gpt4", "o200k", "nanochat", "llama3", "deepseek-v3")


class Both(NamedTuple):
    """The view, and transformers' own fast tokenizer from the folder that the view saved."""

    view: Any
    fast: Any
    tokenizer: tokloom.Tokenizer


def carried_file(name: str) -> Path | None:
    """A rank file in the package litellm, which isn't imported; None where it isn't installed."""
    spec = find_spec("litellm")
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0], "litellm_core_utils", "tokenizers", CARRIED[name][0])
    return path if path.is_file() else None


def vocabulary(name: str) -> tokloom.Tokenizer:
    """A trained vocabulary with the pattern of this name, or a published one: of `CARRIED`, or llama2."""
    if name == "llama2":
        return published.load(name)
    if name in CARRIED:
        path = carried_file(name)
        if path is None:
            pytest.skip(
                "litellm, which carries the rank files, isn't installed (pip install --no-deps litellm)"
            )
        return tokloom.load(path, pattern=CARRIED[name][1], special_tokens=CARRIED[name][2])
    return tokloom.train(TEXTS * 4, 390, pattern=name, special_tokens=SPECIAL)


@functools.cache
def both(name: str) -> Both:
    import transformers

    tokenizer = vocabulary(name)
    view = tokenizer.as_transformers(pad_token="<|pad|>")
    with tempfile.TemporaryDirectory() as folder:
        view.save_pretrained(folder)
        fast = transformers.AutoTokenizer.from_pretrained(folder)
    return Both(view, fast, tokenizer)
