"""Interfaces: the probabilities of all next units sum to 1, and nll is what sampling draws by."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tokloom.errors import ArgumentError
from tokloom.lm.cross_entropy import linear_cross_entropy
from tokloom.lm.digits import DigitTree, Kind
from tokloom.lm.interfaces import (
    AdaptiveSoftmax,
    Choice,
    ChunkVectors,
    CodeDigits,
    CodeDigitsHead,
    ComposedEmbedding,
    TokenTable,
    kinds_of,
    spelled,
)

WIDTH = 12


def equal_digits() -> list[Kind]:
    """Bytes, 27 codes of three digits, 514 patches, two special tokens."""
    codes = np.array(list(itertools.product(range(3), repeat=3)), np.int32)
    others = np.full((600, 3), -1, np.int32)
    return kinds_of(np.concatenate((others[:5], codes, others[:516])), (3, 3, 3), special_tokens=[546, 547])


def unequal_digits() -> list[Kind]:
    """A shortlist of 20, 6 classes of up to 9."""
    digits = [(unit, -1) for unit in range(20)]
    digits += [(20 + class_, member) for class_ in range(6) for member in range(1 + (class_ * 5) % 9)]
    return kinds_of(np.array(digits, np.int32), (26, 9))


def partly_used() -> list[Kind]:
    """A lattice of 64 cells, 29 of which stand for something."""
    cells = np.random.default_rng(0).permutation(64)[:29]
    return kinds_of(np.stack(np.unravel_index(cells, (4, 4, 4)), axis=1).astype(np.int32), (4, 4, 4))


def units_of(kinds: list[Kind]) -> int:
    return sum(len(kind.ids) for kind in kinds)


def fixed(kinds: list[Kind]) -> torch.Tensor:
    return torch.randn(units_of(kinds), 5)


TOKENS = [b"a", b"ab", b"abc", b" the", b"a", None, b"much too long for it"]
HEADS = {
    "table": lambda: (TokenTable(50, WIDTH), 50),
    "tied table": lambda: (TokenTable(50, WIDTH, tied=True), 50),
    "table in slices": lambda: (TokenTable(50, WIDTH, slice_bytes=1_000), 50),
    "adaptive softmax": lambda: (AdaptiveSoftmax(list(range(49, -1, -1)), WIDTH, divide=2), 50),
    "equal digits": lambda: (CodeDigits(equal_digits(), WIDTH), 548),
    "unequal digits": lambda: (CodeDigits(unequal_digits(), WIDTH), units_of(unequal_digits())),
    "unequal digits, fixed table": lambda: (
        CodeDigits(unequal_digits(), WIDTH, fixed(unequal_digits())),
        units_of(unequal_digits()),
    ),
    "equal digits, fixed table": lambda: (CodeDigits(equal_digits(), WIDTH, fixed(equal_digits())), 548),
    "partly used lattice": lambda: (CodeDigits(partly_used(), WIDTH), 29),
    "composed, rows": lambda: (ComposedEmbedding(spelled(TOKENS), WIDTH), len(TOKENS)),
}


def lively(name: str):
    """The interface with weights that are not those of the start, where much is near uniform."""
    torch.manual_seed(0)
    interface, units = HEADS[name]()
    with torch.no_grad():
        for weight in interface.parameters():
            weight.normal_(std=0.7)
    return interface, units


@pytest.mark.parametrize("name", HEADS)
@torch.no_grad()
def test_probabilities_sum_to_one(name: str) -> None:
    interface, units = lively(name)
    hidden = 2 * torch.randn(3, 1, WIDTH)
    every = torch.arange(units).expand(3, -1)
    nats = interface.nll(hidden.expand(-1, units, -1), every)
    assert torch.allclose(nats.neg().exp().sum(dim=1), torch.ones(3), atol=1e-5)
    assert nats.std() > 0.1


@pytest.mark.parametrize("name", HEADS)
@torch.no_grad()
def test_sampling_draws_by_these_probabilities(name: str) -> None:
    interface, units = lively(name)
    hidden = torch.randn(1, WIDTH)
    chances = interface.nll(hidden.expand(1, units, -1), torch.arange(units)[None])[0].neg().exp()
    drawn = interface.sample(hidden.expand(20_000, -1), generator=torch.Generator().manual_seed(1))
    found = torch.bincount(drawn, minlength=units) / 20_000
    assert (found - chances).abs().max() < 0.02
    assert drawn.min() >= 0


@pytest.mark.parametrize("name", HEADS)
@torch.no_grad()
def test_batch_and_slices_change_nothing(name: str) -> None:
    interface, units = lively(name)
    hidden, targets = torch.randn(3, 7, WIDTH), torch.randint(units, (3, 7))
    whole = interface.nll(hidden, targets)
    for row, place in ((0, 0), (2, 6), (1, 3)):
        alone = interface.nll(
            hidden[row : row + 1, place : place + 1], targets[row : row + 1, place : place + 1]
        )
        assert torch.allclose(alone[0, 0], whole[row, place], atol=1e-5)
    if hasattr(interface, "embed"):
        assert torch.allclose(
            interface.embed(targets)[1, 2], interface.embed(targets[1:2, 2:3])[0, 0], atol=1e-5
        )


@pytest.mark.parametrize("head", ["chained", "separate"])
@torch.no_grad()
def test_probabilities_of_all_chunks_sum_to_one(head: str) -> None:
    """All strings of at most two bytes: 1 + 256 + 65,536."""
    torch.manual_seed(0)
    interface = ChunkVectors(WIDTH, 2, head=head, hidden=6)  # type: ignore[arg-type]
    for weight in interface.parameters():
        weight.normal_(std=0.5)
    strings = [[256, 256], *([a, 256] for a in range(256)), *([a, b] for a in range(256) for b in range(256))]
    nats = interface.nll(torch.randn(1, 1, WIDTH).expand(1, len(strings), -1), torch.tensor(strings)[None])
    assert torch.allclose(nats.double().neg().exp().sum(), torch.tensor(1.0).double(), atol=1e-4)
    drawn = interface.sample(torch.randn(200, WIDTH))
    assert (drawn[drawn[:, 0] == 256, 1] == 256).all()
    assert drawn.max() <= 256


@torch.no_grad()
def test_a_byte_decoder_says_names_and_words_of_no_vocabulary() -> None:
    torch.manual_seed(0)
    interface = ComposedEmbedding(spelled([b"a", None, b"bc", None], longest=2), WIDTH, head="bytes")
    strings = [[256, 256], [257, 256], [258, 256], *([a, 256] for a in range(256))]
    strings += [[a, b] for a in range(256) for b in range(256)]
    hidden = torch.randn(1, 1, WIDTH)
    nats = interface.nll(hidden.expand(1, len(strings), -1), torch.tensor(strings)[None])
    assert torch.allclose(nats.double().neg().exp().sum(), torch.tensor(1.0).double(), atol=1e-4)
    # A unit is its symbols.
    assert torch.allclose(
        interface.nll(hidden.expand(1, 2, -1), torch.tensor([[1, 2]])),
        interface.nll(hidden.expand(1, 2, -1), torch.tensor([[[257, 256], [98, 99]]])),
    )
    assert torch.allclose(
        interface.embed(torch.tensor([[1, 2]])),
        interface.embed(torch.tensor([[[257, 256], [98, 99]]])),
        atol=1e-6,
    )
    drawn = interface.sample(hidden[0].expand(500, -1))
    assert (drawn[:, 1] <= 256).all()


def test_a_uniform_byte_head_scores_eight_bits() -> None:
    table = TokenTable(256, WIDTH)
    assert table.scores is not None
    torch.nn.init.zeros_(table.scores)
    bits = table.nll(torch.randn(2, 9, WIDTH), torch.randint(256, (2, 9))) / math.log(2)
    assert torch.equal(bits, torch.full((2, 9), 8.0))


def test_composed_rows_are_kept_until_a_weight_changes() -> None:
    interface = ComposedEmbedding(spelled(TOKENS), WIDTH)
    with torch.no_grad():
        first = interface.rows()
        assert interface.rows() is first
        interface.make.places += 1
        assert not torch.allclose(interface.rows(), first)
    assert interface.rows().requires_grad


@settings(max_examples=30)
@given(
    rows=st.integers(1, 20),
    units=st.integers(1, 60),
    slice_bytes=st.integers(4, 6_000),
    biased=st.booleans(),
    seed=st.integers(0, 9_999),
)
def test_the_sliced_loss_is_cross_entropy(rows, units, slice_bytes, biased, seed) -> None:
    torch.manual_seed(seed)
    hidden = torch.randn(rows, WIDTH, requires_grad=True)
    weight = torch.randn(units, WIDTH, requires_grad=True)
    bias = torch.randn(units, requires_grad=True) if biased else None
    targets, weights = torch.randint(units, (rows,)), torch.randn(rows)
    into = [tensor for tensor in (hidden, weight, bias) if tensor is not None]
    expected = torch.nn.functional.cross_entropy(
        torch.nn.functional.linear(hidden, weight, bias), targets, reduction="none"
    )
    found = linear_cross_entropy(hidden, weight, targets, bias, slice_bytes=slice_bytes)
    assert torch.allclose(found, expected, atol=1e-5)
    for ours, theirs in zip(
        torch.autograd.grad((found * weights).sum(), into),
        torch.autograd.grad((expected * weights).sum(), into),
        strict=True,
    ):
        assert torch.allclose(ours, theirs, atol=1e-5)


def test_the_sliced_loss_never_holds_more_than_a_slice() -> None:
    from torch.utils._python_dispatch import TorchDispatchMode

    largest = 0

    class Watching(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
            nonlocal largest
            result = function(*arguments, **(keywords or {}))
            for tensor in result if isinstance(result, (tuple, list)) else [result]:
                if isinstance(tensor, torch.Tensor):
                    largest = max(largest, tensor.numel() * tensor.element_size())
            return result

    table = TokenTable(5_000, WIDTH, slice_bytes=300_000)
    hidden, units = torch.randn(1, 100, WIDTH, requires_grad=True), torch.randint(5_000, (1, 100))
    with Watching():
        table.nll(hidden, units).sum().backward()
    assert 5_000 * WIDTH * 4 <= largest <= 300_000  # all scores are 2,000,000 bytes


def test_the_sliced_loss_can_go_backwards_twice() -> None:
    hidden, weight = torch.randn(5, WIDTH, requires_grad=True), torch.randn(9, WIDTH, requires_grad=True)
    loss = linear_cross_entropy(hidden, weight, torch.randint(9, (5,))).sum()
    first = torch.autograd.grad(loss, [hidden, weight], retain_graph=True)
    for one, other in zip(first, torch.autograd.grad(loss, [hidden, weight]), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_every_weight_of_a_head_learns() -> None:
    for name in HEADS:
        interface, units = lively(name)
        targets = torch.arange(units)[None]
        x = interface.embed(targets) if hasattr(interface, "embed") else torch.randn(1, units, WIDTH)
        interface.nll(x, targets).sum().backward()
        for which, weight in interface.named_parameters():
            assert weight.grad is not None, (name, which)
            assert weight.grad.abs().max() > 0, (name, which)


@pytest.mark.parametrize(
    ("digits", "levels", "told"),
    [
        ([[0, 0], [0, 0]], (2, 2), "same digits"),
        ([[0, -1], [0, 1]], (2, 2), "beginning of another"),
        ([[0, 1], [0, -1]], (2, 2), "beginning of another"),
        ([[0, 2]], (2, 2), "below its 2 levels"),
        ([[0, -2]], (2, 2), "below its 2 levels"),
        ([[-1, 0]], (2, 2), "gap"),
    ],
)
def test_digits_that_contradict_each_other_are_refused(digits, levels, told: str) -> None:
    kind = Kind("codes", np.arange(len(digits)), np.array(digits, np.int32), levels)
    with pytest.raises(ArgumentError, match=told):
        DigitTree(kind)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ArgumentError, match="hold each of the units"):
        CodeDigitsHead([Kind("codes", np.array([0, 2]), np.array([[0], [1]], np.int32), (2,))], WIDTH)
    with pytest.raises(ArgumentError, match="no unit has a digit"):
        kinds_of(np.full((3, 2), -1, np.int32), (2, 2))
    with pytest.raises(ArgumentError, match="once"):
        AdaptiveSoftmax([0, 1, 1], WIDTH)
    with pytest.raises(ArgumentError, match="cutoffs"):
        AdaptiveSoftmax(range(20), WIDTH, cutoffs=[5, 3])
    with pytest.raises(ArgumentError, match="divide"):
        AdaptiveSoftmax(range(20), WIDTH, cutoffs=[5, 10], divide=8)
    with pytest.raises(ArgumentError, match="go together"):
        ChunkVectors(WIDTH, 4, vector_width=3)
    for wrong in ({"temperature": -1.0}, {"temperature": math.nan}, {"top_k": 0}, {"top_p": 0.0}):
        with pytest.raises(ArgumentError):
            Choice(**wrong)


def test_choices() -> None:
    scores = torch.tensor([[0.0, 1.0, 2.0, 3.0]]).expand(400, -1)
    assert set(Choice(temperature=0).draw(scores).tolist()) == {3}
    assert set(Choice(top_k=2).draw(scores).tolist()) == {2, 3}
    assert set(Choice(top_p=0.7).draw(scores).tolist()) == {2, 3}
    assert set(Choice(top_p=1e-9).draw(scores).tolist()) == {3}
    assert set(Choice(temperature=50.0).draw(scores).tolist()) == {0, 1, 2, 3}
