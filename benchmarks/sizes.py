"""Sizes as people write them: MB is 10^6 bytes."""

import re

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}


def parse(text: str) -> int:
    """Bytes.

    Raises:
        ValueError: not a number with a unit.

    >>> parse("10MB")
    10000000
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([KMG]?B?)", text.strip().upper())
    if not found:
        raise ValueError(f"{text!r} is not a size: write 10MB or 500KB")
    unit = found.group(2)
    return round(float(found.group(1)) * _UNITS[unit if not unit or unit.endswith("B") else unit + "B"])
