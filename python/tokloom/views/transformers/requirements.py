"""What the view needs of other libraries, and where: what is missing is an error at the call that needs it."""

from __future__ import annotations

import importlib
import re

from tokloom.errors import MissingDependencyError

__all__ = ["require_jinja", "require_tensors", "require_transformers"]

EXTRA = "pip install 'tokloom[transformers]'"
# No extra has these: which build of them is right depends on the machine.
TENSORS = {"pt": ("torch", "PyTorch"), "mlx": ("mlx", "MLX")}


def require_transformers() -> None:
    """Makes sure of transformers 5.

    Raises:
        MissingDependencyError: it isn't installed, is another one, or can't be imported.
    """
    try:
        import transformers
        from transformers import PreTrainedTokenizer  # noqa: F401 (transformers imports it only now)
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "transformers":
            raise MissingDependencyError(
                f"as_transformers needs transformers 5, which isn't installed ({error}): {EXTRA}"
            ) from None
        raise MissingDependencyError(
            f"as_transformers needs transformers 5, which can't be imported ({error}); what that names is missing, or "
            f"doesn't fit. {EXTRA} installs what fits"
        ) from error
    if not re.match(r"5\.", transformers.__version__):
        raise MissingDependencyError(
            f"as_transformers needs transformers 5, and {transformers.__version__} is installed: {EXTRA}"
        )


def require_jinja() -> None:
    """Makes sure of jinja2, which chat templates are run by.

    Raises:
        MissingDependencyError: it isn't installed, or is older than transformers takes.
    """
    try:
        import jinja2  # noqa: F401
        from transformers.utils.chat_template_utils import _compile_jinja_template

        _compile_jinja_template("")
    except ImportError as error:
        raise MissingDependencyError(
            f"apply_chat_template needs jinja2, in a version that transformers takes ({error}): {EXTRA}"
        ) from None


def require_tensors(kind: object) -> None:
    """Makes sure of the library whose tensors are asked for.

    Args:
        kind: `return_tensors`.

    Raises:
        MissingDependencyError: it isn't installed.
    """
    import transformers

    kind = getattr(kind, "value", kind)
    if not isinstance(kind, str) or kind not in TENSORS:
        return
    package, name = TENSORS[kind]
    try:
        importlib.import_module(package)
        if kind == "pt" and not transformers.utils.is_torch_available():
            raise ImportError("transformers doesn't take the one that is installed")
    except ImportError as error:
        raise MissingDependencyError(
            f"return_tensors={kind!r} needs {name} ({error}): pip install {package} (tokloom's extra 'transformers' leaves "
            'it to you); return_tensors="np" does without'
        ) from None
