"""What needs transformers or PyTorch is run where that is installed, and counted as left out elsewhere."""

import re
from collections.abc import Generator
from importlib import import_module
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

# What trains can't be imported without these; what uses the result can. `make test-learned` has them.
LEARNED = [
    Path(__file__).parent / name
    for name in (
        "python/tokloom/learned",
        "python/tokloom/lm",
        "python/tokloom/corpus/datasets.py",
        "tests/learned",
        "tests/lm",
    )
]
NEEDED_TO_LEARN = ("torch", "safetensors", "einops", "jaxtyping", "vector_quantize_pytorch")
IMPORTS = re.compile(rf"^(?: *>>> )?(?:import|from) ({'|'.join(NEEDED_TO_LEARN)})\b", re.MULTILINE)

missing = [name for name in NEEDED if not find_spec(name)]
missing_to_learn = [name for name in NEEDED_TO_LEARN if not find_spec(name)]
collect_ignore = [] if find_spec("transformers") else NOT_IMPORTED


class LeftOut(pytest.Item):
    """Stands for a file that can't be imported here, so that the run counts it."""

    def runtest(self) -> None:
        """Says why."""
        pytest.skip(f"{missing_to_learn[0]} isn't installed (make test-learned runs these files)")


class LeftOutFile(pytest.File):
    """A file of which nothing is imported."""

    def collect(self) -> list[pytest.Item]:
        """One item for the whole file."""
        return [LeftOut.from_parent(self, name="file")]


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """One skipped item in place of a file that needs what isn't installed."""
    found = yield
    return [LeftOutFile.from_parent(parent, path=file_path)] if found and _is_left_out(file_path) else found


def _is_left_out(path: Path) -> bool:
    if not missing_to_learn or not any(path.is_relative_to(folder) for folder in LEARNED):
        return False
    if IMPORTS.search(path.read_text("utf-8")):
        return True
    if not path.is_relative_to(LEARNED[0].parents[1]):
        return False
    module = path.relative_to(LEARNED[0].parents[1]).with_suffix("")
    try:
        import_module(".".join(module.parts).removesuffix(".__init__"))
    except ModuleNotFoundError as error:
        return error.name in NEEDED_TO_LEARN
    return False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what can't run here, with the reason."""
    if missing:
        left_out = pytest.mark.skip(
            reason=f"{missing[0]} isn't installed (make test-transformers runs these examples)"
        )
        for item in items:
            if item.path in NOT_RUN:
                item.add_marker(left_out)
