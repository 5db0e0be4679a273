"""Panels of a quantity against the prune ratio, with a line or a panel per method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from matplotlib.axes import Axes

from prunekit.report import plots
from prunekit.report.canvas import Panel
from prunekit.report.scales import PARAMETERS, PERCENT_SPAN, RATIO, Scale, percentage
from prunekit.report.select import (
    by_label,
    curve_distributions,
    last_commensurate,
    nominal_rows,
    shift_set,
    slug,
)
from prunekit.report.study import Row, Study
from prunekit.report.style import Look, looks_of
from prunekit.report.words import points

ACCURACY = Scale("value", "Accuracy", "%", lambda error: 100 * (1 - error))
EXCESS = Scale("value", "Excess error difference", "points", percentage)


def accuracy(study: Study) -> list[Panel]:
    """A panel per distribution, all on one scale: accuracy by method, with rings around the commensurate points."""
    names = curve_distributions(study)
    shown = [row for row in study.of("prune-curve") if row.get("distribution") in names]
    span = plots.span_of(shown, ACCURACY)
    return [
        Panel(slug("prune-accuracy", name), partial(_draw_accuracy, study, name, span), title=str(name))
        for name in names
    ]


def _draw_accuracy(study: Study, distribution: Any, span: tuple[float, float], axes: Axes) -> None:
    series = by_label(study.of("prune-curve", distribution=distribution))
    unpruned = [row for rows in series.values() for row in rows if row.get("prune_ratio") == 0]
    for row in unpruned[:1]:
        limit = ACCURACY.convert(row["value"] + study.margin)
        plots.level_line(axes, limit, f"unpruned − {points(study.margin)}")
    plots.lines(axes, series, looks_of(study), x=PARAMETERS, y=ACCURACY)
    for name, rows in series.items():
        for row in filter(None, [last_commensurate(rows)]):
            plots.ring(axes, row, looks_of(study)[name], x=PARAMETERS, y=ACCURACY)
    plots.title(axes, plots.shortened(str(distribution), 44))
    axes.set(ylim=span)
    plots.along_parameters(axes, [row for rows in series.values() for row in rows])


def excess(study: Study) -> list[Panel]:
    """A panel per method, all on one scale: points, and the fitted line through the origin."""
    chosen = shift_set(study, "excess-error")
    series = by_label(study.of("excess-error", distribution=chosen))
    slopes = by_label(study.of("excess-slope", distribution=chosen))
    span = _span([row for rows in series.values() for row in rows])
    return [
        Panel(
            slug("excess-error", name),
            partial(_draw_excess, rows, slopes.get(name, []), looks_of(study)[name], span),
            height=2.9,
            title=str(name),
            series=str(name),
        )
        for name, rows in series.items()
    ]


def _span(rows: Sequence[Row]) -> tuple[float, float]:
    """Lowest and highest point to show, zero and all intervals included."""
    ends = [
        EXCESS.of(row, end) for row in rows for end in ("value", "low", "high") if row.get(end) is not None
    ]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    room = 0.06 * (high - low or 1)
    return low - room, high + room


def _draw_excess(
    rows: Sequence[Row], slopes: Sequence[Row], look: Look, span: tuple[float, float], axes: Axes
) -> None:
    plots.zero_line(axes)
    for slope in slopes[:1]:
        plots.ray(axes, slope, look, y=EXCESS)
    plots.bars(axes, rows, look, x=RATIO, y=EXCESS)
    plots.title(axes, look.label)
    axes.set(xlabel=RATIO.label, ylabel=EXCESS.label, xlim=PERCENT_SPAN, ylim=span)


def curve(finding: str, y: Scale, **where: Any) -> Callable[[Study], list[Panel]]:
    """A figure of one panel: a number against the prune ratio on the nominal distribution, a line per method."""

    def panels(study: Study) -> list[Panel]:
        rows = [row for row in nominal_rows(study, finding, **where) if row.get("prune_ratio") is not None]
        series = by_label(rows)
        return [Panel(finding, partial(_draw_curve, study, series, y))] if series else []

    return panels


def _draw_curve(study: Study, series: plots.Series, y: Scale, axes: Axes) -> None:
    plots.lines(axes, series, looks_of(study), x=PARAMETERS, y=y)
    plots.along_parameters(axes, [row for rows in series.values() for row in rows])


churn = curve("churn", Scale("value", "Changed predictions", "%", percentage))
exemplars = curve("exemplars", Scale("value", "Identified exemplars", "%", percentage))
calibration = curve(
    "calibration", Scale("value", "Expected calibration error", "%", percentage), metric="ece"
)
loss_gap = curve("excessive-loss-gap", Scale("value", "Excessive loss gap", "nats"))
mce = curve("mce", Scale("value", "Mean corruption error", "%", percentage))
