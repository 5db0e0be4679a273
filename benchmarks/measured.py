"""What a benchmark says of one thing: a number, the peer's number of the same run, and their ratio.

Every benchmark of ``make bench`` prints its own table, or with ``--json`` a line of JSON per `Measured`, which
``benchmarks/table.py`` lays together.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Measured:
    """``what`` was measured, ``ours`` in ``unit``; ``theirs`` is the ``peer``'s. A ratio above 1 favours prunekit."""

    what: str
    ours: float
    unit: str
    peer: str = ""
    theirs: float | None = None
    ratio: float | None = None
    goal: str = ""


def accepts_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument(
        "--json", action="store_true", help="a line of JSON per number, for benchmarks/table.py"
    )


def say(rows: Iterable[Measured], title: str, *, as_json: bool) -> None:
    """Print the rows as they come: JSON lines, or a Markdown table under ``title``."""
    if not as_json:
        print(f"{title}\n\n{HEADER}")
    for row in rows:
        print(json.dumps(asdict(row)) if as_json else line(row), flush=True)


COLUMNS = ("what", "prunekit", "peer", "the peer's", "ratio", "goal")
HEADER = f"| {' | '.join(COLUMNS)} |\n|---|---:|---|---:|---:|---|"


def line(row: Measured) -> str:
    """The row of a Markdown table."""
    theirs = "" if row.theirs is None else f"{number(row.theirs)} {row.unit}"
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    return f"| {row.what} | {number(row.ours)} {row.unit} | {row.peer} | {theirs} | {ratio} | {row.goal} |"


def number(value: float) -> str:
    """Three significant digits, with thousands separated."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit("this module is used by the benchmarks; run `make bench`")
