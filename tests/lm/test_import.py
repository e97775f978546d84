"""Naming the package costs nothing; what is asked for of it comes from PyTorch, or says what is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import tokloom.lm
from tokloom.errors import MissingDependencyError


def test_the_package_is_named_without_pytorch() -> None:
    code = "import sys, tokloom.lm; print('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "False\n"
    )


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in [name for name in sys.modules if name.startswith("tokloom.lm.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingDependencyError, match=r"tokloom\.lm\.Transformer needs torch.*tokloom\[lm\]"):
        _ = tokloom.lm.Transformer
    with pytest.raises(AttributeError, match="Recurrent"):
        _ = tokloom.lm.Recurrent


def test_every_public_name_is_there() -> None:
    pytest.importorskip("torch", reason="torch isn't installed (make test-learned runs this)")
    for name in tokloom.lm._PLACES:
        assert getattr(tokloom.lm, name).__name__ == name
