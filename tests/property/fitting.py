"""What texts that are made to fit are held to."""

from __future__ import annotations

from tokloom import Tokenizer


def assert_truncated(tokenizer: Tokenizer, text: str, most: int) -> None:
    """Truncated texts fit, are an end of the text, and all of it where that fits."""
    left, right = tokenizer.truncate(text, most), tokenizer.truncate(text, most, side="left")
    assert text.startswith(left)
    assert text.endswith(right)
    assert tokenizer.count_tokens(left) <= most
    assert tokenizer.count_tokens(right) <= most
    if tokenizer.count_tokens(text) <= most:
        assert left == right == text


def assert_chunked(tokenizer: Tokenizer, text: str, most: int, overlap: int) -> None:
    """Chunks fit and are together the text, those that overlap too."""
    pieces = list(tokenizer.chunk(text, most))
    overlapping = list(tokenizer.chunk(text, most, overlap=overlap))
    assert "".join(pieces) == text
    assert all(piece and tokenizer.count_tokens(piece) <= most for piece in [*pieces, *overlapping])
    at = 0
    for piece in overlapping:
        at = max(start for start in range(at + 1) if text.startswith(piece, start)) + len(piece)
    assert at == len(text)
