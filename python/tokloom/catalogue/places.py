"""Where on this machine a file may lie: caches and installed packages. Nothing is written here.

The order is the order of looking: tokloom's cache, tiktoken's, the hub's, installed packages.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tokloom.catalogue.entries import File, HubFile


@dataclass(frozen=True)
class Place:
    """A place that was looked at, or will be."""

    what: str
    """What kind of place, for people: "tokloom's cache", "package litellm"."""
    path: Path | None
    """The file; None where there can be none, and `why` says why."""
    why: str = ""
    hub_hash: str | None = None
    """The hub's own hash of the file, where the place says it."""

    def __str__(self) -> str:
        return f"{self.what}: {self.path or self.why}"


def cache_folder() -> Path:
    """tokloom's cache: `TOKLOOM_CACHE`, else `tokloom` in the platform's cache folder."""
    if named := os.environ.get("TOKLOOM_CACHE"):
        return Path(named).expanduser()
    if sys.platform == "darwin":
        return _home() / "Library" / "Caches" / "tokloom"
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else _home() / "AppData" / "Local") / "tokloom" / "Cache"
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The specification of XDG says that a relative path is to be ignored.
    return (Path(base) if Path(base).is_absolute() else _home() / ".cache") / "tokloom"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a user without an entry, as in some containers
        return _temporary()


def _temporary() -> Path:
    import tempfile  # here, since hardly any load comes to it

    return Path(tempfile.gettempdir())


def places(file: File) -> Iterator[Place]:
    """Every place on this machine where the file may lie, in order."""
    path = cache_folder() / file.name
    yield Place("tokloom's cache", path, hub_hash=kept_hash(path) if file.sha256 is None else None)
    yield from _in_tiktokens_cache(file)
    for hub_file in file.hub:
        yield from _in_hub_cache(file, hub_file)
    for carried in file.packages:
        what = f"package {carried.project}"
        folders = package_folders(carried.package)
        if not folders:
            yield Place(what, None, "not installed")
        for folder in folders:
            yield Place(what, folder / carried.path)


def hash_file(path: Path) -> Path:
    """Where the hub's own hash is kept beside a file whose sha256 isn't published otherwise."""
    return path.with_name(f"{path.name}.hash")


def kept_hash(path: Path) -> str | None:
    """The hub's own hash as it is kept beside a file."""
    try:
        kept = hash_file(path).read_text("ascii").strip()
    except (OSError, UnicodeError):
        return None
    return _as_hash(kept)


def hub_hash_of(path: Path) -> str | None:
    """The hub's own hash of a file of any folder: kept beside it, or what its blob in the hub's cache is called."""
    blob = path.resolve()
    return kept_hash(path) or (_as_hash(blob.name) if blob.parent.name == "blobs" else None)


def _as_hash(name: str) -> str | None:
    return name if re.fullmatch("[0-9a-f]{40}([0-9a-f]{24})?", name) else None


def _in_tiktokens_cache(file: File) -> Iterator[Place]:
    if file.url is None:
        return
    # The rule of tiktoken.load.read_file_cached: an empty name switches the cache off.
    folder = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR"))
    if folder == "":
        yield Place("tiktoken's cache", None, "switched off by TIKTOKEN_CACHE_DIR=''")
        return
    path = Path(folder) if folder is not None else _temporary() / "data-gym-cache"
    yield Place("tiktoken's cache", path / hashlib.sha1(file.url.encode(), usedforsecurity=False).hexdigest())


def _hub_cache() -> Path:
    """The rule of huggingface_hub.constants."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if named := os.environ.get(name):
            return Path(named).expanduser()
    if home := os.environ.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base).expanduser() if base else _home() / ".cache") / "huggingface" / "hub"


def _in_hub_cache(file: File, hub_file: HubFile) -> Iterator[Place]:
    folder = _hub_cache() / f"models--{hub_file.repository.replace('/', '--')}"
    path = folder / "snapshots" / hub_file.revision / hub_file.path
    what = f"Hugging Face cache ({hub_file.repository})"
    # A snapshot is a link to a blob that is called by the hub's own hash of it.
    yield Place(what, path, hub_hash=path.resolve().name if path.is_symlink() else None)
    if file.sha256 is not None:
        # The same file may have come with another revision.
        yield Place(what, folder / "blobs" / file.sha256)


def package_folders(package: str) -> list[Path]:
    """The folders of an installed package. No code of it runs: only the first name is looked for, and not imported.

    A namespace package may have several (`tiktoken_ext` is shared by tiktoken's plugins).
    """
    top, *below = package.split(".")
    module = sys.modules.get(top)
    try:
        if module is not None:
            locations = list(getattr(module, "__path__", []))
        else:
            spec = importlib.util.find_spec(top)
            locations = list((spec and spec.submodule_search_locations) or [])
    except (ImportError, ValueError, AttributeError):
        return []
    folders = [Path(location, *below) for location in locations]
    return [folder for folder in folders if folder.is_dir()]
