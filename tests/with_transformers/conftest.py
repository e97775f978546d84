"""Fixtures of the tests that need transformers."""

from collections.abc import Callable

import pytest

import tokloom
from with_transformers.views import CARRIED, TEXTS, TRAINED, Both, both


@pytest.fixture(params=[*TRAINED, *CARRIED])
def pair(request: pytest.FixtureRequest) -> Both:
    """View and fast tokenizer, of several vocabularies."""
    return both(request.param)


@pytest.fixture
def small() -> Both:
    """View and fast tokenizer of one trained vocabulary."""
    return both("gpt4")


@pytest.fixture
def make() -> Callable[..., tokloom.BPETokenizer]:
    """Trains a small vocabulary with these special tokens."""
    return lambda *special, **choices: tokloom.train(TEXTS, 300, special_tokens=list(special), **choices)
