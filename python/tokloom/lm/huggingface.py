"""A transformer of ours as a Llama of transformers, and back: a folder with `config.json` and `model.safetensors`.

The shape must be a Llama's: no norm of queries and keys, units read and predicted by tables. There, a head's entries j
and j + n/2 are turned together, here neighbours are: the rows of queries and keys change places.
"""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors.torch
import torch
from safetensors import SafetensorError

from tokloom.errors import ArgumentError, FormatError
from tokloom.lm.configuration import ModelConfig
from tokloom.lm.model import LanguageModel
from tokloom.lm.token_table import TokenTable
from tokloom.lm.transformer import Transformer
from tokloom.storage import read_file, write_directory

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["from_llama", "to_llama"]

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
LARGEST_CONFIG, LARGEST_WEIGHTS = 1 << 24, 1 << 36

# What our blocks compute; another value there is another model.
_AS_OURS: dict[str, tuple[object, ...]] = {
    "hidden_act": ("silu",),
    "attention_bias": (False, None),
    "mlp_bias": (False, None),
    "rope_scaling": (None,),
}


def to_llama(model: LanguageModel, directory: str | PathLike[str], *, longest: int = 2048) -> None:
    """Writes a folder that `transformers.AutoModelForCausalLM` opens, and that gives the same logits.

    A trained start vector has no place there, and is left out: train with `start=tokenizer.bos_id` if a document's
    first unit is to be predicted there, too.

    Args:
        model: a transformer with token tables, without QK norm.
        directory: a folder of its own.
        longest: the length that the folder names as the longest; the weights don't depend on it.

    Raises:
        ArgumentError: the model's shape is none of a Llama's.
    """
    config, body, table = model.config, model.body, model.input
    if not isinstance(body, Transformer) or not isinstance(table, TokenTable) or table is not model.head:
        raise ArgumentError("a Llama is a transformer with token tables; this model is another one")
    if config.qk_norm:
        raise ArgumentError(
            "a Llama has no norm of queries and keys: train with qk_norm=False to export as one"
        )
    # Tied rows that are read larger than they are predicted are two tables there.
    tied = table.tied and table.input_scale == 1
    tensors = {
        "model.embed_tokens.weight": table.rows * table.input_scale,
        "model.norm.weight": body.norm.weight,
    }
    if not tied:
        tensors["lm_head.weight"] = table.predicted
    for number, block in enumerate(body.blocks):
        tensors |= {f"model.layers.{number}.{name}": weight for name, weight in _block_out(block).items()}
    attention = body.blocks[0].attention
    described = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": table.units,
        "hidden_size": config.width,
        "intermediate_size": body.blocks[0].network.down.in_features,
        "num_hidden_layers": len(body.blocks),
        "num_attention_heads": attention.heads,
        "num_key_value_heads": attention.key_heads,
        "head_dim": attention.head_width,
        "hidden_act": "silu",
        "max_position_embeddings": longest,
        "rms_norm_eps": config.norm_eps,
        "rope_theta": config.rotary_base,
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": tied,
        "bos_token_id": config.start,
        "eos_token_id": None,
        "torch_dtype": "float32",
    }
    data = safetensors.torch.save(
        {name: weight.detach().float().cpu().contiguous().clone() for name, weight in tensors.items()},
        metadata={"format": "pt"},
    )
    files = {WEIGHTS: data, CONFIG: (json.dumps(described, indent=1) + "\n").encode()}
    write_directory(Path(directory), files, mark=CONFIG, ours=tuple(files))


def from_llama(directory: str | PathLike[str]) -> LanguageModel:
    """The model of a folder with a Llama's `config.json` and safetensors, whole or in parts; in evaluation mode.

    Raises:
        FormatError: it is no Llama, or one that computes something else than our blocks do; the message says what.
        SourceError: a file isn't there or can't be read.
    """
    directory = Path(directory)
    described = _json(directory / CONFIG)
    config = _config(directory / CONFIG, described)
    tensors = _tensors(directory)
    model = LanguageModel(config)
    wanted = dict(model.named_parameters())
    try:
        found = {
            "input.read": tensors.pop("model.embed_tokens.weight"),
            "body.norm.weight": tensors.pop("model.norm.weight"),
        }
        head = tensors.pop("lm_head.weight", None)
        if config.tied:
            found["input.scores"] = found.pop("input.read")
        else:
            found["input.scores"] = found["input.read"] if head is None else head
        for number in range(config.layers):
            prefix = f"model.layers.{number}."
            there = {name: tensors.pop(name) for name in list(tensors) if name.startswith(prefix)}
            part = {name[len(prefix) :]: weight for name, weight in there.items()}
            heads = config.heads, config.key_heads or config.heads
            found |= {
                f"body.blocks.{number}.{name}": weight for name, weight in _block_in(part, *heads).items()
            }
    except KeyError as error:
        raise FormatError(f"{directory}: the weights have no {error}") from None
    foreign = [name for name in tensors if not name.endswith("rotary_emb.inv_freq")]
    if foreign:
        raise FormatError(f"{directory}: weights that a Llama doesn't have: {', '.join(sorted(foreign)[:5])}")
    with torch.no_grad():
        for name, weight in found.items():
            if wanted[name].shape != weight.shape:
                raise FormatError(
                    f"{directory}: {name} is {tuple(weight.shape)}, not {tuple(wanted[name].shape)}"
                )
            wanted[name].copy_(weight)
    return model.eval()


