"""`python -m benchmarks.lm`: one core, one run; needs torch, ncps, snntorch and transformers; a minute or two."""

import argparse
import os
import resource
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from benchmarks.lm import rivals
from benchmarks.lm.clock import take_turns, told
from tokloom.lm import LanguageModel, LiquidSpiking, ModelConfig, Transformer
from tokloom.lm.liquid import LiquidMixing
from tokloom.lm.token_table import TokenTable


class MixingAlone(LiquidMixing):
    """From the start, and without the state after."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x, self.start(len(x)))[0]


def layers(width: int, rounds: int) -> None:
    print(f"One layer, width {width}, float32, forwards and backwards:")
    for batch, length in ((1, 512), (16, 512)):
        x = torch.randn(batch, length, width)
        mixing = MixingAlone(width)
        times = take_turns(
            {
                "liquid-spiking mixing": rivals.mixed(mixing, x, mixing),
                "ncps CfC": rivals.closed_form(x),
                "linear + snntorch Leaky": rivals.leaky(x),
            },
            rounds,
        )
        print(f"- batch {batch}, T = {length}: {told(times, 'liquid-spiking mixing')}", flush=True)
    print("One block with its gated network, batch 1, forwards and backwards:")
    for length in (128, 256, 512, 1024, 2048, 4096):
        x = torch.randn(1, length, width)
        bodies = {
            "liquid-spiking": LiquidSpiking(width, 1),
            "liquid": LiquidSpiking(width, 1, spikes=False),
            "transformer": Transformer(width, 1, 4),
        }
        runs = {name: rivals.mixed(body, x, body) for name, body in bodies.items()}
        print(f"- T = {length}: {told(take_turns(runs, rounds), 'liquid-spiking')}", flush=True)


def cast(run: rivals.Run, bfloat16: bool) -> rivals.Run:
    """The same within autocast."""

    def within() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            run()

    return within


def models(width: int, rounds: int, nanochat: Path | None, bfloat16: bool) -> None:
    vocabulary, batch, length = 4096, 4, 512
    sizes = {"width": width, "layers": 4, "heads": 4}
    kind = "bfloat16" if bfloat16 else "float32"
    print(
        f"Training, {sizes}, {vocabulary} units, batch {batch}, T = {length}, {kind}, without the optimiser:"
    )
    units = torch.randint(vocabulary, (batch, length))
    ours = LanguageModel(ModelConfig(vocab_size=vocabulary, **sizes))
    as_llama = LanguageModel(ModelConfig(vocab_size=vocabulary, qk_norm=False, **sizes))
    hidden = ours.body.blocks[0].network.down.in_features
    runs = {
        "ours": rivals.trained(lambda: ours.nll(units).mean(), ours),
        "ours without QK norm": rivals.trained(lambda: as_llama.nll(units).mean(), as_llama),
        "Llama": rivals.llama(units, vocabulary, hidden=hidden, **sizes),
    }
    if nanochat is not None:
        rivals.set_nanochat_format(bfloat16)
        runs["nanochat"] = rivals.nanochat(nanochat, units, vocabulary, **sizes)
    # nanochat casts by itself, and would be cast twice.
    times = take_turns(
        {name: cast(run, bfloat16 and name != "nanochat") for name, run in runs.items()}, rounds
    )
    speed = batch * length / times["ours"]
    print(f"- {told(times, 'ours')}; ours {speed:.1f} thousand units a second", flush=True)


def generation(width: int) -> None:
    print(f"One more unit, batch 1, width {width}, 4 layers, after so many:")
    for name in ("liquid-spiking", "transformer"):
        body = LiquidSpiking(width, 4) if name == "liquid-spiking" else Transformer(width, 4, 4)
        with torch.no_grad():
            state, cells, length = body.start(1), [], 0
            for until in (256, 1024, 4096):
                _, state = body.advance(torch.randn(1, until - length, width), state)
                length = until

                def run() -> None:
                    nonlocal state, length
                    for _ in range(20):
                        _, state = body.step(torch.zeros(1, width), state)  # noqa: B023
                        length += 1

                cells.append(f"{until}: {take_turns({'': run}, 3)[''] / 20:.2f} ms")
        print(f"- {name}: {', '.join(cells)}", flush=True)


def memory(width: int) -> None:
    """By itself in a process (`--only memory`): the highest that the process has ever held."""
    vocabulary, places = 200_000, 4_096
    table = TokenTable(vocabulary, width)
    hidden = torch.randn(1, places, width, requires_grad=True)
    before = held()
    begun = time.process_time()
    table.nll(hidden, torch.randint(vocabulary, (1, places))).sum().backward()
    scores, weights = places * vocabulary * 4 / 1e6, vocabulary * width * 4 / 1e6
    print(
        f"The loss of {places} places over {vocabulary} units, width {width}: {held() - before:.0f} MB more than "
        f"before it, {weights:.0f} of them the gradient; all scores at once are {scores:.0f} MB. "
        f"{time.process_time() - begun:.1f} s"
    )


def held() -> float:
    """MB, at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lm", description=__doc__)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--nanochat", type=Path, help="a copy of karpathy/nanochat")
    parser.add_argument("--bfloat16", action="store_true", help="the whole models by autocast")
    parser.add_argument("--only", choices=["layers", "models", "generation", "memory"])
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    if chosen.only in {None, "layers"}:
        layers(chosen.width, chosen.rounds)
    if chosen.only in {None, "models"}:
        models(chosen.width, chosen.rounds, chosen.nanochat, chosen.bfloat16)
    if chosen.only in {None, "generation"}:
        generation(chosen.width)
    if chosen.only == "memory":
        memory(chosen.width)


if __name__ == "__main__":
    main()
