"""Training is the reference's, whatever the threads and the order; counts add up; what is continued or pruned keeps its promises."""

import random
import warnings
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import samples
import tokloom
from property import making
from tokloom import reference

documents = st.lists(samples.settled_texts(20) | samples.byte_strings(10), min_size=1, max_size=6).filter(any)
some_pattern = st.sampled_from(making.PATTERNS)
# What little text there is runs out of pairs: the warning is another test's.
pytestmark = pytest.mark.filterwarnings("ignore::tokloom.TokloomWarning")


def ranks_of(tokenizer: tokloom.BPETokenizer) -> dict[bytes, int]:
    return {token: id for id, token in tokenizer.tokens().items()}


@settings(max_examples=150)
@given(documents, some_pattern, st.integers(256, 300), st.none() | st.integers(2, 6), st.integers(1, 3))
def test_merges_are_the_references(texts, pattern, vocab_size, longest, min_count):
    tokenizer = tokloom.train(
        texts, vocab_size, pattern=pattern, max_token_length=longest, min_count=min_count, threads=1
    )
    counts = reference.count(texts, making.splits_of(pattern))
    assert ranks_of(tokenizer) == reference.train(counts, vocab_size, longest, min_count)


@given(documents, some_pattern, st.integers(256, 300), st.integers(1, 3))
def test_words_are_the_references(texts, pattern, vocab_size, min_count):
    tokenizer = tokloom.train(
        texts, vocab_size, pattern=pattern, model="words", min_count=min_count, threads=1
    )
    counts = reference.count(texts, making.splits_of(pattern))
    assert ranks_of(tokenizer) == reference.words(counts, vocab_size, min_count)


@given(st.text("ab", min_size=1, max_size=200))
def test_runs_of_few_letters_merge_as_in_the_reference(text):
    tokenizer = tokloom.train([text], 276, pattern="gpt4", threads=1)
    assert ranks_of(tokenizer) == reference.train(reference.count([text], making.splits_of("gpt4")), 276)


@given(documents, some_pattern, st.randoms(use_true_random=False))
def test_threads_and_order_change_nothing(texts, pattern, rng):
    first = tokloom.train(texts, 290, pattern=pattern, threads=1)
    for threads in (2, 5):
        shuffled = rng.sample(texts, len(texts))
        again = tokloom.train(shuffled, 290, pattern=pattern, threads=threads)
        assert (again.fingerprint, again.tokens()) == (first.fingerprint, first.tokens())


@given(documents, some_pattern)
def test_counts_are_the_references(texts, pattern):
    counts = tokloom.count_pretokens(texts, pattern=pattern)
    expected = reference.count(texts, making.splits_of(pattern))
    assert dict(counts) == expected
    assert list(counts) == sorted(expected.items(), key=lambda item: (-item[1], item[0]))
    assert counts.total_pretokens == sum(expected.values())
    assert counts.total_bytes == sum(len(text.encode() if isinstance(text, str) else text) for text in texts)


@given(documents, documents, documents, some_pattern)
def test_counts_add_in_any_order_and_grouping(one, two, three, pattern):
    a, b, c = (tokloom.count_pretokens(texts, pattern=pattern) for texts in (one, two, three))
    whole = tokloom.count_pretokens([*three, *one, *two], pattern=pattern, threads=3)
    assert (a + b) + c == a + (b + c) == c + a + b == whole
    assert dict(a + b) == Counter(dict(a)) + Counter(dict(b))


@given(documents, some_pattern)
def test_saved_counts_are_the_same_counts(tmp_path_factory, texts, pattern):
    path = tmp_path_factory.mktemp("counts") / "one.counts"
    counts = tokloom.count_pretokens(texts, pattern=pattern)
    counts.save(path)
    again = tokloom.PretokenCounts.load(path)
    assert again == counts
    assert (
        again.train(280).fingerprint
        == counts.train(280).fingerprint
        == tokloom.train(texts, 280, pattern=pattern).fingerprint
    )


def test_little_memory_counts_the_same():
    rng = random.Random(1)
    texts = [rng.randbytes(2_000).hex(" ", 3) for _ in range(300)]
    assert tokloom.count_pretokens(texts, memory=200_000) == tokloom.count_pretokens(texts)


@pytest.mark.parametrize("threads", [1, 2])
def test_little_memory_trains_the_same(threads):
    rng = random.Random(2)
    syllables = ["".join(rng.choices("abcdefghij", k=rng.randint(1, 4))) for _ in range(300)]
    texts = [
        " ".join("".join(rng.choices(syllables, k=rng.randint(1, 5))) for _ in range(4_000))
        for _ in range(20)
    ]
    once = tokloom.train(texts, 3_000, threads=threads)
    small = tokloom.train(texts, 1_000)
    for memory in (400_000, 1_600_000):
        assert tokloom.train(texts, 3_000, threads=threads, memory=memory).fingerprint == once.fingerprint
    more = small.train_more(texts, 3_000, threads=threads, memory=800_000)
    assert more.tokens() == once.tokens()
    words = tokloom.train(texts, 3_000, model="words", memory=100_000)
    assert words.fingerprint == tokloom.train(texts, 3_000, model="words").fingerprint


@settings(max_examples=30)
@given(documents, some_pattern, st.none() | st.integers(2, 6), st.integers(1, 3))
def test_parts_on_disk_merge_as_the_whole(texts, pattern, longest, min_count):
    options = {"pattern": pattern, "max_token_length": longest, "min_count": min_count, "threads": 1}
    filler = " ".join(f"{number:x}" for number in range(2_000))  # more than the smallest table holds
    texts = [*texts, filler]
    once = tokloom.train(texts, 320, **options)
    assert tokloom.train(texts, 320, memory=20_000, **options).tokens() == once.tokens()