def _json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(read_file(path, at_most=LARGEST_CONFIG))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: no JSON ({error})") from None
    if not isinstance(values, dict):
        raise FormatError(f"{path}: no object")
    return values


def _config(path: Path, described: dict[str, Any]) -> ModelConfig:
    if described.get("model_type") != "llama":
        raise FormatError(f"{path}: model_type is {described.get('model_type')!r}, not 'llama'")
    rope = described.get("rope_parameters") or {}
    if rope.get("rope_type", "default") != "default":
        raise FormatError(f"{path}: positions of the kind {rope['rope_type']!r}; ours are the plain ones")
    for name, allowed in _AS_OURS.items():
        if name in described and described[name] not in allowed:
            raise FormatError(f"{path}: {name} is {described[name]!r}; ours is {allowed[0]!r}")
    try:
        heads = described["num_attention_heads"]
        if (head := described.get("head_dim")) and head * heads != described["hidden_size"]:
            raise FormatError(f"{path}: heads of {head} don't add up to the width, as ours do")
        values = {
            "vocab_size": described["vocab_size"],
            "width": described["hidden_size"],
            "layers": described["num_hidden_layers"],
            "heads": heads,
            "key_heads": described.get("num_key_value_heads"),
            "hidden": described["intermediate_size"],
            "rotary_base": float(rope.get("rope_theta", described.get("rope_theta", 10_000.0))),
            "norm_eps": described.get("rms_norm_eps", 1e-6),
            "tied": described.get("tie_word_embeddings", False),
            "start": described.get("bos_token_id"),
        }
    except KeyError as error:
        raise FormatError(f"{path}: it doesn't say {error}") from None
    return ModelConfig.from_dict({**values, "input_scale": 1.0, "qk_norm": False, "body": "transformer"})


def _tensors(directory: Path) -> dict[str, Tensor]:
    names = [WEIGHTS]
    if not (directory / WEIGHTS).exists() and (directory / INDEX).exists():
        names = sorted(set(map(str, _json(directory / INDEX).get("weight_map", {}).values())))
    tensors: dict[str, Tensor] = {}
    for name in names:
        if Path(name).name != name:
            raise FormatError(f"{directory / INDEX}: {name!r} is no file of this folder")
        try:
            tensors |= safetensors.torch.load(read_file(directory / name, at_most=LARGEST_WEIGHTS))
        except SafetensorError as error:
            raise FormatError(f"{directory / name}: {error}") from None
    return tensors


def _block_out(block: Any) -> dict[str, Tensor]:  # noqa: ANN401 (a `TransformerBlock`)
    attention = block.attention
    sizes = [attention.heads * attention.head_width, *[attention.key_heads * attention.head_width] * 2]
    queries, keys, values = attention.project.weight.split(sizes)
    gate, up = block.network.gate_up.weight.chunk(2)
    return {
        "self_attn.q_proj.weight": _halves(queries, attention.heads),
        "self_attn.k_proj.weight": _halves(keys, attention.key_heads),
        "self_attn.v_proj.weight": values,
        "self_attn.o_proj.weight": attention.out.weight,
        "mlp.gate_proj.weight": gate,
        "mlp.up_proj.weight": up,
        "mlp.down_proj.weight": block.network.down.weight,
        "input_layernorm.weight": block.before_attention.weight,
        "post_attention_layernorm.weight": block.before_network.weight,
    }


def _block_in(part: dict[str, Tensor], heads: int, key_heads: int) -> dict[str, Tensor]:
    queries = _neighbours(part.pop("self_attn.q_proj.weight"), heads)
    keys = _neighbours(part.pop("self_attn.k_proj.weight"), key_heads)
    gate, up = part.pop("mlp.gate_proj.weight"), part.pop("mlp.up_proj.weight")
    found = {
        "attention.project.weight": torch.cat((queries, keys, part.pop("self_attn.v_proj.weight"))),
        "attention.out.weight": part.pop("self_attn.o_proj.weight"),
        "network.gate_up.weight": torch.cat((gate, up)),
        "network.down.weight": part.pop("mlp.down_proj.weight"),
        "before_attention.weight": part.pop("input_layernorm.weight"),
        "before_network.weight": part.pop("post_attention_layernorm.weight"),
    }
    if foreign := sorted(name for name in part if not name.endswith("inv_freq")):
        raise FormatError(f"a block has weights that a Llama's hasn't: {', '.join(foreign[:5])}")
    return found


def _halves(weight: Tensor, heads: int) -> Tensor:
    """Rows of heads with pairs as neighbours → with pairs half a head apart."""
    return weight.unflatten(0, (heads, -1, 2)).transpose(1, 2).flatten(0, 2)


def _neighbours(weight: Tensor, heads: int) -> Tensor:
    """The other way."""
    if weight.shape[0] % (2 * heads):
        raise FormatError(f"{weight.shape[0]} rows are not {heads} heads of pairs")
    return weight.unflatten(0, (heads, 2, -1)).transpose(1, 2).flatten(0, 2)
