"""What a report is about: the findings in one fixed order, and what the reader should know of how they were made."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from prunekit.distribution import parse
from prunekit.errors import UsageError

Row = Mapping[str, Any]

DEFAULT_MARGIN = 0.005
SEPARATE = "separate"
METHODS_FIRST = ("wt", "sipp", "ft", "pfp")
_OWN_FIELDS = ("title", "margin", "nominal", "recipe", "lineage")


class Study(NamedTuple):
    """One report's input: long rows by kind of finding, and their context.

    ``nominal`` is the unshifted distribution, ``lineage`` the models (parents first), ``facts`` whatever else the
    context says, by name, ``pictures`` a few images with the pixels that networks rest on, ``no_pictures`` why there
    are none.
    """

    findings: Mapping[str, Sequence[Row]]
    title: str
    margin: float
    nominal: str | None
    recipe: str
    lineage: tuple[Row, ...]
    facts: tuple[tuple[str, Any], ...]
    pictures: tuple[Row, ...] = ()
    no_pictures: str = ""

    @property
    def rows(self) -> list[Row]:
        """All rows, kind after kind."""
        return [row for rows in self.findings.values() for row in rows]

    def of(self, finding: str, **where: Any) -> list[Row]:
        """The rows of one kind of finding whose named fields are as given.

        Of several margins the study's own; of interpolated potentials and those on the grid, the latter.
        """
        found = [
            row
            for row in self.findings.get(finding, ())
            if all(row.get(name) == value for name, value in where.items())
        ]
        at_margin = [row for row in found if row.get("margin", self.margin) == self.margin]
        return only(at_margin, lambda row: not row.get("interpolated"))


def read_study(findings: Iterable[Row], context: Mapping[str, Any]) -> Study:
    """Bring findings and context into the one form that figures, tables and page share.

    Rows are sorted, and numbers that are not finite become missing, so that equal input makes equal bytes.
    """
    rows = sorted((plain({"finding": "unnamed", **row}) for row in findings), key=_as_text)
    known = plain(context)
    return Study(
        findings=split(rows, "finding"),
        title=str(known.get("title") or "Is the pruned network still the same function?"),
        margin=DEFAULT_MARGIN if known.get("margin") is None else float(known["margin"]),
        nominal=known.get("nominal") or nominal_of(_distributions(rows)),
        recipe=str(known.get("recipe") or ""),
        lineage=tuple(known.get("lineage") or ()),
        facts=tuple(sorted((name, value) for name, value in known.items() if name not in _OWN_FIELDS)),
    )


def with_pictures(study: Study, found: Sequence[Row] | str) -> Study:
    """The study with its pictures, or with the line that says why it has none."""
    if isinstance(found, str):
        return study._replace(no_pictures=found)
    return study._replace(pictures=tuple(plain(found)))


def plain(value: Any) -> Any:
    """The value in JSON's own types; a number that is not finite is missing."""
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = [plain(item) for item in value]
        return sorted(items, key=_as_text) if isinstance(value, set | frozenset) else items
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return str(value)


def _as_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _distributions(rows: Iterable[Row]) -> list[str]:
    """The distributions that rows are of; the names of sets of them ("nominal", "shifted") are none."""
    return distinct((row for row in rows if not row.get("distributions")), "distribution")


def nominal_of(distributions: Iterable[str]) -> str | None:
    """The nominal distribution among these names: unshifted, and the shortest (cifar10 before cifar10.1)."""
    return min(
        (name for name in distributions if _unshifted(name)), key=lambda name: (len(name), name), default=None
    )


def _unshifted(name: str) -> bool:
    try:
        return parse(name).nominal
    except UsageError:
        return False


def distinct(rows: Iterable[Row], field: str) -> list[Any]:
    """The values of one field, each once, in reading order; missing ones left out."""
    values = {_hashable(row[field]) for row in rows if row.get(field) is not None}
    return sorted(values, key=reading_order)


def _hashable(value: Any) -> Any:
    return _as_text(value) if isinstance(value, list | dict) else value


def reading_order(value: Any) -> tuple[int, float, str]:
    """Sort key: numbers by size, then the paper's methods in its order, other names, the control last."""
    if isinstance(value, int | float):
        return (0, float(value), "")
    if value in METHODS_FIRST:
        return (1, float(METHODS_FIRST.index(value)), "")
    return (3 if value == SEPARATE else 2, 0.0, str(value))


def split(rows: Iterable[Row], field: str) -> dict[Any, list[Row]]:
    """The rows by the value of one field, in reading order; rows without it are left out."""
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        if row.get(field) is not None:
            groups.setdefault(_hashable(row[field]), []).append(row)
    return {value: groups[value] for value in sorted(groups, key=reading_order)}


def measured(rows: Iterable[Row]) -> list[Row]:
    """The rows that hold a number."""
    return [row for row in rows if isinstance(row.get("value"), int | float)]


def sort_by(rows: Iterable[Row], *fields: str) -> list[Row]:
    """The rows by these fields in reading order."""
    return sorted(rows, key=lambda row: [reading_order(row.get(field, "")) for field in fields])


def only(rows: list[Row], keep: Callable[[Row], bool]) -> list[Row]:
    """The rows to keep, or all of them when none would be left."""
    return [row for row in rows if keep(row)] or rows
