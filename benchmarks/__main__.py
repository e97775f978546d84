"""`python -m benchmarks` measures and writes `results.json`; `--readme` puts the last results into the README."""

import argparse
import datetime as dt
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from examples import standard_library

import tokloom
from benchmarks import readme, tasks

RESULTS = Path(__file__).parent / "results.json"
README = Path(__file__).parents[1] / "README.md"


def main() -> None:
    """Measures, or only writes the README's table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--readme", action="store_true", help="write the table of the last results into README.md"
    )
    if parser.parse_args().readme:
        readme.rewrite(README, json.loads(RESULTS.read_text("utf-8")))
        return
    results = measure()
    RESULTS.write_text(json.dumps(_rounded(results), indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(json.dumps(_rounded(results), indent=1, ensure_ascii=False))


def measure() -> dict[str, Any]:
    """All figures, and where they were taken."""
    load = os.getloadavg()
    corpus = standard_library.find()
    tokenizer = tokloom.train(tokloom.files(*corpus.training), tasks.VOCAB_SIZE)
    return {
        "date": dt.date.today().isoformat(),
        "machine": {
            "system": platform.system(),
            "processor": _processor(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "load": [round(each, 1) for each in load],
        },
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("tokloom", "numpy", "rustbpe", "tiktoken", "tokenizers")},
        },
        "corpus": {
            "files": len(corpus.training),
            "training_mb": corpus.training_bytes / 1e6,
            "code_mb": sum(len(text.encode()) for text in corpus.code) / 1e6,
            "prose_mb": sum(len(text.encode()) for text in corpus.prose) / 1e6,
        },
        "import": tasks.import_time(),
        "counting": tasks.counting(corpus),
        "encoding": tasks.encoding(corpus, tokenizer),
        "hard_texts": tasks.hard_texts(corpus, tokenizer),
        "training": tasks.training(corpus),
    }


def _processor() -> str:
    """The processor's name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text("utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _rounded(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return round(value, 3) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
