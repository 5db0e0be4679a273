"""Panels of method against method: the paired differences between their prune potentials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from prunekit.analysis.labels import LABEL
from prunekit.report import plots
from prunekit.report.canvas import WIDTH_IN, Panel
from prunekit.report.marks import tell
from prunekit.report.select import slug
from prunekit.report.study import Row, Study, distinct, measured, reading_order, split
from prunekit.report.style import ACCENT, INK, SERIES
from prunekit.report.words import points

MOST_METHODS = 18
CELL_IN, LEAST_CELLS = 0.55, 4


def against_each_other(study: Study) -> list[Panel]:
    """A matrix for the nominal distribution, and one for the other distribution on which methods differ most."""
    rows = measured(study.of("method-difference", of="potential"))
    groups = split(rows, "distribution")
    ranked = sorted(groups, key=lambda name: (name != study.nominal, -_most(groups[name]), str(name)))
    names = labels_of(study)
    return [_panel(str(name), groups[name], names) for name in ranked[:2]]


def _most(rows: Sequence[Row]) -> float:
    return max(abs(float(row["value"])) for row in rows)


def labels_of(study: Study) -> dict[str, str]:
    """The label of every variant in the findings."""
    return {str(row["variant"]): str(row[LABEL]) for row in study.rows if row.get("variant") and LABEL in row}


def _panel(distribution: str, rows: Sequence[Row], names: Mapping[str, str]) -> Panel:
    found = {*distinct(rows, LABEL), *(names.get(str(row["other"]), str(row["other"])) for row in rows)}
    labels = sorted(found, key=reading_order)[:MOST_METHODS]
    size = CELL_IN * max(LEAST_CELLS, len(labels))
    draw = partial(_draw, distribution, rows, names, labels)
    return Panel(
        slug("methods", distribution), draw, 1.0 + 0.7 * size, max(WIDTH_IN, 1.4 + size), distribution
    )


def _draw(
    distribution: str, rows: Sequence[Row], names: Mapping[str, str], labels: Sequence[str], axes: Axes
) -> None:
    for row in rows:
        one, other = str(row[LABEL]), names.get(str(row["other"]), str(row["other"]))
        if one in labels and other in labels:
            _cell(axes, row, (labels.index(one), labels.index(other)), 1)
            _cell(axes, row, (labels.index(other), labels.index(one)), -1)
            mark = axes.plot([], [])[0]
            between = f" [{100 * row['low']:.1f}, {100 * row['high']:.1f}]" if plots.has_interval(row) else ""
            tell(mark, f"{one} less {other}", [f"{points(row['value'])}{between}".replace("-", "\u2212")])
    plots.grid_of(axes, labels, labels)
    plots.title(axes, plots.shortened(distribution, 44))
    axes.set(xlabel="Less", ylabel="Prune potential of")


def _cell(axes: Axes, row: Row, place: tuple[int, int], sign: int) -> None:
    """One difference in points; strongly coloured if its interval excludes zero, blue if the row's method is better."""
    value = 100 * sign * row["value"]
    sure = plots.has_interval(row) and (row["low"] > 0 or row["high"] < 0)
    tone = ACCENT if value > 0 else SERIES[1]
    alpha = 0.35 if sure else 0.06
    down, across = place
    corner = (across - 0.48, down - 0.48)
    axes.add_patch(Rectangle(corner, 0.96, 0.96, color=tone.light, alpha=alpha, lw=0))
    text = f"{value:+.0f}".replace("-", "\u2212") if round(value) else "0"
    axes.text(across, down, text, ha="center", va="center", fontsize=8, color=INK.light)
