"""Panels of function distance: similarity under noise, and whose pixels serve whom."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from matplotlib.axes import Axes

from prunekit.report import plots
from prunekit.report.canvas import Panel
from prunekit.report.plots import LEVEL, Scale, percentage
from prunekit.report.select import by_method, slug, spread
from prunekit.report.study import SEPARATE, Row, Study, distinct, measured, split
from prunekit.report.style import looks_of, ratio_looks
from prunekit.report.words import percent

MOST_RATIOS = 6
METRICS = {
    "agreement": Scale("value", "Matching predictions (%)", percentage),
    "softmax_l2": Scale("value", "Softmax ℓ2 distance"),
}


def similarity(study: Study) -> list[Panel]:
    """A panel per method and metric: a line per prune ratio, and the separate network."""
    methods = [name for name in by_method(study.of("similarity")) if name != SEPARATE]
    return [
        Panel(slug("similarity", metric, name), partial(_draw_similarity, study, name, metric))
        for name in methods
        for metric in METRICS
        if measured(study.of("similarity", method=name, metric=metric))
    ]


def _draw_similarity(study: Study, method: str, metric: str, axes: Axes) -> None:
    pruned = split(measured(study.of("similarity", method=method, metric=metric)), "prune_ratio")
    ratios = spread(list(pruned), MOST_RATIOS)
    control = measured(study.of("similarity", method=SEPARATE, metric=metric))
    series: dict[Any, list[Row]] = {ratio: pruned[ratio] for ratio in ratios}
    looks = ratio_looks(ratios) | {SEPARATE: looks_of(study)[SEPARATE]}
    plots.lines(axes, series | ({SEPARATE: control} if control else {}), looks, x=LEVEL, y=METRICS[metric])
    axes.set_title(f"Pruned by {method}")


def transfer(study: Study) -> list[Panel]:
    """A heat map per method: whose pixels, who predicts."""
    rows = measured(study.of("features-transfer"))
    groups = by_method(rows) or ({"": rows} if rows else {})
    return [
        Panel(slug("features-transfer", name), partial(_draw_transfer, str(name), each), height=4.2)
        for name, each in groups.items()
    ]


def _draw_transfer(method: str, rows: Sequence[Row], axes: Axes) -> None:
    pixels, predicts = distinct(rows, "row_model"), distinct(rows, "column_model")
    cells = {
        (pixels.index(row["row_model"]), predicts.index(row["column_model"])): row["value"] for row in rows
    }
    plots.heat(axes, cells, [_label(item) for item in pixels], [_label(item) for item in predicts])
    axes.set(title=f"Pruned by {method}" if method else "", xlabel="Who predicts", ylabel="Whose pixels")


def _label(value: Any) -> str:
    return percent(value) if isinstance(value, float) else str(value)
