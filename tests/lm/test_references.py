"""Where the formulas are the same, so are the numbers: `ncps.torch.CfC` and `snntorch.Leaky`, a step at a time."""

from __future__ import annotations

import pytest
import torch

from tokloom.lm.scan import leaky_scan
from tokloom.lm.spiking import spike

TIME, WIDTH = 300, 7


@pytest.fixture
def closed_form():
    return pytest.importorskip("ncps.torch").CfCCell


@pytest.fixture
def snntorch():
    pytest.importorskip("matplotlib", reason="snntorch imports it")
    return pytest.importorskip("snntorch")


@torch.no_grad()
def test_the_scan_is_the_closed_form_cell_whose_gates_see_only_the_input(closed_form) -> None:
    """The cell is h ← (1 − g)·tanh(f) + g·tanh(u): with f = atanh(h), g and u of the input alone it is ours."""
    torch.manual_seed(0)
    cell = closed_form(WIDTH, WIDTH, mode="default", backbone_layers=0)
    for part in (cell.ff2, cell.time_a, cell.time_b):
        part.weight[:, WIDTH:] = 0
    cell.ff1.weight.copy_(torch.cat((torch.zeros(WIDTH, WIDTH), torch.eye(WIDTH)), dim=1))
    cell.ff1.bias.zero_()
    x, times = torch.randn(2, TIME, WIDTH), torch.rand(2, TIME, 1) * 3
    state, states = torch.zeros(2, WIDTH), []
    for place in range(TIME):
        state, _ = cell(x[:, place], torch.atanh(state), times[:, place])
        states.append(state)
    both = torch.cat((x, torch.zeros_like(x)), dim=2)
    gates = torch.sigmoid(cell.time_a(both) * times + cell.time_b(both))
    ours = leaky_scan(torch.tanh(cell.ff2(both)), gates)
    assert torch.allclose(ours, torch.stack(states, dim=1), atol=1e-5)


@torch.no_grad()
def test_a_step_is_the_pure_closed_form_at_uneven_times(closed_form) -> None:
    """Its solution A − A·f·e^{−Δt·(w + |f|)} with f = 1 − h/A is h ← a·h + (1 − a)·A, a = e^{−Δt/τ}, 1/τ = w + |f|."""
    torch.manual_seed(0)
    cell = closed_form(1, WIDTH, mode="pure", backbone_layers=0)
    cell.w_tau.copy_(torch.rand(1, WIDTH))
    cell.A.copy_(torch.randn(1, WIDTH).sign() * (0.5 + torch.rand(1, WIDTH)))
    cell.ff1.weight.copy_(torch.cat((torch.zeros(WIDTH, 1), -torch.diag(1 / cell.A[0])), dim=1))
    cell.ff1.bias.fill_(1)
    times = torch.rand(1, TIME) * 2
    state, states, rates = torch.zeros(1, WIDTH), [], []
    for place in range(TIME):
        rates.append(cell.w_tau + (1 - state / cell.A).abs())
        state, _ = cell(torch.zeros(1, 1), state, times[:, place : place + 1])
        states.append(state)
    gates = -torch.expm1(-times.unsqueeze(2) * torch.stack(rates, dim=1))
    ours = leaky_scan(cell.A.expand(1, TIME, WIDTH), gates)
    assert torch.allclose(ours, torch.stack(states, dim=1), atol=1e-5)


@pytest.mark.parametrize(("surrogate", "slope"), [("arctan", 2.0), ("arctan", 5.0), ("sigmoid", 10.0)])
def test_membrane_spikes_and_gradients_are_snntorchs(snntorch, surrogate: str, slope: float) -> None:
    """Without reset: `Leaky` is mem ← β·mem + input, which is ours for gates 1 − β and inputs input/(1 − β)."""
    theirs_gradient = getattr(snntorch.surrogate, {"arctan": "atan", "sigmoid": "sigmoid"}[surrogate])(slope)
    torch.manual_seed(0)
    decay = torch.rand(WIDTH) * 0.8 + 0.1
    neuron = snntorch.Leaky(decay, threshold=0.7, spike_grad=theirs_gradient, reset_mechanism="none")
    current = torch.randn(2, TIME, WIDTH, requires_grad=True)
    state, states, spikes = torch.zeros(2, WIDTH), [], []
    for place in range(TIME):
        fired, state = neuron(current[:, place], state)
        states.append(state)
        spikes.append(fired)
    theirs, their_spikes = torch.stack(states, dim=1), torch.stack(spikes, dim=1)
    ours = leaky_scan(current / (1 - decay), (1 - decay).expand_as(current))
    our_spikes = spike(ours - 0.7, surrogate=surrogate, slope=slope)  # type: ignore[arg-type]
    assert torch.allclose(ours, theirs, atol=1e-5)
    far = (theirs - 0.7).abs() > 1e-5
    assert torch.equal(our_spikes[far], their_spikes[far])
    assert 0.05 < our_spikes.mean().item() < 0.95
    weights = torch.randn_like(ours)
    (mine,) = torch.autograd.grad((our_spikes * weights).sum(), current)
    (other,) = torch.autograd.grad((their_spikes * weights).sum(), current)
    assert torch.allclose(mine, other, atol=1e-4, rtol=1e-3)
