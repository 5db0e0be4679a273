"""Verdicts for a pipeline: what passes, a JUnit file, and a Markdown table for a pull request comment."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from prunekit.analysis.flags import Flag
from prunekit.analysis.verdict import Verdict
from prunekit.report.comparison_tables import worst
from prunekit.report.first_page import MARKS
from prunekit.report.study import Row
from prunekit.report.words import MISSING, percent, points

AT_CHANCE = "parent at chance"


def passes(row: Row, *, undecided_passes: bool = False) -> bool:
    """Whether a row lets the pipeline pass: its verdict is within the margin, or undecided where that is allowed.

    Where the parent is no better than guessing, a verdict within the margin counts as undecided.
    """
    if row["verdict"] == Verdict.BEYOND:
        return False
    return undecided_passes or (row["verdict"] == Verdict.WITHIN and not _says_nothing(row))


def _says_nothing(row: Row) -> bool:
    return Flag.CHANCE in row["flags"] and row["verdict"] != Verdict.BEYOND


def sentence(row: Row) -> str:
    """One verdict in words: the rise, its interval, the margin, and what to do where it is undecided."""
    rise = f"{points(row['value'])} [{points(row['low'])}, {points(row['high'])}]"
    part = " ".join(str(row[name]) for name in ("grouping", "member") if row.get(name))
    where = f"{part}, {row['distribution']}" if part else str(row["distribution"])
    verdict = {
        Verdict.WITHIN: f"is within the margin of {points(row['limit'])}",
        Verdict.BEYOND: f"is beyond the margin of {points(row['limit'])}",
        Verdict.UNDECIDED: f"is undecided at a margin of {points(row['limit'])}: measure more images (n = "
        f"{row['n']:,}; `prunekit power` says how many)",
    }[Verdict(row["verdict"])]
    if _says_nothing(row):
        verdict = (
            "proves nothing: the parent is no better than guessing there (error "
            f"{percent(row['parent_error'], 2)}) and has nothing to lose; omit this distribution, or "
            "compare with a parent that handles it"
        )
    return f"{row['network']} on {where}: error rises by {rise}, which {verdict}"


def junit(rows: Sequence[Row], *, undecided_passes: bool = False) -> str:
    """A JUnit file: a test for each network and distribution (or slice of it), failed where it does not pass."""
    failed = [row for row in rows if not passes(row, undecided_passes=undecided_passes)]
    counts = {"tests": str(len(rows)), "failures": str(len(failed)), "errors": "0"}
    root = Element("testsuites", {"name": "prunekit compare", **counts})
    suite = SubElement(root, "testsuite", {"name": "prunekit compare", **counts})
    for row in rows:
        name = " · ".join(str(row[part]) for part in ("distribution", "grouping", "member") if row.get(part))
        case = SubElement(suite, "testcase", {"classname": str(row["network"]), "name": name})
        if row in failed:
            failure = SubElement(case, "failure", {"type": str(row["verdict"]), "message": sentence(row)})
            failure.text = sentence(row)
        SubElement(case, "system-out").text = sentence(row)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


HEAD = (
    "network",
    "distribution",
    "error",
    "rise [95 %]",
    "verdict",
    "agreement",
    "broken / fixed",
    "worst class",
)
WORST_GROUP = "worst group"


def markdown(rows: Sequence[Row], parent: str) -> str:
    """A table of the verdicts on every network and distribution, with a line that explains them."""
    grouped = any(row.get("worst_group") is not None for row in rows)
    head = (*HEAD, WORST_GROUP) if grouped else HEAD
    lines = [f"### {parent} and its descendants", "", _line(head), _line(["---"] * len(head))]
    lines += [_line(_cells(row)[: len(head)]) for row in rows]
    margins = sorted({points(row["limit"]) for row in rows})
    note = f"Margin: a rise in error of {', '.join(margins)}. Intervals cover the choice of images, for these networks."
    if any(map(_says_nothing, rows)):
        note += (
            f" {AT_CHANCE.capitalize()}: the parent is no better than guessing there and has nothing to lose."
        )
    return "\n".join([*lines, "", note, ""])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _cells(row: Row) -> list[str]:
    mark = MARKS[Verdict(row["verdict"])]
    flips = MISSING if row.get("broken") is None else f"{row['broken']:,} / {row['fixed']:,}"
    return [
        str(row["network"]),
        str(row["distribution"]),
        f"{percent(row['parent_error'], 2)} → {percent(row['error'], 2)}",
        f"{points(row['value'])} [{points(row['low'])}, {points(row['high'])}]",
        f"? {AT_CHANCE}" if _says_nothing(row) else f"{mark} {row['verdict']}",
        percent(row.get("agreement"), 2),
        flips,
        worst(row, "class"),
        worst(row, "group"),
    ]
