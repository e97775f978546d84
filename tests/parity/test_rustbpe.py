"""Merges are those of rustbpe, to the last one, on more than ten megabytes of real text."""

import sysconfig
from pathlib import Path

import pytest

import samples
import tokloom

rustbpe = pytest.importorskip("rustbpe")

VOCAB_SIZE = 32_768
AT_LEAST = 10_000_000  # bytes
AT_MOST = 12_000_000


def sources() -> list[str]:
    """Python's own library, one text a file."""
    texts, size = [], 0
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        try:
            texts.append(path.read_bytes().decode())
        except (UnicodeDecodeError, OSError):
            continue
        size += path.stat().st_size
        if size > AT_MOST:
            break
    if size < AT_LEAST:
        pytest.skip(f"Python's library is only {size:,} bytes here")
    return texts


# rustbpe drops what an expression leaves between its matches; this one leaves nothing.
@pytest.mark.slow
def test_merges_are_rustbpes():
    texts = sources()
    pattern = samples.NAMED_PATTERNS["nanochat"]
    theirs = rustbpe.Tokenizer()
    theirs.train_from_iterator(iter(texts), VOCAB_SIZE, pattern=pattern)
    expected = {bytes(token): id for token, id in theirs.get_mergeable_ranks()}
    for ours in (
        tokloom.train(texts, VOCAB_SIZE, pattern=pattern),
        tokloom.train(texts, VOCAB_SIZE, pattern="nanochat"),
    ):
        assert {token: id for id, token in ours.tokens().items()} == expected
    assert len(expected) == VOCAB_SIZE
