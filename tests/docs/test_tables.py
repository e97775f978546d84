"""The tables of the pages on vocabularies: one is the catalogue's own, of the other every line runs."""

import re
from pathlib import Path

import pytest

import published
import tokloom
from docs.test_code_blocks import ROOT, Block, corpus, run_python

__all__ = ["corpus"]  # a fixture

COMING_FROM = ROOT / "docs" / "coming-from.md"
PIECE = re.compile(r"^```python([^\n]*)\n(.*?)^```$|^\|[^\n]*\|$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`]+)`")
VOCABULARIES = {
    "tiktoken": ("gpt4",),
    "transformers and tokenizers": ("gpt4",),
    "minbpe": ("gpt4",),
    "nanochat": ("gpt2", "gpt4"),
    "tokun": ("gpt4",),
    "liquid-spiking training scripts": ("gpt2", "gpt4", "gpt4o"),
}


def cells(row: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]]


def known_vocabularies() -> list[list[str]]:
    page = (ROOT / "docs" / "vocabularies.md").read_text("utf-8")
    return [cells(line) for line in page.splitlines() if line.startswith("| `")]


def test_the_table_of_special_tokens_and_sources_is_the_catalogues() -> None:
    shown = known_vocabularies()
    assert shown[len(shown) // 2 :] == [
        [
            f"`{known.name}`",
            special(known.special_tokens) if known.name != "bytes" else "none",
            f"`{known.sha256[:16]}…`" if known.sha256 else "–",
            known.source,
        ]
        for known in tokloom.vocabularies()
    ]


def special(tokens: dict[str, int]) -> str:
    """Few are all named; of many, how many and from where to where."""
    if len(tokens) > 6:
        return f"{len(tokens):,}, from {min(tokens.values())} to {max(tokens.values())}"
    return ", ".join(f"`{name}` {id}" for name, id in tokens.items()) or "in the file"


def test_the_table_of_known_vocabularies_is_the_catalogues() -> None:
    shown = known_vocabularies()
    assert shown[: len(shown) // 2] == [
        [
            f"`{known.name}`",
            ", ".join(f"`{alias}`" for alias in known.aliases),
            f"{known.vocab_size:,}",
            known.kind,
            known.good_for,
        ]
        for known in tokloom.vocabularies()
    ]


def sections() -> dict[str, tuple[int, str]]:
    """What stands under each heading of the page, with its line; under "" what stands before them all."""
    begin, *others = re.split(r"^## (.*)\n", COMING_FROM.read_text("utf-8"), flags=re.MULTILINE)
    found, line = {"": (1, begin)}, 1 + begin.count("\n")
    for heading, text in zip(others[::2], others[1::2], strict=True):
        found[heading.lower()] = (line + 1, text)
        line += 1 + text.count("\n")
    return found


SECTIONS = sections()


@pytest.mark.filterwarnings("ignore:the text ran out of pairs")
@pytest.mark.parametrize("section", [heading for heading in SECTIONS if heading])
def test_every_line_of_coming_from_runs(corpus: Path, section: str) -> None:
    """Blocks and lines in the order of the page; what stands in backquotes on the right of a table is Python."""
    for vocabulary in VOCABULARIES.get(section, ()):
        published.load(vocabulary)
    names: dict[str, object] = {"__name__": "coming_from"}
    assert run(*SECTIONS[""], names) == 0
    assert run(*SECTIONS[section], names) >= 6
    assert corpus.is_dir()


def run(first: int, text: str, names: dict[str, object]) -> int:
    """How many lines of tables ran."""
    ran = 0
    for match in PIECE.finditer(text):
        line = first + text.count("\n", 0, match.start())
        if match[2] is not None:
            for module in match[1].partition(" needs ")[2].split():
                pytest.importorskip(module, reason=f"coming-from.md shows {module}, which isn't installed")
            run_python(COMING_FROM, Block("python", match[2], line + 1, ()), names)
        elif (row := cells(match[0]))[0] not in {"you know", ":--"}:
            said = CODE.findall(row[1])
            assert said, f"line {line}: nothing is said on the right"
            for code in said:
                exec(compile("\n" * (line - 1) + code, str(COMING_FROM), "exec"), names)
            ran += 1
    return ran
