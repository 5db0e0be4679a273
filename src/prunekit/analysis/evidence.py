"""The evidence for a claim: rows with joint draws, and the contrasts computed from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from prunekit.analysis.joint import Draws
from prunekit.analysis.labels import LABEL, labelled
from prunekit.analysis.rows import Row
from prunekit.analysis.shifts import parts_of

WEIGHT, FILTER = "weight", "filter"
METHODS_OF = {WEIGHT: "weight methods", FILTER: "filter methods"}
BOTH = tuple(METHODS_OF.values())
OTHER = "other methods"
# Units that readers expect as percentage points.
IN_POINTS = {
    "prune ratio": "points of potential",
    "share of predictions": "points",
    "error": "points",
    "error per unit of prune ratio": "points per 100 % pruned",
}
MINUS = "−"
# The ratio up to which pruned networks are taken to be as good as their parents.
COMMENSURATE_RATIO = 0.805


class Part(NamedTuple):
    """One contrast of a claim: its group of evidence, its description, its draws (above zero if true), and its unit."""

    group: str
    what: str
    draws: Draws
    unit: str


def with_labels(rows: Iterable[Row]) -> list[Row]:
    """The rows with a readable column ``label``, and their draws."""
    rows = list(rows)
    return [Row(named).drawn(row.draws) for row, named in zip(rows, labelled(rows), strict=True)]


def known(rows: Iterable[Row], finding: str, **where: Any) -> list[Row]:
    """The rows of a finding that have a value with draws, and whose named columns have the given values."""
    return [
        row
        for row in rows
        if row["finding"] == finding
        and row.draws is not None
        and row["value"] is not None
        and all(row.get(name) == value for name, value in where.items())
    ]


def draws_of(row: Row) -> Draws:
    """The joint draws of a row that :func:`known` returned."""
    assert row.draws is not None  # noqa: S101 - known() has checked
    return row.draws


def methods_of(row: Row) -> str:
    """The kind of method of a row, as a group of evidence."""
    return METHODS_OF.get(str(row["structure"]), OTHER)


def each_of(*aspects: str) -> tuple[str, ...]:
    """Groups of evidence: both kinds of method, for each of these aspects."""
    return tuple(f"{kind}, {aspect}" for aspect in aspects for kind in BOTH)


def name_of(row: Row) -> str:
    """The label of a row's networks."""
    return str(row[LABEL])


def noisy_alike(row: Row) -> tuple[Any, ...]:
    """What rows on noisy inputs have in common if they differ only in ratio and level."""
    return tuple(row[name] for name in ("variant", "noise", "space", "clip", "draws"))


def percent(share: float) -> str:
    """A ratio as text: 0.8 is 80 %."""
    return f"{100 * share:g} %"


def corruption_of(row: Row) -> str | None:
    """The corruption of the row's distribution."""
    found = parts_of(row["distribution"])
    return found.corruption if found else None


def number(value: float, unit: str) -> str:
    """A number in its unit, as text."""
    text = f"{100 * value:.1f}" if unit in IN_POINTS else f"{value:.3g}"
    text = text.removesuffix(".0")
    return ("0" if text == "-0" else text).replace("-", MINUS)


def measured(value: float, low: float, high: float, unit: str) -> str:
    """A number with its interval and unit, as text: ``25 points of potential [−32, 5]``."""
    ends = f"[{number(low, unit)}, {number(high, unit)}]"
    return f"{number(value, unit)} {IN_POINTS.get(unit, unit)} {ends}"


def units_in(parts: Sequence[Part]) -> str | None:
    """The unit that all parts share; None if they differ."""
    units = {part.unit for part in parts}
    return units.pop() if len(units) == 1 else None
