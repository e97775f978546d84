"""Text → a vocabulary whose tokens have cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, get_args

from tokloom.errors import ArgumentError
from tokloom.learned.fsq.coordinates import Kind, Layout, assign
from tokloom.learned.fsq.coordinates_classes import ROOM
from tokloom.learned.fsq.coordinates_statistics import statistics
from tokloom.learned.fsq.lattice import KIND, LatticeTokenizer, require_inner
from tokloom.patterns import PatternLike
from tokloom.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tokloom.counts import Progress

__all__ = ["train_lattice"]


def train_lattice(
    source: object,
    *,
    tokenizer: Tokenizer | None = None,
    vocab_size: int = 32_768,
    pattern: PatternLike = "gpt4",
    special_tokens: Iterable[str] = (),
    coordinates: Kind = "context",
    layout: Layout | None = None,
    levels: Sequence[int] | None = None,
    shortlist: int | None = None,
    room: int = ROOM,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress = False,
    name: str = KIND,
    **spelling: Any,  # noqa: ANN401 (spell's own choices)
) -> LatticeTokenizer:
    """A vocabulary from text, and a cell for each of its tokens; the same whatever the threads.

    All of the source's ids are held: about a byte of memory for each byte of text, and 200 MB beside.

    Args:
        source: training text, as for `tokloom.train`; nothing else should be in it.
        tokenizer: whose tokens get cells; None: a BPE vocabulary is trained on the source first.
        vocab_size: of that vocabulary.
        pattern: how it splits text.
        special_tokens: of that vocabulary.
        coordinates: "context": by frequency and by what stands beside a token; "spelling": by an auto-encoder over its
            bytes; "frequency": the rank, in digits; "random".
        layout: for "context": "classes" (the default: a shortlist and classes, two unequal digits) or "digits".
        levels: values of each digit, for all but classes; default: as many eights as it takes, at least five.
        shortlist: for classes: how many tokens are their own first digit; default: a sixteenth, at most 2,048.
        room: for classes: how many tokens a class takes.
        seed: of all that is drawn by chance.
        threads: for counting, and of PyTorch.
        progress: as for `tokloom.train`.
        name: what it is called.
        spelling: for "spelling": `steps` or `minutes`, and what else `coordinates_spelling.spell` takes.

    Raises:
        ArgumentError: no text, another kind of `tokenizer` than BPE or adaptive, more tokens than cells, a level under 2, or choices that contradict each other.
        MissingDependencyError: "spelling" without PyTorch (`pip install tokloom[learned]`).

    Example:
        >>> lattice = train_lattice(["low lower lowest newer"] * 3, vocab_size=264, layout="digits")
        >>> sorted(map(int, lattice.digits()[257])) == sorted(lattice.digits()[257].tolist())
        True
        >>> lattice.digits().shape
        (264, 5)
    """
    if coordinates not in get_args(Kind):
        raise ArgumentError(
            f"coordinates {coordinates!r} are not known; they are one of {', '.join(get_args(Kind))}"
        )
    if spelling and coordinates != "spelling":
        raise ArgumentError(f"{', '.join(spelling)}: only coordinates='spelling' trains a network")
    chosen: Layout = layout or ("classes" if coordinates == "context" else "digits")
    if chosen == "classes" and coordinates != "context":
        raise ArgumentError(f"classes are by context; coordinates={coordinates!r} goes with layout='digits'")
    # Read twice: to train, and to count tokens.
    source = list(source) if isinstance(source, Iterator) else source
    inner = None if tokenizer is None else require_inner(tokenizer)
    if inner is None:
        from tokloom.training import train

        inner = train(
            source,
            vocab_size,
            pattern=pattern,
            special_tokens=special_tokens,
            threads=threads,
            progress=progress,
        )
    found = statistics(inner, source, pairs=coordinates == "context")
    if coordinates == "spelling":
        from tokloom.learned.fsq.coordinates_spelling import spell

        made = spell(
            inner,
            found,
            levels=levels,
            seed=seed,
            threads=threads,
            progress=progress is not False,
            **spelling,
        )
    else:
        made = assign(
            inner, found, coordinates, layout=chosen, levels=levels, shortlist=shortlist, room=room, seed=seed
        )
    return LatticeTokenizer(inner, made, name=name)
