"""c-bpe: two of the vocabularies, shipped with it; lists alone.

Its README's import takes a module of the extension, which computes its tables anew for minutes unless they lie beside
it decompressed. `openai.py` in the same package decompresses them, but the module of that name hides it.
"""

import importlib.util
from pathlib import Path
from typing import Any

import c_bpe

from benchmarks.peers import base
from benchmarks.vocabularies import Vocabulary


class Adapter(base.Peer):
    distribution = "c-bpe"
    vocabularies = frozenset({"cl100k_base", "o200k_base"})

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.tokenizer = getattr(_openai(), vocabulary.name)()

    def one_list(self, text: str) -> list[int]:
        return self.tokenizer.encode(text)

    def lists(self, texts: list[str]) -> Any:
        return [self.tokenizer.encode(text) for text in texts]

    def decode(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids)


def _openai() -> Any:
    found = importlib.util.spec_from_file_location("c_bpe_openai", Path(c_bpe.__file__).parent / "openai.py")
    if found is None or found.loader is None:
        raise ImportError("c_bpe has no openai.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module
