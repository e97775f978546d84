"""`python -m benchmarks.child JOB`: one job; its results go to the parent as lines of JSON."""

import importlib
import json
import sys


def main() -> None:
    job = json.loads(sys.argv[1])
    task = importlib.import_module(f"benchmarks.tasks.{job['task']}")
    for result in task.run(job):
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
