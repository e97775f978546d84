"""Without transformers, the view is an error at the call that names the extra; importing tokloom needs none of it."""

import subprocess
import sys

import pytest

import tokloom


def test_missing_transformers_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(tokloom.MissingDependencyError, match=r"pip install 'tokloom\[transformers\]'"):
        tokloom.load("bytes").as_transformers()


def test_importing_tokloom_and_its_views_imports_no_transformers() -> None:
    code = (
        "import sys, tokloom, tokloom.views.transformers as view; "
        "sys.exit(any(name in sys.modules for name in ('transformers', 'tokenizers', 'torch', 'jinja2')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
