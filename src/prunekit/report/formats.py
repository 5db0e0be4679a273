"""Tables as cells of text, long rows as CSV, and plain tables of rows of any kind."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any, NamedTuple

from prunekit.report.select import slug
from prunekit.report.study import Row, sort_by
from prunekit.report.words import count, name_of, sentence

COLUMNS_FIRST = (
    *("claim", "text", "verdict", "evidence"),
    *(
        "finding",
        "label",
        "method",
        "prune_ratio",
        "distribution",
        "level",
        "metric",
        "class",
        "row_role",
        "row_model",
        "column_role",
        "column_model",
    ),
)
COLUMNS_NEXT = ("value", "low", "high", "sd", "n", "seeds", "unit", "interval", "flags")
# Columns that the page omits; the CSV has them.
UNSEEN = (
    *(
        "finding",
        "models",
        "interval",
        "unit",
        "seed_set",
        "variant",
        "role",
        "method",
        "structure",
        "settings",
    ),
    *("retraining", "retrain_epochs", "cascade", "train_distribution", "arch", "dataset"),
)
MOST_ROWS = 20


class Number(str):
    """A measured number as a cell shows it, with the parts that other formats put in separate columns.

    ``value`` is the number, ``spread`` its interval or standard deviation, ``marks`` those of its footnotes.
    """

    __slots__ = ("marks", "spread", "value")

    value: str
    spread: str
    marks: str

    def __new__(cls, value: str, spread: str = "", marks: str = "") -> Number:
        """The cell of these parts."""
        made = super().__new__(cls, f"{value}{f' {spread}' if spread else ''}{marks}")
        made.value, made.spread, made.marks = value, spread, marks
        return made


class Footnote(str):
    """A note of a table; ``mark`` is shown at the numbers that it applies to."""

    __slots__ = ("mark", "text")

    mark: str
    text: str

    def __new__(cls, mark: str, text: str) -> Footnote:
        """The note with its mark in front."""
        made = super().__new__(cls, f"{mark} {text}")
        made.mark, made.text = mark, text
        return made


class Table(NamedTuple):
    """A table in words: a heading per column, cells as text, its footnotes, and what its numbers are based on.

    ``source`` is the file with the underlying rows.
    """

    name: str
    title: str
    head: tuple[str, ...]
    body: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    basis: str = ""
    source: str = ""

    @property
    def words(self) -> frozenset[int]:
        """The columns that hold words rather than numbers, which are aligned to the left."""
        return frozenset(
            place for place in range(len(self.head)) if any(row[place][:1].isalpha() for row in self.body)
        )


# The most rows and columns of a compact table on the page; its LaTeX and the CSV have all.
PAGE_ROWS, PAGE_COLUMNS = 40, 24


def for_page(table: Table) -> Table:
    """The table cut to what fits on a page, with a note on what is left out."""
    rows, columns = len(table.body) - PAGE_ROWS, len(table.head) - PAGE_COLUMNS
    if rows <= 0 and columns <= 0:
        return table
    left = [
        count(number, f"more {thing}") for number, thing in ((rows, "row"), (columns, "column")) if number > 0
    ]
    note = f"{' and '.join(left)} in tables/{table.name}.tex."
    body = tuple(row[:PAGE_COLUMNS] for row in table.body[:PAGE_ROWS])
    return table._replace(head=table.head[:PAGE_COLUMNS], body=body, notes=(note, *table.notes))


def plain_table(finding: str, rows: Sequence[Row], title: str = "") -> Table:
    """A table of rows of any kind, at most ``MOST_ROWS``, without the columns that only programs read."""
    head = tuple(column for column in columns_of(rows) if column not in UNSEEN)
    body = tuple(tuple(name_of(row.get(column)) for column in head) for row in in_order(rows)[:MOST_ROWS])
    more = len(rows) - MOST_ROWS
    source = csv_of(finding)
    notes = (f"{count(more, 'more row')} in {source}.",) if more > 0 else ()
    title = title or sentence(finding.replace("-", " ").replace("_", " ")).rstrip(".")
    return Table(finding, title, head, body, notes, source=source)


def csv_of(finding: str) -> str:
    """The path of a finding's rows inside a report's folder."""
    return f"tables/{slug(finding)}.csv"


def in_order(rows: Iterable[Row]) -> list[Row]:
    """The rows in the order in which a reader looks them up: by method, ratio, distribution and so on."""
    return sort_by(rows, *COLUMNS_FIRST)


def columns_of(rows: Iterable[Row]) -> list[str]:
    """Every column of these rows: what they describe, then the numbers, then the rest by name."""
    present = {name for row in rows for name in row}
    named = [name for name in (*COLUMNS_FIRST, *COLUMNS_NEXT) if name in present]
    return [*named, *sorted(present - set(named))]


_as_text = json.JSONEncoder(ensure_ascii=False).encode
# Types that the CSV writer formats itself: numbers to their last digit, missing as empty.
AS_THEY_ARE = frozenset((float, int, type(None)))
# First characters that make a spreadsheet run a text as a formula.
FORMULA = frozenset("=+-@\t\r")


def as_csv(rows: Sequence[Row]) -> str:
    """Long rows as CSV: numbers to their last digit, lists as JSON, missing as empty, no text that is a formula."""
    columns = columns_of(rows)
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(
        [value if type(value) in AS_THEY_ARE else _field(value) for value in map(row.get, columns)]
        for row in in_order(rows)
    )
    return buffer.getvalue()


def _field(value: Any) -> str:
    if isinstance(value, str):
        return f"'{value}" if value[:1] in FORMULA else value
    return _as_text(value)
