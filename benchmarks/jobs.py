"""A measurement is a job in a process of its own: what hangs or dies there is a result too."""

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import IO, Any

from benchmarks.vocabularies import folder

Job = dict[str, Any]
Result = dict[str, Any]


def run(job: Job, *, limit: float = 300.0) -> Result:
    """The one result of a job; `{"failed": reason}` if there is none."""
    return next(iter(stream(job, limit=limit)))


def stream(job: Job, *, limit: float) -> Iterator[Result]:
    """The results of a job in the order in which its process writes them; each may take `limit` seconds.

    The last one is `{"failed": reason}` where the process was killed for its time, died or raised.
    """
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.child", json.dumps(job)],
            stdout=subprocess.PIPE, stderr=errors, env=_environment(job.get("threads", 1)),
        ) as process,
    ):  # fmt: skip
        assert process.stdout is not None
        for line in _lines(process.stdout, limit):
            if line is None:
                process.kill()
                yield {"failed": f"over {limit:.0f} s"}
                return
            if line.startswith(b"{"):
                yield json.loads(line)
        code = process.wait()
        if code:
            errors.seek(0)
            yield {"failed": _reason(code, errors.read().decode(errors="replace"))}


def _lines(pipe: IO[bytes], limit: float) -> Iterator[bytes | None]:
    """Lines as they come; None when nothing came in time."""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        rest, deadline = b"", time.monotonic() + limit
        while True:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                yield None
                return
            chunk = os.read(pipe.fileno(), 1 << 16)
            if not chunk:
                return
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line
                deadline = time.monotonic() + limit


def _environment(threads: int) -> dict[str, str]:
    """One thread for every library that asks the environment; tiktoken's files where they lie."""
    count = str(threads)
    return {
        **os.environ,
        "RAYON_NUM_THREADS": count,
        "OMP_NUM_THREADS": count,
        "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false",
        "TIKTOKEN_CACHE_DIR": str(folder()),
        "PYTHONHASHSEED": "0",
    }


def _reason(code: int, errors: str) -> str:
    if code < 0:
        return f"died ({signal.Signals(-code).name})"
    lines = errors.strip().splitlines() or ["no message"]
    return lines[-1][:200]
