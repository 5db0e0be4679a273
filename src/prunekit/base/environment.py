"""Switches in the environment, such as PRUNEKIT_OFFLINE: an invalid value is an error, never ignored."""

from __future__ import annotations

import os
from pathlib import Path

from prunekit.errors import UsageError

ON, OFF = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


def switched_on(name: str) -> bool:
    """Whether the variable is set to yes; a :class:`UsageError` for a value that is neither yes nor no."""
    value = os.environ.get(name, "").strip().lower()
    if value not in (*ON, *OFF):
        raise UsageError(f"{name}={value!r}: one of {', '.join((*ON, *OFF[1:]))}, or unset")
    return value in ON


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
