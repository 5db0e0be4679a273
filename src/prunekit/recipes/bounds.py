"""Limits on the size of a recipe: a foreign file must not fill memory or keep a command busy for hours."""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prunekit.errors import UsageError

MOST_BYTES = 2**20  # of one file
MOST_FILES = 16  # that extend each other
MOST_DEPTH = 12  # nested lists and tables
MOST_TEXT = 5_000  # characters of one value: a path has 4,096 at most
MOST_ITEMS = 10_000  # of one list
MOST_VALUES = 200_000  # of a whole recipe
MOST_STAGES = 1_000
MOST_STEPS = 1_000_000  # of a plan, which then takes about a minute and 2 GB


def read_text(path: Path) -> str:
    """The text of a regular file of at most ``MOST_BYTES``; a pipe or device is refused because it might never end.

    :class:`OSError`, :class:`UnicodeDecodeError` or :class:`UsageError` if it cannot be read.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise UsageError(f"cannot read the recipe {path}: it is not a regular file")
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise UsageError(f"the recipe {path} is larger than {MOST_BYTES:,} bytes")
    return data.decode("utf-8")


def check_size(document: Any, name: str) -> None:
    """Raise a :class:`UsageError` for a parsed document that is nested too deeply or is too large."""
    left, values = [(document, 0)], 0
    while left:
        value, depth = left.pop()
        values += 1
        if values > MOST_VALUES:
            raise UsageError(f"{name} contains more than {MOST_VALUES:,} values")
        if depth > MOST_DEPTH:
            raise UsageError(
                f"{name} is nested too deeply: more than {MOST_DEPTH} levels of tables and lists"
            )
        if isinstance(value, str) and len(value) > MOST_TEXT:
            raise UsageError(
                f"{name} contains a string of {len(value):,} characters; at most {MOST_TEXT:,} are allowed"
            )
        if isinstance(value, list):
            left += _of_list(value, depth, name)
        elif isinstance(value, dict):
            left += [(item, depth + 1) for pair in value.items() for item in pair]


def _of_list(value: Sequence[Any], depth: int, name: str) -> list[tuple[Any, int]]:
    if len(value) > MOST_ITEMS:
        raise UsageError(
            f"{name} contains a list of {len(value):,} values; at most {MOST_ITEMS:,} are allowed"
        )
    return [(item, depth + 1) for item in value]


def check_steps(starts: Sequence[int], sweep: Mapping[str, Sequence[Any]], fields: Mapping[str, Any]) -> None:
    """Raise a :class:`UsageError` for a stage with more steps than a plan may have, counted before they are made.

    ``starts`` are the numbers of results that the stage's first step chooses from.
    """
    count = math.prod(starts) * math.prod(map(len, sweep.values()))
    if count > MOST_STEPS:
        raise UsageError(
            f"its sweep makes {count:,} steps; a recipe may have {MOST_STEPS:,} (split it into several)",
            field=("sweep",),
        )
    longest = max((len(value) for value in fields.values() if isinstance(value, list)), default=0)
    if count * longest > MOST_VALUES * 10:
        raise UsageError(
            f"its {count:,} steps contain lists of {longest:,} values: sweep less, or shorten the lists"
        )
