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
    rows: Iterable[Row],
    *,
    as_json: bool = False,
    quiet: bool = False,
    columns: Sequence[str] = (),
    nothing: str = "nothing here yet",
) -> None:
    """Write rows to stdout; ``columns`` of the table, with ``quiet`` keys; ``nothing`` is said of none."""
    if quiet:
        _lines(clean(str(row.get("key", ""))) for row in rows)
    elif as_json or not sys.stdout.isatty():
        _lines(map(json_line, rows))
    else:
        found = _in_words(list(rows)) if LABEL in columns else list(rows)
        if found:
            _table(found, columns)
        elif nothing:
            write(nothing)


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
    """Rows for people: what sets their networks apart, the model, flags as sentences."""
    return [
        {**row, "flags": sentences_of(row.get("flags") or []), "model": _model_of(row)}
        for row in labelled(rows)
    ]


def _model_of(row: Row) -> str | None:
    """The key of the row's network, the first of several and how many more."""
    keys = row.get("models") or []
    if not keys:
        return None
    return str(keys[0]) if len(keys) == 1 else f"{keys[0]} and {len(keys) - 1} more"


# Columns that a person copies: never folded, a narrow terminal scrolls or wraps the line as a whole.
WHOLE = ("key", "model", "parent", "label")


def _table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    marks = flag_marks(rows)
    shown = [
        name
        for name in columns or (rows[0] if rows else ())
        if any(row.get(name) not in (None, []) for row in rows)
    ]
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in shown:
        numeric = all(isinstance(row.get(name), int | float | None) for row in rows)
        table.add_column(
            Text(clean(name.replace("_", " "))),
            justify="right" if numeric else "left",
            overflow="fold",
            no_wrap=name in WHOLE,
        )
    for row in rows:
        table.add_row(*(Text(clean(_cell(name, row, marks))) for name in shown))
    console = Console()
    least = Measurement.get(console, console.options.update(max_width=MOST_WIDTH), table).minimum
    console.width = max(console.width, least)
    console.print(table, crop=False)
    for text, mark in marks.items():
        console.print(Text(f"{mark} {clean(text)}"))


MOST_WIDTH = 1000
FOOTNOTES = ("†", "‡", "§", "¶")


def flag_marks(rows: Iterable[Row]) -> dict[str, str]:
    """A footnote mark for each of the sentences that rows are flagged with, doubled where marks run out."""
    said = dict.fromkeys(text for row in rows for text in row.get("flags") or [])
    return {
        text: FOOTNOTES[place % len(FOOTNOTES)] * (1 + place // len(FOOTNOTES))
        for place, text in enumerate(said)
    }


# Numbers that are shares whatever row they are in; those of a finding are what the row's unit says.
SHARES = (
    *("error", "error_before", "parent_error", "prune_ratio", "physical_ratio", "asked", "margin", "limit"),
    *("agreement", "worst_class_rise"),
)
NUMBERS = ("value", "low", "high", "net", "net_low", "net_high")
UNITS_OF_SHARES = (
    *("share", "error", "chance", "recall", "share of images", "share of predictions", "prune ratio"),
    *("ratio of errors", "confidence in the true class"),
)


def _cell(name: str, row: Row, marks: Mapping[str, str]) -> str:
    value = row.get(name)
    if value is None:
        return "–"
    if name == "flags":
        return " ".join(marks[text] for text in value)
    if isinstance(value, float):
        return _number(
            value, is_share=name in SHARES or (name in NUMBERS and row.get("unit") in UNITS_OF_SHARES)
        )
    if isinstance(value, int):
        return f"{value:,}" if not isinstance(value, bool) else ("yes" if value else "no")
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _number(value: float, *, is_share: bool) -> str:
    return f"{100 * value:.2f} %" if is_share else f"{value:.4g}"


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
