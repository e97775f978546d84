"""`tokloom learn fsq`: which options belong to which kind, and the kind that needs no PyTorch."""

import pytest

import tokloom
from tokloom.cli.learning_fsq import OPTIONS, Kind
from tokloom.learned.fsq import LatticeTokenizer


def test_a_lattice_is_learned_saved_and_loaded(run, corpus, tmp_path):
    output = tmp_path / "mine"
    learn = ("learn", "fsq", "--kind", "lattice", "--source", str(corpus / "*.txt"), "-o", str(output))
    small = ("--vocab-size", "280", "--special-token", "<|end|>", "--held-out", "0", "--no-progress")
    result = run(*learn, *small, "--layout", "digits", "--levels", "9,9,9")
    assert result.exit_code == 0, result.output
    tokenizer = tokloom.load(output)
    assert isinstance(tokenizer, LatticeTokenizer)
    assert tokenizer.levels == (9, 9, 9)
    assert list(tokenizer.special_tokens) == ["<|end|>"]
    assert tokenizer.decode(tokenizer.encode("low loom 語")) == "low loom 語"
    shown = run("inspect", str(output))
    assert "9 × 9 × 9" in shown.stdout
    ids = run("encode", output, given="low").stdout.split()
    assert ids == [str(id) for id in tokenizer.encode("low")]
    assert run("decode", output, given=" ".join(ids)).stdout == "low"


def test_a_lattice_over_a_vocabulary_that_is_there(run, corpus, tmp_path):
    output = tmp_path / "mine"
    learn = ("learn", "fsq", "--kind", "lattice", "--source", str(corpus / "*.txt"), "-o", str(output))
    result = run(*learn, "--tokenizer", "bytes", "--held-out", "0", "--no-progress")
    assert result.exit_code == 0, result.output
    assert tokloom.load(output).encode("low") == [108, 111, 119]


VALUES = {"--tokenizer": "bytes", "--coordinates": "random", "--layout": "digits", "--config": "x.toml"}


@pytest.mark.parametrize(
    ("kind", "option"),
    [
        (kind, "--" + name.replace("_", "-"))
        for kind in Kind
        for name in sorted(frozenset[str]().union(*OPTIONS.values()) - OPTIONS[kind])
    ],
)
def test_an_option_of_another_kind_is_refused(run, tmp_path, kind, option):
    value = [] if option == "--search" else [VALUES.get(option, "5")]
    result = run("learn", "fsq", "--kind", kind.value, "-o", str(tmp_path / "mine"), option, *value)
    assert result.exit_code == 2
    assert f"{option} says nothing to --kind {kind.value}" in " ".join(result.output.split()).replace(
        " │ │ ", " "
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--steps", "3"), "only with --coordinates spelling"),
        (("--tokenizer", "bytes", "--pattern", "gpt4"), "--pattern is for BPE that is trained"),
    ],
)
def test_options_of_a_lattice_that_contradict_each_other(run, tmp_path, options, said):
    result = run("learn", "fsq", "--kind", "lattice", "-o", str(tmp_path / "mine"), *options)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split()).replace(" │ │ ", " ")  # the message stands in a box


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--vocab-size", "100"), "256 bytes"),
        (("--layout", "digits", "--levels", "1,900"), "a level under 2"),
        (("--layout", "digits", "--levels", "2,2"), "don't fit into 4 cells"),
        (("--pattern", "nonsense"), "no pattern is called 'nonsense'"),
    ],
)
def test_a_lattice_that_can_not_be(run, corpus, tmp_path, options, said):
    learn = ("learn", "fsq", "--kind", "lattice", "--source", str(corpus / "*.txt"), "--held-out", "0")
    result = run(*learn, "-o", str(tmp_path / "mine"), "--no-progress", *options)
    assert result.exit_code == 1, result.output
    assert said in result.output
    assert not (tmp_path / "mine").exists()


def test_no_text(run, tmp_path):
    (tmp_path / "empty.txt").touch()
    result = run(
        "learn",
        "fsq",
        "--kind",
        "lattice",
        "--source",
        str(tmp_path / "empty.txt"),
        "-o",
        str(tmp_path / "x"),
    )
    assert result.exit_code == 1
    assert "there is no text" in result.output
