"""Modules that can't be imported without transformers are looked through for doctests where it is installed."""

from importlib.util import find_spec

VIEW = "python/tokloom/views/transformers"
NEED_IT = [f"{VIEW}/{name}.py" for name in ("rows", "special_tokens", "tokenizer")]

collect_ignore = [] if find_spec("transformers") else NEED_IT
