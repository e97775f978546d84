"""Runs of language models: stopped and gone on with, of two processes, on bad data."""

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import tokloom
from tokloom.chat import Chat, named_format
from tokloom.corpus import conversations, dataset, open_shards, write_conversations, write_shards
from tokloom.errors import ArgumentError, FormatError, SourceError, TrainingError
from tokloom.learned import TrainingConfiguration, train
from tokloom.learned.log import read
from tokloom.lm import LanguageModel
from tokloom.lm.baselines import baselines
from tokloom.lm.fitting import Memory, batch_that_fits, memory_of
from tokloom.lm.running import Data, open_run, train_run
from tokloom.lm.scoring import score
from tokloom.lm.training import LanguageModelTask

TESTS = Path(__file__).parents[1]
BYTES = tokloom.load("bytes")
TEXTS = [f"document {number} says {number**7} and {number**3}, as it did before" for number in range(120)]
TINY = {"width": 16, "layers": 1, "heads": 2}
CHOICES: dict[str, Any] = {"threads": 1, "warmup": 3, "log_every": 1, "precision": "float32", "batch_size": 4}


def run(folder, *, steps=6, model=TINY, source=TEXTS, **choices):
    data = Data(source, sequence_length=32, held_out=0.1)
    return train_run("bytes", folder, data, {**CHOICES, "steps": steps}, model=model, **choices)


def losses(folder):
    return [line["loss"] for line in read(Path(folder) / "log.jsonl") if "loss" in line]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, run(folder)


def test_a_run_is_a_folder_with_all_in_it(whole):
    folder, result = whole
    model, tokenizer = open_run(folder)
    assert tokenizer == BYTES
    assert {path.name for path in folder.iterdir()} == {
        *("tokenizer", "data", "checkpoint", "log.jsonl", "configuration.json", "model")
    }
    validation = open_shards(folder / "data" / "validation", verify=True)
    texts = [bytes(document.ids.tolist()) for document in validation.documents()]
    assert result.measures["uniform bytes"] == 8.0
    assert 0 < result.measures["xz, training text known"] < result.measures["xz"]
    # Each document alone and whole; in the run, cut where a sequence ends.
    assert score(model, texts, tokenizer).bits_per_byte == pytest.approx(
        result.measures["bits per byte"], rel=0.1
    )
    sections = json.loads((folder / "configuration.json").read_text())
    assert sections["model"]["width"] == 16
    assert sections["data"]["validation"]["bytes"] == sum(map(len, texts))


def test_the_same_run_twice_is_the_same(whole, tmp_path):
    run(tmp_path / "again")
    assert losses(tmp_path / "again") == losses(whole[0])


def test_gradients_added_up_are_the_same(whole, tmp_path):
    run(tmp_path / "parts", part=1)
    assert losses(tmp_path / "parts") == pytest.approx(losses(whole[0]), rel=1e-5)


@pytest.mark.parametrize(
    "model",
    [
        {"body": "liquid", "input": "chunk-vectors", "vocab_size": 4},
        {"body": "liquid-spiking", "input": "composed"},
        {"vocab_size": 320},
        {"head": "adaptive-softmax"},
    ],
)
def test_other_interfaces_train(tmp_path, model):
    result = run(tmp_path / "run", steps=2, model={**TINY, **model})
    assert 3 < result.measures["bits per byte"] < 16


def test_spikes_are_shown_and_held_down(tmp_path):
    model = {**TINY, "body": "liquid-spiking"}
    for name, penalty in (("free", 0.0), ("held", 20.0)):
        run(tmp_path / name, steps=30, model=model, spike_penalty=penalty, spike_target=0.02)
    free, held = (
        [line["spike rate"] for line in read(tmp_path / name / "log.jsonl") if "loss" in line]
        for name in ("free", "held")
    )
    assert free[0] == pytest.approx(held[0])
    assert 0 < held[-1] < free[-1] < 1
    with pytest.raises(ArgumentError, match="liquid-spiking body"):
        run(tmp_path / "none", steps=1, spike_penalty=1.0)


