"""The input of a report: the findings in one fixed order, and the context in which they were measured."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from prunekit.analysis.features import Member, member_of
from prunekit.analysis.labels import LABEL, labelled
from prunekit.analysis.variant import Role
from prunekit.params import MARGIN

Row = Mapping[str, Any]

SEPARATE = str(Role.SEPARATE)
METHODS_FIRST = ("wt", "sipp", "ft", "pfp")
_PLACES = {name: float(place) for place, name in enumerate(METHODS_FIRST)}
# Control characters in names are escaped, so that no page, table or terminal obeys them; newlines and tabs stay.
CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
_OWN_FIELDS = ("title", "margin", "nominal", "recipe", "lineage")


class Pictures(NamedTuple):
    """A few images of one kind, a row each, or why there are none."""

    rows: tuple[Row, ...] = ()
    why: str = ""


class Study(NamedTuple):
    """One report's input: long rows by kind of finding, each with the label of its network, and their context.

    ``nominal`` is the unshifted distribution, ``lineage`` the models (parents first), ``facts`` the rest of the
    context by name, ``kept`` a few images with the pixels that networks rely on, ``broken`` a few that only the parent
    gets right, ``labels`` those of the rows' networks.
    """

    findings: Mapping[str, Sequence[Row]]
    title: str
    margin: float
    nominal: str | None
    recipe: str
    lineage: tuple[Row, ...]
    facts: tuple[tuple[str, Any], ...]
    kept: Pictures = Pictures()
    broken: Pictures = Pictures()
    labels: tuple[str, ...] = ()

    @property
    def lacks_pictures(self) -> bool:
        """Whether images were unavailable that a later run may find."""
        return bool(self.kept.why or self.broken.why)

    @property
    def rows(self) -> list[Row]:
        """All rows, kind after kind, with their labels."""
        return [row for rows in self.findings.values() for row in rows]

    @property
    def plain_rows(self) -> list[Row]:
        """All rows with their codes and numbers, but without labels."""
        return [{name: value for name, value in row.items() if name != LABEL} for row in self.rows]

    def of(self, finding: str, **where: Any) -> list[Row]:
        """The rows of one kind of finding whose fields equal ``where``.

        If there are several margins, only the study's own; if some potentials are on the grid, only those.
        """
        found = [
            row
            for row in self.findings.get(finding, ())
            if all(row.get(name) == value for name, value in where.items())
        ]
        at_margin = [row for row in found if row.get("margin", self.margin) == self.margin]
        return only(at_margin, lambda row: not row.get("interpolated"))


def read_study(findings: Iterable[Row], context: Mapping[str, Any]) -> Study:
    """Convert findings and context to the form that figures, tables and page share.

    Rows are sorted, and numbers that are not finite become missing, so that equal input gives equal bytes.
    """
    rows = sorted((plain({"finding": "unnamed", **row}) for row in findings), key=_as_text)
    known = plain(context)
    named = _named(labelled(rows))
    return Study(
        findings=split(named, "finding"),
        title=str(known.get("title") or "Is the pruned network still the same function?"),
        margin=MARGIN if known.get("margin") is None else float(known["margin"]),
        nominal=known.get("nominal") or nominal_of(rows),
        recipe=str(known.get("recipe") or ""),
        lineage=tuple(known.get("lineage") or ()),
        facts=tuple(sorted((name, value) for name, value in known.items() if name not in _OWN_FIELDS)),
        labels=tuple(str(label) for label in distinct(named, LABEL)),
    )


def _named(rows: Iterable[Row]) -> list[Row]:
    """The rows; a network of a comparison is labelled with its own name, not with what distinguishes variants."""
    return [{**row, LABEL: row["network"]} if row.get("network") else row for row in rows]


def with_pictures(study: Study, found: Mapping[str, Sequence[Row] | str]) -> Study:
    """The study with its pictures by kind (``kept``, ``broken``), or with the lines that say why it has none."""
    kept, broken = (_pictures(study, found.get(kind, ())) for kind in ("kept", "broken"))
    return study._replace(kept=kept, broken=broken)


def _pictures(study: Study, found: Sequence[Row] | str) -> Pictures:
    if isinstance(found, str):
        return Pictures(why=found)
    return Pictures(tuple(labelled_as(study, plain(found))))


def labelled_as(study: Study, found: Sequence[Row]) -> list[Row]:
    """Pictures with the labels that their networks have in the study's findings."""
    labels = {row.get("variant"): row[LABEL] for row in study.rows if LABEL in row}
    return [
        {**each, LABEL: each.get(LABEL) or labels.get(each.get("variant"), own.get(LABEL))}
        for each, own in zip(found, labelled(found), strict=True)
    ]


_as_text = json.JSONEncoder(sort_keys=True).encode


def plain(value: Any) -> Any:
    """The value in JSON's own types; a number that is not finite is missing."""
    known = PLAIN.get(type(value))
    if known is not None:
        return known(value)
    if isinstance(value, Mapping):
        return _plain_fields(value)
    if isinstance(value, set | frozenset):
        return sorted(map(plain, value), key=_as_text)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return _finite(float(value))
    if isinstance(value, bool | int):
        return value
    return value.translate(CONTROLS) if isinstance(value, str) else str(value)


def _as_it_is(value: Any) -> Any:
    return value


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _printable(value: str) -> str:
    return value if value.isprintable() else value.translate(CONTROLS)


def _plain_fields(fields: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): plain(item) for name, item in fields.items()}


# By type, what a report's rows consist of: a large one has millions of values.
PLAIN: dict[type, Callable[[Any], Any]] = {
    **dict.fromkeys((type(None), bool, int), _as_it_is),
    float: _finite,
    str: _printable,
    dict: _plain_fields,
}


def nominal_of(rows: Iterable[Row]) -> str | None:
    """The nominal distribution of these rows; the shortest name where networks of several data sets are studied."""
    found = {str(row["distribution"]) for row in rows if row.get("nominal") and not row.get("distributions")}
    return min(found, key=lambda name: (len(name), name), default=None)


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
    if isinstance(value, str) and value in _PLACES:
        return (1, _PLACES[value], "")
    return (3 if value == SEPARATE else 2, 0.0, str(value))


def split(rows: Iterable[Row], field: str) -> dict[Any, list[Row]]:
    """The rows by the value of one field, in reading order; rows without it are left out."""
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        if row.get(field) is not None:
            groups.setdefault(_hashable(row[field]), []).append(row)
    return {value: groups[value] for value in sorted(groups, key=reading_order)}


def parted(rows: Iterable[Row], side: str) -> dict[Member, list[Row]]:
    """The rows of a heat map by the network that is their ``row`` or ``column``, in reading order."""
    groups: dict[Member, list[Row]] = {}
    for row in rows:
        groups.setdefault(member_of(row, side), []).append(row)
    return {part: groups[part] for part in sorted(groups, key=reading_order)}


def measured(rows: Iterable[Row]) -> list[Row]:
    """The rows whose ``value`` is a number."""
    return [row for row in rows if isinstance(row.get("value"), int | float)]


def sort_by(rows: Iterable[Row], *fields: str) -> list[Row]:
    """The rows by these fields in reading order."""
    return sorted(rows, key=lambda row: [reading_order(row.get(field, "")) for field in fields])


def only(rows: list[Row], keep: Callable[[Row], bool]) -> list[Row]:
    """The rows to keep, or all of them when none would be left."""
    return [row for row in rows if keep(row)] or rows
