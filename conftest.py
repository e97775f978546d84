"""Modules that can't be imported without transformers are looked through for doctests where it is installed."""

from importlib.util import find_spec

VIEW = "python/tokloom/views/transformers"

collect_ignore = [] if find_spec("transformers") else [f"{VIEW}/rows.py", f"{VIEW}/tokenizer.py"]
