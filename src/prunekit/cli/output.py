"""Data on stdout: one JSON object per line for programs, a table for readers, only keys with ``-q``."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from prunekit.analysis.labels import LABEL, labelled
from prunekit.cli.cells import COMPOSED, cell, flag_marks, has
from prunekit.cli.streams import clean, clean_json
from prunekit.errors import PrunekitError
from prunekit.report.codes import sentences_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Row = Mapping[str, Any]


def emit(
    rows: Iterable[Row],
    *,
    as_json: bool = False,
    quiet: bool = False,
    columns: Sequence[str] = (),
    nothing: str = "nothing here yet",
    for_people: Callable[[Row], Row] = lambda row: row,
) -> None:
    """Write rows to stdout: the ``columns`` of a table, or keys if ``quiet``; ``nothing`` is the text for no rows.

    ``for_people`` converts a row for the table; programs get the row unchanged.
    """
    if quiet:
        _lines(clean(str(row.get("key", ""))) for row in rows)
    elif as_json or not sys.stdout.isatty():
        _lines(map(json_line, rows))
    else:
        found = _in_words(list(map(for_people, rows)), with_labels=LABEL in columns)
        if found:
            _table(found, columns)
        elif nothing:
            write(nothing)


def json_line(value: Any) -> str:
    """A value as JSON on one line: unescaped where stdout can write the character, without control characters."""
    utf8 = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "") == "utf8"
    return clean_json(json.dumps(value, ensure_ascii=not utf8))


def write(text: str) -> None:
    """Write a text of several lines to stdout."""
    _lines(map(clean, text.splitlines()))


def _lines(lines: Iterable[str]) -> None:
    for line in lines:
        try:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            with contextlib.suppress(OSError):  # else Python flushes again at exit and prints its own error
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise PrunekitError(f"cannot write to stdout: {error.strerror}") from None


def _in_words(rows: Sequence[Row], *, with_labels: bool) -> list[Row]:
    """Rows for readers: flags as sentences, the model, and labels that distinguish the networks."""
    if with_labels and all("finding" in row for row in rows):
        rows = [{**row, "model": _model_of(row)} for row in labelled(rows)]
    return [{**row, "flags": sentences_of(row["flags"])} if row.get("flags") else row for row in rows]


def _model_of(row: Row) -> str | None:
    """The key of the row's network; of several, the first and the number of others."""
    keys = row.get("models") or []
    if not keys:
        return None
    return str(keys[0]) if len(keys) == 1 else f"{keys[0]} and {len(keys) - 1} more"


# Columns that users copy are never folded; a narrow terminal scrolls or wraps the whole line.
WHOLE = ("finding", "key", "model", "network", "parent", "label")
# Names of distributions are folded only if they are longer than this.
SHORT_NAME = 32
# Texts may be folded to this many characters; numbers are not.
LEAST_TEXT, MOST_WIDTH = 12, 1000
# A table that is too wide loses its last columns, but never these nor the first few.
KEPT, FEWEST = ("flags", "verdict"), 4


def _table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    from rich.console import Console
    from rich.text import Text

    console, marks = Console(), flag_marks(rows)
    shown = [name for name in columns or (rows[0] if rows else ()) if any(has(name, row) for row in rows)]
    cells = {name: [clean(cell(name, row, marks)) for row in rows] for name in shown}
    left_out: list[str] = []
    while (least := _width(console, table := _made(rows, cells))) > console.width:
        spare = [name for name in tuple(cells)[FEWEST:] if name not in (*KEPT, *WHOLE)]
        if not columns or not spare:
            console.width = least
            break
        del cells[spare[-1]]
        left_out.insert(0, spare[-1])
    console.print(table, crop=False)
    for text, mark in marks.items():
        console.print(Text(f"{mark} {clean(text)}"))
    if left_out:
        console.print(
            Text(f"left out here: {', '.join(left_out)} (a wider terminal or --json shows them)"), style="dim"
        )


def _made(rows: Sequence[Row], cells: Mapping[str, Sequence[str]]) -> Table:
    """The table of these cells, by column; ``rows`` say which columns are numbers."""
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, texts in cells.items():
        numeric = name in COMPOSED or all(isinstance(row.get(name), int | float | None) for row in rows)
        longest = max(map(cell_len, texts))
        whole = numeric or name in WHOLE or (name == "distribution" and longest <= SHORT_NAME)
        heading = Text(clean(name.replace("_", " ")))
        least = max(longest if whole else min(longest, LEAST_TEXT), *map(cell_len, heading.plain.split()))
        table.add_column(
            heading, justify="right" if numeric else "left", overflow="fold", no_wrap=whole, min_width=least
        )
    for line in zip(*cells.values(), strict=True):
        table.add_row(*map(Text, line))
    return table


def _width(console: Console, table: Table) -> int:
    """The smallest line width, in characters, at which no column breaks a word."""
    from rich.measure import Measurement

    return Measurement.get(console, console.options.update(max_width=MOST_WIDTH), table).minimum


def say(text: str) -> None:
    """Print a line for the user on stderr."""
    sys.stderr.write(clean(text) + "\n")
    sys.stderr.flush()


def say_json(value: Any) -> None:
    """Print a message for a program on stderr."""
    sys.stderr.write(json_line(value) + "\n")
    sys.stderr.flush()


def hint(text: str) -> None:
    """Print a line that only a person needs; silent when stderr is not a terminal."""
    if sys.stderr.isatty():
        say(text)
