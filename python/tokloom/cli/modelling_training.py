"""`tokloom lm train`: a tokenizer, a body and text → a run with a model."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tokloom.cli import learning as shared
from tokloom.cli import modelling as lm
from tokloom.errors import ArgumentError, FormatError, SourceError

if TYPE_CHECKING:
    from tokloom.lm.running import Data
    from tokloom.tokenizer import Tokenizer

DEFAULTS = {"batch_size": 16}


def train(
    *,
    tokenizer: Annotated[
        str | None, typer.Option("--tokenizer", metavar="NAME", help="A known name, a folder or a file.")
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option("--data", "--source", metavar="FILES", help="Text; or the folder data/ of another run."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="The run; by default runs/lm-1, -2, …"),
    ] = None,
    body: Annotated[str | None, typer.Option(help="transformer, liquid or liquid-spiking.")] = None,
    interface: Annotated[
        str | None, typer.Option(help="token-table, code-digits, composed or chunk-vectors.")
    ] = None,
    head: Annotated[str | None, typer.Option(help="Where it isn't the interface's own.")] = None,
    preset: Annotated[str | None, typer.Option(help="tiny (the default), small or base.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Any other part of the model: width=256. Repeatable."
        ),
    ] = None,
    tokenizer_vocab_size: Annotated[
        int | None,
        typer.Option(
            min=1, help="Rows, where there are to be more than ids; those beyond are never sampled."
        ),
    ] = None,
    epochs: Annotated[float | None, typer.Option(help="How often all text is seen; 1 by default.")] = None,
    steps: shared.Steps = None,
    minutes: shared.Minutes = None,
    sequence_length: Annotated[int | None, typer.Option(min=1, help="Units to a sequence; 256.")] = None,
    batch_size: Annotated[
        str | None, typer.Option(metavar="N|auto", help="Sequences of a step; auto: as many as fit. 16.")
    ] = None,
    part: Annotated[
        int | None, typer.Option(min=1, help="Sequences computed at once; gradients are added up.")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="After the warm-up.")] = None,
    schedule: Annotated[str | None, typer.Option(help="cosine, constant or constant-then-decay.")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, float32 or bfloat16.")] = None,
    spike_penalty: Annotated[
        float | None, typer.Option(min=0, help="How much neurons are held below --spike-target; 0.")
    ] = None,
    spike_target: Annotated[float | None, typer.Option(min=0, help="How often one may fire; 0.1.")] = None,
    compile: Annotated[bool, typer.Option("--compile", help="Through torch.compile.")] = False,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="TOML: [training], [model], [data]; the command line goes before it."
        ),
    ] = None,
    seed: shared.Seed = None,
    threads: shared.Threads = None,
    device: shared.Device = None,
    devices: Annotated[int, typer.Option(min=1, help="So many processes, each its share of a batch.")] = 1,
    held_out: Annotated[
        float | None, typer.Option(help="The share of documents that is only judged by.")
    ] = None,
    piece: shared.Piece = None,
    end_of_document: Annotated[
        bool, typer.Option("--end-of-document", help="Put the tokenizer's eos after every document.")
    ] = False,
    text_field: shared.TextField = "text",
    sample: Annotated[
        str | None, typer.Option(metavar="PROMPT", help="Show what the model says, at every evaluation.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show shapes, parameters, memory and steps.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in DIR, as it was begun.")
    ] = False,
    progress: shared.Progress = True,
) -> None:
    """Train a language model on a tokenizer's units, judged in bits per byte.

    [dim]tokloom lm train --tokenizer gpt4 --body liquid-spiking --data corpus/*.txt --epochs 10[/]
    """
    lm.need_torch("tokloom lm train")
    folder = output or _next_run()
    if devices > 1 and not dry_run:
        _on_devices(devices, folder, given=output is not None)
    before = _begun(folder, resume=resume) if not dry_run else None
    opened = _tokenizer(tokenizer, folder, before)
    from tokloom.learned.configuration import TrainingConfiguration, configured, only_sections
    from tokloom.lm.configuration import too_few_rows

    if tokenizer_vocab_size is not None and tokenizer_vocab_size < opened.vocab_size:
        name = tokenizer or str(folder / "tokenizer")
        raise too_few_rows(name, tokenizer_vocab_size, opened.vocab_size)

    if config is not None:
        only_sections(config, ("training", "model", "data"))
    text = _data(
        config,
        before,
        source=_source(data, text_field),
        sequence_length=sequence_length,
        held_out=held_out,
        piece=piece,
        end_of_document=end_of_document or None,
        seed=seed,
    )
    model = _model(
        config,
        before,
        _settings(set_),
        body=body,
        input=interface,
        head=head,
        preset=preset,
        vocab_size=tokenizer_vocab_size,
    )
    size = _batch_size(batch_size)
    if dry_run:
        _show_plan(opened, text, model, size, device or "cpu", epochs=epochs, steps=steps)
        return
    length: dict[str, Any] = {"steps": steps, "minutes": minutes}
    if epochs is not None and (steps or minutes):
        raise typer.BadParameter("--epochs, --steps and --minutes contradict each other: give one")
    given = dict(before["given"]) if before else {}
    said = {
        **_section(config, "training"),
        **{name: value for name, value in given.items() if value is not None},
    }
    if epochs is None and not any(length.values()) and not (said.get("steps") or said.get("minutes")):
        epochs = 1.0
    configuration = configured(
        TrainingConfiguration,
        "training",
        config,
        {
            **length,
            **({"steps": 1} if epochs is not None else {}),  # until the text is counted
            "batch_size": size if isinstance(size, int) else None,
            "learning_rate": learning_rate,
            "schedule": schedule,
            "precision": precision,
            "seed": seed,
            "threads": threads,
            "device": device,
        },
        {**DEFAULTS, **{name: value for name, value in given.items() if value is not None}},
    )
    from tokloom.lm.running import train_run

    result = train_run(
        opened,
        folder,
        text,
        configuration,
        model=model,
        epochs=epochs,
        batch_size="auto" if size == "auto" else None,
        part=part,
        compiled=compile,
        **_spikes(before, spike_penalty=spike_penalty, spike_target=spike_target),
        on_evaluation=None if sample is None else _sampler(opened, sample),
        progress=progress,
        resume=resume,
    )
    if int(os.environ.get("RANK", "0")) == 0:
        from tokloom.cli.outputs import say

        beside = ", ".join(
            f"{name} {value:.3f}"
            for name, value in result.measures.items()
            if name not in {"bits per byte", "bits per unit"}
        )
        say(
            f"{folder}: {result.measures['bits per byte']:.4f} bits per byte after {result.steps:,} steps ({beside})"
        )


def _next_run() -> Path:
    number = 1
    while Path("runs", f"lm-{number}").exists():
        number += 1
    return Path("runs", f"lm-{number}")


def _on_devices(devices: int, folder: Path, *, given: bool) -> None:
    """Runs this command again, as so many processes of torchrun; ends as they do."""
    if "WORLD_SIZE" in os.environ:
        raise typer.BadParameter("under torchrun, --devices is torchrun's --nproc-per-node: leave it out")
    arguments = list(sys.argv[1:])
    for index, argument in enumerate(arguments):
        if argument == "--devices":
            del arguments[index : index + 2]
            break
        if argument.startswith("--devices="):
            del arguments[index]
            break
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={devices}"]
    command += ["--module", "tokloom.cli", *arguments, *([] if given else ["-o", str(folder)])]
    raise typer.Exit(subprocess.run(command, check=False).returncode)


def _begun(folder: Path, *, resume: bool) -> dict[str, Any] | None:
    """What the checkpoint of the run in the folder says; None where there is none.

    Raises:
        SourceError: something is there, and --resume wasn't given.
    """
    from tokloom.learned import checkpoint

    ours = (folder / "tokenizer").is_dir() or (folder / checkpoint.DIRECTORY).is_dir()
    # Another process of this run may have begun it already.
    if int(os.environ.get("RANK", "0")) == 0 and folder.exists() and any(folder.iterdir()):
        if not ours:
            raise SourceError(f"{folder} holds something that isn't a run; give a new or empty folder")
        if not resume:
            raise SourceError(f"{folder} holds a run already: go on with --resume, or give another folder")
    if not resume or not (folder / checkpoint.DIRECTORY).is_dir():
        return None
    about = checkpoint.describe(folder / checkpoint.DIRECTORY)
    if not isinstance(about.get("given"), dict) or not isinstance(about.get("task"), dict):
        raise FormatError(f"{folder / checkpoint.DIRECTORY}: not a checkpoint of a language model's run")
    return about


def _tokenizer(name: str | None, folder: Path, before: dict[str, Any] | None) -> Tokenizer:
    from tokloom.cli.inputs import load_tokenizer

    if name is None and before is None:
        raise typer.BadParameter("give the tokenizer, for example --tokenizer gpt4")
    return load_tokenizer(name if name is not None else str(folder / "tokenizer"))


def _source(data: list[str] | None, text_field: str) -> Any:  # noqa: ANN401
    if data is None:
        return None
    if len(data) == 1 and (Path(data[0]) / "train" / "index.json").is_file():
        return data[0]
    return lm.text_of(data, text_field)


def _section(config: Path | None, name: str) -> dict[str, Any]:
    from tokloom.learned.configuration import read

    found = {} if config is None else read(config).get(name, {})
    if not isinstance(found, dict):
        raise FormatError(f"{config}, section [{name}]: expected keys and values")
    return found


def _data(config: Path | None, before: dict[str, Any] | None, *, source: Any, **options: Any) -> Data:  # noqa: ANN401
    from tokloom.learned.configuration import configured
    from tokloom.lm.running import Data

    defaults = {} if before is None else {"sequence_length": before["task"].get("sequence_length", 256)}
    found = configured(Data, "data", config, options, defaults)
    return dataclasses.replace(found, source=source)


def _model(
    config: Path | None, before: dict[str, Any] | None, settings: dict[str, Any], **options: object
) -> dict[str, Any]:
    saved = {} if before is None else dict(before["task"].get("model", {}))
    saved.pop("tokenizer", None)
    chosen = {name: value for name, value in options.items() if value is not None}
    return {**saved, **_section(config, "model"), **settings, **chosen}


def _spikes(before: dict[str, Any] | None, **options: float | None) -> dict[str, Any]:
    saved = {} if before is None else before["task"]
    chosen = {name: saved.get(name) if value is None else value for name, value in options.items()}
    return {name: value for name, value in chosen.items() if value is not None}


def _settings(given: list[str] | None) -> dict[str, Any]:
    """The values of --set, as JSON has them, else as text."""
    import json

    from tokloom.lm.configuration import ModelConfig

    found: dict[str, Any] = {}
    for item in given or []:
        name, equals, value = item.partition("=")
        if not equals or name not in ModelConfig.__dataclass_fields__:
            known = ", ".join(ModelConfig.__dataclass_fields__)
            raise typer.BadParameter(f"--set {item}: it is NAME=VALUE, and a name is one of {known}")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    checked = {name: value for name, value in found.items() if name != "vocab_size"}
    if checked:
        try:
            ModelConfig.from_dict({"vocab_size": 256, **checked})
        except FormatError as error:
            raise ArgumentError(f"--set: {error}") from None
    return found


def _batch_size(given: str | None) -> int | str | None:
    if given is None or given == "auto":
        return given
    if not given.isdigit() or not int(given):
        raise typer.BadParameter(f"--batch-size {given}: it is a number above 0, or auto")
    return int(given)


def _sampler(tokenizer: Tokenizer, prompt: str) -> Callable[[Any], None]:
    from tokloom.cli.outputs import say
    from tokloom.lm.choice import Choice
    from tokloom.lm.sampling import generate_text

    def show(model: Any) -> None:  # noqa: ANN401
        text = generate_text(model, tokenizer, prompt, units=80, choice=Choice(temperature=0.8), seed=0)
        say(f"{prompt}▸{text}")

    return show


def _show_plan(
    tokenizer: Tokenizer,
    text: Data,
    model: dict[str, Any],
    size: Any,  # noqa: ANN401
    device: str,
    *,
    epochs: float | None,
    steps: int | None,
) -> None:
    """Shapes, parameters by part, memory, steps: nothing is trained or written."""
    from tokloom.lm.running import planned

    plan = planned(
        tokenizer,
        text.sequence_length,
        model=model,
        batch_size=size or DEFAULTS["batch_size"],
        device=device,
        units=_counted(tokenizer, text, model),
    )
    typer.echo(
        f"{tokenizer.name}: {tokenizer.vocab_size:,} ids; {plan.model.config.body}, {plan.model.config.input}"
    )
    for name, weight in plan.model.named_parameters():
        typer.echo(f"  {name:<48} {' × '.join(map(str, weight.shape))}")
    parts = plan.model.parameters_by_part()
    typer.echo(f"parameters: {', '.join(f'{name} {count:,}' for name, count in parts.items())}")
    typer.echo(f"in all: {sum(parts.values()):,}")
    memory = plan.memory.of(plan.batch_size)
    typer.echo(
        f"memory: about {memory / 1e6:,.0f} MB a step, of {plan.batch_size} × {text.sequence_length:,} units "
        f"(weights and optimiser {plan.memory.weights / 1e6:,.0f} MB)"
    )
    if plan.epoch is None:
        typer.echo("steps: " + (f"{steps:,}" if steps else "not known without --data"))
    else:
        many = steps or max(1, round((epochs or 1) * plan.epoch))
        typer.echo(f"steps: {many:,}; {plan.epoch:,} see all text once")


def _counted(tokenizer: Tokenizer, text: Data, model: dict[str, Any]) -> int | None:
    """Units of the training text: all of it is encoded, none of it is kept."""
    if text.source is None:
        return None
    if isinstance(text.source, str):
        from tokloom.corpus.shards import open_shards

        shards = open_shards(Path(text.source) / "train")
        return shards.size // shards.unit
    ids = sum(len(part) for stream in text.source.streams() for part in tokenizer.encode_stream(stream))
    chunk = (model.get("vocab_size") or 16) if model.get("input") == "chunk-vectors" else 1
    return int(ids * (1 - text.held_out)) // chunk
