"""A machine on which nothing is, and the published files outside of every cache."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import published
import tokloom
from tokloom.catalogue import opening, places


@pytest.fixture
def nothing_here(tmp_path, monkeypatch) -> Iterator[Path]:
    """A machine with empty caches, no package that carries a file, and no network."""
    monkeypatch.setenv("TOKLOOM_CACHE", str(tmp_path / "ours"))
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "tiktoken"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(places, "package_folders", lambda _: [])
    opening.forget()
    yield tmp_path
    opening.forget()


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """The real files, outside of every cache."""
    for name in ("gpt2", "gpt4"):
        published.load(name)
    folder = tmp_path_factory.mktemp("real")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TOKLOOM_CACHE", raising=False)
        for name in ("gpt2", "gpt3", "gpt4"):
            tokloom.fetch(name, folder, offline=True)
    opening.forget()
    return folder
