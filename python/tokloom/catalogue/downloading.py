"""A file through tiktoken's or huggingface_hub's own loader, verified, and kept in tokloom's cache."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from tokloom.catalogue.entries import File, HubFile
from tokloom.catalogue.places import cache_folder, hash_file
from tokloom.catalogue.reading import check, fits_hub_hash
from tokloom.errors import FormatError, SourceError, TokloomWarning
from tokloom.storage import as_source_error, read_file, write_file


class UnreachableError(Exception):
    """The network isn't there: whatever else would be asked for isn't either, after the same long wait."""


def download(file: File, looked: list[str]) -> tuple[bytes, str, str | None] | None:
    """The file's verified bytes, where they are from and the hub's hash where only the hub says one; or None.

    What was tried is added to `looked`.

    Raises:
        FormatError: what came is not the published file.
        UnreachableError: there is no network.
    """
    if file.url is not None:
        data = _by_tiktoken(file, file.url, looked)
        if data is not None:
            keep(file, data)
            return data, f"download: {file.url}", None
    for hub_file in file.hub:
        got = _by_hub(file, hub_file, looked)
        if got is not None:
            keep(file, *got)
            return got[0], f"download: {hub_file.url}", got[1]
    return None


def keep(file: File, data: bytes, hub_hash: str | None = None) -> None:
    """Writes the file into tokloom's cache; one that can't be written is a warning, since the bytes are here."""
    folder = cache_folder()
    try:
        write(folder, file, data, hub_hash)
    except OSError as error:
        warnings.warn(
            f"{file.name} can't be kept in {folder} ({error.strerror or error}) and will be looked for again; "
            "name a folder that can be written with TOKLOOM_CACHE",
            TokloomWarning,
            stacklevel=2,
        )


def write(folder: Path, file: File, data: bytes, hub_hash: str | None = None) -> Path:
    """Writes the file into a folder, which is made; two processes that do so at once both leave the whole file.

    Raises:
        SourceError: the system refuses (also an OSError).
    """
    path = folder / file.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise as_source_error(error, folder) from None
    if hub_hash is not None:
        write_file(hash_file(path), f"{hub_hash}\n".encode())
    write_file(path, data)
    return path


def _by_tiktoken(file: File, url: str, looked: list[str]) -> bytes | None:
    try:
        from tiktoken.load import read_file as fetch
    except ImportError:
        looked.append(f"download of {url}: tiktoken isn't installed (pip install tokloom[tiktoken])")
        return None
    try:
        # Not the function with a cache: that one removes a file of the wrong hash from it.
        data = fetch(url)
    except Exception as error:  # noqa: BLE001 (whatever the network library raises means: not from here)
        looked.append(f"download of {url}: {_reason(error)}")
        return None
    check(data, file, url)
    return data


def _by_hub(file: File, hub_file: HubFile, looked: list[str]) -> tuple[bytes, str | None] | None:
    try:
        import huggingface_hub
    except ImportError:
        looked.append(
            f"download of {hub_file.url}: huggingface_hub isn't installed (pip install tokloom[hub])"
        )
        return None
    try:
        # Asked first, since it doesn't try again: without a network the download itself does, for half a minute.
        _metadata(hub_file)
        path = Path(
            huggingface_hub.hf_hub_download(hub_file.repository, hub_file.path, revision=hub_file.revision)
        )
    except Exception as error:  # noqa: BLE001 (as above)
        looked.append(f"download of {hub_file.url}: {_reason(error)}")
        if not _answered(error):
            raise UnreachableError from None
        return None
    data = read_file(path, at_most=1 << 28)
    if file.sha256 is not None:
        check(data, file, hub_file.url)
        return data, None
    hub_hash = path.resolve().name if path.is_symlink() else _hash_by_hub(hub_file)
    if hub_hash is None:
        raise SourceError(f"{hub_file.url}: the hub says no hash of this file, so it can't be verified")
    if not fits_hub_hash(data, hub_hash):
        raise FormatError(f"{path}: its hash isn't {hub_hash[:12]}…, as the hub says; it is left as it is")
    return data, hub_hash


def _hash_by_hub(hub_file: HubFile) -> str | None:
    """Asked for where the hub's cache has copies in place of links, as on Windows."""
    etag: str | None = _metadata(hub_file).etag
    return etag


def _metadata(hub_file: HubFile) -> Any:  # noqa: ANN401 (huggingface_hub's own type)
    import huggingface_hub

    url = huggingface_hub.hf_hub_url(hub_file.repository, hub_file.path, revision=hub_file.revision)
    return huggingface_hub.get_hf_file_metadata(url)


def _answered(error: Exception) -> bool:
    """Whether the hub said something: what is raised of a network that is none is the network library's own."""
    # By name: the module that has them differs with the library's version. The second is what it makes of no answer and
    # no entry in its cache.
    names = {kind.__name__ for kind in type(error).__mro__}
    return "HfHubHTTPError" in names and "LocalEntryNotFoundError" not in names


def _reason(error: Exception) -> str:
    """The first sentence: network libraries say much."""
    told = str(error).strip().splitlines()
    return f"{type(error).__name__}{f' ({told[0][:120]})' if told else ''}"
