"""A tokenizer as a real `tiktoken.Encoding`: the same ids, or an error that says what tiktoken can't."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from tokloom.bpe import BPETokenizer
from tokloom.errors import MissingDependencyError, VocabularyError

if TYPE_CHECKING:
    import tiktoken

    from tokloom.tokenizer import Tokenizer

FLAGS = ("strips white space on its left", "strips white space on its right", "must be a word by itself")


def view(tokenizer: Tokenizer) -> tiktoken.Encoding:
    """The encoding.

    tiktoken's own rules hold for its own calls: `encode` refuses special tokens in a text unless it is told otherwise,
    `encode_ordinary` is our `encode`. It gives ids of a str with lone surrogates (as replacement characters) where ours
    is an error.

    Args:
        tokenizer: a byte-level BPE vocabulary.

    Raises:
        VocabularyError: tiktoken can't say what this tokenizer does.
        MissingDependencyError: tiktoken isn't installed.

    Example:
        >>> import tokloom
        >>> tokenizer = tokloom.train(["low lower lowest"] * 3, 260)
        >>> tokenizer.as_tiktoken().encode("lower") == tokenizer.encode("lower")
        True
    """
    if not isinstance(tokenizer, BPETokenizer):
        raise VocabularyError(
            f"tiktoken has byte-level BPE alone, and {tokenizer.name} is a {type(tokenizer).__name__}"
        )
    vocabulary = tokenizer._vocabulary
    if tokenizer.kind != "bpe":
        raise VocabularyError(
            f"tiktoken merges pairs, and {tokenizer.name} takes whole words or bytes; train it with model='bpe'"
        )
    if vocabulary.listed_merges() is not None:
        raise VocabularyError(
            f"tiktoken merges the pair with the lowest id, and {tokenizer.name} has a list of merges that ids don't "
            'say; tokenizers opens it: export it with format="huggingface"'
        )
    if not vocabulary.whole_pretoken_first:
        raise VocabularyError(
            f"tiktoken takes a pretoken that is a token at once, and {tokenizer.name} only where merges come to it"
        )
    for name, id, special, *flags, _ in vocabulary.added_tokens:
        if not special:
            raise VocabularyError(
                f"tiktoken knows special tokens alone, and {name!r} (id {id}) is found in every text"
            )
        if any(flags):
            does = " and ".join(what for what, is_so in zip(FLAGS, flags, strict=True) if is_so)
            raise VocabularyError(f"the special token {name!r} (id {id}) {does}, which tiktoken's don't")
    _refuse_alike(sorted(tokenizer.special_tokens))
    pattern = tokenizer.tiktoken_pattern()
    try:
        import tiktoken
    except ImportError:
        raise MissingDependencyError(
            "as_tiktoken() needs the library tiktoken: pip install 'tokloom[tiktoken]'"
        ) from None
    # Its own check of `explicit_n_vocab` allows for no holes; without it, it counts as we do, to the highest id.
    return tiktoken.Encoding(
        tokenizer.name,
        pat_str=pattern,
        mergeable_ranks={token: id for id, token in tokenizer.tokens().items()},
        special_tokens=tokenizer.special_tokens,
    )


def _refuse_alike(names: list[str]) -> None:
    """Of two special tokens that begin alike we find the longer; tiktoken the one that its hash table has first."""
    for shorter, longer in pairwise(names):  # sorted: what begins with a name follows it
        if longer.startswith(shorter):
            raise VocabularyError(
                f"the special token {longer!r} begins with {shorter!r}, and which of the two tiktoken finds is chance"
            )
