"""Variables of the environment, such as PRUNEKIT_OFFLINE: an invalid value is an error, never ignored."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from prunekit.errors import PrunekitWarning, UsageError

PREFIX = "PRUNEKIT_"
ENDINGS = ("STORE", "DATA", "OFFLINE", "DEBUG")
VARIABLES = tuple(f"{PREFIX}{ending}" for ending in ENDINGS)
ON, OFF = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


def switched_on(name: str) -> bool:
    """Whether the variable is set to yes; a :class:`UsageError` for a value that is neither yes nor no."""
    value = os.environ.get(name, "").strip().lower()
    if value not in (*ON, *OFF):
        raise UsageError(f"{name}={value!r}: one of {', '.join((*ON, *OFF[1:]))}, or unset")
    return value in ON


def warn_of_unknown(names: Iterable[str], *, known: Iterable[str] = ()) -> None:
    """Warn of each name that begins as prunekit's variables do and is none of them, nor ``known``."""
    allowed = (*VARIABLES, *known)
    for name in sorted(each for each in names if each.startswith(PREFIX) and each not in allowed):
        near = get_close_matches(name.removeprefix(PREFIX), ENDINGS, n=1)
        hint = f": did you mean {PREFIX}{near[0]}?" if near else f" (prunekit reads {', '.join(VARIABLES)})"
        warnings.warn(f"the variable {name} has no effect{hint}", PrunekitWarning, stacklevel=2)


def offline() -> bool:
    """Whether the user forbids network access."""
    return switched_on("PRUNEKIT_OFFLINE")


def cache_home() -> Path:
    """The default folder of data sets: under the user's home, or in the working directory if there is none."""
    try:
        home = Path.home() if os.environ.get("HOME") != "" else None
    except RuntimeError:  # a user without an entry in the password file, as in containers
        home = None
    return home / ".cache" / "prunekit" if home is not None else Path(".prunekit") / "data"


def default_store() -> Path:
    """Where results are kept by default."""
    return Path(os.environ.get("PRUNEKIT_STORE") or ".prunekit/store")


def default_data() -> Path:
    """Where data sets are kept by default."""
    return Path(os.environ.get("PRUNEKIT_DATA") or cache_home())
