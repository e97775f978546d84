"""Tools for vocabularies with codes: which are used, fewer of them, other cells, neighbours, what was encoded before."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokloom.corpus.sources import as_source
from tokloom.errors import ArgumentError, UnknownIdError
from tokloom.learned.fsq.cells import check_levels, nearest_free_cells
from tokloom.learned.fsq.coordinates import Coordinates, require_room
from tokloom.learned.fsq.lattice import LatticeTokenizer
from tokloom.tokenizer import Special, Text, Tokenizer

if TYPE_CHECKING:
    from tokloom.learned.fsq import AdaptiveTokenizer

__all__ = [
    "EncodingCache",
    "Frequencies",
    "Neighbour",
    "frequencies",
    "neighbours",
    "prune_spans",
    "reassign",
]


@dataclass(frozen=True)
class Frequencies:
    """How often each id of a vocabulary occurs in a text.

    Attributes:
        counts: shape (vocab_size,).
        bytes: of the text.

    Example:
        >>> import tokloom
        >>> found = frequencies(tokloom.load("bytes"), ["aab"])
        >>> found.tokens, found.used, round(found.entropy, 3), found.most_common(1)
        (3, 2, 0.918, [(97, 2)])
    """

    counts: NDArray[np.int64]
    bytes: int

    @property
    def tokens(self) -> int:
        """Tokens looked at: read every other figure beside it."""
        return int(self.counts.sum())

    @property
    def used(self) -> int:
        """How many different ids occur."""
        return int((self.counts > 0).sum())

    @property
    def share_used(self) -> float:
        """The share of ids that occur; it grows with the text."""
        return self.used / len(self.counts)

    @property
    def entropy(self) -> float:
        """Of the use of ids, in bits: at most log₂ of how many there are."""
        shares = self.counts[self.counts > 0] / max(self.tokens, 1)
        return float(-(shares * np.log2(shares)).sum()) + 0.0

    @property
    def byte_share(self) -> float:
        """The share of tokens that are single bytes (ids below 256, where a learned vocabulary has them)."""
        return float(self.counts[:256].sum()) / max(self.tokens, 1)

    @property
    def bytes_per_token(self) -> float:
        """Of the text, everything counted."""
        return self.bytes / max(self.tokens, 1)

    def most_common(self, limit: int | None = None) -> list[tuple[int, int]]:
        """(id, count) of ids that occur, the commonest first; of equals the lower id first."""
        order = np.argsort(-self.counts, kind="stable")[
            : self.used if limit is None else min(limit, self.used)
        ]
        return [(int(id), int(self.counts[id])) for id in order]


def frequencies(tokenizer: Tokenizer, source: object) -> Frequencies:
    """How often each id occurs in a source.

    Args:
        tokenizer: any.
        source: as for `tokloom.train`.

    Raises:
        ArgumentError: the source has no text.
    """
    counts, size = np.zeros(tokenizer.vocab_size, np.int64), 0
    for text in as_source(source).documents():
        data = text.encode() if isinstance(text, str) else text
        counts += np.bincount(tokenizer.encode_to_numpy(data), minlength=len(counts))
        size += len(data)
    if not size:
        raise ArgumentError("the source has no text, so no code is used")
    return Frequencies(counts, size)


def prune_spans(
    tokenizer: AdaptiveTokenizer, vocab_size: int, source: object
) -> tuple[AdaptiveTokenizer, dict[int, int]]:
    """A smaller adaptive vocabulary, and the map from old ids to new ones.

    The spans stay that save most in this text (others cover the same text, so that is not how often they occur); bytes
    and special tokens stay in any case, and so does the order of ids. Each span keeps its code, so the network that spells
    it, if there is one, fits as before and is kept; `description["pruned"]` says what the vocabulary was pruned from.

    Args:
        tokenizer: whose spans.
        vocab_size: 256 bytes, spans and special tokens together.
        source: text like that which will be encoded.

    Raises:
        ArgumentError: it has no more tokens than that already, or there is no room for a span; no text.
    """
    from tokloom.learned.fsq import AdaptiveTokenizer
    from tokloom.learned.fsq.adaptive_selection import prune
    from tokloom.learned.fsq.adaptive_text import read_text

    spans, special = tokenizer.spans_table(), tokenizer.special_tokens
    wanted = vocab_size - 256 - len(special)
    if not 1 <= wanted < len(spans):
        raise ArgumentError(
            f"vocab_size is {vocab_size:,}; it must leave room for a span beside 256 bytes and {len(special)} special "
            f"tokens, and be under the {tokenizer.vocab_size:,} that there are"
        )
    chosen = set(prune(read_text(source, 32_000_000), spans, wanted).spans)
    rows = [row for row, span in enumerate(spans) if span in chosen]
    made = AdaptiveTokenizer.from_spans(
        [spans[row] for row in rows],
        tokenizer.codes()[rows],
        tokenizer.levels,
        tensors={
            name: tensor for name, tensor in tokenizer.tensors().items() if not name.startswith("spans.")
        },
        description={**tokenizer.description, "pruned": {"from": tokenizer.fingerprint, "spans": len(spans)}},
        special_tokens=list(special),
        name=tokenizer.name,
    )
    new_ids = {id: id for id in range(256)}
    new_ids |= {256 + row: 256 + place for place, row in enumerate(rows)}
    new_ids |= {id: made.special_tokens[name] for name, id in special.items()}
    return made, new_ids


def reassign(
    tokenizer: LatticeTokenizer,
    wanted: NDArray[np.integer],
    *,
    levels: Sequence[int] | None = None,
    first: Sequence[int] | None = None,
) -> LatticeTokenizer:
    """The same vocabulary with other cells: each token the one that is wanted for it, or the nearest that is free.

    Args:
        tokenizer: a lattice with the layout "digits".
        wanted: digits for each id, shape (vocab_size, d); rows of -1 for ids that get none.
        levels: of the new lattice; default: the old one's.
        first: ids in the order in which they choose; default: ascending.

    Raises:
        ArgumentError: classes, a digit out of range, ids missing in `first`, or more tokens than cells.
    """
    if tokenizer.layout != "digits":
        raise ArgumentError("classes have no cells to choose among; build the lattice with layout='digits'")
    checked = check_levels(tokenizer.levels if levels is None else levels)
    wanted = np.asarray(wanted)
    if wanted.shape != (tokenizer.vocab_size, len(checked)):
        raise ArgumentError(
            f"wanted has the shape {wanted.shape}; it must be {(tokenizer.vocab_size, len(checked))}"
        )
    ids = np.flatnonzero((wanted >= 0).all(1))
    if (wanted >= np.array(checked)).any() or ((wanted >= 0).any(1) != (wanted >= 0).all(1)).any():
        raise ArgumentError(f"a digit is out of range: a row is from 0 below {checked}, or -1 in every place")
    require_room(len(ids), checked)
    order = ids if first is None else np.array(first, np.int64)
    if sorted(order.tolist()) != ids.tolist():
        raise ArgumentError("first must hold each id that gets a cell once")
    digits = np.full(wanted.shape, -1, np.int32)
    digits[order] = nearest_free_cells(wanted[order], checked)
    made = Coordinates(tokenizer.coordinates, "digits", checked, digits, tokenizer.vectors)
    return LatticeTokenizer(tokenizer.inner, made, description=tokenizer.description, name=tokenizer.name)


class Neighbour(NamedTuple):
    """A token near another.

    Attributes:
        id: its id.
        token: its bytes.
        distance: 0 is the same place: of digits the sum of squared differences, of vectors 1 less the cosine.
    """

    id: int
    token: bytes
    distance: float


def neighbours(
    tokenizer: Tokenizer, id: int, count: int = 10, *, by: Literal["digits", "vectors"] = "digits"
) -> list[Neighbour]:
    """The tokens nearest to one.

    Args:
        tokenizer: an FSQ tokenizer: it has `digits()`, and for "vectors" `vectors`.
        id: of the token.
        count: how many neighbours.
        by: "digits": in the lattice (by spelling, where that is what digits are from); "vectors": by context.

    Raises:
        UnknownIdError: the id has no place there (also a KeyError).
        ArgumentError: this tokenizer has no digits or vectors, or its digits are classes, which have no distance.
    """
    places = _places(tokenizer, by)
    known = np.all(places >= 0, axis=1) if by == "digits" else np.any(places != 0, axis=1)
    if not 0 <= id < len(places) or not known[id]:
        raise UnknownIdError(f"id {id} has no {by} in {tokenizer.name}")
    there = np.flatnonzero(known)
    here, own = places[there], places[id]
    far = ((here - own) ** 2).sum(1) if by == "digits" else 1 - (here * own).sum(1)
    order = [row for row in np.argsort(far, kind="stable") if there[row] != id][:count]
    return [
        Neighbour(int(there[row]), tokenizer.token_bytes(int(there[row])), float(far[row])) for row in order
    ]


def _places(tokenizer: Tokenizer, by: str) -> NDArray[np.float64]:
    if by not in ("digits", "vectors"):
        raise ArgumentError(f'by={by!r} is not known; it is "digits" or "vectors"')
    if by == "digits" and getattr(tokenizer, "layout", "digits") == "classes":
        raise ArgumentError(
            "the numbers of classes have no distance; ask by='vectors', or use layout='digits'"
        )
    found = getattr(tokenizer, by, None)
    places = found() if callable(found) else found
    if not isinstance(places, np.ndarray):
        raise ArgumentError(
            f"{tokenizer.name} has no {by}: that is for FSQ tokenizers, vectors for those by context"
        )
    return places.astype(np.float64)


class EncodingCache:
    """Ids of texts that were encoded before, for an encoder that costs more than a lookup. Safe for several threads.

    Args:
        tokenizer: whose ids.
        most: characters or bytes of text that are held; those used longest ago go first.

    Example:
        >>> import tokloom
        >>> cache = EncodingCache(tokloom.load("bytes"))
        >>> cache.encode("ab").tolist(), cache.encode("ab").tolist(), cache.hits
        ([97, 98], [97, 98], 1)
    """

    def __init__(self, tokenizer: Tokenizer, *, most: int = 1 << 26) -> None:
        if most < 1:
            raise ArgumentError(f"most is {most}; it must be 1 or more")
        self.tokenizer = tokenizer
        self.hits = self.misses = 0
        self._most, self._held = most, 0
        self._known: OrderedDict[tuple[Text, object], NDArray[np.uint32]] = OrderedDict()
        self._lock = Lock()

    def encode(self, text: Text, *, special: Special = "text") -> NDArray[np.uint32]:
        """The ids of a text, shape (tokens,), read-only."""
        key = (text, special if isinstance(special, str) else frozenset(special))
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                self.hits += 1
                return self._known[key]
            self.misses += 1
        ids = self.tokenizer.encode_to_numpy(text, special=special)
        ids.setflags(write=False)
        if len(text) <= self._most:
            with self._lock:
                self._keep(key, ids)
        return ids

    def _keep(self, key: tuple[Text, object], ids: NDArray[np.uint32]) -> None:
        if key in self._known:
            return
        self._known[key] = ids
        self._held += len(key[0])
        while self._held > self._most:
            (text, _), _ = self._known.popitem(last=False)
            self._held -= len(text)
