"""Dot panels of results by class or group of images, and of single networks compared with their parent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from prunekit.report.canvas import Panel
from prunekit.report.potential_panels import POTENTIAL, dots_by, lowest_first
from prunekit.report.scales import Scale, percentage
from prunekit.report.select import at_deployed, nominal_rows, slug
from prunekit.report.study import Row, Study, distinct, measured, split

GAIN = Scale("value", "Change in accuracy", "points", percentage)
RISE = Scale("value", "Rise in error over the parent", "points", percentage)


def by_group(study: Study) -> list[Panel]:
    """A panel for each grouping: a row per group, the least prunable first, and a dot per method."""
    rows = nominal_rows(study, "group-potential")
    return _by_grouping(study, "group-potential", rows, POTENTIAL)


def group_accuracy(study: Study) -> list[Panel]:
    """A panel for each grouping: a row per group, the largest loss first, a dot per method at its deployed ratio."""
    return _by_grouping(study, "group-shift", at_deployed(study, "group-shift"), GAIN)


def _by_grouping(study: Study, name: str, rows: Sequence[Row], axis: Scale) -> list[Panel]:
    return [
        panel
        for grouping, own in split(rows, "grouping").items()
        for panel in dots_by(study, slug(name, grouping), own, axis, "group", lowest_first, title=grouping)
    ]


def rises(study: Study) -> list[Panel]:
    """One panel: a row per distribution, the nominal one first, and a dot per network."""
    return dots_by(
        study, "comparison", study.of("comparison"), RISE, "distribution", partial(_as_listed, study)
    )


def parts(study: Study) -> list[Panel]:
    """A panel per kind of part, on the nominal (or else the first) distribution: a row per part, largest rise first."""
    rows = [row for row in measured(study.of("comparison-slice")) if row.get("distribution") == _main(study)]
    named = [{**row, "part": row.get("grouping") or "class"} for row in rows]
    return [
        panel
        for part, own in split(named, "part").items()
        for panel in dots_by(study, slug("comparison", part), own, RISE, "member", _highest_first, title=part)
    ]


def _main(study: Study) -> Any:
    """The distribution whose parts are drawn."""
    rows = study.of("comparison")
    nominal = [row["distribution"] for row in rows if row.get("nominal")]
    return next(iter(nominal or distinct(rows, "distribution")), None)


def _as_listed(study: Study, name: Any, rows: list[Row]) -> tuple[bool, str]:
    return not any(row.get("nominal") for row in rows), str(name)


def _highest_first(name: Any, rows: list[Row]) -> tuple[float, str]:
    return -max(float(row["value"]) for row in rows), str(name)
