"""Which models a command works on: keys, prefixes, labels, or ``-`` for the output of another command on stdin."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any

import typer

from prunekit.errors import UsageError
from prunekit.store.store import Store

MODEL = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL...", help="Key, unique prefix, label, or - for keys on stdin.", show_default=False
    ),
]


def resolve_all(store: Store, names: Sequence[str]) -> list[str]:
    """The keys that the names refer to, each once, in order."""
    given = [name for word in names for name in (_from_stdin(sys.stdin) if word == "-" else [word])]
    if not given:
        raise UsageError("no model given: stdin is empty (did the previous command in the pipe fail?)")
    return list(dict.fromkeys(store.resolve(name) for name in given))


def _from_stdin(lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _key_of(line.strip(), number)


def _key_of(line: str, number: int) -> str:
    """A key, or the ``key`` of a JSON object."""
    if not line.startswith("{"):
        return line
    try:
        found: Any = json.loads(line)
    except (ValueError, RecursionError):
        raise UsageError(f"stdin, line {number} is neither a key nor JSON: {line[:60]!r}") from None
    key = found.get("key")
    if not isinstance(key, str):
        raise UsageError(f"stdin, line {number}: the JSON object has no key")
    return key
