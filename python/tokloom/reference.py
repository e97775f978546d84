"""The specification of tokloom's tokenizers, in plain Python: what the engine must do, not how.

It says how a text is split, what is counted, which pairs merge, which ids come out, which part of the text
each id stands for, and what ids mean as bytes. It is the oracle of the tests: clear before fast.

What it does not do: files and formats, patterns' names (a pattern comes as its text), checks of a vocabulary
(every byte has an id, ids are unique), `train_more` and `prune`, fingerprints, threads, memory limits. Where
it differs from the engine: the `regex` module's Unicode may be newer than the engine's Unicode 16, and its
`(?i:i)` also matches U+0130; on such characters tiktoken is the oracle.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, groupby, pairwise
from typing import NamedTuple

import regex

Splits = Sequence[tuple[str, str]]  # (regular expression, what it leaves becomes: "characters" | "whole")
Counts = Mapping[bytes, int]  # pretoken → how often it occurs
Ids = Mapping[bytes, int]  # token → id
Merges = Sequence[tuple[bytes, bytes]]
Special = str | Collection[str]  # "text" | "parse" | "raise" | the names of those to be found


class Added(NamedTuple):
    """A token that is found as a whole in the text before it is split."""

    content: str
    id: int
    special: bool = True
    strip_left: bool = False
    strip_right: bool = False
    single_word: bool = False
    normalized: bool = False  # looked for in a second pass, in what the others left


class Tokenizer(NamedTuple):
    """What a text is encoded with."""

    splits: Splits
    ids: Ids
    parts: Callable[[bytes], list[bytes]]  # pretoken → tokens: `encode` or `encode_listed`
    added: Sequence[Added] = ()


def readable(text: str | bytes) -> str:
    """The text, each byte that isn't UTF-8 as a lone surrogate. In a `str` itself one is a `ValueError`."""
    return (text.encode() if isinstance(text, str) else text).decode("utf-8", "surrogateescape")


def raw(text: str) -> bytes:
    """The bytes that `readable` made this text of."""
    return text.encode("utf-8", "surrogateescape")


def split(text: str | bytes, splits: Splits) -> list[bytes]:
    """The pretokens of a text: together they are its bytes, and no token crosses from one into the next.

    Each valid run is split as if the text ended with it; each maximal run of bytes that aren't UTF-8 is one
    pretoken. A split works on every piece that the one before left, as if the piece were a text of its own.
    """
    pieces = []
    for broken, characters in groupby(readable(text), key=lambda one: "\ud800" <= one <= "\udfff"):
        run = ["".join(characters)]
        for expression, gaps in [] if broken else splits:
            run = [part for piece in run for part in split_once(piece, regex.compile(expression), gaps)]
        pieces += run
    return [raw(piece) for piece in pieces]


def split_once(text: str, expression: regex.Pattern[str], gaps: str) -> Iterator[str]:
    """The matches, leftmost first, and between them what they leave: whole, or character by character."""
    done = at = 0  # `done`: where the last match ended; `at`: where the next one may begin
    while at < len(text) and (match := expression.search(text, at)):
        start, end = match.span()
        at = max(end, start + 1)
        if start < end:  # an empty match is no pretoken: the search goes on one character later
            yield from text[done:start] if gaps == "characters" else filter(None, [text[done:start]])
            yield text[start:end]
            done = end
    yield from text[done:] if gaps == "characters" else filter(None, [text[done:]])


def count(texts: Iterable[str | bytes], splits: Splits) -> Counts:
    """How often each pretoken occurs in all texts."""
    return Counter(pretoken for text in texts for pretoken in split(text, splits))


def train(counts: Counts, vocab_size: int, max_token_length: int | None = None, min_count: int = 1) -> Ids:
    """Ranks: the 256 bytes, then a token for each merge, until `vocab_size` or until no pair is left.

    Each time the pair with the highest count merges, of equal ones that with the smaller (left id, right id);
    but none longer than `max_token_length` bytes, and none whose count is below `min_count`.
    """
    tokens = [bytes([byte]) for byte in range(256)]
    words = [(list(pretoken), times) for pretoken, times in counts.items()]
    while len(tokens) < vocab_size:
        pairs: Counter[tuple[int, int]] = Counter()
        for word, times in words:
            for left, right in pairwise(word):
                if max_token_length is None or len(tokens[left] + tokens[right]) <= max_token_length:
                    pairs[left, right] += times
        best = min(pairs, key=lambda pair: (-pairs[pair], pair), default=None)
        if best is None or pairs[best] < min_count:
            break
        for word, _ in words:
            for at in range(len(word)):  # from the left: of `aaa` the first two
                if tuple(word[at : at + 2]) == best:
                    word[at : at + 2] = [len(tokens)]
        tokens.append(tokens[best[0]] + tokens[best[1]])
    return {token: id for id, token in enumerate(tokens)}


