"""A stack on its grid and the integer network that is exported from it are one and the same, but for single roundings."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch isn't installed (make test-learned runs these)")
pytest.importorskip("vector_quantize_pytorch", reason="vector-quantize-pytorch isn't installed")

from tokloom.errors import ArgumentError, FormatError  # noqa: E402
from tokloom.learned.blocks import (  # noqa: E402
    Argmax,
    Codes,
    Concat,
    Dense,
    Digits,
    Embed,
    Join,
    Linear,
    Lookup,
    Rows,
    Stack,
    Windows,
    checked_levels,
)
from tokloom.learned.integers import calibrate, digit_thresholds, export_stack, linear_scale  # noqa: E402
from tokloom.learned.network_reference import run_network  # noqa: E402

LEVELS = [8, 8, 5]


def an_encoder() -> Stack:
    """One layer of each kind that an encoder has."""
    keys = torch.tensor([[97, 98], [97, 255], [98, 97], [200, 1]])
    return Stack(
        [
            Windows(6, 2, 2, 256),
            Embed(6, 257, 24),
            Dense(24, 24, add=1),
            Join(4),
            Dense(96, 32),
            Rows(4),
            Lookup(keys, 2, input=0),
            Embed(1, 5, 6, norm=False),
            Concat([2, 5, 7]),
            Linear(24 + 8 + 6, 3, norm=True),
            Digits(LEVELS),
        ]
    )


def a_decoder() -> Stack:
    """One layer of each kind that a decoder has."""
    return Stack(
        [
            Rows(4),
            Codes(LEVELS),
            Embed(1, 320, 12, norm=False, deviation=1.0),
            Windows(9, 3, 3, 8, input=-1),
            Embed(9, 9, 20, codes=torch.randn(9, 9), add=None),
            Concat([2, 4]),
            Dense(32, 24),
            Rows(2),
            Linear(12, 257),
            Argmax(257),
        ]
    )


def some_text(count):
    generator = torch.Generator().manual_seed(5)
    text = torch.randint(0, 257, (count, 1, 8), generator=generator)
    text[: count // 2, :, 2:4] = torch.tensor([97, 98])
    return text


def with_statistics(stack, batch):
    """A stack whose normalisations have seen something, and whose activations were watched."""
    stack.train()
    for _ in range(30):
        stack(batch)
    stack.eval()
    calibrate(stack, [batch])
    return stack


def test_an_encoder_gives_the_same_digits_as_integers():
    torch.manual_seed(0)
    text = some_text(512)
    stack = with_statistics(an_encoder(), text)
    layers, tensors = export_stack(stack, "encoder")
    exact = run_network(layers, tensors, text.numpy())
    with torch.no_grad(), stack.rounded():
        simulated = stack(text).index.numpy()
    with torch.no_grad():
        floating = stack(text).index.numpy()
    assert exact.shape == (512, 4, 3)
    # What may differ is a sum that lies on a threshold to within float32.
    assert (exact == simulated).mean() > 0.9995
    # Untrained, digits are no further from a threshold than chance has them.
    assert (exact == floating).mean() > 0.95


def test_a_decoder_gives_the_same_symbols_as_integers():
    torch.manual_seed(1)
    digits = torch.stack([torch.randint(0, LEVELS[place % 3], (512,)) for place in range(12)], -1)[:, None]
    stack = with_statistics(a_decoder(), digits)
    layers, tensors = export_stack(stack, "decoder")
    exact = run_network(layers, tensors, digits.numpy(), name="decoder")
    with torch.no_grad(), stack.rounded():
        simulated = stack(digits).index.numpy()
    with torch.no_grad():
        floating = stack(digits).index.numpy()
    assert exact.shape == (512, 8, 1)
    assert (exact == simulated).mean() > 0.999
    # Untrained, the first two of 257 sums are close to each other.
    assert (exact == floating).mean() > 0.9


def test_activations_stay_on_their_grid():
    torch.manual_seed(2)
    batch = torch.randint(0, 128, (64, 1, 16)).float() * 0.05
    stack = Stack([Dense(16, 8), Dense(8, 8, add=0)], input_scale=torch.full((16,), 0.05))
    with_statistics(stack, batch)
    layers, tensors = export_stack(stack, "body")
    whole = run_network(layers, tensors, (batch / 0.05).round().long().numpy(), name="body")
    with torch.no_grad(), stack.rounded():
        simulated = (stack(batch) / stack.scales()[-1]).round().long().numpy()
    assert whole.max() <= 127
    assert whole.min() >= 0
    assert np.abs(whole - simulated).max() <= 1


def test_sums_times_their_scale_are_the_vector():
    torch.manual_seed(3)
    text = some_text(64)
    stack = with_statistics(Stack([Embed(8, 257, 16), Linear(16, 4)]), text)
    layers, tensors = export_stack(stack, "encoder")
    sums = run_network(layers, tensors, text.numpy()) * linear_scale(stack)
    with torch.no_grad(), stack.rounded():
        vector = stack(text).numpy()
    assert np.allclose(sums, vector, atol=1e-4)


@pytest.mark.parametrize("level", [3, 4, 5, 7, 8, 16])
def test_thresholds_are_where_fsq_goes_to_the_next_level(level):
    thresholds = digit_thresholds(level)
    digits = Digits([level, level])
    for index, threshold in enumerate(thresholds):
        pair = torch.tensor([[[threshold - 1e-4, threshold + 1e-4]]], dtype=torch.float32)
        assert digits(pair).index.flatten().tolist() == [index, index + 1]


@pytest.mark.parametrize("level", [5, 8])
def test_fsq_reaches_every_level(level):
    reached = Digits([level])(torch.linspace(-5, 5, 1000)[None, :, None]).index.unique().tolist()
    assert reached == list(range(level))


def test_a_gradient_passes_the_digits_to_the_encoder():
    torch.manual_seed(4)
    encoder, text = an_encoder(), some_text(8)
    decoder = Stack([Join(4), Embed(12, 9, 16, codes=torch.randn(12, 9)), Linear(16, 4)])
    decoder(encoder(text)).sum().backward()
    for layer in (1, 2, 4, 7, 9):
        weight = next(iter(encoder.layers[layer].parameters()))
        assert weight.grad is not None, layer


def test_what_comes_back_from_codes_passes_no_rounding_into_the_sum():
    """The part of a table that is linear in the codes is in the table: what it gives in training is what is exported."""
    torch.manual_seed(5)
    codes = torch.linspace(-1, 0.75, 8).expand(3, 8)
    embed = Embed(3, 8, 4, codes=codes, norm=False)
    digits = Digits([8, 8, 8])(torch.randn(16, 1, 3))
    assert torch.equal(embed(digits), embed(type(digits)(digits.index)))


@pytest.mark.parametrize("levels", [[], [1, 8], [8, 2], [0], [512, 512, 512], [[8, 8], [8, 8]], [8.5]])
def test_levels_that_carry_nothing_are_refused(levels):
    with pytest.raises(ArgumentError, match="levels"):
        checked_levels(levels)


def test_a_layer_reads_only_earlier_ones():
    with pytest.raises(ArgumentError, match="only earlier layers"):
        Stack([Embed(2, 8, 4), Dense(4, 4, add=1)])


def test_an_export_without_calibration_is_refused():
    with pytest.raises(ArgumentError, match=r"stack\.watch"):
        export_stack(Stack([Embed(2, 8, 4)]), "encoder")


def test_numbers_that_are_none_are_refused():
    stack = Stack([Embed(2, 8, 4)])
    stack.layers[0].table.data[0, 0, 0] = float("nan")
    with pytest.raises(ArgumentError, match="finite"):
        calibrate(stack, [torch.zeros(4, 1, 2, dtype=torch.long)])
    with pytest.raises(ArgumentError, match="finite"):
        export_stack(stack, "encoder")


@pytest.mark.parametrize(
    ("layers", "tensors"),
    [
        ([{"op": "softmax"}], {}),
        ([{"op": "dense", "inputs": 2, "outputs": 2}], {}),
        ([{"op": "rows", "count": 3}], {}),
        ([{"op": "concat", "of": [0]}], {}),
        ([{"op": "windows", "size": 2, "stride": 3, "before": 0, "pad": 0}], {}),
    ],
)
def test_the_reference_refuses_what_does_not_fit(layers, tensors):
    with pytest.raises(FormatError):
        run_network(layers, tensors, np.zeros((1, 1, 4)))
