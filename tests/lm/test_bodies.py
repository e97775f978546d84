"""What every body must do: look at nothing later, remember what was early, go on step by step as in parallel."""

from __future__ import annotations

import copy

import pytest
import torch

from lm.bodies import BODIES, SPIKING, WIDTH, body
from tokloom.errors import ArgumentError
from tokloom.lm.liquid import LiquidSpiking
from tokloom.lm.scan import leaky_scan
from tokloom.lm.transformer import Transformer

every_body = pytest.mark.parametrize("name", BODIES)


@every_body
@torch.no_grad()
def test_what_is_later_changes_nothing_before(name: str) -> None:
    model, x = body(name), torch.randn(2, 70, WIDTH)
    y = model(x)
    for place in (1, 16, 37, 69):
        changed = x.clone()
        changed[:, place:] = torch.randn_like(changed[:, place:])
        assert torch.allclose(model(changed)[:, :place], y[:, :place], atol=1e-6)
        assert not torch.allclose(model(changed)[:, place], y[:, place], atol=1e-2)


@every_body
def test_what_is_early_reaches_what_is_late(name: str) -> None:
    """By the gradient, so that what is small counts, too; through the spikes it is the surrogate's."""
    model, x = body(name), torch.randn(1, 200, WIDTH, requires_grad=True)
    (gradient,) = torch.autograd.grad(model(x)[0, -1].square().sum(), x)
    assert gradient[0, [0, 50, 150]].abs().amax(dim=1).min() > 0


@every_body
@torch.no_grad()
def test_what_is_early_changes_what_is_late(name: str) -> None:
    model, x = body(name), torch.randn(8, 40, WIDTH)
    changed = x.clone()
    changed[:, 0] += 3 * torch.randn(8, WIDTH)
    assert (model(changed)[:, -1] - model(x)[:, -1]).abs().max() > 1e-3


@every_body
@pytest.mark.parametrize("uneven", [False, True], ids=["even times", "uneven times"])
@torch.no_grad()
def test_a_thousand_steps_are_the_parallel_form(name: str, uneven: bool) -> None:
    """Outputs to 1e-5 in float32. Where a whole body spikes, in float64: a membrane that is as near to the threshold
    as float32 is exact may fire in one form alone, and changes all that comes after; by itself, a layer is below."""
    exact = torch.float64 if name in SPIKING else torch.float32
    model, x = body(name).to(exact), torch.randn(1, 1_000, WIDTH, dtype=exact)
    times = torch.rand(1, 1_000) * 3 + 0.1 if uneven else None
    state, steps = model.start(1), []
    for place in range(1_000):
        y, state = model.step(x[:, place], state, None if times is None else times[:, place])
        steps.append(y)
    assert torch.allclose(torch.stack(steps, dim=1), model(x, times=times), atol=1e-5)


@pytest.mark.parametrize("name", SPIKING)
@pytest.mark.parametrize("layer", [0, 1])
@torch.no_grad()
def test_membranes_and_spikes_over_a_thousand_steps(name: str, layer: int) -> None:
    """In float32: a layer's membranes to 1e-5, and equal spikes wherever they are further from the threshold."""
    model = body(name)
    mixing, seen = model.blocks[layer].mixing, []
    mixing.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    model(torch.randn(2, 1_000, WIDTH))
    (x,) = seen
    charge, forget, _ = mixing.charge(x, mixing.start(2), None, None)
    parallel = leaky_scan(charge, forget)
    state, steps = mixing.start(2), []
    for place in range(1_000):
        _, state = mixing(x[:, place : place + 1], state)
        steps.append(state.membrane)
    by_steps = torch.stack(steps, dim=1)
    assert torch.allclose(by_steps, parallel, atol=1e-5)
    far = (parallel - mixing.threshold).abs() > 1e-5
    assert far.float().mean() > 0.999
    fired = parallel > mixing.threshold
    assert torch.equal(fired[far], (by_steps > mixing.threshold)[far])
    assert 0.02 < fired.float().mean() < 0.9


@every_body
@torch.no_grad()
def test_going_on_in_pieces_is_the_whole(name: str) -> None:
    model, x = body(name), torch.randn(3, 150, WIDTH)
    state, parts = model.start(3), []
    for begin, end in ((0, 1), (1, 60), (60, 61), (61, 150)):
        y, state = model.advance(x[:, begin:end], state)
        parts.append(y)
    assert torch.allclose(torch.cat(parts, dim=1), model(x), atol=1e-5)


