"""`chat`: conversations of a file, shown; `export --format nanochat`."""

import json

import pytest

import tokloom
from tokloom.chat import Chat, named_format

TALK = {"messages": [{"role": "user", "content": "hi \x1b[31m"}, {"role": "assistant", "content": "yes"}]}


@pytest.fixture
def talks(tmp_path):
    path = tmp_path / "talks.jsonl"
    path.write_text(json.dumps(TALK) + "\n\n" + json.dumps(TALK["messages"][:1]) + "\n")
    return path


def test_shown(run, mine, talks):
    result = run("chat", mine, talks, "--format", "chatml", "--add-tokens")
    assert result.exit_code == 0, result.stderr
    assert "<|im_start|>" in result.stdout
    assert "⟦" in result.stdout
    assert r"\x1b" in result.stdout
    assert "\x1b" not in result.stdout
    assert result.stdout.count("tokens trained") == 2


def test_json(run, mine, tokenizer, talks):
    result = run("chat", mine, talks, "--format", "chatml", "--add-tokens", "--json", "--max-tokens", "9")
    rendering = Chat(tokenizer.with_special_tokens(named_format("chatml").control_tokens), "chatml")
    expected = [rendering.render(talk, max_tokens=9) for talk in (TALK, TALK["messages"][:1])]
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {"ids": ids, "mask": mask} for ids, mask in expected
    ]


def test_standard_input_and_completion(run, mine):
    result = run("chat", mine, "--add-tokens", "--for-completion", "--ids", given=json.dumps(TALK))
    assert result.exit_code == 0, result.stderr
    assert "<|assistant_start|>(" in result.stdout
    assert "0 of" in result.stdout


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 2: not JSON"),
        ('{"messages": []}', "line 2: the conversation has no messages"),
        ('[{"role": "assistant", "content": "x"}]', "line 2: message 0 (assistant) is out of order"),
    ],
)
def test_the_line_is_named(run, mine, tmp_path, line, told):
    path = tmp_path / "talks.jsonl"
    path.write_text(json.dumps(TALK) + "\n" + line + "\n")
    result = run("chat", mine, path, "--add-tokens")
    assert result.exit_code == 1
    assert told in " ".join(result.stderr.split())


def test_wrong_uses(run, mine, talks, tmp_path):
    assert "with_special_tokens" in run("chat", mine, talks).stderr
    assert "'vicuna'" in run("chat", mine, talks, "--format", "vicuna").stderr
    assert run("chat", mine, tmp_path / "nothing-here", "--add-tokens").exit_code == 1


def test_export_for_nanochat(run, tmp_path):
    pytest.importorskip("tiktoken", reason="tiktoken is not installed")
    pytest.importorskip("tokloom.views.tiktoken", reason="as_tiktoken() is not there yet")
    mine = tmp_path / "mine"
    tokloom.load("bytes").with_special_tokens(["<|bos|>"]).save(mine)
    folder = tmp_path / "folder"
    assert run("export", mine, folder, "--format", "nanochat").exit_code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["token_bytes.pt", "tokenizer.pkl"]
    again = run("export", mine, folder, "--format", "nanochat")
    assert again.exit_code == 1
    assert "--overwrite" in again.stderr
    assert run("export", mine, folder, "--format", "nanochat", "--overwrite").exit_code == 0
