"""Where figures were taken."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


def described(peers: list[str]) -> dict[str, Any]:
    """System, processor, cores and memory; versions of Python and of the peers, by their distributions' names."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "versions": {
            "python": platform.python_version(),
            **{name: _version(name) for name in ["numpy", *peers]},
        },
    }


def load() -> float:
    """Processes that wanted to run, on average over the last minute."""
    return round(os.getloadavg()[0], 1)


def _version(name: str) -> str:
    """tokloom is used in place, and installed in another environment than the peers: it says its version itself."""
    if name == "tokloom":
        import tokloom

        return tokloom.__version__
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    """The processor's name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text("utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
