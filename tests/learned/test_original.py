"""The literal design: it trains, it is measured, and its configuration is read as it stands."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch isn't installed (make test-learned runs these)")
pytest.importorskip("vector_quantize_pytorch", reason="vector-quantize-pytorch isn't installed")

from tokloom.errors import ArgumentError, FormatError, TokloomWarning  # noqa: E402
from tokloom.learned import TextData, TrainingConfiguration  # noqa: E402
from tokloom.learned.fsq.original import (  # noqa: E402
    OriginalConfiguration,
    OriginalModel,
    read_configuration,
    train_original,
)

AS_IT_STANDS = {
    "encoder": {"d_char": 64, "channels": [128, 256, 256], "kernel_size": 3, "d_latent": 256},
    "fsq": {"levels": [8, 8, 8, 8, 8, 5, 5, 5], "temperature": 0.5},
    "decoder": {},
    "training": {"batch_size": 32, "learning_rate": 3e-4, "eval_interval": 500},
}


def test_the_configuration_is_read_as_it_stands(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(AS_IT_STANDS))
    shape, training = read_configuration(path)
    assert shape == OriginalConfiguration(temperature=0.5)
    assert training == {"batch_size": 32, "learning_rate": 3e-4, "evaluate_every": 500}
    assert TrainingConfiguration(steps=1, **training).evaluate_every == 500


def test_what_nothing_answers_to_is_said(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**AS_IT_STANDS, "decoder": {"dropout": 0.1}}))
    with pytest.warns(TokloomWarning, match=r"decoder\.dropout"):
        read_configuration(path)


@pytest.mark.parametrize("text", ["{", "[]", '{"encoder": 3}', "[" * 100_000])
def test_a_file_that_is_none_is_refused(tmp_path, text):
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(FormatError, match=r"config\.json"):
        read_configuration(path)


@pytest.mark.parametrize(
    "wrong", [{"kernel_size": 2}, {"temperature": 0.0}, {"channels": ()}, {"levels": (8, 1)}]
)
def test_numbers_that_make_no_sense_are_refused(wrong):
    with pytest.raises((ArgumentError, ValueError)):
        OriginalConfiguration(**wrong)


def test_the_mean_over_places_forgets_their_order():
    """The fault that the design has, and ours hasn't: away from the borders a reversed chunk has the same sums."""
    torch.manual_seed(0)
    model = OriginalModel(OriginalConfiguration(kernel_size=1)).eval()
    chunk = torch.arange(16)[None]
    one, other = (model(order)[1].index for order in (chunk, chunk.flip(1)))
    assert torch.equal(one, other)


def test_it_trains_and_is_measured(tmp_path):
    random = np.random.default_rng(0)
    text = TextData.of([bytes(random.integers(97, 105, 300).tolist()) for _ in range(20)])
    shape = OriginalConfiguration(d_char=8, channels=(8, 16), d_latent=16, levels=(5, 5, 5))
    training = TrainingConfiguration(steps=40, batch_size=32, learning_rate=1e-2, warmup=2, threads=1)
    measures = train_original(text, text, shape, training=training, directory=tmp_path).measures
    assert set(measures) == {"characters", "chunks", "perplexity", "codes", "covered"}
    assert measures["characters"] > 0.05  # one of eight letters is 0.125
    assert measures["covered"] > 0.9
