"""Every code block of the README and of docs/ runs, and gives what the page shows.

- `python`: the blocks of a page share their names. `# prints: …` lines, and `>>>` examples, are compared.
- `python needs NAME…`: the page runs where these modules are installed, and is skipped elsewhere.
- `console`: lines after `$ ` are run by the shell, in the page's folder, with `tokloom` on the path; the lines below
  are the standard output (`…` stands for anything). A block of the information `console no-run` isn't run: it
  builds, installs or takes long.
- Any other language would be a block that nobody checks: only `text` and `json` may be there.
"""

import contextlib
import doctest
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import published

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRINTS = re.compile(r"^# prints: (.*)$", re.MULTILINE)
# Pages that speak of published vocabularies.
VOCABULARIES = {"vocabularies.md": ("gpt2", "gpt4"), "differences.md": ("gpt2", "gpt4")}
# The lines of this page's tables belong to its blocks: `test_tables` runs both.
WITH_TABLES = {"coming-from.md"}
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Block(NamedTuple):
    language: str
    code: str
    line: int
    needs: tuple[str, ...]


def blocks(page: Path) -> list[Block]:
    text = page.read_text("utf-8")
    found = []
    for match in BLOCK.finditer(text):
        language, _, needs = match[1].strip().partition(" needs ")
        line = text.count("\n", 0, match.start()) + 2
        found.append(Block(language, match[2], line, tuple(needs.split())))
    return found


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the pages speak of: `corpus/` with texts, and the repository's `examples/`."""
    (tmp_path / "corpus").mkdir()
    for path in (ROOT / "examples" / "texts").glob("*.txt"):
        shutil.copy(path, tmp_path / "corpus")
    shutil.copytree(ROOT / "examples" / "texts", tmp_path / "examples" / "texts")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # what a page needs is here, or its test is skipped
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    # Where the package isn't installed, only on the path, its module is the command.
    if shutil.which("tokloom") is None:
        command = tmp_path / ".bin" / "tokloom"
        command.parent.mkdir()
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tokloom.cli "$@"\n', "utf-8")
        command.chmod(0o755)
        monkeypatch.setenv("PATH", str(command.parent), prepend=os.pathsep)
    return tmp_path


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name not in WITH_TABLES], ids=lambda page: page.name
)
@pytest.mark.filterwarnings("ignore:the text ran out of pairs")
@pytest.mark.filterwarnings("ignore:these . strings are names of files")
def test_page(page: Path, corpus: Path) -> None:
    names: dict[str, object] = {"__name__": page.stem}
    for vocabulary in VOCABULARIES.get(page.name, ()):
        published.load(vocabulary)
    for block in blocks(page):
        for module in block.needs:
            pytest.importorskip(module, reason=f"{page.name} shows {module}, which isn't installed")
    for block in blocks(page):
        for module in block.needs:
            pytest.importorskip(module, reason=f"{page.name} shows {module}, which isn't installed")
    for block in blocks(page):
        if block.language == "python":
            run_python(page, block, names)
        elif block.language == "console":
            run_console(page, block, corpus)
        else:
            assert block.language in {"text", "json", "console no-run"}, (
                f"{page}:{block.line}: nobody checks this"
            )


def run_python(page: Path, block: Block, names: dict[str, object]) -> None:
    if ">>>" in block.code:
        test = doctest.DocTestParser().get_doctest(block.code, names, page.name, str(page), block.line - 1)
        told = io.StringIO()
        failed = (
            doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=told.write, clear_globs=False).failed
        )
        names.update(test.globs)
        assert not failed, told.getvalue()
        return
    printed = io.StringIO()
    # Line numbers of a traceback are the page's.
    code = compile("\n" * (block.line - 1) + block.code, str(page), "exec")
    with contextlib.redirect_stdout(printed):
        exec(code, names)
    expected = PRINTS.findall(block.code)
    assert printed.getvalue().splitlines() == expected, f"{page}:{block.line}"


def run_console(page: Path, block: Block, folder: Path) -> None:
    for command, shown in commands(block.code):
        done = subprocess.run(
            command,
            shell=True,
            cwd=folder,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        where = f"{page}:{block.line}: {command}"
        assert done.returncode == 0, f"{where}\n{done.stderr}"
        if shown:
            told = doctest.OutputChecker()
            assert told.check_output(shown.replace("…", "..."), done.stdout, OPTIONS), (
                f"{where}\n{done.stdout}"
            )


def commands(code: str) -> Iterator[tuple[str, str]]:
    """(command, output shown) of each `$ ` line; a line that ends in a backslash goes on."""
    for part in re.split(r"^\$ ", code, flags=re.MULTILINE)[1:]:
        command, _, shown = re.sub(r"\\\n *", "", part).partition("\n")
        yield command, shown


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8")):
            if not target.startswith(("http://", "https://")):
                assert (page.parent / target).exists(), f"{page}: {target}"


def test_a_wrong_block_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1)\n# prints: 2\n```\n", "utf-8")
    with pytest.raises(AssertionError):
        run_python(page, blocks(page)[0], {})
    page.write_text("```console\n$ echo one\ntwo\n```\n", "utf-8")
    with pytest.raises(AssertionError):
        run_console(page, blocks(page)[0], tmp_path)
