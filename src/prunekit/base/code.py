"""The user's own code, named ``module:package.file:name``: parses the name and imports its target."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any

from prunekit.errors import UsageError

PREFIX = "module:"


def is_code(name: str) -> bool:
    """Whether the name stands for code of the user's own, which is imported and called."""
    return name.startswith(PREFIX)


def tidy(name: str) -> str:
    """The name as Python imports it: ``module:nets/file.py:build`` is ``module:nets.file:build``."""
    place, colon, inner = name.removeprefix(PREFIX).partition(":")
    if not is_code(name) or not place.endswith(".py"):
        return name
    return f"{PREFIX}{place.removesuffix('.py').removeprefix('./').replace('/', '.')}{colon}{inner}"


def imported(target: str, kind: str) -> Any:
    """What ``package.file:name`` names. The working directory is searched last, so that it hides no package."""
    place, _, name = target.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        with redirect_stdout(sys.stderr):  # what the module prints is no data of ours
            return getattr(import_module(place), name)
    except (Exception, SystemExit) as error:
        raise UsageError(f"{kind} {PREFIX}{target!r} cannot be imported: {why(error)}") from error


def why(error: BaseException) -> str:
    """What the user's code raised, in one line; a script without a guard for ``__main__`` often ends with sys.exit."""
    if isinstance(error, SystemExit):
        return f"it called sys.exit({error.code!r})"
    text = " ".join(str(error).split())
    return (
        text
        if isinstance(error, ImportError | AttributeError) and text
        else f"{type(error).__name__}: {text}"
    )
