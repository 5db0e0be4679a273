"""Panels of the prune potential against the margin: a step wherever one more ratio is allowed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from matplotlib.axes import Axes

from prunekit.report import plots
from prunekit.report.canvas import Panel
from prunekit.report.marks import tell
from prunekit.report.scales import PERCENT_SPAN
from prunekit.report.select import by_label, slug
from prunekit.report.study import Row, Study, measured, split
from prunekit.report.style import MUTED, Look, looks_of
from prunekit.report.words import percent, points

MOST_PANELS = 6
# The largest margin to show: this many points or this multiple of the study's own, whichever is larger.
MOST_POINTS, TIMES_MARGIN = 10.0, 6.0


def against_margin(study: Study) -> list[Panel]:
    """A panel per distribution: the nominal one, then those whose steps need the largest margins on average."""
    groups = split(measured(study.of("potential-step")), "distribution")
    ranked = sorted(groups, key=lambda name: (name != study.nominal, -_cost(groups[name]), str(name)))
    span = _span(study, [row for name in ranked[:MOST_PANELS] for row in groups[name]])
    return [
        Panel(slug("potential-margin", name), partial(_draw, study, groups[name], span), title=str(name))
        for name in ranked[:MOST_PANELS]
    ]


def _cost(rows: Sequence[Row]) -> float:
    return float(sum(row["value"] for row in rows) / len(rows))


def _span(study: Study, rows: Sequence[Row]) -> tuple[float, float]:
    """The margins to show in points: from just below the first step or zero to just beyond the last that is near."""
    margin, steps = 100 * study.margin, [100 * row["value"] for row in rows]
    most = max(MOST_POINTS, TIMES_MARGIN * margin)
    low, high = min([0.0, *steps]), max([2 * margin, *(step for step in steps if step <= most)])
    room = 0.05 * (high - low)
    return max(low, -most) - room, high + room


def _draw(study: Study, rows: Sequence[Row], span: tuple[float, float], axes: Axes) -> None:
    line = axes.axvline(100 * study.margin, color=MUTED.light, linestyle=(0, (4, 3)), linewidth=0.9)
    tell(line, margin=f"{100 * study.margin:.4g}")
    for name, own in by_label(rows).items():
        _steps(axes, sorted(own, key=lambda row: row["value"]), looks_of(study)[name], span)
    axes.set(xlabel="Margin δ (points)", ylabel="Prune potential (%)", xlim=span, ylim=PERCENT_SPAN)
    plots.title(axes, plots.shortened(str(rows[0]["distribution"]), 44))
    plots.legend_above(axes)


def _steps(axes: Axes, rows: Sequence[Row], look: Look, span: tuple[float, float]) -> None:
    margins, ratios = [100 * row["value"] for row in rows], [100 * _ratio(row) for row in rows]
    style: dict[str, Any] = {"color": look.colour, "linestyle": look.dash}
    (line,) = axes.step(
        [span[0], *margins, max(span[1], margins[-1])], [0.0, *ratios, ratios[-1]], where="post", **style
    )
    (marks,) = axes.plot(
        margins, ratios, linestyle="none", color=look.colour, marker=look.marker, label=look.label
    )
    tell(
        line,
        look.label,
        steps=" ".join(f"{margin:.4g}:{ratio:.4g}" for margin, ratio in zip(margins, ratios, strict=True)),
    )
    tell(marks, look.label, [_said(row) for row in rows])


def _ratio(row: Row) -> float:
    return float(row["prune_ratio"] if row.get("asked") is None else row["asked"])


def _said(row: Row) -> str:
    between = f" [{100 * row['low']:.2f}, {100 * row['high']:.2f}]" if plots.has_interval(row) else ""
    return f"{percent(_ratio(row))} at a margin of {points(row['value'])} or more{between}"