# --- continued ------------------------------------------------------------------------------------------------------


@given(
    st.tuples(documents, documents),
    some_pattern,
    st.integers(258, 280),
    st.integers(1, 20),
    samples.byte_strings(),
)
def test_a_continued_vocabulary_keeps_every_id(both, pattern, vocab_size, more, data):
    texts, more_texts = both
    small = tokloom.train(texts, vocab_size, pattern=pattern, special_tokens=["<|end|>", "<|pad|>"])
    large = small.train_more(more_texts, small.vocab_size + more)
    assert large.special_tokens == small.special_tokens
    assert small.tokens().items() <= large.tokens().items()
    assert large.vocab_size <= small.vocab_size + more
    assert all(id >= small.vocab_size for id in large.tokens().keys() - small.tokens().keys())
    assert large.decode_bytes(large.encode(data)) == data
    assert large.encode(data) == making.reference_ids(
        making.oracle_of(large, making.splits_of(pattern)), data
    )


@given(documents, some_pattern, st.integers(257, 270), st.integers(271, 290))
def test_continued_on_the_same_text_is_trained_at_once(texts, pattern, vocab_size, more):
    once = tokloom.train(texts, more, pattern=pattern)
    small = tokloom.train(texts, vocab_size, pattern=pattern)
    if small.vocab_size == once.vocab_size:
        return
    assert small.train_more(texts, more).tokens() == once.tokens()


# --- pruned ---------------------------------------------------------------------------------------------------------


def assert_pruned(original, smaller, new_ids, kept, data):
    assert smaller.decode_bytes(smaller.encode(data)) == data
    assert set(kept) <= new_ids.keys()
    assert sorted(new_ids.values()) == list(range(smaller.vocab_size))
    assert [new for _, new in sorted(new_ids.items())] == list(range(smaller.vocab_size))
    for old, new in new_ids.items():
        assert smaller.token_bytes(new) == original.token_bytes(old)
    assert smaller.special_tokens == {name: new_ids[id] for name, id in original.special_tokens.items()}
    for id, token in smaller.tokens().items():
        if original.encode(token) == [original.token_id(token)]:
            assert smaller.encode(token) == [id]


# Expressions that cut within a token may keep a kept token from coming out; these say what a pretoken is.
@given(
    documents,
    st.sampled_from(list(samples.NAMED_PATTERNS)),
    st.lists(st.integers(0, 401), max_size=12),
    samples.byte_strings(),
)
def test_kept_ids_stay_and_can_still_come_out(texts, pattern, keep, data):
    tokenizer = tokloom.train(texts, 400, pattern=pattern, special_tokens=["<|end|>", "<|pad|>"])
    keep = [id % tokenizer.vocab_size for id in keep]
    smaller, new_ids = tokenizer.prune(keep=keep)
    assert_pruned(tokenizer, smaller, new_ids, keep, data)


@given(documents, st.sampled_from(["bpe", "words"]), st.integers(258, 420), samples.byte_strings())
def test_kept_by_number(texts, model, keep, data):
    tokenizer = tokloom.train(texts, 400, model=model, special_tokens=["<|end|>", "<|pad|>"])
    smaller, new_ids = tokenizer.prune(keep=keep)
    assert smaller.vocab_size == min(keep, tokenizer.vocab_size)
    assert_pruned(tokenizer, smaller, new_ids, [], data)
    if keep < tokenizer.vocab_size:  # the first merges are those of a smaller training
        again = tokloom.train(texts, keep, model=model, special_tokens=["<|end|>", "<|pad|>"])
        assert smaller.fingerprint == again.fingerprint


@given(documents, st.integers(1, 4), samples.byte_strings())
def test_kept_by_use(texts, min_count, data):
    tokenizer = tokloom.train(texts, 400)
    used = Counter(id for text in texts for id in tokenizer.encode(text))
    smaller, new_ids = tokenizer.prune(min_count=min_count, source=texts)
    kept = [id for id, times in used.items() if times >= min_count]
    assert_pruned(tokenizer, smaller, new_ids, kept, data)


@given(samples.rank_tables(), st.lists(st.integers(0, 10_000), max_size=12), samples.byte_strings())
def test_any_rank_table_can_be_pruned(ranks, keep, data):
    tokenizer = making.loaded(ranks, "gpt4", {"<|end|>": max(ranks.values()) + 5})
    ids = [*tokenizer.tokens()]
    keep = [ids[place % len(ids)] for place in keep]
    smaller, new_ids = tokenizer.prune(keep=keep)
    assert_pruned(tokenizer, smaller, new_ids, keep, data)


def test_the_text_ran_out_of_pairs_is_a_warning_with_both_numbers():
    with pytest.warns(tokloom.TokloomWarning, match=r"259 tokens instead of 300"):
        tokenizer = tokloom.train(["abcd"], 300)
    assert tokenizer.vocab_size == 259
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tokloom.train(["abcd"], 259)


def test_every_pair_of_parts_was_there_before():
    tokenizer = tokloom.train(making.CORPUS, 500)
    seen = {bytes([byte]) for byte in range(256)}
    for token in list(tokenizer.tokens().values())[256:]:
        assert any(token[:at] in seen and token[at:] in seen for at in range(1, len(token)))
        seen.add(token)
    assert all(before < after for before, after in pairwise(tokenizer.tokens()))
