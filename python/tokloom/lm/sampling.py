"""Text out of a model: unit after unit, by its state or by reading everything anew, never half a character."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import torch

from tokloom.errors import ArgumentError
from tokloom.lm.choice import Choice
from tokloom.lm.model import LanguageModel, ModelState
from tokloom.lm.units import Units, forbid

if TYPE_CHECKING:
    from torch import Tensor

    from tokloom.tokenizer import Tokenizer

__all__ = ["generate", "generate_text"]


def generate(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompt: str | bytes | Sequence[int] = "",
    *,
    units: int = 256,
    choice: Choice = Choice(),  # noqa: B008 (it is frozen)
    seed: int | None = None,
    stop: Sequence[str] = (),
    cached: bool = True,
) -> Iterator[str]:
    """What the model says after a prompt, in parts as they become whole characters.

    Units that stand for nothing are never sampled. A control token isn't shown; the one that ends a text ends this one.

    Args:
        model: a trained model.
        tokenizer: the one that it was trained with.
        prompt: a text, in which control tokens are text, or ids (`tokloom.chat` gives them).
        units: how many are sampled at most.
        choice: temperature, top-k, top-p.
        seed: of chance; None: another text each time.
        stop: strings at which the text ends; the first one that appears is left out.
        cached: False reads all units anew for each: the same text, slowly.

    Raises:
        ArgumentError: the tokenizer is not the model's; a stop string is empty; for chunks, the prompt's bytes don't fill
            the last one.

    Example:
        >>> import tokloom
        >>> from tokloom.lm import LanguageModel
        >>> tokenizer = tokloom.load("bytes")
        >>> model = LanguageModel.for_tokenizer(tokenizer, body="liquid", width=16, layers=1)
        >>> parts = list(generate(model, tokenizer, "one", units=8, seed=1))
        >>> parts == list(generate(model, tokenizer, "one", units=8, seed=1, cached=False))
        True
    """
    if any(not each for each in stop):
        raise ArgumentError("a stop string is empty: the text would end before it begins")
    if units < 0:
        raise ArgumentError(f"units is {units}; it is 0 or more")
    reader = Units(tokenizer, model.config)
    given = reader.of(prompt) if isinstance(prompt, (str, bytes)) else reader.of_ids(prompt)
    if reader.chunk is not None and len(given) and reader.ended(given[-1]):
        raise ArgumentError(
            f"the prompt doesn't fill its last chunk of {reader.chunk} bytes, and after one that isn't full nothing "
            f"follows: give a multiple of {reader.chunk} bytes"
        )
    forbid(model, tokenizer)
    return _Held(stop).parts(
        _texts(model, reader, given, count=units, choice=choice, seed=seed, cached=cached)
    )


def generate_text(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompt: str | bytes | Sequence[int] = "",
    **choices: object,
) -> str:
    """The same as one text; `choices` are those of `generate`."""
    return "".join(generate(model, tokenizer, prompt, **choices))  # type: ignore[arg-type]


def _texts(
    model: LanguageModel,
    reader: Units,
    given: Tensor,
    *,
    count: int,
    choice: Choice,
    seed: int | None,
    cached: bool,
) -> Iterator[str]:
    device = next(model.parameters()).device
    generator = torch.Generator(device)
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    stream = reader.tokenizer.stream(skip_special_tokens=True)
    follow = _by_state if cached else _anew
    drawn = follow(
        model, reader, given.to(device).unsqueeze(0), lambda state: model.sample(state, choice, generator)
    )
    for _ in range(count):
        unit = next(drawn)
        yield "".join(stream.feed(id) for id in reader.ids_of(unit))
        if reader.ended(unit):
            break
    yield stream.flush()


Draw = Callable[[ModelState], "Tensor"]


@torch.no_grad()
def _by_state(model: LanguageModel, reader: Units, units: Tensor, draw: Draw) -> Iterator[Tensor]:
    with _judging(model):
        state = model.advance(units, model.start())
        while True:
            unit = draw(state)[0]
            yield unit
            state = model.advance(reader.read_as(unit).unsqueeze(0), state)


@torch.no_grad()
def _anew(model: LanguageModel, reader: Units, units: Tensor, draw: Draw) -> Iterator[Tensor]:
    with _judging(model):
        if model.config.head == "composed-bytes" and model.config.input == "composed":
            units = model.input.symbols[units]  # as what is sampled will be
        while True:
            # What is known before the unit after the last; which unit stands there isn't looked at.
            following = torch.zeros_like(units[:, :1]) if units.shape[1] else _nothing(units)
            hidden = model(torch.cat((units, following), dim=1))[:, -1]
            unit = draw(ModelState(None, hidden))[0]
            yield unit
            units = torch.cat((units, reader.read_as(unit).unsqueeze(0)), dim=1)


def _nothing(units: Tensor) -> Tensor:
    return torch.zeros((1, 1, *units.shape[2:]), dtype=torch.int64, device=units.device)


class _judging:  # noqa: N801 (used as a word)
    """The model in evaluation mode within a block."""

    def __init__(self, model: LanguageModel) -> None:
        self.model, self.was = model, model.training

    def __enter__(self) -> None:
        self.model.eval()

    def __exit__(self, *_: object) -> None:
        self.model.train(self.was)


class _Held:
    """Holds back what may be the beginning of a stop string, until it is known.

    >>> list(_Held(["END"]).parts(iter(["a E", "N", "d EN", "D b"])))
    ['a ', 'ENd ']
    """

    def __init__(self, stop: Sequence[str]) -> None:
        self.stop = tuple(stop)

    def parts(self, texts: Iterator[str]) -> Iterator[str]:
        held = ""
        for text in texts:
            held += text
            found = [place for each in self.stop if (place := held.find(each)) >= 0]
            if found:
                if min(found):
                    yield held[: min(found)]
                return
            safe = len(held) - self._may_begin(held)
            if safe:
                yield held[:safe]
            held = held[safe:]
        if held:
            yield held

    def _may_begin(self, text: str) -> int:
        """How many characters at the end are the beginning of a stop string."""
        longest = max(map(len, self.stop), default=1) - 1
        return next(
            (
                length
                for length in range(min(longest, len(text)), 0, -1)
                if any(each.startswith(text[-length:]) for each in self.stop)
            ),
            0,
        )
