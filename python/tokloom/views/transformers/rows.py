"""From the ids of texts to what transformers gives back: shortened, framed, filled up, in columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from transformers import BatchEncoding
from transformers.tokenization_utils_base import TruncationStrategy
from transformers.utils import PaddingStrategy

from tokloom.errors import ArgumentError
from tokloom.views.transformers.inputs import Encoded
from tokloom.views.transformers.offsets import trimmed

if TYPE_CHECKING:
    from tokloom.views.transformers.tokenizer import TransformersView

Pair = tuple[Encoded, Encoded | None]
OVERFLOW = ("overflowing_tokens", "num_truncated_tokens")


@dataclass(frozen=True)
class Request:
    """What was asked for, in transformers' words."""

    add_special_tokens: bool = True
    padding: PaddingStrategy = PaddingStrategy.DO_NOT_PAD
    truncation: TruncationStrategy = TruncationStrategy.DO_NOT_TRUNCATE
    max_length: int | None = None
    stride: int = 0
    pad_to_multiple_of: int | None = None
    padding_side: str | None = None
    return_tensors: Any = None
    return_token_type_ids: bool | None = None
    return_attention_mask: bool | None = None
    return_overflowing_tokens: bool = False
    return_special_tokens_mask: bool = False
    return_offsets_mapping: bool = False
    return_length: bool = False
    verbose: bool = True

    @property
    def truncates(self) -> bool:
        """Whether ids are cut off beyond `max_length`."""
        return self.truncation != TruncationStrategy.DO_NOT_TRUNCATE and self.max_length is not None

    def is_plain(self, view: TransformersView) -> bool:
        """Whether a row is nothing but its ids and their mask."""
        types = self.return_token_type_ids
        return not (
            self.truncates
            or ("token_type_ids" in view.model_input_names if types is None else types)
            or self.return_overflowing_tokens
            or self.return_special_tokens_mask
            or self.return_offsets_mapping
            or (self.add_special_tokens and view.num_special_tokens_to_add())
        )


def result(
    view: TransformersView, encoded: Sequence[Pair], request: Request, *, batched: bool
) -> BatchEncoding:
    """What `__call__` returns.

    Raises:
        ArgumentError: a text can't be shortened or filled up as asked.
        ValueError: tensors are asked for of rows that differ in length (transformers' own).
    """
    if request.is_plain(view) and all(second is None for _, second in encoded):
        columns: dict[str, list[Any]] = {"input_ids": [first.ids for first, _ in encoded]}
        longest: list[int] = max(columns["input_ids"], key=len, default=[])
        view._eventual_warn_about_too_long_sequence(longest, request.max_length, request.verbose)
    else:
        rows = [_row(view, first, second, request) for first, second in encoded]
        columns = {name: [row[name] for row in rows] for name in (rows[0] if rows else ["input_ids"])}
    columns = _padded(view, columns, request)
    if request.return_length:
        columns["length"] = list(map(len, columns["input_ids"]))
    if not batched and request.return_tensors is None:
        return BatchEncoding({name: _unwrapped(name, column) for name, column in columns.items()})
    return BatchEncoding(columns, tensor_type=request.return_tensors)


def _unwrapped(name: str, column: list[Any]) -> Any:
    # `tokenizers`' own objects give the length of one text as a list of one, too.
    return column if name == "length" else column[0]


def _padded(view: TransformersView, columns: dict[str, list[Any]], request: Request) -> dict[str, list[Any]]:
    if not columns["input_ids"]:
        return columns | ({"attention_mask": []} if _wants_mask(view, request) else {})
    if request.padding == PaddingStrategy.DO_NOT_PAD:
        mask = [[1] * len(ids) for ids in columns["input_ids"]] if _wants_mask(view, request) else None
        return columns | ({} if mask is None else {"attention_mask": mask})
    padded = view.pad(
        columns,
        padding=request.padding.value,
        max_length=request.max_length,
        pad_to_multiple_of=request.pad_to_multiple_of,
        padding_side=request.padding_side,
        return_attention_mask=request.return_attention_mask,
        verbose=request.verbose,
    )
    return dict(padded)


