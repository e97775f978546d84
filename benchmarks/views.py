"""How fast the view for transformers is, beside our own encoding and transformers' own fast tokenizer.

    python -m benchmarks.views

1,000 documents as lists of ids, without padding. The candidates take turns; the medians stand. transformers' own is so
slow that it has rounds of its own, fewer of them.
"""

import json
import tempfile
from collections.abc import Callable

from examples import standard_library

import tokloom
from benchmarks.timing import medians

DOCUMENTS = 1_000
VOCAB_SIZE = 32_768
ROUNDS = 15
ROUNDS_OF_FAST = 3
PATTERN = "gpt4"


def measure() -> dict[str, float]:
    """Seconds of each, and how they compare: the aims are 1.25 at most, and 10 at least."""
    import transformers

    corpus = standard_library.find()
    texts = [path.read_bytes().decode(errors="replace") for path in corpus.training][:DOCUMENTS]
    tokenizer = tokloom.train(texts, VOCAB_SIZE, pattern=PATTERN, special_tokens=["<|endoftext|>"])
    view = tokenizer.as_transformers()
    with tempfile.TemporaryDirectory() as folder:
        view.save_pretrained(folder)
        fast = transformers.AutoTokenizer.from_pretrained(folder)
    if view(texts)["input_ids"] != fast(texts, split_special_tokens=True)["input_ids"]:
        raise SystemExit("the ids differ, so the times say nothing")
    calls: dict[str, Callable[[], object]] = {
        "encode_batch": lambda: tokenizer.encode_batch(texts),
        "view": lambda: view(texts)["input_ids"],
        "fast": lambda: fast(texts)["input_ids"],
    }
    seconds = medians({name: calls[name] for name in ("encode_batch", "view")}, runs=ROUNDS)
    beside = medians({name: calls[name] for name in ("view", "fast")}, runs=ROUNDS_OF_FAST, warm=False)
    return {
        "documents": len(texts),
        "megabytes": sum(len(text.encode()) for text in texts) / 1e6,
        **{f"{name}_seconds": second for name, second in seconds.items()},
        "fast_seconds": beside["fast"],
        "view_times_encode_batch": seconds["view"] / seconds["encode_batch"],
        "fast_times_view": beside["fast"] / beside["view"],
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