SCRIPT = """
import sys
from lm.test_running import run
run(sys.argv[1], steps=int(sys.argv[2]))
"""
KILLED = """
import os, signal, sys
from lm import test_running
from tokloom.lm.training import LanguageModelTask
loss = LanguageModelTask.loss
def loss_or_die(self, batch, step):
    if step == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return loss(self, batch, step)
LanguageModelTask.loss = loss_or_die
test_running.CHOICES["checkpoint_every"] = 2
test_running.run(sys.argv[1])
"""


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path]), "OMP_NUM_THREADS": "1"}


def test_kill_9_changes_no_loss(whole, tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path / "run")]
    assert subprocess.run(command, env=environment(), check=False).returncode == -signal.SIGKILL
    with pytest.raises(SourceError, match="go on with --resume"):
        open_run(tmp_path / "run")
    # Its own shards are gone on with: nobody looks at the text.
    train_run(
        "bytes",
        tmp_path / "run",
        Data(None, sequence_length=32),
        {**CHOICES, "steps": 6, "checkpoint_every": 2},
        model=TINY,
    )
    assert losses(tmp_path / "run") == losses(whole[0])


def test_two_processes_make_the_same_losses(whole, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += [str(script), str(tmp_path / "run"), "6"]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    assert losses(tmp_path / "run") == pytest.approx(losses(whole[0]), rel=1e-5)
    assert open_run(tmp_path / "run")[1] == BYTES


def test_nan_stops_and_names_the_last_good_checkpoint(tmp_path):
    train_data, validation = dataset(TEXTS, BYTES, 32)
    model = LanguageModel.for_tokenizer(BYTES, **TINY)
    task = LanguageModelTask(model, train_data.shards, validation.shards, sequence_length=32, batch_size=4)
    loss = task.loss

    def broken(batch, step):
        value, measures = loss(batch, step)
        return (value * math.nan if step == 4 else value), measures

    task.loss = broken  # type: ignore[method-assign]
    with pytest.raises(TrainingError, match=r"step 5: .* nan .*step 4, stays: .*checkpoint"):
        train(task, TrainingConfiguration(steps=6, checkpoint_every=2, **CHOICES), tmp_path / "run")


def test_only_what_is_to_be_said_is_trained(tmp_path):
    format = named_format("nanochat")
    tokenizer = BYTES.with_special_tokens(format.control_tokens)
    talk = [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "zwei"}]
    shards = write_conversations([talk] * 5, Chat(tokenizer, "nanochat"), tokenizer, tmp_path / "chats")
    model = LanguageModel.for_tokenizer(tokenizer, **TINY)
    task = LanguageModelTask(model, shards, shards, sequence_length=shards.size, batch_size=1)
    loss, _ = task.loss(task.batch(0, seed=0, rank=0, ranks=1), 0)
    ids, mask = Chat(tokenizer, "nanochat").render(talk)
    nats = model.nll(torch.tensor([ids]))[0]
    expected = nats[torch.tensor(mask, dtype=torch.bool)]
    assert loss.item() == pytest.approx(expected.mean().item(), rel=1e-5)
    with torch.no_grad():
        bits = task.evaluate()["bits per byte"]
    assert bits == pytest.approx(expected.sum().item() / math.log(2) / 4, rel=1e-5)


def test_what_a_killed_process_left_beside_is_swept(tmp_path):
    left = tmp_path / "run" / "data" / ".train.0123abcd.partial"
    left.mkdir(parents=True)
    (left / "tokens-00000.bin").write_bytes(b"half")
    run(tmp_path / "run", steps=1)
    assert sorted(path.name for path in (tmp_path / "run" / "data").iterdir()) == [
        *("baselines.json", "train", "validation")
    ]


def test_conversations_are_split_and_trained_on(tmp_path):
    tokenizer = BYTES.with_special_tokens(named_format("nanochat").control_tokens)
    talks = [
        [{"role": "user", "content": f"{n}+1?"}, {"role": "assistant", "content": str(n + 1)}]
        for n in range(60)
    ]
    conversations(iter(talks), Chat(tokenizer, "nanochat"), tokenizer, tmp_path / "chats", held_out=0.2)
    data = Data(tmp_path / "chats", sequence_length=64)
    result = train_run(tokenizer, tmp_path / "run", data, {**CHOICES, "steps": 2}, model=TINY)
    assert math.isfinite(result.measures["bits per byte"])
    with pytest.raises(ArgumentError, match="give more"):
        conversations(talks[:1], Chat(tokenizer, "nanochat"), tokenizer, tmp_path / "few")


