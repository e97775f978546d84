"""What a run was asked to do, and the corpora it does it on."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.corpora.store import Corpus


@dataclass(frozen=True)
class Setting:
    """`size`: bytes of each corpus that are used; `peers`: in the order of the first round."""

    corpora: dict[str, Corpus]
    peers: Sequence[str]
    rounds: int
    size: int
    minbpe: str | None = None
    vocabularies: Sequence[str] = field(default=("cl100k_base",))


def rotated(peers: Sequence[str], round_: int) -> list[str]:
    """Another peer begins each round, so that none has always the same neighbour.

    >>> rotated(["a", "b", "c"], 1)
    ['b', 'c', 'a']
    """
    start = round_ % max(1, len(peers))
    return [*peers[start:], *peers[:start]]
