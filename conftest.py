"""Doctests that need transformers are run where it is installed, and counted as left out elsewhere."""

from importlib.util import find_spec
from pathlib import Path

import pytest

VIEW = "python/tokloom/views/transformers"
# These can't even be imported without it.
NOT_IMPORTED = [f"{VIEW}/{name}.py" for name in ("rows", "special_tokens", "tokenizer")]
# These can, and their examples render templates.
NOT_RUN = {
    Path(__file__).parent / f"python/tokloom/chat/{name}.py" for name in ("templates", "template_format")
}
NEEDED = ("transformers", "jinja2")

missing = [name for name in NEEDED if not find_spec(name)]
collect_ignore = [] if find_spec("transformers") else NOT_IMPORTED


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what can't run here, with the reason."""
    if missing:
        left_out = pytest.mark.skip(
            reason=f"{missing[0]} isn't installed (make test-transformers runs these examples)"
        )
        for item in items:
            if item.path in NOT_RUN:
                item.add_marker(left_out)
