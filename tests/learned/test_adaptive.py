"""Adaptive tokenizers and coordinates by spelling, trained small: what torch is needed for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import tokloom
from tokloom.learned import FSQTokenizer
from tokloom.learned.blocks import Argmax, Linear
from tokloom.learned.fsq import AdaptiveTokenizer
from tokloom.learned.fsq.adaptive_model import CellTask, SpellTask, decoder, spell
from tokloom.learned.fsq.adaptive_segmenting import segment
from tokloom.learned.fsq.adaptive_training import Pool, carry, gather, keep, train_adaptive
from tokloom.learned.fsq.lattice import train_lattice
from tokloom.learned.fsq.lattice_measures import measure
from tokloom.learned.fsq.tools import prune_spans
from tokloom.learned.integers import calibrate, export_stacks

TEXT = [
    f"In the beginning of chapter {number} the king of the land went to the house of the river, and he said: "
    f"«été {number % 7}» is the word of the day, in the house of the king.\n"
    for number in range(300)
]
LEVELS = (8, 8, 5, 5)
SMALL: dict[str, Any] = {
    "steps": 240,
    "batch_size": 64,
    "width": 64,
    "threads": 1,
    "levels": LEVELS,
    "learning_rate": 1e-2,
}


@pytest.fixture(scope="module")
def trained() -> AdaptiveTokenizer:
    found = train_adaptive(TEXT, vocab_size=320, special_tokens=["<|endoftext|>"], **SMALL)
    assert isinstance(found, AdaptiveTokenizer)
    return found


def test_every_kept_span_is_what_the_integer_network_spells(trained):
    spelled = spell(trained.description["network"], trained.tensors(), trained.codes())
    assert spelled == trained.spans_table()
    assert len(spelled) > 20
    assert len(np.unique(trained.codes(), axis=0)) == len(spelled)


def test_it_cuts_into_the_fewest_and_gives_every_text_back(trained):
    spans = set(trained.spans_table())
    for text in (*TEXT[:3], "nothing like it", "été", ""):
        pieces = [trained.token_bytes(id) for id in trained.encode(text)]
        assert pieces == segment(text.encode(), spans)
        assert trained.decode(trained.encode(text)) == text
    assert trained.decode_bytes(trained.encode(b"\xff\x00 of the")) == b"\xff\x00 of the"
    assert trained.special_tokens == {"<|endoftext|>": trained.vocab_size - 1}
    # Words' borders don't hold it up.
    assert any(b" " in span.strip() for span in spans)


def test_it_saves_more_than_bytes_and_no_more_than_the_dictionary(trained):
    pool = gather(TEXT, vocab_size=320, special_tokens=1)
    every = keep(pool, None, vocab_size=320, special_tokens=1)
    text = "".join(TEXT)
    carried = len(text.encode()) / trained.count_tokens(text)
    assert 1.5 < carried <= every.bytes_per_token + 0.1


def test_the_same_text_and_seed_give_the_same_tokenizer(trained):
    again = FSQTokenizer.train(
        TEXT, kind="adaptive", vocab_size=320, special_tokens=["<|endoftext|>"], **SMALL
    )
    assert again == trained


def test_saved_and_loaded_it_is_the_same(trained, tmp_path):
    trained.save(tmp_path / "saved")
    again = tokloom.load(tmp_path / "saved")
    assert isinstance(again, AdaptiveTokenizer)
    assert again == trained
    assert spell(again.description["network"], again.tensors(), again.codes()) == trained.spans_table()


def test_an_interrupted_run_goes_on_to_the_same(tmp_path):
    pool = gather(TEXT, vocab_size=300)
    whole = carry(pool, **SMALL)
    carry(pool, **SMALL, directory=tmp_path)
    again = carry(pool, **SMALL, directory=tmp_path)  # all runs are there already
    assert again.cells.tolist() == whole.cells.tolist()
    assert again.exact.tolist() == whole.exact.tolist()


def test_the_integer_network_is_the_rounded_one():
    torch.manual_seed(0)
    stack = decoder((8, 5, 5, 8), 32, 1)
    cells = torch.randint(0, 5, (200, 4))
    stack.eval()
    calibrate(stack, [cells[:, None]])
    with torch.no_grad(), stack.rounded():
        expected = stack(cells[:, None]).index[..., 0].numpy()
    network, tensors = export_stacks({"decoder": stack})
    found = spell(network, tensors, cells.numpy())
    agree = [
        bytes(symbols[: list(symbols).index(256)] if 256 in symbols else symbols) == span
        for symbols, span in zip(expected.tolist(), found, strict=True)
    ]
    # What float32 adds up in another order may fall to the other side of a half.
    assert np.mean(agree) > 0.95


@pytest.mark.parametrize("rounded", [False, True])
def test_the_loss_of_a_span_looks_at_no_more_than_the_span(rounded):
    torch.manual_seed(0)
    stack = decoder((8, 5), 16, 1)
    task = SpellTask(
        [b"ab", b"abc"], np.ones(2), np.array([[0, 1], [7, 4]]), stack, rounded=rounded, batch_size=4
    )
    calibrate(stack, task.batches())
    which = torch.tensor([0, 1])
    stack.eval()
    loss, _ = task.loss(which, 0)
    *_, last, argmax = stack.blocks()
    assert isinstance(last, Linear)
    assert isinstance(argmax, Argmax)
    if rounded:
        with stack.rounded():
            scores = stack(task.cells[:, None], sums=True)
    else:
        scores = stack(task.cells[:, None], sums=True)
    logs = torch.log_softmax(scores.float(), -1)
    expected = -torch.stack(
        [
            logs[row, place, symbol]
            for row, symbols in enumerate(([97, 98, 256], [97, 98, 99, 256]))
            for place, symbol in enumerate(symbols)
        ]
    ).sum()
    assert float(loss.detach()) == pytest.approx(float(expected.detach()) / 2, rel=1e-4)


def test_batches_are_a_pure_function_of_the_step():
    task = CellTask([b"ab", b"cd", b"ef"], np.array([9.0, 1, 0]), (8, 8), width=8, depth=1, batch_size=64)
    one, other = (task.batch(3, seed=1, rank=0, ranks=1) for _ in range(2))
    assert one.tolist() == other.tolist() != task.batch(4, seed=1, rank=0, ranks=1).tolist()
    drawn = torch.bincount(torch.cat([task.batch(step, seed=0, rank=0, ranks=1) for step in range(40)]))
    assert drawn[0] > drawn[1] > drawn[2] > 0


# --- what can't be --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "choices", "message"),
    [
        ([], {}, "no text"),
        (["ab"], {}, "occurs 6 times"),
        (TEXT, {"vocab_size": 256}, "no room for a span"),
        (TEXT, {"vocab_size": 300, "levels": (8, 1)}, "under 2"),
        (TEXT, {"vocab_size": 300, "levels": (8, 5), "steps": 1}, "don't fit"),
        (TEXT, {"vocab_size": 300, "steps": 1, "minutes": 1}, "minutes"),
    ],
)
def test_bad_input(source, choices, message):
    with pytest.raises(tokloom.ArgumentError, match=message):
        train_adaptive(source, **choices)


def test_a_network_that_learned_nothing_keeps_nothing():
    pool = gather(TEXT, vocab_size=300)
    nothing = carry(pool, steps=1, batch_size=8, width=8, threads=1, levels=LEVELS)
    if not nothing.exact.any():
        with pytest.raises(tokloom.ArgumentError, match="carries no span"):
            keep(pool, nothing, vocab_size=300)
    assert nothing.exact.mean() < 0.2


def test_training_that_fails_is_an_error():
    pool = gather(TEXT, vocab_size=300)
    with pytest.raises(tokloom.TrainingError):
        carry(
            Pool(pool.text, pool.selected),
            steps=40,
            learning_rate=1e30,
            batch_size=64,
            width=8,
            threads=1,
            levels=LEVELS,
        )


# --- tools ----------------------------------------------------------------------------------------------------------


def test_a_pruned_vocabulary_keeps_what_saves_most(trained):
    smaller, new_ids = prune_spans(trained, 290, TEXT)
    # The network is kept, and still spells what is left.
    network = smaller.description["network"]
    assert spell(network, smaller.tensors(), smaller.codes()) == smaller.spans_table()
    assert smaller.description["pruned"] == {
        "from": trained.fingerprint,
        "spans": len(trained.spans_table()),
    }
    assert smaller.vocab_size == 290
    assert smaller.special_tokens == {"<|endoftext|>": 289}
    for old, new in new_ids.items():
        assert smaller.token_bytes(new) == trained.token_bytes(old)
    assert [smaller.digits()[new].tolist() for new in new_ids.values()] == [
        trained.digits()[old].tolist() for old in new_ids
    ]
    text = "".join(TEXT)
    assert smaller.decode(smaller.encode(text)) == text
    assert trained.count_tokens(text) < smaller.count_tokens(text) < len(text)
    for size in (257, trained.vocab_size, 10**6):
        with pytest.raises(tokloom.ArgumentError, match="vocab_size"):
            prune_spans(trained, size, TEXT)


def test_a_lattice_over_spans(trained, tmp_path):
    lattice = train_lattice(TEXT, tokenizer=trained, layout="digits")
    assert lattice.encode(TEXT[0]) == trained.encode(TEXT[0])
    lattice.save(tmp_path / "saved")
    assert tokloom.load(tmp_path / "saved") == lattice


# --- coordinates by spelling ----------------------------------------------------------------------------------------


def test_spelling_puts_like_tokens_together():
    inner = tokloom.train(TEXT, 400)
    lattice = train_lattice(
        TEXT, tokenizer=inner, coordinates="spelling", levels=(8, 8, 8), steps=150, threads=1
    )
    assert len(np.unique(lattice.digits(), axis=0)) == lattice.vocab_size
    report = measure(lattice, TEXT)
    assert report.neighbours_share_leading_bytes > 2 * report.random_pairs_share_leading_bytes