def test_bad_data_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="less than one sequence"):
        train_run("bytes", tmp_path / "short", Data(TEXTS, sequence_length=100_000), {"steps": 1}, model=TINY)
    run(tmp_path / "run", steps=1)
    wide = BYTES.with_special_tokens(["<|endoftext|>"])
    with pytest.raises(ArgumentError, match="another tokenizer"):
        train_run(wide, tmp_path / "run", Data(TEXTS), {"steps": 1}, model=TINY)
    with pytest.raises(ArgumentError, match="ids of another tokenizer"):
        train_run(wide, tmp_path / "b", Data(tmp_path / "run" / "data"), {"steps": 1}, model=TINY)
    with pytest.raises(ArgumentError, match="no token for the end"):
        train_run("bytes", tmp_path / "c", Data(TEXTS, end_of_document=True), {"steps": 1}, model=TINY)
    with pytest.raises(ArgumentError, match="isn't there"):
        train_run("bytes", tmp_path / "d", Data(TEXTS), {"steps": 1, "device": "cuda:9"}, model=TINY)


def test_another_shape_or_a_cut_checkpoint_is_refused(tmp_path):
    run(tmp_path / "run", steps=1)
    with pytest.raises(ArgumentError, match="another configuration"):
        run(tmp_path / "run", steps=1, model={**TINY, "width": 32})
    path = tmp_path / "run" / "checkpoint" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(FormatError, match="cut short"):
        run(tmp_path / "run", steps=1)


def test_a_changed_shard_is_refused_before_it_is_read(tmp_path):
    run(tmp_path / "run", steps=1)
    path = tmp_path / "run" / "data" / "train" / "tokens-00000.bin"
    path.write_bytes(b"\xff\xff" + path.read_bytes()[2:])
    with pytest.raises(FormatError, match="it was changed"):
        run(tmp_path / "run", steps=1)


def test_the_adaptive_softmax_knows_what_is_common(tmp_path):
    run(tmp_path / "run", steps=1, model={**TINY, "head": "adaptive-softmax"})
    model, _ = open_run(tmp_path / "run")
    counts = [0] * 256
    for document in open_shards(tmp_path / "run" / "data" / "train").documents():
        for id in document.ids.tolist():
            counts[id] += 1
    assert model.head.by_rank[0] == max(range(256), key=counts.__getitem__)


@pytest.mark.faults
def test_a_full_disk_while_shards_are_written(tmp_path):
    from faults.test_disk import mounted

    with mounted(tmp_path / "small", "size=64k") as folder:
        with pytest.raises(SourceError, match="No space left"):
            write_shards(["long " * 20_000], BYTES, folder / "shards")
        assert not list(folder.iterdir())


def test_the_end_of_documents_is_predicted_on_request(tmp_path):
    wide = BYTES.with_special_tokens(["<|endoftext|>"])
    data = Data(TEXTS, sequence_length=32, end_of_document=True)
    train_run(wide, tmp_path / "run", data, {**CHOICES, "steps": 1}, model=TINY)
    shards = open_shards(tmp_path / "run" / "data" / "train")
    assert all(document.ids[-1] == 256 for document in shards.documents())
    assert shards.text_bytes == shards.size - len(shards)


def test_batches_that_fit():
    cpu = torch.device("cpu")
    model = LanguageModel.for_tokenizer(BYTES, **TINY)
    memory = memory_of(model, 32)
    assert memory.weights == 16 * sum(model.parameters_by_part().values())
    assert batch_that_fits(memory, cpu) == 64
    assert batch_that_fits(memory, cpu, ranks=2) == 128
    with pytest.raises(ArgumentError, match="one sequence takes"):
        batch_that_fits(Memory(1 << 50, 1), cpu)


def test_the_training_text_helps_xz():
    held, known = [text.encode() for text in TEXTS[:20]], [text.encode() for text in TEXTS[20:]]
    found = baselines(lambda: iter(held), sum(map(len, held)), lambda: iter(known), sum(map(len, known)))
    alone, beside = found["xz"], found["xz, training text known"]
    assert alone is not None
    assert beside is not None
    assert beside < alone < 8
    few = baselines(lambda: iter(held), sum(map(len, held)), lambda: iter(known), 1 << 40)
    assert few["xz, training text known"] is None
