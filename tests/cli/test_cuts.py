"""`tokloom cuts`, as a newcomer calls it."""

import networks
from tokloom.learned.fsq import ChunkTokenizer


def test_tokenizers_line_under_line(run, mine):
    result = run("cuts", "low tide", mine, "bytes")
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert first.startswith(mine)
    assert second.endswith("8 tokens, 1.0 bytes each  l|o|w|·|t|i|d|e")


def test_characters_that_are_cut_are_counted(run):
    assert (
        run("cuts", "-", "bytes", given="né\n").stdout
        == "bytes  4 tokens, 1.0 bytes each, 1 character cut  n|é|⏎\n"
    )
    assert run("cuts", "a", "bytes").stdout == "bytes  1 token, 1.0 bytes each  a\n"


def test_a_text_with_bars(run):
    assert run("cuts", "a|b", "bytes").stdout.endswith("a¦|¦b\n")


def test_chunks_have_no_cuts_of_their_own(run, tmp_path):
    ChunkTokenizer.from_network(*networks.letters()).save(tmp_path / "chunks")
    told = run("cuts", "a tall tale not ", tmp_path / "chunks").stdout
    assert "a·ta|ll·t|ale·|not·" in told
    assert "mean its 16 bytes together" in told


def test_a_text_that_is_the_name_of_a_file(run, corpus):
    result = run("cuts", corpus / "english.txt", "bytes")
    assert result.exit_code == 0
    assert "the name of a file as well" in result.stderr
    assert "name of a file" not in run("cuts", "english", "bytes").stderr


def test_what_can_not_be_cut(run):
    for args, given, said in [
        (("", "bytes"), None, "give a text"),
        (("-", "bytes"), b"\xff\xfe", "no UTF-8 at byte 0"),
        (("a", "./nothing"), None, "nothing"),
    ]:
        result = run("cuts", *args, given=given)
        assert result.exit_code == 1
        assert said in result.stderr
