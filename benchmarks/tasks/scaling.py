"""How training grows: 10, 50, 100 MB of each corpus, 32,768, 65,536 and 131,072 tokens; time and peak memory."""

from collections.abc import Iterator

from benchmarks import jobs
from benchmarks.records import Record, summed
from benchmarks.setting import Setting

_SIZES = (10_000_000, 50_000_000, 100_000_000)
_VOCAB_SIZES = (32_768, 65_536, 131_072)


def measure(setting: Setting) -> Iterator[Record]:
    """CPU seconds, and MB of peak resident memory, the texts themselves included."""
    for corpus in setting.corpora.values():
        for size in _SIZES:
            for vocab_size in _VOCAB_SIZES:
                if size > setting.size:
                    continue
                job = {"task": "train", "peer": "tokloom", "corpus": corpus.path, "size": size}
                found = [jobs.run({**job, "vocab_size": vocab_size}) for _ in range(setting.rounds)]
                row = f"{corpus.name}, {size // 1_000_000} MB, {vocab_size:,} tokens"
                for key, unit, scale in (("cpu", "s", 1.0), ("peak", "MB", 1e-6)):
                    values = [result[key] * scale for result in found if key in result]
                    yield summed("scaling", f"{row}, {key}", "tokloom", unit, values, found)
