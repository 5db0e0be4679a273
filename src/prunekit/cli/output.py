"""Data on stdout: one JSON object a line for programs, a table for people, keys alone with ``-q``."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prunekit.analysis.labels import LABEL, labelled
from prunekit.cli.streams import clean, clean_json
from prunekit.errors import PrunekitError
from prunekit.report.codes import sentences_of

Row = Mapping[str, Any]


def emit(
    rows: Iterable[Row], *, as_json: bool = False, quiet: bool = False, columns: Sequence[str] = ()
) -> None:
    """Write rows to stdout; ``columns`` are those of the table, ``quiet`` writes the keys."""
    if quiet:
        _lines(clean(str(row.get("key", ""))) for row in rows)
    elif as_json or not sys.stdout.isatty():
        _lines(map(json_line, rows))
    else:
        _table(_in_words(list(rows)) if LABEL in columns else list(rows), columns)


def json_line(value: Any) -> str:
    """A value as JSON in one line: characters as they are where stdout can write them, no control characters."""
    utf8 = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "") == "utf8"
    return clean_json(json.dumps(value, ensure_ascii=not utf8))


def write(text: str) -> None:
    """A text of several lines on stdout."""
    _lines(map(clean, text.splitlines()))


def _lines(lines: Iterable[str]) -> None:
    for line in lines:
        try:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            with contextlib.suppress(OSError):  # or Python tries again at its end, in words of its own
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise PrunekitError(f"cannot write to stdout: {error.strerror}") from None


def _in_words(rows: Sequence[Row]) -> list[Row]:
    """Rows for people: what sets their networks apart, flags as sentences."""
    return [
        {**row, "flags": sentences_of(row["flags"])} if row.get("flags") else row for row in labelled(rows)
    ]


def _table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = [
        name
        for name in columns or (rows[0] if rows else ())
        if any(row.get(name) is not None for row in rows)
    ]
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in shown:
        numeric = all(isinstance(row.get(name), int | float | None) for row in rows)
        table.add_column(
            Text(clean(name.replace("_", " "))), justify="right" if numeric else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(clean(_cell(name, row.get(name)))) for name in shown))
    Console().print(table if rows else "nothing here yet")


PERCENT = ("error", "error_before", "prune_ratio", "asked", "value", "low", "high")


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "–"
    if name in PERCENT and isinstance(value, float):
        return f"{100 * value:.2f} %" if abs(value) <= 1 else f"{value:.4g}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}" if not isinstance(value, bool) else ("yes" if value else "no")
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def say(text: str) -> None:
    """A line for the person, on stderr."""
    sys.stderr.write(clean(text) + "\n")
    sys.stderr.flush()


def say_json(value: Any) -> None:
    """A message for a program, on stderr."""
    sys.stderr.write(json_line(value) + "\n")
    sys.stderr.flush()


def hint(text: str) -> None:
    """A line that only a person needs: silent when stderr is not a terminal."""
    if sys.stderr.isatty():
        say(text)
