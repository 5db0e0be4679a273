"""The one line that says which data are missing, where prunekit looked, and how to get them."""

from __future__ import annotations

from pathlib import Path

from prunekit.errors import UsageError


def need(path: Path, name: str) -> Path:
    """``path``, or a :class:`UsageError` that names the data set, the place and the command."""
    if not path.exists():
        raise UsageError(
            f"data set {name} is missing: there is no {path} (get it with `prunekit data get {name}`)"
        )
    return path
