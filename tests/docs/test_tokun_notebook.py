"""examples/tokun.ipynb: executed, and it still gives what it shows."""

import contextlib
import io
import json
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "tokun.ipynb"


@pytest.mark.timeout(60)
def test_the_notebook_gives_what_it_shows() -> None:
    notebook = json.loads(NOTEBOOK.read_text("utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    names: dict[str, object] = {"__name__": "notebook"}
    compared = 0
    for cell in cells:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec("".join(cell["source"]), names)
        shown = "".join("".join(each["text"]) for each in cell["outputs"] if each["output_type"] == "stream")
        # How much noise numpy draws is the same everywhere, the last digits of a cosine may not be.
        if "cosine" not in shown and "nearest" not in "".join(cell["source"]):
            assert printed.getvalue() == shown
            compared += bool(shown)
    assert compared >= 4
