"""Panels of prune potentials: at a glance, by distribution, by class, and under noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from matplotlib.axes import Axes

from prunekit.distribution import SEVERITIES
from prunekit.report import plots
from prunekit.report.canvas import Panel
from prunekit.report.marks import tell
from prunekit.report.scales import LEVEL, PERCENT_SPAN, Scale, percentage
from prunekit.report.select import (
    at_deployed,
    by_label,
    mean_of,
    noisy_rows,
    nominal_rows,
    shift_of,
    slug,
    summary_row,
)
from prunekit.report.study import Row, Study, distinct, measured, split
from prunekit.report.style import MUTED, PAPER, looks_of
from prunekit.report.words import count

# About the most dots in one panel, which nevertheless has room for this many categories.
MOST_MARKS, LEAST_CATEGORIES = 180, 8
DOTS_WIDTH_IN = 5.2

POTENTIAL = Scale("value", "Prune potential", "%", percentage)
SEVERITY = Scale("severity", "Severity")
SHIFT = Scale("value", "Change in recall", "points", percentage)
# Marker, whether it is filled, and its offset below the method's row; no line joins the three marks.
SUMMARY_MARKS = {"nominal": ("o", True, -0.22), "mean": ("o", False, 0.0), "minimum": ("v", False, 0.22)}


def summary(study: Study) -> list[Panel]:
    """One panel: per method the nominal potential with its interval, the mean and the minimum."""
    found = {method: _ends(study, method, rows) for method, rows in by_label(study.of("potential")).items()}
    ends = {method: each for method, each in found.items() if each}
    draw = partial(_draw_summary, study, ends)
    return [Panel("potential-summary", draw, 0.95 + 0.42 * len(ends))] if ends else []


def _ends(study: Study, method: str, rows: Sequence[Row]) -> dict[str, Row]:
    nominal = next((row for row in rows if row.get("nominal")), None)
    kinds = {"nominal": nominal} | {kind: summary_row(study, method, kind) for kind in ("mean", "minimum")}
    return {kind: row for kind, row in kinds.items() if row is not None}


def _draw_summary(study: Study, ends: Mapping[str, Mapping[str, Row]], axes: Axes) -> None:
    looks = looks_of(study)
    for height, (method, found) in enumerate(ends.items()):
        colour = looks[method].colour
        for kind, row in found.items():
            place = height + SUMMARY_MARKS[kind][2]
            if kind == "nominal" and plots.has_interval(row):
                low, high = (POTENTIAL.of(row, end) for end in ("low", "high"))
                tell(axes.hlines(place, low, high, color=colour, linewidth=1.3), method)
            (mark,) = axes.plot(POTENTIAL.of(row), place, **_mark(kind, colour))
            tell(mark, method, [f"{kind}: {POTENTIAL.said(row)}"])
    for kind in SUMMARY_MARKS:
        axes.plot([], [], linestyle="none", label=kind, **_mark(kind, MUTED.light))
    plots.rows_of(axes, list(ends))
    axes.set(xlim=PERCENT_SPAN, xlabel=POTENTIAL.label)
    plots.legend_above(axes)


def _mark(kind: str, colour: str) -> dict[str, Any]:
    marker, filled, _ = SUMMARY_MARKS[kind]
    return {
        "marker": marker,
        "color": colour,
        "markersize": 6,
        "markerfacecolor": colour if filled else PAPER.light,
        "markeredgewidth": 1.5,
    }


def by_distribution(
    study: Study, finding: str = "potential", choose: Callable[[Study, str], list[Row]] = Study.of
) -> list[Panel]:
    """One panel: a row per distribution, the nominal one first, and a dot per method."""
    rows = measured(choose(study, finding))
    return dots_by(study, finding, rows, POTENTIAL, "distribution", partial(_nominal_first, study))


def _nominal_first(study: Study, name: Any, rows: Sequence[Row]) -> tuple[bool, float]:
    return (name != study.nominal, -mean_of(rows))


def side_by_side(study: Study) -> list[Panel]:
    """A panel per robustly trained variant: a row per distribution, a dot for each kind of training."""
    gains = by_label(study.of("robust-gain"))
    return [panel for label, rows in gains.items() for panel in _with_and_without(study, str(label), rows)]


def _with_and_without(study: Study, label: str, gains: Sequence[Row]) -> list[Panel]:
    compared = {row["distribution"] for row in gains}
    variants = {row[name] for row in gains for name in ("variant", "control")}
    rows = [
        row
        for row in measured(study.of("potential"))
        if row["variant"] in variants and row["distribution"] in compared
    ]
    name, order = slug("robust-gain", label), partial(_nominal_first, study)
    return dots_by(study, name, rows, POTENTIAL, "distribution", order, title=f"Pruned by {label}")


def by_severity(study: Study) -> list[Panel]:
    """A panel per corruption that was measured at several severities: a line per method."""
    shifted = [(shift_of(row), row) for row in measured(study.of("potential"))]
    rows = [{**row, "of": of, "severity": severity} for (of, severity), row in shifted if severity]
    return [
        Panel(slug("severity", name), partial(_draw_severity, study, name, each), title=name)
        for name, each in split(rows, "of").items()
        if len(distinct(each, "severity")) > 1
    ]


def _draw_severity(study: Study, name: str, rows: Sequence[Row], axes: Axes) -> None:
    plots.lines(axes, by_label(rows), looks_of(study), x=SEVERITY, y=POTENTIAL)
    axes.set_xticks(SEVERITIES)
    plots.title(axes, plots.shortened(name, 44))
    axes.set(ylim=PERCENT_SPAN)


def by_class(study: Study) -> list[Panel]:
    """One panel: a row per class, the least prunable first, and a dot per method."""
    return dots_by(
        study, "class-potential", nominal_rows(study, "class-potential"), POTENTIAL, "class", lowest_first
    )


def recall(study: Study) -> list[Panel]:
    """One panel: a row per class, the largest loss first, and a dot per method at its deployed ratio."""
    return dots_by(study, "recall-shift", at_deployed(study, "recall-shift"), SHIFT, "class", lowest_first)


def lowest_first(_: Any, rows: Sequence[Row]) -> float:
    """Order of rows: the smallest mean value on top."""
    return mean_of(rows)


def dots_by(
    study: Study,
    name: str,
    rows: Sequence[Row],
    x: Scale,
    by: str,
    order: Callable[[Any, list[Row]], Any],
    title: str = "",
) -> list[Panel]:
    """One panel: a row per value of the field ``by``, sorted by ``order``, with a dot per label."""
    groups, series = split(rows, by), by_label(rows)
    if not groups or not series:
        return []
    ranked = sorted(groups, key=lambda key: order(key, groups[key]))
    categories = few_of(ranked, max(LEAST_CATEGORIES, MOST_MARKS // len(series)), by)
    dots = partial(plots.dots, series=series, looks=looks_of(study), categories=categories, x=x, by=by)

    def draw(axes: Axes) -> None:
        dots(axes)
        plots.title(axes, title)

    more = len(ranked) - len(categories)
    left_out = f"{count(more, f'more {by}')} in tables/{rows[0]['finding']}.csv." if more else ""
    height = 1.1 + len(categories) * (0.14 + 0.07 * len(series))
    return [Panel(name, draw, height, DOTS_WIDTH_IN, title, left_out=left_out)]


# Fields whose categories are listed worst first.
WORST_FIRST = ("class", "member", "group")


def few_of(ranked: Sequence[Any], most: int, by: str) -> list[Any]:
    """At most ``most`` categories: the first, worst ones of a part; of others the first (nominal) and the last ones."""
    if len(ranked) <= most:
        return list(ranked)
    return list(ranked[:most]) if by in WORST_FIRST else [ranked[0], *ranked[len(ranked) - most + 1 :]]


def under_noise(study: Study) -> list[Panel]:
    """One panel: potential against the noise level, a line per method."""
    series = by_label(noisy_rows(study, "noise-potential"))

    def draw(axes: Axes) -> None:
        plots.lines(axes, series, looks_of(study), x=LEVEL, y=POTENTIAL)
        axes.set_ylim(*PERCENT_SPAN)

    return [Panel("noise-potential", draw)] if series else []
