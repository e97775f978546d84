"""Chunks: what is remembered, what training does, and that what comes out is a tokenizer like any other."""

import dataclasses
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch isn't installed (make test-learned runs these)")
pytest.importorskip("vector_quantize_pytorch", reason="vector-quantize-pytorch isn't installed")

import tokloom  # noqa: E402
from tokloom.errors import ArgumentError, TrainingError  # noqa: E402
from tokloom.learned import TextData, TrainingConfiguration  # noqa: E402
from tokloom.learned.fsq.chunk_model import ChunkModel, ChunkShape  # noqa: E402
from tokloom.learned.fsq.chunk_task import ChunkTask, chunks_of  # noqa: E402
from tokloom.learned.fsq.chunk_tokenizer import ChunkTokenizer  # noqa: E402
from tokloom.learned.fsq.chunk_training import (  # noqa: E402
    TRAINING,
    chosen_shape,
    integer_network,
    new_model,
    train_chunks,
    train_network,
    train_on,
)
from tokloom.learned.fsq.memory import remember  # noqa: E402
from tokloom.learned.fsq.report import as_markdown, report  # noqa: E402
from tokloom.learned.network_reference import run_network  # noqa: E402
from tokloom.learned.network_torch import TorchNetwork  # noqa: E402
from tokloom.metrics.reconstruction import frequent_strings  # noqa: E402

SMALL = ChunkShape(4, (5, 5, 5), keys=200, width=24, mixed=8, byte_width=12)
FEW = TrainingConfiguration(steps=12, batch_size=64, learning_rate=1e-3, warmup=2, threads=1)


def some_text(documents: int = 60, seed: int = 0) -> TextData:
    """Sentences of a small vocabulary."""
    random = np.random.default_rng(seed)
    words = ["the", "weaver", "threads", "a", "loom", "of", "tokens", "über", "and", "then", "rests"]
    return TextData.of([" ".join(random.choice(words, 80)) + ".\n" for _ in range(documents)])


def test_frequent_strings_are_counted_at_every_place_and_ties_are_settled():
    data = np.frombuffer(b"abababac", np.uint8)
    strings = [int(string).to_bytes(2, "big") for string in frequent_strings(data, 2, 3)]
    assert strings == [b"ab", b"ba", b"ac"]


def test_a_string_without_a_cell_gets_that_of_the_one_most_like_it():
    data = np.frombuffer(b"xyz." * 50 + b"word" * 40 + b"ward" * 2, np.uint8)
    memory = remember(data, 4, codes=8, keys=64)
    keys = {bytes(key): int(code) for key, code in zip(memory.keys, memory.codes, strict=True)}
    assert len(memory.keys) < 64
    assert bytes(memory.entries[keys[b"word"]]) == b"word"
    assert bytes(memory.entries[keys[b"ward"]]) == b"word"
    assert (np.diff([int.from_bytes(bytes(key), "big") for key in memory.keys]) > 0).all()


def test_what_is_remembered_comes_back_before_any_training():
    text = some_text()
    shape = dataclasses.replace(SMALL, levels=(8, 8, 8))
    model = new_model(text, shape, seed=0).eval()
    chunks = torch.from_numpy(chunks_of(text.data, 400))
    with torch.no_grad():
        right = model(chunks)[0].unflatten(-1, (-1, 257)).argmax(-1).flatten(1) == chunks
    assert right[:-1].float().mean() > 0.8


@pytest.mark.parametrize(
    "shape",
    [
        SMALL,
        ChunkShape(2, (8, 5), keys=0, width=16, mixed=8),
        ChunkShape(1, (3, 4, 5), keys=0, width=16, mixed=8),
    ],
)
def test_the_integers_agree_in_numpy_torch_and_the_engine(shape, tmp_path):
    text, held_out = some_text(), some_text(8, seed=1)
    description, tensors = train_network(text, held_out, shape, training=FEW, directory=tmp_path)
    network, chunks = description["network"], chunks_of(held_out.data, 64)
    digits = run_network(network["encoder"], tensors, chunks[:, None])
    symbols = run_network(network["decoder"], tensors, digits.reshape(len(chunks), 1, -1), name="decoder")
    basis = np.cumprod([1, *shape.levels[:-1]])
    codes = (digits * basis).sum(-1)
    encoder = TorchNetwork(network["encoder"], tensors)
    decoder = TorchNetwork(network["decoder"], tensors, name="decoder")
    found = encoder(torch.from_numpy(chunks)[:, None])
    assert (found.numpy() == digits).all()
    assert (decoder(found.flatten(1)[:, None]).numpy() == symbols).all()
    tokenizer = ChunkTokenizer.from_network(description, tensors)
    assert (tokenizer.raw_encode(chunks) == codes).all()
    assert (tokenizer.raw_decode(codes) == symbols.reshape(len(chunks), 16)).all()


