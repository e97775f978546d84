"""Text → a vocabulary."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from tokloom.bpe import BPETokenizer, special_list
from tokloom.counts import Progress, at_least_one, check_model, check_training, counting, shown
from tokloom.patterns import PatternLike, resolve

__all__ = ["train"]


def train(
    source: object,
    vocab_size: int = 32_768,
    *,
    pattern: PatternLike = "gpt4",
    special_tokens: Iterable[str] = (),
    min_count: int = 1,
    max_token_length: int | None = None,
    threads: int | None = None,
    memory: int | str | None = None,
    progress: Progress = False,
    model: Literal["bpe", "words"] = "bpe",
) -> BPETokenizer:
    """A vocabulary from text: the same one whatever the threads, the order of documents, or the machine.

    Args:
        source: where the text is. One str or path is a path or a glob; a list of `Path` is files; `tokloom.files(...)`
            is files with choices; any other iterable of str or bytes is documents (a list of str too!).
        vocab_size: everything counted: 256 bytes, then merges, then the special tokens.
        pattern: how text is split before pairs are looked for: a name (`tokloom.pattern_names()`), a regular
            expression as tiktoken takes it, or a list of them, applied one after another.
        special_tokens: their ids follow the last merge, in this order.
        min_count: a pair met fewer times is not merged.
        max_token_length: no token gets longer, in bytes.
        threads: for counting; default: one a processor.
        memory: how many bytes counting and merging may use ("256MB", "2GB" or a number), beside some 50 MB for Python
            and buffers. What needs more goes to temporary files, and the merges are the same. (`model="words"` holds
            all counts in the end.)
        progress: True for a progress bar, or a function that is called with (stage, done, total): the stages are
            "count" (bytes) and "merge" (merges); total is None where it isn't known.
        model: "bpe", or "words": the most frequent pretokens, with bytes for the rest (a baseline to compare with).

    Raises:
        ArgumentError: a number out of range, or no text at all.
        SpecialTokenError: a special token is empty, given twice, or a single byte.
        PatternError: the regular expression doesn't compile, matches the empty string, or needs too many steps.
        SourceError: a file that isn't there or can't be read (also an OSError).
        FormatError: a file that is damaged or not what its name says.

    Example:
        >>> import tokloom
        >>> tokenizer = tokloom.train(["low lower lowest"] * 3, 260, special_tokens=["<|endoftext|>"])
        >>> [tokenizer.token_bytes(id) for id in tokenizer.encode("lower")]
        [b'low', b'e', b'r']
        >>> tokenizer.special_tokens
        {'<|endoftext|>': 259}
    """
    special = special_list(special_tokens)
    splits = resolve(pattern)
    check_model(model)
    at_least_one("min_count", min_count)
    check_training(vocab_size, special, max_token_length)
    with shown(progress) as callback:
        counts = counting(source, splits, threads, memory, callback)
        return counts.train(
            vocab_size,
            special_tokens=special,
            min_count=min_count,
            max_token_length=max_token_length,
            progress=callback or False,
            model=model,
        )
