"""Table cells for readers: numbers in their units, several columns of a row as one cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

Row = Mapping[str, Any]

FOOTNOTES = ("†", "‡", "§", "¶")


def flag_marks(rows: Iterable[Row]) -> dict[str, str]:
    """A footnote mark for each sentence that flags a row; marks are doubled when they run out."""
    said = dict.fromkeys(text for row in rows for text in row.get("flags") or [])
    return {
        text: FOOTNOTES[place % len(FOOTNOTES)] * (1 + place // len(FOOTNOTES))
        for place, text in enumerate(said)
    }


# Numbers that are shares in every row; for a finding, the row's unit decides.
SHARES = (
    *("error", "error_before", "parent_error", "prune_ratio", "physical_ratio", "asked", "margin", "limit"),
    *("agreement", "worst_class_rise", "worst_group_rise", "valid_error"),
)
NUMBERS = ("value", "low", "high", "net", "net_low", "net_high")
UNITS_OF_SHARES = (
    *("share", "error", "chance", "recall", "share of images", "share of predictions", "prune ratio"),
    *("ratio of errors", "confidence in the true class"),
)


class Composed(NamedTuple):
    """Several columns of a row in one cell; ``points``: shares in percent or points, to ``digits``."""

    parts: tuple[str, ...]
    pattern: str
    points: bool = False
    digits: int = 2


# By heading.
COMPOSED = {
    "error, %": Composed(("parent_error", "error"), "{} → {}", points=True),
    "value [95 %], %": Composed(("value", "low", "high"), "{} [{}, {}]", points=True, digits=1),
    "rise [95 %], points": Composed(("value", "low", "high"), "{} [{}, {}]", points=True),
    "broken / fixed": Composed(("broken", "fixed"), "{} / {}"),
    "worst class": Composed(("worst_class", "worst_class_rise"), "{} ({})"),
    "worst group": Composed(("worst_group", "worst_group_rise"), "{} ({})"),
}


def has(name: str, row: Row) -> bool:
    """Whether a row has something to show in a column."""
    return row.get(COMPOSED[name].parts[0] if name in COMPOSED else name) not in (None, [])


def cell(name: str, row: Row, marks: Mapping[str, str]) -> str:
    """What a row shows in a column; ``marks``: the footnotes of its flags."""
    if name not in COMPOSED:
        return _one(name, row, marks)
    if not has(name, row):
        return "–"
    composed = COMPOSED[name]
    return composed.pattern.format(*(_part(part, row, marks, composed) for part in composed.parts))


def said(fields: Row) -> str:
    """Names and values in one line: ``error 2.51 %, n 359``."""
    return ", ".join(f"{name.replace('_', ' ')} {_one(name, fields, {})}" for name in fields)


def _part(name: str, row: Row, marks: Mapping[str, str], of: Composed) -> str:
    value = row.get(name)
    if of.points and isinstance(value, float):
        return f"{100 * value:.{of.digits}f}"
    return _one(name, row, marks)


def _one(name: str, row: Row, marks: Mapping[str, str]) -> str:
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
