"""Resident memory of this process, in bytes."""

import resource
import sys
from pathlib import Path


def resident() -> int:
    """Now; the peak where the system doesn't tell."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize()
    return peak()


def peak() -> int:
    """The most so far."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
