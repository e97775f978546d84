"""The files of a view: transformers' own, `tokenizer.json`, and tokloom's form, each whole or not there.

A view is saved beside a model, into a folder that holds other files. So each file is written aside and renamed, and
`tokloom.load` refuses a folder whose files don't belong together.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
import warnings
from collections.abc import Callable
from os import PathLike
from pathlib import Path

from tokloom import saved
from tokloom.errors import ArgumentError, FormatError, SourceError, TokloomWarning, VocabularyError
from tokloom.storage import as_source_error
from tokloom.tokenizer import Tokenizer

CONFIG = "tokenizer_config.json"
MODEL = "tokenizer.json"
SENTENCEPIECE = "tokenizer.model"


def save_vocabulary(
    tokenizer: Tokenizer, directory: str | PathLike[str], prefix: str | None
) -> tuple[str, ...]:
    """Writes `tokenizer.json`, where one can say what the vocabulary does, and tokloom's own form; gives their paths.

    Raises:
        ArgumentError: there is a prefix, with which no library would find the files.
        VocabularyError: there can't be a `tokenizer.json`, and the folder holds another vocabulary's.
        SourceError: the system refuses (also an OSError); nothing half-written is left.

    Warns:
        TokloomWarning: there can't be a `tokenizer.json`.
    """
    if prefix:
        raise ArgumentError(
            f"filename_prefix is {prefix!r}; under other names no library would open the files"
        )
    path = Path(directory)
    return _put(path, lambda folder: _vocabulary(tokenizer, folder, path))


def save_pretrained(theirs: Callable[[str], object], directory: str | PathLike[str]) -> tuple[str, ...]:
    """Writes what transformers' own `save_pretrained` writes, so that `AutoTokenizer` opens it.

    Args:
        theirs: writes into a folder, and calls the view's `save_vocabulary`.
        directory: where to.

    Raises:
        VocabularyError: there can't be a `tokenizer.json`, and the folder holds another vocabulary's.
        SourceError: the system refuses (also an OSError); nothing half-written is left.
    """

    def write(folder: Path) -> None:
        theirs(str(folder))
        if not (folder / MODEL).exists():
            _refuse_anothers(Path(directory))
        path = folder / CONFIG
        config = json.loads(path.read_text("utf-8"))
        # The class that reads tokenizer.json; transformers would look for one of our name. Without such a file it is
        # also what keeps AutoTokenizer from taking the model's usual class, and that from making an empty vocabulary.
        config["tokenizer_class"] = "PreTrainedTokenizerFast"
        config.pop("backend", None)
        path.write_text(json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")

    return _put(Path(directory), write)


def _vocabulary(tokenizer: Tokenizer, folder: Path, directory: Path) -> None:
    """Writes the files into `folder`, from where they come into `directory`."""
    reason = ""
    try:
        tokenizer.export(folder / MODEL, format="huggingface")
    except (ArgumentError, FormatError, VocabularyError) as error:
        _refuse_anothers(directory)
        reason = str(error)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as aside:
        own = Path(aside, "own")
        tokenizer.save(own)
        for path in own.iterdir():
            if path.name not in (MODEL, CONFIG):
                path.replace(folder / path.name)
    if reason:
        _warn(tokenizer, reason, has_model=(folder / SENTENCEPIECE).exists())


def _refuse_anothers(directory: Path) -> None:
    if (directory / MODEL).exists():
        raise VocabularyError(
            f"{directory} has a {MODEL}, which AutoTokenizer would go on to open, and this vocabulary can't be written as "
            "one; save into another folder, or take that file away first"
        )


def _warn(tokenizer: Tokenizer, reason: str, *, has_model: bool) -> None:
    theirs = (
        f"AutoTokenizer reads {SENTENCEPIECE} by rules of its own, which nobody here vouches for"
        if has_model
        else "AutoTokenizer can't open it"
    )
    warnings.warn(
        f"{tokenizer.name} is saved in tokloom's own form, without a {MODEL} ({reason}): tokloom.load(folder)"
        f".as_transformers() opens it again; {theirs}",
        TokloomWarning,
        stacklevel=2,
    )


def _put(directory: Path, write: Callable[[Path], object]) -> tuple[str, ...]:
    """What `write` writes into an empty folder, moved into `directory`, the description of our form last."""
    directory = Path(os.path.abspath(directory))  # noqa: PTH100 (Path.absolute keeps "..")
    is_new = not directory.exists()
    if not is_new and not directory.is_dir():
        raise SourceError(
            errno.ENOTDIR,
            "a view is saved as a folder of files, and this is a file; give another path",
            str(directory),
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        try:
            return _written(directory, write)
        except BaseException:
            if is_new:
                with contextlib.suppress(OSError):
                    directory.rmdir()
            raise
    except OSError as error:
        raise as_source_error(error, directory) from None


def _written(directory: Path, write: Callable[[Path], object]) -> tuple[str, ...]:
    with tempfile.TemporaryDirectory(dir=directory, prefix=".", suffix=".partial") as partial:
        folder = Path(partial, "files")
        folder.mkdir()
        write(folder)
        paths = sorted(
            (path for path in folder.rglob("*") if path.is_file()),
            key=lambda path: path.name == saved.DESCRIPTION,
        )
        for path in paths:
            _settle(path)
        return tuple(str(_move(path, directory / path.relative_to(folder))) for path in paths)


def _settle(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _move(path: Path, target: Path) -> Path:
    target.parent.mkdir(exist_ok=True)
    return path.replace(target)
