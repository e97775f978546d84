"""`python -m benchmarks.corpora [--size 100MB] [--only prose,code]`: builds what is missing, says where it lies."""

import argparse

from benchmarks.corpora import store
from benchmarks.sizes import parse


def main() -> None:
    """Builds the corpora."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.corpora", description=__doc__)
    parser.add_argument(
        "--size", default="100MB", help="bytes of each corpus (default: 100MB, 10^6 bytes each)"
    )
    parser.add_argument("--only", default="prose,code,languages", help="which of them")
    arguments = parser.parse_args()
    for corpus in store.build(arguments.only.split(","), parse(arguments.size)).values():
        print(f"{corpus.name}: {corpus.size:,} bytes, {corpus.documents:,} documents, sha256 {corpus.sha256}")
        print(f"  {corpus.path}")
        if corpus.missing:
            print("  without: " + "; ".join(f"{name} ({reason})" for name, reason in corpus.missing.items()))


if __name__ == "__main__":
    main()
