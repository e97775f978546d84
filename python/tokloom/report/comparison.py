"""Tokenizers side by side on the same texts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tokloom.corpus.sources import Source
from tokloom.errors import ArgumentError
from tokloom.metrics import MEASURES, Measure, Sample
from tokloom.progress import Callback, bar, show_nothing
from tokloom.report.table import Table
from tokloom.tokenizer import Tokenizer

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

Texts = str | bytes | Iterable[str | bytes] | Source

ALL = "all"
"""The label of the rows over all texts together."""


@dataclass(frozen=True)
class ComparisonRow:
    """What one tokenizer makes of the texts under one label."""

    tokenizer: str
    label: str
    """A label of the texts, or "all"."""
    vocab_size: int
    fingerprint: str
    guarantees: str
    substituted: bool
    values: dict[str, float | None]
    """By the names of `tokloom.metrics.MEASURES`."""

    def to_dict(self) -> dict[str, Any]:
        """One flat dictionary, the measures beside the rest."""
        flat = {name: value for name, value in vars(self).items() if name != "values"}
        return {**flat, **self.values}


class Comparison:
    """The result of `compare`: `rows` for programs, `str()`, `to_markdown()` and notebooks for people."""

    def __init__(self, rows: Sequence[ComparisonRow], measures: Sequence[Measure] = MEASURES) -> None:
        self.rows = list(rows)
        self.measures = tuple(measures)

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON: the rows, and what each measure means."""
        return {
            "rows": [row.to_dict() for row in self.rows],
            "measures": {
                measure.name: {"unit": measure.unit, "meaning": measure.meaning} for measure in self.measures
            },
        }

    def to_markdown(self) -> str:
        """The tables in GitHub's Markdown."""
        return "\n\n".join(table.to_markdown() for table in self.tables())

    def tables(self) -> list[Table]:
        """What is shown: bytes per token by label (if there are several), then all measures over all texts."""
        labels = list(dict.fromkeys(row.label for row in self.rows if row.label != ALL))
        overall = self._overall()
        return [self._by_label(labels), overall] if len(labels) > 1 else [overall]

    def __str__(self) -> str:
        return "\n\n".join(str(table) for table in self.tables())

    def __repr__(self) -> str:
        names = dict.fromkeys(row.tokenizer for row in self.rows)
        labels = dict.fromkeys(row.label for row in self.rows if row.label != ALL)
        return f"<Comparison of {', '.join(names)} on {', '.join(labels)}>"

    def _repr_html_(self) -> str:
        return "".join(table.to_html() for table in self.tables())

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for table in self.tables():
            yield table.to_rich()

    def _by_label(self, labels: list[str]) -> Table:
        names = list(dict.fromkeys(row.tokenizer for row in self.rows))
        values = {(row.tokenizer, row.label): row.values["bytes_per_token"] for row in self.rows}
        rows = [[label, *(_ratio(values[name, label]) for name in names)] for label in [*labels, ALL]]
        return Table("Bytes per token", ["text", *names], rows)

    def _overall(self) -> Table:
        shown = [measure for measure in self.measures if measure.name != "bytes"]
        overall = [row for row in self.rows if row.label == ALL]
        rows = [
            [
                _name(row),
                f"{row.vocab_size:,}",
                *(_shown(row.values[measure.name], measure) for measure in shown),
            ]
            for row in overall
        ]
        size = max((row.values["bytes"] or 0 for row in overall), default=0)
        notes = [f"{measure.title}: {measure.meaning}" for measure in shown if measure.unit != "count"]
        title = f"Over all texts, {size:,.0f} bytes"
        return Table(title, ["tokenizer", "vocabulary", *(measure.title for measure in shown)], rows, notes)


