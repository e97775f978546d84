"""A tokenizer in forked and spawned processes, and in several threads at once."""

import functools
import multiprocessing
from concurrent.futures import ThreadPoolExecutor

import pytest

import samples
import tokloom

pytestmark = pytest.mark.faults


@functools.cache
def trained() -> tokloom.BPETokenizer:
    texts = [text for text in samples.NASTY_TEXTS if text]
    return tokloom.train(texts, 400, special_tokens=["<|endoftext|>"], threads=2)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes(method):
    tokenizer = trained()
    texts = list(samples.NASTY_TEXTS)
    expected = tokenizer.encode_batch(texts, threads=2)  # threads of its own before the fork
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(tokenizer.encode, texts) == expected
        assert pool.map(functools.partial(tokenizer.encode_batch, threads=2), [texts] * 4) == [expected] * 4
        pool.close()
        pool.join()


def test_threads_share_one_tokenizer():
    tokenizer = trained()
    texts = [*samples.NASTY_TEXTS, "\n".join(samples.NASTY_TEXTS) * 20] * 5
    expected = [tokenizer.encode(text) for text in texts]
    with ThreadPoolExecutor(6) as pool:
        for _ in range(4):
            assert list(pool.map(tokenizer.encode, texts)) == expected
            assert list(pool.map(tokenizer.decode, expected)) == texts
            assert list(pool.map(tokenizer.count_tokens, texts)) == [len(ids) for ids in expected]
