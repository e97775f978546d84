"""What the view needs of other libraries is an error at the call that needs it, and names what to install."""

import subprocess
import sys

import pytest

pytest.importorskip("transformers", reason="transformers isn't installed (make test-transformers has it)")

MESSAGES = '[{"role": "user", "content": "x"}]'


def without(package: str, *calls: str) -> list[str]:
    """What each call says in a process in which the package can't be imported."""
    code = f"""
import sys
sys.modules[{package!r}] = None
import tokloom
def view():
    view = tokloom.load("bytes").as_transformers(pad_token="<|pad|>")
    view.chat_template = "{{{{ messages[0].content }}}}"
    return view
for call in {calls!r}:
    try:
        print("gives", str(eval(call)).replace("\\n", " "))
    except Exception as error:
        print(type(error).__name__, str(error).replace("\\n", " "))
"""
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return found.stdout.splitlines()


def test_without_jinja2():
    calls = "view()('a')", f"view().apply_chat_template({MESSAGES})"
    plain, *chats = without("jinja2", *calls, f"view().apply_chat_template({MESSAGES}, tokenize=False)")
    assert plain.startswith("gives")
    for said in chats:
        assert said.startswith("MissingDependencyError apply_chat_template needs jinja2")
        assert "pip install 'tokloom[transformers]'" in said


def test_without_pytorch():
    said = without(
        "torch",
        "view()('a', return_tensors='np')",
        "view()('a', return_tensors='pt')",
        "view().pad([{'input_ids': [1]}], return_tensors='pt')",
        f"view().apply_chat_template({MESSAGES}, return_tensors='pt')",
    )
    assert said[0].startswith("gives")
    for each in said[1:]:
        assert each.startswith("MissingDependencyError return_tensors='pt' needs PyTorch")
        assert "pip install torch" in each


def test_what_transformers_itself_needs_is_named():
    [said] = without("huggingface_hub", "view()")
    assert said.startswith(
        "MissingDependencyError as_transformers needs transformers 5, which can't be imported ("
    )
    assert "huggingface_hub" in said
    [said] = without("transformers", "view()")
    assert said.startswith(
        "MissingDependencyError as_transformers needs transformers 5, which isn't installed"
    )
    assert "pip install 'tokloom[transformers]'" in said
