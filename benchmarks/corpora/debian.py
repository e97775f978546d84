"""Debian's packages: fetched in the listed version, checked, unpacked without being installed."""

import csv
import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).parent / "packages.tsv"


@dataclass(frozen=True)
class Package:
    """A line of `packages.tsv`: what the corpora were made from."""

    name: str
    version: str
    architecture: str
    corpora: frozenset[str]
    sha256: str

    @property
    def file(self) -> str:
        """The name under which `apt-get download` writes it."""
        return f"{self.name}_{self.version.replace(':', '%3a')}_{self.architecture}.deb"


def listed() -> list[Package]:
    """The packages of the table."""
    with TABLE.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t")
        return [
            Package(
                row["name"],
                row["version"],
                row["architecture"],
                frozenset(row["corpora"].split(",")),
                row["sha256"],
            )
            for row in rows
        ]


def unpack(packages: Sequence[Package], cache: Path) -> tuple[dict[str, Path], dict[str, str]]:
    """The folder of each package that is there as listed, and for each other one why it is missing."""
    archives, folders = cache / "debian", cache / "unpacked"
    archives.mkdir(parents=True, exist_ok=True)
    missing = _download([each for each in packages if not (archives / each.file).exists()], archives)
    found: dict[str, Path] = {}
    for package in packages:
        archive = archives / package.file
        if package.name in missing:
            continue
        if hashlib.sha256(archive.read_bytes()).hexdigest() != package.sha256:
            archive.unlink()
            missing[package.name] = f"{package.file} has another sha256 than the table"
            continue
        found[package.name] = _unpacked(archive, folders / archive.stem)
    return found, missing


def _download(packages: Sequence[Package], folder: Path) -> dict[str, str]:
    """Fetches them all at once, or one by one if that fails; returns what is missing and why."""
    if not packages:
        return {}
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return {each.name: "this system has no apt-get and dpkg-deb" for each in packages}
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        _run("apt-get", "update", folder=folder)
    if not _apt_get(packages, folder):
        return {}
    reasons = {each.name: _apt_get([each], folder) for each in packages}
    return {name: reason for name, reason in reasons.items() if reason}


def _apt_get(packages: Sequence[Package], folder: Path) -> str:
    """Empty if all went well, else the last line of what apt-get said."""
    done = _run("apt-get", "download", *(f"{each.name}={each.version}" for each in packages), folder=folder)
    if done.returncode == 0 and all((folder / each.file).exists() for each in packages):
        return ""
    return (done.stderr.strip() or "apt-get wrote no file").splitlines()[-1]


def _unpacked(archive: Path, folder: Path) -> Path:
    if not folder.exists():
        beside = folder.with_name(folder.name + ".part")
        shutil.rmtree(beside, ignore_errors=True)
        beside.parent.mkdir(parents=True, exist_ok=True)
        done = _run("dpkg-deb", "-x", str(archive), str(beside), folder=archive.parent)
        if done.returncode:
            raise SystemExit(f"benchmarks: {archive} can't be unpacked: {done.stderr.strip()}")
        beside.rename(folder)
    return folder


def _run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