def _wants_mask(view: TransformersView, request: Request) -> bool:
    asked = request.return_attention_mask
    return "attention_mask" in view.model_input_names if asked is None else asked


def _row(view: TransformersView, first: Encoded, second: Encoded | None, request: Request) -> dict[str, Any]:
    """One sample by transformers' own code: shortened, with the tokens that are added, not yet filled up."""
    pair = None if second is None else second.ids
    row = dict(
        view.prepare_for_model(
            first.ids,
            pair_ids=pair,
            add_special_tokens=request.add_special_tokens,
            truncation=request.truncation.value,
            max_length=request.max_length,
            stride=request.stride,
            return_token_type_ids=request.return_token_type_ids,
            return_attention_mask=False,
            return_overflowing_tokens=request.return_overflowing_tokens,
            return_special_tokens_mask=request.return_special_tokens_mask,
            verbose=request.verbose,
        )
    )
    if request.truncates and request.max_length is not None and len(row["input_ids"]) > request.max_length:
        raise ArgumentError(
            f"{len(row['input_ids'])} ids are left after truncation ({request.truncation.value}), and max_length is "
            f"{request.max_length}: what may be cut is shorter than what must go"
        )
    if "token_type_ids" in row and not request.add_special_tokens:
        row["token_type_ids"] = view._framing.type_ids(*_kept(view, first, second, request), added=False)
    if request.return_offsets_mapping:
        row["offset_mapping"] = _offsets(view, first, second, request)
    if request.return_tensors is not None:
        return {name: value for name, value in row.items() if name not in OVERFLOW}  # of differing lengths
    if request.return_overflowing_tokens:
        row = {"overflowing_tokens": [], "num_truncated_tokens": 0} | row
    return row


def _kept(
    view: TransformersView, first: Encoded, second: Encoded | None, request: Request
) -> tuple[list[int], list[int] | None]:
    """The places of the tokens that are left of each text."""
    places = list(range(len(first.ids)))
    others = None if second is None else list(range(len(second.ids)))
    if not request.truncates or request.max_length is None:
        return places, others
    added = view.num_special_tokens_to_add(pair=second is not None) if request.add_special_tokens else 0
    beyond = len(places) + len(others or ()) + added - request.max_length
    places, others, _ = view.truncate_sequences(places, others, beyond, request.truncation, request.stride)
    return places, others


def _offsets(
    view: TransformersView, first: Encoded, second: Encoded | None, request: Request
) -> list[tuple[int, int]]:
    """Spans of what is left, with (0, 0) for tokens that are added."""
    places, others = _kept(view, first, second, request)
    spans = _spans(view, first)
    kept = [spans[place] for place in places]
    if second is None or others is None:
        return view._framing.laid(kept, None, (0, 0)) if request.add_special_tokens else kept
    spans = _spans(view, second)
    kept_of_second = [spans[place] for place in others]
    if request.add_special_tokens:
        return view._framing.laid(kept, kept_of_second, (0, 0))
    return kept + kept_of_second


def _spans(view: TransformersView, text: Encoded) -> list[tuple[int, int]]:
    spans = text.spans or []
    if not view._trimming.trims:
        return spans
    return trimmed(spans, view.convert_ids_to_tokens(text.ids), view._trimming)


def check_pad_length(row: Mapping[str, Any], name: str, length: int | None) -> None:
    """Raises where filling up would have to shorten.

    Raises:
        ArgumentError: the row has more ids than it is to have.
    """
    if length is not None and len(row[name]) > length:
        raise ArgumentError(
            f"a row of {len(row[name])} ids is to be padded to {length}: padding doesn't shorten. Give truncation=True, "
            "or a larger max_length"
        )
