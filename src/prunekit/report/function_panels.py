"""Panels of function distance: similarity under noise, and predictions from another network's pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from matplotlib.axes import Axes

from prunekit.analysis.features import member_of
from prunekit.analysis.variant import Role
from prunekit.report import plots
from prunekit.report.canvas import Panel
from prunekit.report.scales import LEVEL, PIXELS, Scale, percentage
from prunekit.report.select import by_label, noisy_rows, slug, spread
from prunekit.report.study import SEPARATE, Row, Study, measured, parted, split
from prunekit.report.style import method_looks, ratio_looks
from prunekit.report.words import percent

MOST_RATIOS = 6
UNPRUNED, PRUNED = 0.0, str(Role.PRUNED)
CONFIDENCE = Scale("value", "Confidence in the true class")
METRICS = {
    "agreement": Scale("value", "Matching predictions", "%", percentage),
    "softmax_l2": Scale("value", "Softmax ℓ2 distance"),
}
GAINS = {"agreement": Scale("value", "More matching predictions", "points", percentage)}


def _by_metric(finding: str, metrics: Mapping[str, Scale]) -> Callable[[Study], list[Panel]]:
    """A figure with a panel per method and metric: a line per prune ratio and, if measured, for the separate network.

    Panels of one metric share their scale.
    """

    def panels(study: Study) -> list[Panel]:
        spans = {
            metric: plots.span_of(noisy_rows(study, finding, metric=metric), scale)
            for metric, scale in metrics.items()
        }
        return [
            Panel(
                slug(finding, metric, name),
                partial(_draw_levels, study, finding, name, metric, scale, spans[metric]),
                title=f"{name}, {scale.name.lower()}",
                series=str(name),
            )
            for name in by_label(noisy_rows(study, finding, role=PRUNED))
            for metric, scale in metrics.items()
            if measured(noisy_rows(study, finding, label=name, metric=metric))
        ]

    return panels


def _draw_levels(
    study: Study, finding: str, label: str, metric: str, y: Scale, span: tuple[float, float], axes: Axes
) -> None:
    own = noisy_rows(study, finding, label=label, metric=metric)
    control = noisy_rows(study, finding, role=SEPARATE, metric=metric)
    if min((row["value"] for row in measured(own)), default=0) < 0:
        plots.zero_line(axes)
    ratio = "prune_ratio" if any(row.get("asked") is None for row in own) else "asked"
    _roles(axes, split(measured(own), ratio), measured(control), x=LEVEL, y=y)
    plots.title(axes, f"Pruned by {label}")
    axes.set(ylim=span)


def _roles(
    axes: Axes, pruned: Mapping[Any, list[Row]], control: Sequence[Row], *, x: Scale, y: Scale
) -> None:
    """A line per prune ratio along the ramp, and the control in ink."""
    ratios = spread(list(pruned), MOST_RATIOS)
    looks = ratio_looks(ratios) | {SEPARATE: method_looks([])[SEPARATE]}
    series = {ratio: pruned[ratio] for ratio in ratios} | ({SEPARATE: control} if control else {})
    plots.lines(axes, series, looks, x=x, y=y)


similarity = _by_metric("similarity", METRICS)
gain = _by_metric("similarity-gain", GAINS)


def transfer(study: Study) -> list[Panel]:
    """A heat map per method: whose pixels (rows), and which network predicts from them (columns)."""
    return [
        Panel(
            slug("features-transfer", name),
            partial(_draw_transfer, name, rows),
            height=4.2,
            title=str(name),
            series=str(name),
        )
        for name, rows in by_label(study.of("features-transfer")).items()
    ]


def _draw_transfer(method: str, rows: Sequence[Row], axes: Axes) -> None:
    pixels, predicts = (list(parted(rows, side)) for side in ("row", "column"))
    cells = {
        (pixels.index(member_of(row, "row")), predicts.index(member_of(row, "column"))): row["value"]
        for row in rows
    }
    plots.heat(axes, cells, [role(item) for item in pixels], [role(item) for item in predicts])
    plots.title(axes, f"Pruned by {method}")
    axes.set(xlabel="Who predicts", ylabel="Whose pixels")


def role(value: float | str) -> str:
    """The name of a network by its role in a study: unpruned, pruned to a ratio, or separate."""
    if isinstance(value, str):
        return str(value)
    return percent(value) if value else "unpruned"


def kept_pixels(study: Study) -> list[Panel]:
    """A panel per method: how well each network does on the pixels that the unpruned parent relies on."""
    groups = by_label(study.of("features-curve", row_role=str(Role.PARENT)))
    return [
        Panel(
            slug("features-curve", name), partial(_draw_kept, name, rows), title=str(name), series=str(name)
        )
        for name, rows in groups.items()
    ]


def _draw_kept(method: str, rows: Sequence[Row], axes: Axes) -> None:
    roles = parted(rows, "column")
    control = roles.pop(Role.SEPARATE, [])
    _roles(axes, roles, control, x=PIXELS, y=CONFIDENCE)
    plots.title(axes, f"Pruned by {method}")
