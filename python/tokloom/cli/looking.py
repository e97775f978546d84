"""`inspect` and `compare`: what a vocabulary is, and how several do on the same texts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tokloom.cli.options import AsJson, Fallback, Pattern, SpecialIds, TextField, TokenizerName

if TYPE_CHECKING:
    from tokloom.metrics.vocabulary import VocabularySummary
    from tokloom.report.table import Table
    from tokloom.tokenizer import Tokenizer


def inspect(
    tokenizer: TokenizerName,
    *,
    longest: Annotated[int, typer.Option(min=0, help="How many of the longest tokens to show.")] = 10,
    as_json: AsJson = False,
    pattern: Pattern = None,
    special_token: SpecialIds = None,
    fallback: Fallback = None,
) -> None:
    """Show what a vocabulary is made of.

    [dim]tokloom inspect mine[/]
    """
    from tokloom.cli.inputs import load_tokenizer
    from tokloom.cli.outputs import show_json, show_table
    from tokloom.metrics.vocabulary import summarise_vocabulary

    loaded = load_tokenizer(tokenizer, pattern, special_token, fallback)
    summary = summarise_vocabulary(loaded, longest=longest)
    facts = _facts(loaded, summary)
    if as_json:
        show_json({**facts, **summary.to_dict(), "special_tokens": loaded.special_tokens})
        return
    for table in _inspection_tables(loaded, facts, summary):
        show_table(table)


def compare(
    tokenizers: Annotated[
        list[str], typer.Argument(metavar="TOKENIZER", help="Known names, or paths of folders and files.")
    ],
    *,
    text: Annotated[
        list[str], typer.Option(metavar="FILES...", help="Texts, labelled by the names of their files.")
    ],
    as_json: AsJson = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Markdown instead of a table.")] = False,
    speed: Annotated[bool, typer.Option(help="Measure the speed, too.")] = True,
    text_field: TextField = "text",
    fallback: Fallback = None,
) -> None:
    """Compare tokenizers on the same texts: bytes per token, words kept whole, vocabulary used, round trip, speed.

    [dim]tokloom compare mine gpt2 --text texts/*.txt[/]
    """
    import tokloom
    from tokloom.cli.inputs import inputs, load_tokenizer
    from tokloom.cli.outputs import show_json, show_table

    loaded = [load_tokenizer(name, fallback=fallback) for name in tokenizers]
    given = inputs(text, text_field)
    labels = _labels(item.name for item in given)
    texts = {
        label: [b"".join(blocks) for blocks in item.streams()]
        for label, item in zip(labels, given, strict=True)
    }
    comparison = tokloom.compare(loaded, texts, speed=speed, progress=True)
    if as_json:
        show_json(comparison.to_dict())
    elif markdown:
        typer.echo(comparison.to_markdown())
    else:
        for table in comparison.tables():
            show_table(table)


def _labels(names: Iterable[str]) -> list[str]:
    """File names without their endings; the whole path where that would give one label to two files."""
    paths = list(names)
    short = [Path(path).name.split(".")[0] or path for path in paths]
    return [
        label if short.count(label) == 1 and label != "all" else path
        for label, path in zip(short, paths, strict=True)
    ]


def _facts(tokenizer: Tokenizer, summary: VocabularySummary) -> dict[str, Any]:
    from tokloom.adapters.adapted import AdaptedTokenizer
    from tokloom.bpe import BPETokenizer
    from tokloom.learned.fsq import FSQTokenizer

    known: tuple[Any, Any]
    known = (tokenizer.kind, tokenizer.pattern) if isinstance(tokenizer, BPETokenizer) else (None, None)
    learned = tokenizer if isinstance(tokenizer, FSQTokenizer) else None
    if learned is not None:
        known = learned.kind, None
    adapted = tokenizer if isinstance(tokenizer, AdaptedTokenizer) else None
    return {
        "name": tokenizer.name,
        "requested": tokenizer.requested,
        "substituted": tokenizer.substituted,
        "kind": known[0] or type(tokenizer).__name__,
        "runs in": adapted.runs if adapted else "tokloom's engine",
        "guarantees": tokenizer.guarantees,
        "doesn't come back": (adapted.why or None) if adapted else None,
        "vocab_size": tokenizer.vocab_size,
        "tokens": summary.tokens,
        "holes": summary.holes,
        "pattern": known[1],
        **(learned.facts if learned else {}),
        "bos_id": tokenizer.bos_id,
        "eos_id": tokenizer.eos_id,
        "pad_id": tokenizer.pad_id,
        "unk_id": tokenizer.unk_id,
        "fingerprint": tokenizer.fingerprint,
    }


def _inspection_tables(
    tokenizer: Tokenizer, facts: dict[str, Any], summary: VocabularySummary
) -> list[Table]:
    from tokloom.report.table import Table

    shown = [[name.replace("_", " "), _fact(value)] for name, value in facts.items() if value is not None]
    tables = [Table("Vocabulary", ["", "value"], shown, words=frozenset({0, 1}))]
    if tokenizer.special_tokens:
        special = [
            [repr(name), str(id)]
            for name, id in sorted(tokenizer.special_tokens.items(), key=lambda item: item[1])
        ]
        tables.append(Table("Special tokens", ["name", "id"], special))
    tables.append(_share_table("Tokens by script", "script", summary.by_script, summary.tokens))
    tables.append(
        _share_table("Tokens by length", "bytes", _grouped_lengths(summary.by_length), summary.tokens)
    )
    if summary.longest:
        longest = [
            [str(id), str(len(token)), repr(token.decode(errors="replace"))] for id, token in summary.longest
        ]
        tables.append(Table("Longest tokens", ["id", "bytes", "text"], longest, words=frozenset({2})))
    return tables


def _share_table(title: str, column: str, counts: dict[str, int], total: int) -> Table:
    from tokloom.report.table import Table

    most = max(counts.values(), default=1)
    rows = [
        [
            name,
            f"{number:,}",
            f"{number / total:.1%}",
            "█" * max(1, round(20 * number / most)) if number else "",
        ]
        for name, number in counts.items()
    ]
    return Table(title, [column, "tokens", "share", ""], rows, words=frozenset({0, 3}))


def _grouped_lengths(by_length: dict[int, int]) -> dict[str, int]:
    """Lengths up to 16 one by one, longer ones together: a histogram that fits on a screen."""
    grouped: dict[str, int] = {}
    for length, number in by_length.items():
        name = str(length) if length <= 16 else "17–32" if length <= 32 else "33 and more"
        grouped[name] = grouped.get(name, 0) + number
    return grouped


def _fact(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
