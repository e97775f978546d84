"""Scores: every byte counted once, whatever the batch, the padding, the windows; the same across libraries."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

import tokloom
from lm.test_model import BODIES
from tokloom.corpus import write_shards
from tokloom.corpus.sequences import Sequences
from tokloom.errors import ArgumentError
from tokloom.lm import LanguageModel, ModelConfig
from tokloom.lm.scoring import score
from tokloom.lm.training import held_out_nats

BYTES = tokloom.load("bytes")
LONG = "five " * 30
TEXTS: list[str | bytes] = ["one", "", "zwei, das zweite", "три", b"\xff\xfe", LONG]
SIZES = [len(text.encode() if isinstance(text, str) else text) for text in TEXTS]


def model_of(tokenizer=BYTES, **choices) -> LanguageModel:
    torch.manual_seed(1)
    return LanguageModel.for_tokenizer(tokenizer, width=16, layers=2, heads=2, **choices).eval()


def test_a_uniform_model_scores_8():
    model = model_of()
    with torch.no_grad():
        model.head.scores.zero_()
    scores = score(model, TEXTS, BYTES)
    assert scores.bits_per_byte == pytest.approx(8.0, abs=1e-6)
    assert scores.bytes.tolist() == SIZES
    assert scores.nats == pytest.approx(np.array(SIZES) * math.log(256), rel=1e-6)


@pytest.mark.parametrize("body", BODIES)
def test_batch_and_order_change_nothing(body):
    model = model_of(body=body)
    together = score(model, TEXTS, BYTES, batch_size=4)
    alone = score(model, TEXTS[::-1], BYTES, batch_size=1)
    assert together.nats == pytest.approx(alone.nats[::-1], rel=1e-5)


@pytest.mark.parametrize("body", BODIES)
def test_packed_is_as_document_by_document(tmp_path, body):
    model = model_of(body=body)
    shards = write_shards(TEXTS, BYTES, tmp_path / "shards")
    packed = held_out_nats(model, Sequences(shards, shards.size), 1)
    assert packed == pytest.approx(score(model, TEXTS, BYTES).nats.sum(), rel=1e-5)
    # Cut into sequences, every unit still is counted once: as documents that begin anew there.
    cut = held_out_nats(model, Sequences(shards, 7), 3)
    joined = b"".join(text.encode() if isinstance(text, str) else text for text in TEXTS)
    ends = {*range(0, len(joined), 7), *np.cumsum(SIZES).tolist()}
    borders = sorted(ends | {len(joined)})
    pieces = [joined[begin:end] for begin, end in pairwise(borders)]
    assert cut == pytest.approx(score(model, pieces, BYTES).nats.sum(), rel=1e-5)


def test_windows_count_every_unit_once_with_the_context_that_is_said():
    model = model_of()
    text = LONG
    whole = model.nll(torch.tensor([list(text.encode())]))[0].detach()
    scores = score(model, [text], BYTES, context=40, overlap=10)
    expected = float(whole[:40].sum())
    for begin in range(30, len(text) - 10, 30):
        window = torch.tensor([list(text.encode()[begin : begin + 40])])
        expected += float(model.nll(window)[0, 10:].detach().sum())
    assert scores.nats[0] == pytest.approx(expected, rel=1e-5)
    assert score(model, [text], BYTES, context=1000).nats[0] == pytest.approx(float(whole.sum()), rel=1e-5)


def test_chunks_are_scored_too():
    model = model_of(input="chunk-vectors", vocab_size=4)
    scores = score(model, TEXTS, BYTES, batch_size=2)
    assert scores.bytes.tolist() == SIZES
    assert scores.units.tolist() == [-(-size // 4) for size in SIZES]
    assert scores.bits_per_byte > 0


def test_a_folder_of_transformers_scores_the_same(tmp_path):
    transformers = pytest.importorskip("transformers")
    from tokloom.lm.huggingface import to_llama

    tokenizer = BYTES.with_special_tokens(["<|endoftext|>"])
    model = model_of(tokenizer, qk_norm=False, start=256)
    to_llama(model, tmp_path / "llama")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "llama")
    ours = score(model, TEXTS, tokenizer, context=50)
    assert score(theirs, TEXTS, tokenizer, context=50, start=256).nats == pytest.approx(ours.nats, rel=1e-4)
    with pytest.raises(ArgumentError, match="give start="):
        score(theirs, TEXTS, BYTES)


def test_another_tokenizer_is_refused():
    with pytest.raises(ArgumentError, match="another tokenizer"):
        score(model_of(), TEXTS, BYTES.with_special_tokens(["<|end|>"]))
    with pytest.raises(ArgumentError, match="overlap"):
        score(model_of(), TEXTS, BYTES, context=4, overlap=4)


def test_unknown_fingerprint_is_taken_as_given():
    model = LanguageModel(ModelConfig(vocab_size=256, width=16, layers=1, heads=1))
    assert score(model, ["a"], BYTES).bytes.tolist() == [1]
