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
    """Whether the name refers to the user's own code, which is imported and called."""
    return name.startswith(PREFIX)


def tidy(name: str) -> str:
    """The name as Python imports it: ``module:nets/file.py:build`` is ``module:nets.file:build``."""
    place, colon, inner = name.removeprefix(PREFIX).partition(":")
    if not is_code(name) or not place.endswith(".py"):
        return name
    return f"{PREFIX}{place.removesuffix('.py').removeprefix('./').replace('/', '.')}{colon}{inner}"


def imported(target: str, kind: str) -> Any:
    """The object named ``package.file:name``; the working directory is searched last, so that it hides no package."""
    place, _, name = target.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        with redirect_stdout(sys.stderr):  # the module's own output is not prunekit's data
            return getattr(import_module(place), name)
    except (Exception, SystemExit) as error:
        raise UsageError(f"{kind} {PREFIX}{target!r} cannot be imported: {why(error)}") from error


def why(error: BaseException) -> str:
    """The error of the user's code in one line; a script without a ``__main__`` guard often calls sys.exit."""
    if isinstance(error, SystemExit):
        return f"it called sys.exit({error.code!r})"
    text = " ".join(str(error).split())
    return (
        text
        if isinstance(error, ImportError | AttributeError) and text
        else f"{type(error).__name__}: {text}"
    )
