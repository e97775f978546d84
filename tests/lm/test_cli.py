"""`tokloom lm` from beginning to end: train, stop, go on, judge, write; and what it refuses."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import tokloom
from tokloom.cli import app
from tokloom.learned.log import read

pytest.importorskip("torch", reason="torch isn't installed (make test-learned runs these)")

from tokloom.lm.running import open_run

SMALL = ["--set", "width=16", "--set", "layers=1", "--set", "heads=2", "--threads", "1"]
SHORT = [*SMALL, "--sequence-length", "32", "--batch-size", "4", "--no-progress", "--held-out", "0.1"]


def tokloom_(*arguments, **choices):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], **choices)


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    for number in range(80):
        (folder / f"{number}.txt").write_text(
            f"document {number} says {number**7} and {number**3}, as ever\n"
        )
    held = folder / "held"
    (held / "de").mkdir(parents=True)
    (held / "en.txt").write_text("document 5 says what it said before")
    (held / "de" / "eins.txt").write_text("Über allen Gipfeln ist Ruh")
    return folder


@pytest.fixture(scope="module")
def trained(texts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    done = tokloom_(
        *("lm", "train", "--tokenizer", "bytes", "--data", texts / "*.txt", "-o", folder, "--body", "liquid"),
        *("--steps", "5", "--sample", "doc", *SHORT),
    )
    assert done.exit_code == 0, done.stderr
    assert "bits per byte after 5 steps (uniform bytes 8.000, xz" in done.stderr
    assert "doc▸" in done.stderr
    return folder


def test_eval_by_file_and_folder(trained, texts):
    done = tokloom_("lm", "eval", trained, "--data", texts / "held", "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    sizes = {Path(name).name: one["bytes"] for name, one in found["files"].items()}
    assert sizes == {"en.txt": 35, "eins.txt": 27}
    assert {Path(name).name for name in found["folders"]} == {"held", "de"}
    bits = sum(one["bits_per_byte"] * one["bytes"] for one in found["files"].values())
    assert found["all"]["bits_per_byte"] == pytest.approx(bits / 62)
    assert found["bytes_per_second"] > 0
    table = tokloom_("lm", "eval", trained, "--data", texts / "held")
    assert "bits per byte" in table.stdout
    assert "eins.txt" in table.stdout


def test_generate(trained):
    options = ("lm", "generate", trained, "--prompt", "doc", "--units", 20, "--seed", 1)
    done = tokloom_(*options)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("doc")
    assert tokloom_(*options).stdout == done.stdout == tokloom_(*options, "--no-cache").stdout
    assert tokloom_(*options[:3], "--prompt", "-", "--units", 3, input="né").stdout.startswith("né")


def test_dry_run_writes_nothing(texts, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = tokloom_(
        *("lm", "train", "--tokenizer", "bytes", "--data", texts / "*.txt", "--dry-run", "--epochs", 3),
        *(*SHORT[:-1], "0.5", "--tokenizer-vocab-size", 320),
    )
    assert done.exit_code == 0, done.stderr
    assert re.search(r"input\.scores +320 × 16", done.stdout)
    assert re.search(r"in all: [\d,]+\nmemory: about [\d,]+ MB a step, of 4 × 32 units", done.stdout)
    size = sum(path.stat().st_size for path in texts.glob("*.txt"))
    epoch = size // 2 // (4 * 32)
    assert f"steps: {3 * epoch}; {epoch} see all text once" in done.stdout
    assert not list(tmp_path.iterdir())


def test_a_run_is_begun_by_a_file_and_gone_on_with_by_its_name(texts, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "run.toml"
    config.write_text(
        '[training]\nsteps = 4\nbatch_size = 2\nlearning_rate = 0.001\nprecision = "float32"\n'
        '[model]\nwidth = 16\nlayers = 1\nheads = 2\nbody = "transformer"\n[data]\nsequence_length = 40\n'
    )
    first = ["lm", "train", "--tokenizer", "bytes", "--data", texts / "*.txt", "--config", config]
    done = tokloom_(*first, "--no-progress", "--body", "liquid-spiking", "--spike-penalty", "0.5")
    assert done.exit_code == 0, done.stderr
    found = json.loads(Path("runs/lm-1/configuration.json").read_text())
    assert (found["training"]["steps"], found["training"]["batch_size"]) == (4, 2)
    assert (found["model"]["width"], found["model"]["body"]) == (16, "liquid-spiking")
    assert found["data"]["sequence_length"] == 40
    again = tokloom_("lm", "train", "-o", "runs/lm-1", "--resume", "--no-progress")
    assert again.exit_code == 0, again.stderr
    assert "after 4 steps" in again.stderr
    refused = tokloom_("lm", "train", "--tokenizer", "bytes", "-o", "runs/lm-1", "--no-progress")
    assert refused.exit_code == 1
    assert "go on with --resume" in refused.stderr
    config.write_text("[model]\nsize = 3\n")
    wrong = tokloom_(*first, "--no-progress")
    assert wrong.exit_code == 1
    assert "a model has vocab_size, body" in wrong.stderr
    config.write_text("[modell]\n")
    assert "known: data, model, training" in tokloom_(*first).stderr


def test_too_few_rows_lead_to_a_smaller_tokenizer_that_trains(texts, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tokloom.train(str(texts / "*.txt"), 300, special_tokens=["<|endoftext|>"]).save("mine")
    options = ["lm", "train", "--data", texts / "*.txt", "--steps", "1", *SHORT]
    done = tokloom_(*options, "--tokenizer", "./mine", "--tokenizer-vocab-size", "280")
    assert done.exit_code == 1
    assert "its ids 280 to 299 would have none" in done.stderr
    command = re.search(r"tokloom (prune .*)", done.stderr)
    assert command is not None
    assert tokloom_(*shlex.split(command[1])).exit_code == 0
    after = tokloom_(*options, "--tokenizer", "./smaller", "--tokenizer-vocab-size", "320", "-o", "run")
    assert after.exit_code == 0, after.stderr
    model, tokenizer = open_run("run")
    assert tokenizer.vocab_size == 280
    assert model.config.vocab_size == 320


def test_two_devices_are_two_processes(texts, tmp_path):
    command = [sys.executable, "-m", "tokloom.cli", "lm", "train", "--tokenizer", "bytes", "--data"]
    command += [str(path) for path in sorted(texts.glob("*.txt"))] + ["--steps", "3", *SHORT]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    for number in (1, 2):
        arguments = [*command, "-o", str(tmp_path / f"run{number}"), "--devices", str(number)]
        done = subprocess.run(
            [*arguments, "--precision", "float32"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3_000:]
    one, two = (
        [line["loss"] for line in read(tmp_path / f"run{number}" / "log.jsonl") if "loss" in line]
        for number in (1, 2)
    )
    assert len(one) == 2
    assert one == pytest.approx(two, rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--device", "cuda:9"], "isn't there"),
        (["--set", "wdith=3"], "a name is one of vocab_size, body"),
        (["--set", "width=wide"], "width is 'wide'"),
        (["--body", "ant"], "there are transformer"),
        (["--batch-size", "many"], "a number above 0, or auto"),
        (["--epochs", "1", "--minutes", "1"], "give one"),
        (["--sequence-length", "100000"], "less than one sequence"),
        (["--data", "nowhere/*.txt"], "nowhere"),
    ],
)
def test_what_is_wrong_is_said(texts, tmp_path, arguments, said):
    data = [] if "--data" in arguments else ["--data", str(texts / "*.txt")]
    done = tokloom_(
        *("lm", "train", "--tokenizer", "bytes", "-o", tmp_path / "run", *SMALL, "--no-progress"),
        *(*data, *arguments),
    )
    assert done.exit_code in {1, 2}
    assert said in " ".join(re.sub(r"[│╭╮╰╯─]", " ", done.stderr).split())


def test_a_folder_of_transformers_is_judged_too(texts, tmp_path):
    pytest.importorskip("transformers")
    import torch

    from tokloom.lm import LanguageModel
    from tokloom.lm.huggingface import to_llama

    tokenizer = tokloom.train(str(texts / "*.txt"), 300, special_tokens=["<|endoftext|>"])
    torch.manual_seed(1)
    model = LanguageModel.for_tokenizer(
        tokenizer, width=16, layers=1, heads=2, qk_norm=False, start=tokenizer.eos_id
    ).eval()
    to_llama(model, tmp_path / "llama")
    tokenizer.save(tmp_path / "saved")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "llama" / name).write_bytes((tmp_path / "saved" / name).read_bytes())
    done = tokloom_("lm", "eval", tmp_path / "llama", "--data", texts / "held", "--json")
    assert done.exit_code == 0, done.stderr
    from tokloom.lm.scoring import score

    held = [path.read_text() for path in sorted((texts / "held").rglob("*.txt"))]
    ours = score(model, held, tokenizer).bits_per_byte
    assert json.loads(done.stdout)["all"]["bits_per_byte"] == pytest.approx(ours, rel=1e-4)


def test_no_run_no_model(tmp_path):
    done = tokloom_("lm", "generate", tmp_path)
    assert done.exit_code == 1
    assert "is no run of tokloom lm train" in done.stderr