def compare(
    tokenizers: Iterable[Tokenizer | str | os.PathLike[str]] | Tokenizer | str | os.PathLike[str],
    texts: Mapping[str, Texts] | Texts,
    *,
    speed: bool = True,
    progress: bool | Callback = False,
) -> Comparison:
    """Measures tokenizers on the same texts: bytes per token, words kept whole, vocabulary used, round trip, speed.

    Args:
        tokenizers: tokenizers, names or paths; what isn't a tokenizer goes to `tokloom.load`.
        texts: by label (a language, a kind of text), each one text, a list of texts or `tokloom.files(...)`; or these
            without a label. They are held in memory: some megabytes per label tell all there is to tell.
        progress: True for a progress bar, or a function that is called with ("measure", done, total), counted in samples:
            the texts of one label, or all of them, for one tokenizer.
        speed: whether to measure the speed, which takes some tenths of a second per tokenizer and label.

    Raises:
        ArgumentError: no tokenizer, no text, or a label with nothing but empty texts.
        VocabularyNotFoundError: a name or path that `tokloom.load` doesn't find.
        TypeError: a text is neither str nor bytes.

    Example:
        >>> import tokloom
        >>> small = tokloom.train(["low lower lowest"] * 10, 260)
        >>> result = tokloom.compare([small], {"english": "low lower", "greek": "χαμηλό"}, speed=False)
        >>> [(row.label, row.values["bytes"], row.values["round_trip"]) for row in result.rows]
        [('english', 9, 1.0), ('greek', 12, 1.0), ('all', 21, 1.0)]
    """
    by_label = _texts_by_label(texts)
    loaded = _loaded(tokenizers)
    measures = MEASURES if speed else tuple(measure for measure in MEASURES if not measure.timed)
    rows: list[ComparisonRow] = []
    steps = len(loaded) * (len(by_label) + 1)
    with bar() if progress is True else nullcontext(progress or show_nothing) as report:
        for name, tokenizer in loaded.items():
            samples = {label: Sample(tokenizer, label_texts) for label, label_texts in by_label.items()}
            samples[ALL] = Sample.together(list(samples.values()))
            for label, sample in samples.items():
                report("measure", len(rows), steps)
                rows.append(_row(name, label, sample, measures))
    return Comparison(rows, measures)


def _row(name: str, label: str, sample: Sample, measures: Sequence[Measure]) -> ComparisonRow:
    tokenizer = sample.tokenizer
    return ComparisonRow(
        tokenizer=name,
        label=label,
        vocab_size=tokenizer.vocab_size,
        fingerprint=tokenizer.fingerprint,
        guarantees=tokenizer.guarantees,
        substituted=tokenizer.substituted,
        values={measure.name: measure.compute(sample) for measure in measures},
    )


def _texts_by_label(texts: Mapping[str, Texts] | Texts) -> dict[str, list[str | bytes]]:
    labelled = dict(texts) if isinstance(texts, Mapping) else {"texts": texts}
    if not labelled:
        raise ArgumentError("there are no texts to compare on")
    by_label = {}
    for label, value in labelled.items():
        if label == ALL:
            raise ArgumentError(f"the label {ALL!r} is taken by the rows over all texts; choose another")
        by_label[label] = _texts_of(label, value)
    return by_label


def _texts_of(label: str, value: Texts) -> list[str | bytes]:
    if isinstance(value, (str, bytes)):
        items: list[str | bytes] = [value]
    elif isinstance(value, Source):
        items = list(value.documents())
    elif isinstance(value, Iterable):
        items = list(value)
    else:
        raise TypeError(f"the texts of {label!r} are a {type(value).__name__}, not a text or a list of texts")
    for index, item in enumerate(items):
        if not isinstance(item, (str, bytes)):
            raise TypeError(f"text {index} of {label!r} is a {type(item).__name__}, not str or bytes")
    if not any(items):
        raise ArgumentError(f"the texts of {label!r} are empty; nothing can be measured on them")
    return items


def _loaded(
    tokenizers: Iterable[Tokenizer | str | os.PathLike[str]] | Tokenizer | str | os.PathLike[str],
) -> dict[str, Tokenizer]:
    import tokloom

    one = isinstance(tokenizers, (Tokenizer, str, os.PathLike))
    given: Iterable[Any] = [tokenizers] if one else tokenizers  # type: ignore[assignment]
    loaded: dict[str, Tokenizer] = {}
    for item in given:
        tokenizer = item if isinstance(item, Tokenizer) else tokloom.load(item)
        loaded[_unused_name(tokenizer.name, loaded)] = tokenizer
    if not loaded:
        raise ArgumentError("there are no tokenizers to compare")
    return loaded


def _unused_name(name: str, taken: Mapping[str, Tokenizer]) -> str:
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name} #{number}", number + 1
    return candidate


def _name(row: ComparisonRow) -> str:
    return f"{row.tokenizer} (a substitute)" if row.substituted else row.tokenizer


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _shown(value: float | None, measure: Measure) -> str:
    if value is None:
        return "–"
    if measure.name == "round_trip" and value == 1:
        return "exact"
    if measure.unit == "count":
        return f"{value:,.0f}"
    if measure.unit == "share":
        # Rounding may not turn nearly all into all, where that is the very question.
        return f"{min(value * 100, 99.9) if value < 1 else 100:.1f} %"
    if measure.unit == "bytes per second":
        return f"{value / 1e6:,.1f} MB/s"
    return _ratio(value)
