"""What a command needs beyond tokloom itself, looked for before its work."""

from __future__ import annotations

from importlib.util import find_spec

from tokloom.errors import MissingDependencyError


def need(command: str, extra: str, *modules: str) -> None:
    """Ends a command before its work where a module isn't installed.

    Raises:
        MissingDependencyError: the message names the extra.

    Example:
        >>> need("tokloom train", "lm", "json")
    """
    for module in modules:
        if find_spec(module) is None:
            raise MissingDependencyError(
                f"{command} needs {module}, which isn't installed: pip install 'tokloom[{extra}]'",
                name=module,
            )
