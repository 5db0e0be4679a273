"""The compact tables of a report, for the page and for papers, and the specification of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from prunekit.report import control
from prunekit.report.formats import Footnote, Number, Table, csv_of
from prunekit.report.function_panels import role
from prunekit.report.select import nearest_asked, shift_set
from prunekit.report.study import Row, Study, measured, parted, split
from prunekit.report.words import (
    MISSING,
    basis,
    flag_marks,
    flags_of,
    name_of,
    percent,
)

# Columns that say, together with the role, which network of a heat map a row is about.
SIDES = {"row_model": "row", "column_model": "column"}


class Spec(NamedTuple):
    """How one finding becomes a compact table: ``down`` and ``across`` are fields of its rows.

    ``scale`` and ``digits`` turn a row's number into the printed one; ``ratio`` marks a prune
    ratio, printed as the requested one; ``rows`` returns those of one finding, ``keep`` selects among them.
    """

    title: str
    findings: tuple[str, ...]
    down: str
    across: str = "label"
    unit: str = "%"
    scale: float = 100.0
    digits: int = 1
    ratio: bool = False
    keep: Callable[[Study, Row], bool] = lambda study, row: True
    rows: Callable[[Study, str], Sequence[Row]] = Study.of


def _on_nominal(study: Study, row: Row) -> bool:
    return row.get("distribution") is None or bool(row.get("nominal"))


def _on_shift_set(study: Study, row: Row) -> bool:
    return row.get("distribution") == shift_set(study, row["finding"])


def _nominal_or_set(study: Study, row: Row) -> bool:
    return _on_nominal(study, row) if row["finding"] == "potential" else _on_shift_set(study, row)


def _metric(name: str) -> Callable[[Study, Row], bool]:
    return lambda study, row: row.get("metric") == name


def _of_potentials(study: Study, row: Row) -> bool:
    return row.get("of") == "potential"


# Column headings of fields that are not shown under their own names.
HEADINGS = {
    "label": "method",
    "asked": "requested prune ratio",
    "level": "noise ε",
    "row_model": "whose pixels",
    control.AGAINST: "control",
}
# The column that names both networks of a difference.
PAIR = "pair"

# The compact tables below each figure, by the figure's name.
TABLES: dict[str, tuple[Spec, ...]] = {
    "potential-summary": (
        Spec(
            "Nominal, mean and minimum prune potential",
            ("potential", "potential-mean", "potential-minimum"),
            "label",
            "distribution+finding",
            ratio=True,
            keep=_nominal_or_set,
        ),
    ),
    "prune-accuracy": (
        Spec("Nominal error", ("prune-curve",), "asked", keep=_on_nominal, digits=2),
        Spec(
            "Nominal error, one method minus another on the same images",
            ("method-difference",),
            "asked",
            PAIR,
            "points",
            digits=2,
            keep=lambda study, row: _on_nominal(study, row) and not _of_potentials(study, row),
        ),
    ),
    "potential": (
        Spec("Prune potential", ("potential",), "distribution", ratio=True),
        Spec(
            "Prune potential, one method minus another on the same images",
            ("method-difference",),
            "distribution",
            PAIR,
            "points",
            keep=_of_potentials,
        ),
        Spec(
            "Probability of the highest potential",
            ("chance-of-best",),
            "distribution",
            digits=0,
            keep=_of_potentials,
        ),
    ),
    "potential-margin": (
        Spec(
            "Smallest margin that allows a ratio",
            ("potential-step",),
            "distribution+label",
            "asked",
            unit="points",
            digits=2,
        ),
    ),
    "longer-potential": (
        Spec(
            "Rise in nominal error over the parent trained longer",
            ("longer-rise",),
            f"asked+{control.AGAINST}",
            unit="points",
            keep=_on_nominal,
            rows=control.rises,
        ),
        Spec(
            "Prune potential relative to the parent trained longer",
            ("longer-potential",),
            "distribution",
            ratio=True,
            rows=control.potentials,
        ),
        Spec(
            "Error of the parent trained longer",
            ("longer-error",),
            "distribution",
            control.TRAINED,
            rows=control.errors,
        ),
    ),
    "robust-gain": (
        Spec("Prune potential: robust minus ordinary", ("robust-gain",), "distribution", unit="points"),
    ),
    "excess-error": (
        Spec(
            "Difference in excess error",
            ("excess-error",),
            "asked",
            unit="points",
            digits=2,
            keep=_on_shift_set,
        ),
        Spec(
            "Slope through the origin",
            ("excess-slope",),
            "distribution",
            unit="points per 100 % pruned",
            digits=2,
        ),
    ),
    "similarity": (
        Spec("Matching predictions", ("similarity",), "label+asked", "level", keep=_metric("agreement")),
        Spec(
            "Softmax ℓ2 distance",
            ("similarity",),
            "label+asked",
            "level",
            "",
            1,
            3,
            keep=_metric("softmax_l2"),
        ),
    ),
    "similarity-gain": (
        Spec(
            "More matches", ("similarity-gain",), "label+asked", "level", "points", keep=_metric("agreement")
        ),
    ),
    "noise-potential": (Spec("Prune potential under noise", ("noise-potential",), "level", ratio=True),),
    "features-transfer": (
        Spec(
            "Confidence in the true class",
            ("features-transfer",),
            "label+row_model",
            "column_model",
            "",
            1,
            2,
        ),
    ),
    "churn": (Spec("Changed predictions", ("churn",), "asked", keep=_on_nominal),),
    "recall-shift": (
        Spec("Change in recall", ("recall-shift",), "class", "label+asked", "points", keep=_on_nominal),
    ),
    "class-potential": (
        Spec("Prune potential by class", ("class-potential",), "class", ratio=True, keep=_on_nominal),
        Spec("Lowest potential of any class", ("class-potential-minimum",), "distribution", ratio=True),
    ),
    "group-shift": (
        Spec(
            "Change in accuracy by group",
            ("group-shift",),
            "grouping+group",
            "label+asked",
            "points",
            keep=_on_nominal,
        ),
    ),
    "group-potential": (
        Spec("Prune potential by group", ("group-potential",), "grouping+group", keep=_on_nominal),
        Spec("Lowest potential of any group", ("group-potential-minimum",), "grouping+distribution"),
    ),
    "excessive-loss-gap": (
        Spec("Excessive loss gap", ("excessive-loss-gap",), "asked", "label", "nats", 1, 3, keep=_on_nominal),
        Spec("Excessive loss", ("excessive-loss",), "class", "label+asked", "nats", 1, 3, keep=_on_nominal),
    ),
    "exemplars": (Spec("Identified exemplars", ("exemplars",), "asked"),),
    "calibration": (
        Spec("Calibration", ("calibration",), "label+asked", "metric", "", 1, 3, keep=_on_nominal),
    ),
    "mce": (Spec("Mean corruption error", ("mce",), "asked"),),
}


def compact(name: str, spec: Spec, study: Study) -> Table | None:
    """The compact table of a finding, None without rows: mean ± standard deviation where several seeds give one."""
    found = [
        row for finding in spec.findings for row in _with_pairs(measured(spec.rows(study, finding)), study)
    ]
    rows = [row for row in found if spec.keep(study, row)]
    down, across = (_nominal_first(_grouped(rows, fields), study) for fields in (spec.down, spec.across))
    if not down or not across:
        return None
    marks = flag_marks(rows)
    nearest = nearest_asked(study) if spec.ratio else float
    body = [
        (label, *_cells(_grouped(each, spec.across), across, spec, marks, nearest))
        for label, each in down.items()
    ]
    unit = f" ({spec.unit})" if spec.unit else ""
    head = (_heading(spec.down), *across)
    source = csv_of(spec.findings[0])
    return Table(name, f"{spec.title}{unit}", head, tuple(body), _notes(rows, marks), basis(rows), source)


def _with_pairs(rows: Sequence[Row], study: Study) -> list[Row]:
    """The rows; a difference between two variants gains a column that names both."""
    names = {row.get("variant"): row["label"] for row in study.of("potential") if row.get("variant")}
    return [
        {**row, PAIR: f"{row['label']} less {names[row['other']]}"} if row.get("other") in names else row
        for row in rows
    ]


def _nominal_first(groups: dict[str, list[Row]], study: Study) -> dict[str, list[Row]]:
    first = [label for label in groups if label == study.nominal or label.startswith(f"{study.nominal} ")]
    return {label: groups[label] for label in dict.fromkeys([*first, *groups])}


def _grouped(rows: Sequence[Row], fields: str) -> dict[str, list[Row]]:
    """Rows by the label of one field, or of several joined by '+', in reading order."""
    first, _, rest = fields.partition("+")
    side = SIDES.get(first)
    values = parted(rows, side) if side else split(rows, first)
    groups = {_label(first, value): each for value, each in values.items()}
    if not rest:
        return groups
    inner = {label: _grouped(each, rest) or {"": each} for label, each in groups.items()}
    return {
        f"{label} {below}".strip(): each for label, parts in inner.items() for below, each in parts.items()
    }


def _label(field: str, value: Any) -> str:
    if field in ("asked", "prune_ratio"):
        return percent(value)
    if field in SIDES:
        return role(value)
    return name_of(value).removeprefix("potential").strip("-") if field == "finding" else name_of(value)


def _heading(fields: str) -> str:
    return ", ".join(HEADINGS.get(field, field.replace("_", " ")) for field in fields.split("+"))


def _cells(
    groups: dict[str, list[Row]],
    across: Iterable[str],
    spec: Spec,
    marks: dict[str, str],
    nearest: Callable[[float], float],
) -> Iterable[str]:
    return (
        _cell(groups[column][0], spec, marks, nearest) if column in groups else MISSING for column in across
    )


def _cell(row: Row, spec: Spec, marks: dict[str, str], nearest: Callable[[float], float]) -> str:
    def number(value: float) -> str:
        return f"{nearest(value) * spec.scale:z.{spec.digits}f}".replace("-", "−")

    marked = "".join(marks[flag] for flag in flags_of(row) if flag in marks)
    return Number(number(row["value"]), _uncertainty(row, number), marked)


def _uncertainty(row: Row, number: Callable[[float], str]) -> str:
    if row.get("sd") is not None:
        return f"± {number(row['sd'])}"
    if row.get("low") is None or row.get("high") is None:
        return ""
    return f"[{number(row['low'])}, {number(row['high'])}]"


def _notes(rows: Sequence[Row], marks: dict[str, str]) -> tuple[str, ...]:
    spread = (
        "± is the standard deviation over seeds." if any(row.get("sd") is not None for row in rows) else ""
    )
    brackets = "Brackets give the 95 % interval." if any(_bracketed(row) for row in rows) else ""
    return tuple(
        filter(
            None,
            (f"{spread} {brackets}".strip(), *(Footnote(mark, f"{flag}.") for flag, mark in marks.items())),
        )
    )


def _bracketed(row: Row) -> bool:
    return row.get("sd") is None and row.get("low") is not None