def words(counts: Counts, vocab_size: int, min_count: int = 1) -> Ids:
    """The baseline: the bytes, then the most frequent longer pretokens, of equal ones the smaller first.

    To encode: `encode_listed` without merges, with `ignore_merges`; a pretoken is a token or its bytes.
    """
    longer = sorted((-times, word) for word, times in counts.items() if len(word) > 1 and times >= min_count)
    kept = [bytes([byte]) for byte in range(256)] + [word for _, word in longer[: vocab_size - 256]]
    return {token: id for id, token in enumerate(kept)}


def merge(pretoken: bytes, priority: Callable[[bytes, bytes], int | None]) -> list[bytes]:
    """From bytes on, the neighbours of lowest priority become one, the leftmost at ties, until none do."""
    parts = [bytes([byte]) for byte in pretoken]
    while found := [(p, i) for i, pair in enumerate(pairwise(parts)) if (p := priority(*pair)) is not None]:
        at = min(found)[1]
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts


def encode(pretoken: bytes, ranks: Ids) -> list[bytes]:
    """tiktoken's rule: a pretoken that is a token is it; else neighbours merge whose bytes are a token."""
    return [pretoken] if pretoken in ranks else merge(pretoken, lambda left, right: ranks.get(left + right))


def encode_listed(pretoken: bytes, ids: Ids, merges: Merges, ignore_merges: bool = False) -> list[bytes]:
    """Hugging Face's rule: listed pairs merge, the earliest first; `ignore_merges`: a whole token first."""
    order = {pair: place for place, pair in enumerate(merges)}
    return [pretoken] if ignore_merges and pretoken in ids else merge(pretoken, lambda *pair: order.get(pair))


def cut(text: str, added: Collection[Added]) -> Iterator[tuple[str, Added | None]]:
    """The text in pieces: added tokens (leftmost first, of these the longest) and what they leave (None)."""
    at = done = 0
    while found := [(start, one) for one in added if (start := text.find(one.content, at)) >= 0]:
        start, token = min(found, key=lambda place: (place[0], -len(place[1].content)))
        at = end = start + len(token.content)
        # A single word beside a word's character is text, and so is all in it.
        if token.single_word and regex.search(r"\w", text[max(0, start - 1) : start] + text[end : end + 1]):
            continue
        while token.strip_left and start > done and regex.match(r"\s", text[start - 1]):
            start -= 1
        while token.strip_right and regex.match(r"\s", text[end : end + 1]):
            end += 1
        yield text[done:start], None
        yield text[start:end], token
        at = done = end
    yield text[done:], None


def tokens(tokenizer: Tokenizer, text: str | bytes, special: Special = "text") -> list[tuple[int, int]]:
    """(id, bytes of text it stands for) of each token; "raise" is a `ValueError` where "parse" finds a special one."""
    special_names = {one.id: one.content for one in tokenizer.added if one.special}
    at = 0
    for id, length in tokens(tokenizer, text, "parse") if special == "raise" else ():
        if id in special_names:
            before = text[:at] if isinstance(text, bytes) else text.encode()[:at].decode()
            raise ValueError(f"the special token {special_names[id]!r} at {len(before)}")
        at += length
    names = special_names.values() if special == "parse" else () if isinstance(special, str) else special
    found = [one for one in tokenizer.added if not one.special or one.content in names]
    first, second = ([one for one in found if one.normalized is late] for late in (False, True))
    result: list[tuple[int, int]] = []
    for stretch, early in cut(readable(text), first):
        for piece, token in [(stretch, early)] if early else cut(stretch, second):
            pretokens = [] if token else split(raw(piece), tokenizer.splits)
            result += [(token.id, len(raw(piece)))] if token else []
            result += [(tokenizer.ids[part], len(part)) for one in pretokens for part in tokenizer.parts(one)]
    return result


def spans(tokenizer: Tokenizer, text: str | bytes, special: Special = "text") -> list[tuple[int, int]]:
    """[start, end) of each token: bytes of `bytes`; of a `str` the code points that the token touches."""
    place = [at for at, one in enumerate(text) for _ in (one.encode() if isinstance(one, str) else [one])]
    ends = accumulate((length for _, length in tokens(tokenizer, text, special)), initial=0)
    return [(place[start], place[end - 1] + 1) for start, end in pairwise(ends)]


def decode(tokenizer: Tokenizer, ids: Iterable[int], skip_special_tokens: bool = False) -> bytes:
    """The bytes of the ids; as text, `.decode("utf-8", "replace")`. An unknown id is a `KeyError`."""
    table = {id: token for token, id in tokenizer.ids.items()}
    for token in tokenizer.added:
        table[token.id] = b"" if token.special and skip_special_tokens else token.content.encode()
    return b"".join(table[id] for id in ids)
