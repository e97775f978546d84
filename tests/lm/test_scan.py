"""The scan over all of a sequence is the step taken again and again, forwards and backwards."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tokloom.lm.scan import leaky_scan, leaky_step


def by_steps(inputs, gates, start=None, resets=None):
    state = torch.zeros_like(inputs[:, 0]) if start is None else start
    states = []
    for time in range(inputs.shape[1]):
        if resets is not None:
            state = torch.where(resets[:, time, None], torch.zeros_like(state), state)
        state = leaky_step(state, inputs[:, time], gates[:, time])
        states.append(state)
    return torch.stack(states, dim=1)


@settings(max_examples=40)
@given(
    time=st.integers(1, 130),
    batch=st.integers(1, 3),
    started=st.booleans(),
    reset=st.sampled_from([0.0, 0.1, 1.0]),
    seed=st.integers(0, 1 << 20),
)
def test_values_and_gradients_are_those_of_steps(time, batch, started, reset, seed) -> None:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(batch, time, 3, generator=generator, requires_grad=True)
    gates = torch.rand(batch, time, 3, generator=generator).pow(3).requires_grad_()
    start = torch.randn(batch, 3, generator=generator, requires_grad=True) if started else None
    resets = torch.rand(batch, time, generator=generator) < reset if reset else None
    weights = torch.randn(batch, time, 3, generator=generator)
    into = [tensor for tensor in (inputs, gates, start) if tensor is not None]
    expected = by_steps(inputs, gates, start, resets)
    found = leaky_scan(inputs, gates, start, resets)
    assert torch.allclose(found, expected, atol=1e-5)
    for ours, theirs in zip(
        torch.autograd.grad((found * weights).sum(), into),
        torch.autograd.grad((expected * weights).sum(), into),
        strict=True,
    ):
        assert torch.allclose(ours, theirs, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("gate", [0.0, 1e-7, 1e-3, 0.5, 1 - 1e-7, 1.0])
def test_constant_gates_are_an_exponential(gate: float) -> None:
    """With gates g and inputs 1 the state is 1 − (1 − g)^t, also where (1 − g)^t underflows."""
    found = leaky_scan(torch.ones(1, 4_096, 1), torch.full((1, 4_096, 1), gate)).flatten().double()
    rounded = float(torch.tensor(gate))
    expected = torch.tensor(
        [-math.expm1(t * math.log1p(-rounded)) if rounded < 1 else 1.0 for t in range(1, 4_097)]
    )
    assert torch.allclose(found, expected.double(), atol=1e-5)


def test_large_inputs_stay_finite_and_close() -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = 1e30 * torch.randn(2, 2_000, 5, generator=generator)
    gates = torch.rand(2, 2_000, 5, generator=generator)
    exact = by_steps(inputs.double(), gates.double())
    assert torch.allclose(leaky_scan(inputs, gates).double(), exact, rtol=1e-4, atol=1e25)


def test_what_was_given_is_left_alone() -> None:
    inputs, gates = torch.randn(2, 100, 3), torch.rand(2, 100, 3)
    before = inputs.clone(), gates.clone()
    leaky_scan(inputs, gates)
    assert torch.equal(inputs, before[0])
    assert torch.equal(gates, before[1])


def test_a_reset_forgets_what_comes_from_a_number_too_large() -> None:
    inputs, gates = torch.ones(1, 64, 1), torch.full((1, 64, 1), 0.5)
    inputs[0, 3] = math.inf
    resets = torch.zeros(1, 64, dtype=torch.bool)
    resets[0, 20] = True
    assert by_steps(inputs, gates, None, resets)[0, 20:].isfinite().all()
