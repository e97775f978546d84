"""The notebook runs from top to bottom, and was saved as it ran."""

import json
from pathlib import Path

import pytest

from learned.soft_models import package

NOTEBOOK = Path(__file__).parents[2] / "examples" / "soft.ipynb"


@pytest.mark.slow
def test_the_notebook_runs(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="torch isn't installed")
    pytest.importorskip("tokenizers", reason="reads llama2's tokenizer")
    package("wordllama")
    cells = [cell for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
    names: dict[str, object] = {"__name__": "notebook"}
    for number, cell in enumerate(cells):
        assert cell["execution_count"] == number + 1
        assert not any(output["output_type"] == "error" for output in cell["outputs"])
        exec(compile("".join(cell["source"]), f"{NOTEBOOK} [{number + 1}]", "exec"), names)
        printed = capsys.readouterr().out
        saved = "".join("".join(output.get("text", "")) for output in cell["outputs"])
        # Figures may differ by the machine's rounding; what is printed about may not.
        assert len(printed.splitlines()) == len(saved.splitlines())
        if number == 0:
            assert printed == saved
