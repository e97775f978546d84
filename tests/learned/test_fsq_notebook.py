"""examples/fsq.ipynb runs from top to bottom, and was saved as it ran."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch isn't installed (make test-learned runs these)")
pytest.importorskip("vector_quantize_pytorch", reason="vector-quantize-pytorch isn't installed")
pytest.importorskip("pydoc_data.topics", reason="this Python came without the pages of help()")

NOTEBOOK = Path(__file__).parents[2] / "examples" / "fsq.ipynb"
# What is the same on every machine; learned figures may differ by its rounding.
EXACT = ("len(text) > len(held_out)", "again == tokenizer")


@pytest.mark.timeout(120)
def test_the_notebook_runs(capsys: pytest.CaptureFixture[str]) -> None:
    cells = [cell for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
    names: dict[str, object] = {"__name__": "notebook"}
    exact = 0
    for number, cell in enumerate(cells, 1):
        source = "".join(cell["source"])
        assert cell["execution_count"] == number
        assert all(output["output_type"] == "stream" for output in cell["outputs"])
        exec(compile(source, f"{NOTEBOOK.name} [{number}]", "exec"), names)
        printed = capsys.readouterr().out
        saved = "".join("".join(output["text"]) for output in cell["outputs"])
        assert len(printed.splitlines()) == len(saved.splitlines())
        if any(part in source for part in EXACT):
            assert printed == saved
            exact += 1
    assert exact == len(EXACT)
