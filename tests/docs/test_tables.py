"""The tables of the pages on vocabularies: one is the catalogue's own, of the other every line runs."""

import re
from pathlib import Path

import pytest

import tokloom
from docs.test_code_blocks import ROOT, Block, corpus, require, run_python

__all__ = ["corpus"]  # a fixture

COMING_FROM = ROOT / "docs" / "coming-from.md"
PIECE = re.compile(r"^```python\n.*?^```$|^\|[^\n]*\|$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"``\s?(.+?)\s?``|`([^`]+)`")


def cells(row: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]]


def test_the_table_of_known_vocabularies_is_the_catalogues() -> None:
    page = (ROOT / "docs" / "vocabularies.md").read_text("utf-8")
    shown = [cells(line) for line in page.splitlines() if line.startswith("| `")]
    assert shown == [
        [
            f"`{known.name}`",
            ", ".join(f"`{alias}`" for alias in known.aliases),
            f"{known.vocab_size:,}",
            known.kind,
            known.good_for,
        ]
        for known in tokloom.vocabularies()
    ]


@pytest.mark.filterwarnings("ignore:the text ran out of pairs")
def test_every_line_of_coming_from_runs(corpus: Path) -> None:
    """Blocks and lines in the order of the page; what stands in backquotes on the right of a table is Python."""
    require(COMING_FROM)
    names: dict[str, object] = {"__name__": "coming_from"}
    page = COMING_FROM.read_text("utf-8")
    ran = 0
    for match in PIECE.finditer(page):
        line = page.count("\n", 0, match.start()) + 1
        if match[0].startswith("```"):
            code = match[0].removeprefix("```python\n").removesuffix("```")
            run_python(COMING_FROM, Block("python", code, line + 1), names)
        elif (row := cells(match[0]))[0] not in {"you know", ":--"}:
            said = [first or second for first, second in CODE.findall(row[1])]
            assert said, f"line {line}: nothing is said on the right"
            for code in said:
                exec(compile("\n" * (line - 1) + code, str(COMING_FROM), "exec"), names)
                ran += 1
    assert ran > 60
    assert corpus.is_dir()
