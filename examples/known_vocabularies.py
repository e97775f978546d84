"""Published vocabularies that lie on this machine already. Nothing is downloaded."""

import tokloom

_WANTED = ("gpt2", "gpt4", "gpt4o")


def find() -> dict[str, tokloom.Tokenizer]:
    """The vocabularies at hand, by name: from caches, or from packages that carry them (`tokloom names` says which)."""
    here = {known.name for known in tokloom.vocabularies() if known.here}
    return {name: tokloom.load(name, offline=True) for name in _WANTED if name in here}
