"""Tables as files: long rows as CSV, compact tables as LaTeX, and rows of any kind as they are."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any, NamedTuple

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
# Columns that a reader of the page does without: they are in the CSV.
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
TEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        **{letter: f"\\{letter}" for letter in "&%$#_{}"},
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\u00a0": "~",
        "±": r"$\pm$",
        "–": "--",
        "−": "$-$",
        "δ": r"$\delta$",
        "ε": r"$\varepsilon$",
        "ℓ": r"$\ell$",
        "†": r"$^\dagger$",
        "‡": r"$^\ddagger$",
        "§": r"$^\S$",
        "¶": r"$^\P$",
    }
)


class Table(NamedTuple):
    """A table in words: a heading per column, cells as text, its footnotes, and what its numbers rest on."""

    name: str
    title: str
    head: tuple[str, ...]
    body: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    basis: str = ""

    @property
    def words(self) -> frozenset[int]:
        """The columns that hold words rather than numbers: they are read from the left."""
        return frozenset(
            place for place in range(len(self.head)) if any(row[place][:1].isalpha() for row in self.body)
        )


# Rows and columns of a compact table on the page; its LaTeX and the long rows have all.
PAGE_ROWS, PAGE_COLUMNS = 40, 24


def for_page(table: Table) -> Table:
    """The table as large as a page bears, and a note of what it leaves out."""
    rows, columns = len(table.body) - PAGE_ROWS, len(table.head) - PAGE_COLUMNS
    if rows <= 0 and columns <= 0:
        return table
    left = [
        count(number, f"more {thing}") for number, thing in ((rows, "row"), (columns, "column")) if number > 0
    ]
    note = f"{' and '.join(left)} in tables/{table.name}.tex."
    body = tuple(row[:PAGE_COLUMNS] for row in table.body[:PAGE_ROWS])
    return table._replace(head=table.head[:PAGE_COLUMNS], body=body, notes=(note, *table.notes))


def plain_table(finding: str, rows: Sequence[Row]) -> Table:
    """Rows of any kind as they are, without the columns that only a program reads; at most so many rows."""
    head = tuple(column for column in columns_of(rows) if column not in UNSEEN)
    body = tuple(tuple(name_of(row.get(column)) for column in head) for row in in_order(rows)[:MOST_ROWS])
    more = len(rows) - MOST_ROWS
    notes = (f"{count(more, 'more row')} in tables/{finding}.csv.",) if more > 0 else ()
    return Table(
        finding, sentence(finding.replace("-", " ").replace("_", " ")).rstrip("."), head, body, notes
    )


def in_order(rows: Iterable[Row]) -> list[Row]:
    """The rows as one would look them up: by method, ratio, distribution and so on."""
    return sort_by(rows, *COLUMNS_FIRST)


def columns_of(rows: Iterable[Row]) -> list[str]:
    """Every column of these rows: what is described, then the numbers, then the rest by name."""
    present = {name for row in rows for name in row}
    named = [name for name in (*COLUMNS_FIRST, *COLUMNS_NEXT) if name in present]
    return [*named, *sorted(present - set(named))]


# What makes a spreadsheet run a text as a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(rows: Sequence[Row]) -> str:
    """Long rows as CSV: numbers to their last digit, lists as JSON, missing as empty, no text that is a formula."""
    columns = columns_of(rows)
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_field(row.get(column)) for column in columns] for row in in_order(rows))
    return buffer.getvalue()


def _field(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value
    if type(value) in (int, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)


def as_tex(table: Table) -> str:
    """The table as a LaTeX ``tabular`` with booktabs rules, its title and notes as comments."""
    comments = [
        f"% {line}"
        for line in (table.title, *table.notes, table.basis, r"Needs \usepackage{booktabs}.")
        if line
    ]
    columns = "l" + "r" * (len(table.head) - 1)
    body = [_tex_row(table.head), r"\midrule", *map(_tex_row, table.body)]
    inside = [r"\toprule", *body, r"\bottomrule"]
    return "\n".join([*comments, rf"\begin{{tabular}}{{{columns}}}", *inside, r"\end{tabular}", ""])


def _tex_row(cells: Iterable[str]) -> str:
    return " & ".join(cell.translate(TEX) for cell in cells) + r" \\"