@every_body
@torch.no_grad()
def test_a_copied_state_goes_on_by_itself(name: str) -> None:
    model, x = body(name), torch.randn(1, 20, WIDTH)
    _, state = model.advance(x[:, :10], model.start(1))
    other = copy.deepcopy(state)
    model.advance(torch.randn(1, 10, WIDTH), other)
    y, _ = model.advance(x[:, 10:], state)
    assert torch.allclose(y, model(x)[:, 10:], atol=1e-5)


@every_body
@torch.no_grad()
def test_packing_padding_and_batching_change_nothing(name: str) -> None:
    model = body(name)
    first, second, third = (torch.randn(1, length, WIDTH) for length in (33, 1, 50))
    packed = torch.cat((first, second, third), dim=1)
    documents = torch.tensor([[7] * 33 + [3] + [7] * 50])  # a number that comes again is another document's
    y = model(
        packed, documents if "attention" not in name and "transformer" not in name else documents_apart()
    )
    for document, found in zip((first, second, third), y.split((33, 1, 50), dim=1), strict=True):
        assert torch.allclose(found, model(document), atol=1e-5)
    # Padded on the right, and on the left by a document of its own.
    right = torch.cat((first, torch.randn(1, 31, WIDTH)), dim=1)
    assert torch.allclose(model(right)[:, :33], model(first), atol=1e-5)
    left = torch.cat((torch.randn(1, 31, WIDTH), first), dim=1)
    marks = torch.tensor([[-1] * 31 + [0] * 33])
    assert torch.allclose(model(left, marks)[:, 31:], model(first), atol=1e-5)
    rows = torch.randn(5, 33, WIDTH)
    rows[2] = first[0]
    assert torch.allclose(model(rows)[2], model(first)[0], atol=1e-5)


def documents_apart() -> torch.Tensor:
    return torch.tensor([[0] * 33 + [1] + [2] * 50])


@every_body
@torch.no_grad()
def test_time_matters(name: str) -> None:
    model, x = body(name), torch.randn(1, 30, WIDTH)
    ones = torch.ones(1, 30)
    assert torch.allclose(model(x, times=ones), model(x), atol=1e-5)
    assert not torch.allclose(model(x, times=5 * ones), model(x), atol=1e-3)


@every_body
def test_checkpointing_changes_no_gradient(name: str) -> None:
    model, x = body(name), torch.randn(2, 40, WIDTH)
    documents = torch.tensor([[0] * 10 + [1] * 30] * 2)
    weights = list(model.parameters())
    plain = torch.autograd.grad(model(x, documents).square().sum(), weights)
    model.checkpointing = True
    again = torch.autograd.grad(model(x, documents).square().sum(), weights)
    for one, other in zip(plain, again, strict=True):
        assert torch.allclose(one, other, atol=1e-4)


@every_body
def test_bfloat16_is_near(name: str) -> None:
    if name in SPIKING:
        pytest.skip("where a rounded membrane fires, the rest of the run is another one")
    model, x = body(name), torch.randn(2, 64, WIDTH)
    with torch.autocast("cpu", torch.bfloat16):
        y = model(x)
        y.float().square().sum().backward()
    assert (y - model(x)).abs().mean() < 0.02
    assert all(weight.grad.isfinite().all() for weight in model.parameters())


def test_spike_rates_are_measured_regularised_and_shown() -> None:
    torch.manual_seed(0)
    model, x = LiquidSpiking(WIDTH, 2), torch.randn(4, 50, WIDTH)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    before: list[float] = []
    for _ in range(40):
        with model.watch_spikes() as rates:
            model(x)
        before = before or [float(rate.detach().mean()) for rate in rates.layers]
        optimiser.zero_grad()
        rates.penalty(target=0.02).backward()
        optimiser.step()
    with torch.no_grad(), model.watch_spikes() as rates:
        model(x)
    assert [tuple(rate.shape) for rate in rates.layers] == [(WIDTH,), (WIDTH,)]
    assert all(float(rate.mean()) < 0.6 * was for rate, was in zip(rates.layers, before, strict=True))
    assert str(rates).startswith("layer 0: ")
    fired = sum(float(rate.mean()) for rate in rates.layers) / 2
    assert rates.spared() == pytest.approx((1 - fired) * 2 * WIDTH**2)
    with (
        LiquidSpiking(WIDTH, 1, spikes=False).watch_spikes() as rates,
        pytest.raises(ArgumentError, match="watched"),
    ):
        rates.penalty(0.1)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ArgumentError, match="don't fit"):
        Transformer(30, 1, 4)
    with pytest.raises(ArgumentError, match="don't fit"):
        Transformer(32, 1, 4, key_heads=3)
    with pytest.raises(ArgumentError, match="surrogate"):
        LiquidSpiking(8, 1, surrogate="triangle")(torch.randn(1, 2, 8))  # type: ignore[arg-type]
