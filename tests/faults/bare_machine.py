"""What the tests of the catalogue's faults share: files that they put somewhere, and look at again."""

import hashlib
import os
from pathlib import Path

import pytest

from tokloom.catalogue.entries import File
from tokloom.catalogue.table import BY_NAME

GPT2 = BY_NAME["gpt2"].files[0]
GPT4 = BY_NAME["gpt4"].files[0]


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def tiktokens_path(file: File) -> Path:
    return Path(os.environ["TIKTOKEN_CACHE_DIR"], hashlib.sha1((file.url or "").encode()).hexdigest())


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def carried_path(name: str) -> Path:
    """The path of a carried file, found as outside of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.undo()
        import importlib.util

        carried = BY_NAME[name].files[0].packages[0]
        spec = importlib.util.find_spec(carried.package)
        if spec is None or not spec.submodule_search_locations:
            pytest.skip(f"no file for {name} on this machine (make test installs what carries it)")
        return Path(next(iter(spec.submodule_search_locations))) / carried.path


def served(folder: Path, data: bytes) -> str:
    """An address that tiktoken's own loader reads: a path, which it takes as one."""
    pytest.importorskip("tiktoken")
    return str(put(folder / "served", data))
