"""Which rows a figure, a table or a sentence shows, where the findings have more than it can show."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from prunekit.analysis.labels import LABEL
from prunekit.analysis.shifts import parts_of
from prunekit.report.study import SEPARATE, Row, Study, distinct, measured, only, sort_by, split

MOST_CURVES = 6


def by_label(rows: Iterable[Row]) -> dict[Any, list[Row]]:
    """The rows whose ``value`` is a number, by the label of their networks in reading order."""
    return split(measured(rows), LABEL)


def nominal_rows(study: Study, finding: str, **where: Any) -> list[Row]:
    """The rows of a finding on the nominal distribution, or all of them if none is."""
    return only(study.of(finding, **where), lambda row: bool(row.get("nominal")))


def noisy_rows(study: Study, finding: str, **where: Any) -> list[Row]:
    """The rows of a finding under one kind of noise: uniform, the paper's, or the other if it is the only one."""
    return only(
        study.of(finding, **where),
        lambda row: "uniform" in (row.get("noise") or str(row.get("distribution"))),
    )


def shift_set(study: Study, finding: str) -> str | None:
    """The set of shifted distributions to report: the largest, of those without the nominal one if there are any."""
    members = {row.get("distribution"): row.get("distributions") or [] for row in study.of(finding)}
    order = {
        name: (study.nominal in held, -len(held), str(name))
        for name, held in members.items()
        if set(held) - {study.nominal}
    }
    return min(order, key=order.__getitem__, default=None)


# How far a reached ratio may be from the requested one and still be shown as it.
NEAR = 0.01


def nearest_asked(study: Study) -> Callable[[float], float]:
    """A function from a reached ratio to the requested ratio of the grid; the same ratio if none is near."""
    ratios = [float(ratio) for ratio in distinct(study.of("prune-curve"), "asked")]

    def nearest(ratio: float) -> float:
        near = [asked for asked in ratios if abs(asked - ratio) <= NEAR]
        return min(near, key=lambda asked: abs(asked - ratio), default=ratio)

    return nearest


def asked_near(study: Study, ratio: float) -> float:
    """The requested ratio of the grid for a reached ratio; the same ratio if none is near."""
    return nearest_asked(study)(ratio)


def summary_row(study: Study, label: str, statistic: str) -> Row | None:
    """The mean or minimum potential of the networks of one label over the set to report."""
    finding = f"potential-{statistic}"
    chosen = shift_set(study, finding)
    rows = study.of(finding, label=label, distribution=chosen) if chosen else []
    return next(iter(measured(rows)), None)


def last_commensurate(rows: Iterable[Row]) -> Row | None:
    """The point with the largest commensurate prune ratio, or None."""
    pruned = [row for row in rows if row.get("prune_ratio") and row.get("commensurate")]
    return next(reversed(sort_by(pruned, "prune_ratio")), None)


def deployed(study: Study) -> dict[str, float]:
    """The prune ratio per label that nominal test error allows; the smallest tested one if it allows none."""
    curves = by_label(row for row in nominal_rows(study, "prune-curve") if row.get("prune_ratio"))
    chosen = {
        name: last_commensurate(rows) or sort_by(rows, "prune_ratio")[0] for name, rows in curves.items()
    }
    return {name: row["prune_ratio"] for name, row in chosen.items()}


def at_deployed(study: Study, finding: str) -> list[Row]:
    """The nominal rows of a finding at each network's deployed ratio, or at its largest ratio where that is missing."""
    chosen = deployed(study)
    found = []
    for label, rows in by_label(nominal_rows(study, finding)).items():
        ratios = distinct(rows, "prune_ratio")
        ratio = chosen.get(label) if chosen.get(label) in ratios else next(reversed(ratios), None)
        found += [row for row in rows if row.get("prune_ratio") == ratio]
    return found


MOST_HARMS = 3


def most_harmful(study: Study, most: int = MOST_HARMS) -> list[Row]:
    """For each distribution, the row of the network whose error rises most there; the largest rise comes first.

    Networks of a study are taken at their deployed ratios; those of a comparison have no ratio to choose.
    """
    chosen = deployed(study)
    rises = [(float(row["value"]), row) for row in measured(study.of("comparison"))]
    rises += [
        (float(row["rise"]), row)
        for row in study.of("prune-curve")
        if row.get("rise") and row.get("prune_ratio") and row["prune_ratio"] == chosen.get(row.get(LABEL, ""))
    ]
    found: dict[Any, Row] = {}
    for rise, row in sorted(
        rises, key=lambda each: (-each[0], str(each[1].get("distribution")), str(each[1][LABEL]))
    ):
        if rise > 0:
            found.setdefault(row.get("distribution"), row)
    return list(found.values())[:most]


def shift_of(row: Row) -> tuple[str, int]:
    """The name of a row's distribution without the severity, and the severity (0 if it has none)."""
    name = str(row.get("distribution"))
    parts = parts_of(name)
    severity = parts.severity if parts else 0
    return name.removesuffix(f"@{severity}"), severity


def curve_distributions(study: Study, most: int | None = MOST_CURVES) -> list[Any]:
    """The distributions with a prune curve: the nominal one, then those where the error rises most."""
    groups = split(measured(study.of("prune-curve")), "distribution")
    ranked = sorted(groups, key=lambda name: (name != study.nominal, -_span(groups[name]), str(name)))
    return ranked[:most]


def _span(rows: Iterable[Row]) -> float:
    errors = [row["value"] for row in rows]
    return float(max(errors) - min(errors))


def has_control(study: Study) -> bool:
    """Whether a separate network was compared with the parent."""
    return bool(study.of("similarity", role=SEPARATE))


def mean_of(rows: Iterable[Row]) -> float:
    """The mean value of rows, 0 without any."""
    values = [row["value"] for row in measured(rows)]
    return sum(values) / len(values) if values else 0.0


def spread(items: Sequence[Any], most: int) -> list[Any]:
    """At most ``most`` of the items, evenly spaced from the first to the last."""
    if len(items) <= most:
        return list(items)
    return [items[round(index * (len(items) - 1) / (most - 1))] for index in range(most)]


def slug(*parts: Any) -> str:
    """A file name from names: letters, digits, dot, underscore and hyphen only."""
    text = "-".join(str(part) for part in parts)
    return re.sub(r"[^\w.]+", "-", text, flags=re.ASCII).strip("-.").lower()[:80]
