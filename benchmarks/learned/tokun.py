"""tokun: trains an auto-encoder, resumable, and reports on it; with --configurations a short run of each shape."""

import argparse
import json
import time
from pathlib import Path

from benchmarks.corpora import store
from benchmarks.learned import tokun_report, tokun_text


def options(parser: argparse.ArgumentParser) -> None:
    """Choices of this figure."""
    parser.add_argument("--name", default="4x16", help="which groups (default: 4x16)")
    parser.add_argument("--steps", type=int, help="in place of minutes")
    parser.add_argument("--noise", type=float, default=1.0, help="in training, up to so many deviations")
    parser.add_argument("--character", type=int, default=128, help="width of a character's activations")
    parser.add_argument("--output", type=Path, help="where the model is saved (default: the cache)")
    parser.add_argument("--report", type=Path, metavar="MODEL", help="train nothing, report on a saved model")
    parser.add_argument("--configurations", action="store_true", help="a short run of each shape")
    parser.add_argument(
        "--choices", action="store_true", help="compare attention, starts, mixtures and noise"
    )


def run(arguments: argparse.Namespace) -> None:
    """Trains and reports, or only reports."""
    import torch

    texts = tokun_text.texts()
    if arguments.report:
        tokun_report.report(arguments.report, texts)
        return
    torch.set_num_threads(arguments.threads)
    if arguments.configurations:
        tokun_report.configurations(texts, arguments.steps or 250, arguments.seed)
        return
    if arguments.choices:
        tokun_report.choices(texts, arguments.steps or 250, arguments.seed)
        return
    output = arguments.output or store.cache() / "learned" / "models" / f"tokun-{arguments.name}"
    began = time.process_time()
    length = {"steps": arguments.steps} if arguments.steps else {"minutes": arguments.minutes or 10}
    from tokloom.learned.tokun.training import train_autoencoder

    model = train_autoencoder(
        (texts.training, texts.held_out),
        name=arguments.name,
        character=arguments.character,
        noise=arguments.noise,
        directory=output.with_name(output.name + ".run"),
        progress=True,
        seed=arguments.seed,
        threads=arguments.threads,
        **length,
    )
    model.save(output)
    print(json.dumps({"CPU seconds": round(time.process_time() - began), **model.card}, indent=1))
    tokun_report.report(output, texts)