def test_what_is_trained_is_exact_saved_and_loaded(tmp_path):
    tokenizer = train_on(
        some_text(),
        some_text(8, seed=1),
        SMALL,
        training=FEW,
        directory=tmp_path / "run",
        special_tokens=["<|end|>"],
    )
    for data in ("the weaver rests", "naïve 語 🙂", "", "x" * 17, bytes(range(256))):
        ids = tokenizer.encode(data)
        assert tokenizer.decode_bytes(ids) == (data.encode() if isinstance(data, str) else data)
        assert len(ids) <= max(len(data.encode() if isinstance(data, str) else data), 1)
    tokenizer.save(tmp_path / "saved")
    again = tokloom.load(tmp_path / "saved")
    assert again.fingerprint == tokenizer.fingerprint
    assert again.encode("the loom") == tokenizer.encode("the loom")
    assert tokenizer.levels == (5, 5, 5)


def test_the_same_seed_gives_the_same_tokenizer(tmp_path):
    made = [
        train_on(some_text(), some_text(8, seed=1), SMALL, training=FEW, directory=tmp_path / str(run))
        for run in range(2)
    ]
    assert made[0].fingerprint == made[1].fingerprint


def test_a_run_that_is_done_gives_its_tokenizer_again(tmp_path):
    made = [
        train_on(some_text(), some_text(8, seed=1), SMALL, training=FEW, directory=tmp_path) for _ in range(2)
    ]
    assert made[0].fingerprint == made[1].fingerprint


def test_rounding_costs_less_than_what_is_tolerated(tmp_path):
    text = some_text()
    model = new_model(text, SMALL, seed=0)
    task = ChunkTask(model, text, some_text(8, seed=1), batch_size=64)
    tokloom.learned.train(task, FEW, tmp_path)
    model.eval()
    with torch.no_grad():
        floating = task.evaluate()["characters"]
    batches = [task.batch(step, seed=3, rank=0, ranks=1) for step in range(4)]
    _, _, exact = integer_network(model, batches, task.held_out)
    assert abs(floating - exact) < 0.01


def test_a_report_stands_beside_its_baselines(tmp_path):
    text, held_out = some_text(), some_text(8, seed=1)
    tokenizer = train_on(text, held_out, SMALL, training=FEW, directory=tmp_path / "run")
    tokenizer.save(tmp_path / "saved")
    texts = {"one": held_out.data[:2000], "other": np.frombuffer("ανάμεσα".encode() * 40, np.uint8)}
    found = report(tokenizer, texts, text.data, folder=tmp_path / "saved")
    assert json.loads(json.dumps(found.to_dict()))["texts"]["one"]["bytes"] == 2000
    assert found.texts["one"].codes_seen == 500
    assert found.perplexity["one"] > 1
    assert found.size > 1000
    assert found.shared["one"]["one"] == pytest.approx(1.0)
    markdown = as_markdown(found.tables())
    assert "| table " in markdown
    assert "| words " in markdown


def test_chunks_are_cut_as_the_tokenizer_cuts_them():
    assert chunks_of(np.frombuffer(b"0123456789abcdefXY", np.uint8)).tolist() == [
        list(b"0123456789abcdef"),
        [88, 89, *[256] * 14],
    ]


@pytest.mark.parametrize(
    ("codes_per_chunk", "levels", "keys", "said"),
    [
        (0, (8, 8), None, "codes_per_chunk=0"),
        (3, (8, 8), None, "codes_per_chunk=3"),
        (4, (1, 8), None, "levels"),
        (4, (), None, "levels"),
        (4, (8, 8), -1, "keys"),
        (1, (8, 8), 10, "at most 8 bytes"),
    ],
)
def test_shapes_that_make_no_sense_are_refused(codes_per_chunk, levels, keys, said):
    with pytest.raises(ArgumentError, match=said):
        chosen_shape(codes_per_chunk, levels, keys)


def test_a_text_shorter_than_a_batch_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="batch"):
        train_chunks(
            ["a short text, which is one of two", "and another"],
            training=FEW,
            directory=tmp_path,
            keys=0,
            held_out=0.5,
        )


def test_a_training_that_fails_keeps_its_last_checkpoint(tmp_path):
    class Failing(ChunkTask):
        def loss(self, batch, step):
            loss, measures = super().loss(batch, step)
            return loss * (float("nan") if step == 8 else 1.0), measures

    text = some_text()
    task = Failing(ChunkModel(dataclasses.replace(SMALL, keys=0)), text, text, batch_size=64)
    with pytest.raises(TrainingError, match=r"checkpoint, of step 5"):
        tokloom.learned.train(task, dataclasses.replace(FEW, checkpoint_every=5), tmp_path)
    assert (tmp_path / "checkpoint").is_dir()


@pytest.mark.slow
def test_the_defaults_use_at_least_half_the_codes_after_500_steps(tmp_path):
    """On enough text that more than half of the codes can occur: fifty thousand strings of four random letters."""
    random = np.random.default_rng(3)
    letters = np.frombuffer(b"etaoinshrdlu ", np.uint8)
    text = TextData.of([letters[random.integers(0, 13, 40_000)].tobytes() for _ in range(100)])
    shape = dataclasses.replace(chosen_shape(4, (8, 8, 8, 8, 8), None), width=32, mixed=8)
    training = TrainingConfiguration(
        **{**TRAINING, "minutes": None, "steps": 500, "batch_size": 64, "threads": 1}
    )
    tokenizer = train_on(text, text, shape, training=training, directory=tmp_path)
    codes = np.unique(tokenizer.raw_encode(chunks_of(text.data)))
    assert len(codes) >= tokenizer.codes / 2
