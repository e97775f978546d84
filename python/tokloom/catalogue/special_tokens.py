"""Special tokens and their ids, exactly as they are published; each set names its source."""

from __future__ import annotations

__all__ = [
    "CL100K",
    "LLAMA3",
    "O200K",
    "O200K_HARMONY",
    "P50K_EDIT",
    "R50K",
    "TEKKEN_FILL",
    "TEKKEN_UNTIL_V7",
]

# tiktoken 0.14, tiktoken_ext/openai_public.py

R50K = {"<|endoftext|>": 50256}
P50K_EDIT = {**R50K, "<|fim_prefix|>": 50281, "<|fim_middle|>": 50282, "<|fim_suffix|>": 50283}
CL100K = {
    "<|endoftext|>": 100257,
    "<|fim_prefix|>": 100258,
    "<|fim_middle|>": 100259,
    "<|fim_suffix|>": 100260,
    "<|endofprompt|>": 100276,
}
O200K = {"<|endoftext|>": 199999, "<|endofprompt|>": 200018}

_HARMONY_NAMED = {
    "<|startoftext|>": 199998,
    "<|endoftext|>": 199999,
    "<|return|>": 200002,
    "<|constrain|>": 200003,
    "<|channel|>": 200005,
    "<|start|>": 200006,
    "<|end|>": 200007,
    "<|message|>": 200008,
    "<|call|>": 200012,
    # tiktoken gives this id a second name, <|reserved_200018|>; here an id has one name, and this one is used.
    "<|endofprompt|>": 200018,
}
_HARMONY_NAMED_IDS = frozenset(_HARMONY_NAMED.values())
O200K_HARMONY = _HARMONY_NAMED | {
    f"<|reserved_{id}|>": id for id in range(200000, 201088) if id not in _HARMONY_NAMED_IDS
}

# llama_models 0.3.0, llama_models/llama3/tokenizer.py: 256 from 128000 on. (The names are those of Llama 3.1 and later;
# Llama 3.0 had reserved names for what is <|finetune_right_pad_id|>, <|step_id|>, <|eom_id|>, <|python_tag|>, <|image|>.)

_LLAMA3_NAMED = (
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|reserved_special_token_0|>",
    "<|reserved_special_token_1|>",
    "<|finetune_right_pad_id|>",
    "<|step_id|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eom_id|>",
    "<|eot_id|>",
    "<|python_tag|>",
    "<|image|>",
)
_LLAMA3_NAMES = (
    *_LLAMA3_NAMED,
    *(f"<|reserved_special_token_{number}|>" for number in range(2, 256 - len(_LLAMA3_NAMED) + 2)),
)
LLAMA3 = {name: id for id, name in enumerate(_LLAMA3_NAMES, 128_000)}

# mistral_common 1.13, mistral_common/tokens/tokenizers/tekken.py: what a tekken.json up to version 7 has where it
# doesn't say its own; the rest of the reserved ids are called by number.

TEKKEN_UNTIL_V7 = (
    "<unk>",
    "<s>",
    "</s>",
    "[INST]",
    "[/INST]",
    "[AVAILABLE_TOOLS]",
    "[/AVAILABLE_TOOLS]",
    "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]",
    "[TOOL_CALLS]",
    "[IMG]",
    "<pad>",
    "[IMG_BREAK]",
    "[IMG_END]",
    "[PREFIX]",
    "[MIDDLE]",
    "[SUFFIX]",
    "[SYSTEM_PROMPT]",
    "[/SYSTEM_PROMPT]",
    "[TOOL_CONTENT]",
)
TEKKEN_FILL = "<SPECIAL_{id}>"
