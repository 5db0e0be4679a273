"""The small family of errors that a person may meet, each with its exit code."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class PrunekitWarning(UserWarning):
    """Something went on in a reduced way that the user should know of."""


class PrunekitError(Exception):
    """A step failed for a reason that one line can tell (exit 1)."""

    exit_code = 1


class UsageError(PrunekitError):
    """The user's input is wrong: what was given, what is allowed, the nearest match (exit 2)."""

    exit_code = 2


class StoreError(PrunekitError):
    """A stored file is missing, damaged or of a newer format (exit 3)."""

    exit_code = 3


def unknown(kind: str, name: str, allowed: Iterable[str]) -> UsageError:
    """The error for a name that is not in a table: names it, the nearest match, and what is allowed."""
    names = list(allowed)
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    nearest = f"; did you mean {close[0]!r}?" if close else ""
    return UsageError(f"unknown {kind} {name!r}{nearest} (one of: {', '.join(names) or 'none'})")
