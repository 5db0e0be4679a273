"""The few kinds of drawing that make up all figures; each fills one axes from long rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from prunekit.report.marks import tell
from prunekit.report.scales import PARAMETERS, PERCENT_SPAN, Scale
from prunekit.report.study import Row, measured, sort_by
from prunekit.report.style import ACCENT, INK, MUTED, PAPER, Look
from prunekit.report.words import trimmed

Series = Mapping[Any, Sequence[Row]]
BAND_ALPHA = 0.14
NAMES_PT = 9  # row names must be legible on a phone too, where a panel is three quarters as wide
MOST_COLUMNS = 5


def has_interval(row: Row) -> bool:
    """Whether both ends of the row's interval are known."""
    return row.get("low") is not None and row.get("high") is not None


def span_of(rows: Iterable[Row], y: Scale) -> tuple[float, float]:
    """Lowest and highest number to show of these rows, intervals included, and a little room on either side."""
    ends = [
        y.of(row, end)
        for row in measured(rows)
        for end in ("value", "low", "high")
        if row.get(end) is not None
    ]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    room = 0.04 * (high - low or 1)
    return low - room, high + room


def lines(axes: Axes, series: Series, looks: Mapping[Any, Look], *, x: Scale, y: Scale) -> None:
    """One line with its interval band per series; rows without a number are left out."""
    for name, rows in series.items():
        _line(axes, [row for row in measured(rows) if row.get(x.field) is not None], looks[name], x=x, y=y)
    axes.set_xlabel(x.label)
    axes.set_ylabel(y.label)
    legend_above(axes)


def _line(axes: Axes, rows: Sequence[Row], look: Look, *, x: Scale, y: Scale) -> None:
    rows = sort_by(rows, x.field)
    banded = [row for row in rows if has_interval(row)]
    if banded:
        low, high = ([y.of(row, end) for row in banded] for end in ("low", "high"))
        across = [x.of(row) for row in banded]
        band = axes.fill_between(across, low, high, color=look.colour, alpha=BAND_ALPHA, linewidth=0)
        tell(band, look.label)
    style: dict[str, Any] = {"color": look.colour, "marker": look.marker, "linestyle": look.dash}
    edge: dict[str, Any] = (
        {} if look.marker == "x" else {"markeredgecolor": PAPER.light, "markeredgewidth": 0.6}
    )
    (line,) = axes.plot(
        [x.of(row) for row in rows], [y.of(row) for row in rows], label=look.label, **style, **edge
    )
    tell(line, look.label, [f"{x.at(row)}: {y.said(row)}" for row in rows])


def title(axes: Axes, text: str) -> None:
    """The title right above the axes: to put it there by itself, matplotlib measures all ticks twice."""
    axes.set_title(text, y=1.0)


def legend_above(axes: Axes) -> None:
    """The legend in rows above the axes, where it covers no data: as many columns as the figure has room for."""
    figure = axes.get_figure(root=False)
    handles, labels = axes.get_legend_handles_labels()
    if figure is None or len(labels) < 2:
        return
    style: dict[str, Any] = {"columnspacing": 1.4, "handlelength": 2.2, "borderpad": 0.2}
    for columns in range(MOST_COLUMNS, 0, -1):
        legend = figure.legend(handles, labels, loc="outside upper left", ncols=columns, **style)
        if columns == 1 or legend.get_window_extent().width <= figure.bbox.width:
            return
        legend.remove()


def ring(axes: Axes, row: Row, look: Look, *, x: Scale, y: Scale) -> None:
    """A ring around one point of a line."""
    style: dict[str, Any] = {"marker": "o", "markersize": 11, "markerfacecolor": "none", "linestyle": "none"}
    (circle,) = axes.plot(x.of(row), y.of(row), color=look.colour, markeredgewidth=1.4, **style)
    tell(circle, look.label)


def level_line(axes: Axes, height: float, text: str) -> None:
    """A dashed line across the axes, named in the legend."""
    axes.axhline(height, color=MUTED.light, linestyle=(0, (4, 3)), linewidth=0.9, zorder=1.5, label=text)


def bars(axes: Axes, rows: Sequence[Row], look: Look, *, x: Scale, y: Scale) -> None:
    """A marker per row with its interval as a vertical bar."""
    for row in filter(has_interval, rows):
        axes.vlines(x.of(row), y.of(row, "low"), y.of(row, "high"), color=look.colour, linewidth=1.2)
    across, up = [x.of(row) for row in rows], [y.of(row) for row in rows]
    (points,) = axes.plot(across, up, linestyle="none", color=look.colour, marker=look.marker)
    tell(points, look.label, [f"{x.at(row)}: {y.said(row)}" for row in rows])


def ray(axes: Axes, slope: Row, look: Look, *, y: Scale) -> None:
    """The line of this slope from the origin to a prune ratio of 100 %, with the band of its interval."""
    axes.plot([0, 100], [0, y.of(slope)], color=look.colour, linewidth=1.2)
    if has_interval(slope):
        low, high = ([0, y.of(slope, end)] for end in ("low", "high"))
        axes.fill_between([0, 100], low, high, color=look.colour, alpha=BAND_ALPHA, linewidth=0)


def zero_line(axes: Axes) -> None:
    """The line of no difference."""
    axes.axhline(0, color=MUTED.light, linewidth=0.9)


def dots(
    axes: Axes, series: Series, looks: Mapping[Any, Look], *, categories: Sequence[Any], x: Scale, by: str
) -> None:
    """A row per category, the first on top, with a dot and its interval for each series."""
    step = 0.72 / max(len(series), 1)
    places = {category: index for index, category in enumerate(categories)}
    for index, (name, rows) in enumerate(series.items()):
        shift = (index - (len(series) - 1) / 2) * step
        shown = [row for row in measured(rows) if row.get(by) in places]
        _dots(axes, shown, [places[row[by]] + shift for row in shown], looks[name], x, by)
    for index in range(1, len(categories), 2):
        axes.axhspan(index - 0.5, index + 0.5, color=MUTED.light, alpha=0.07, linewidth=0, zorder=0)
    rows_of(axes, categories)
    axes.set_xlabel(x.label)
    _show_ends(axes)
    legend_above(axes)


def _show_ends(axes: Axes) -> None:
    """Percent axes show 0 to 100; axes of differences show their zero."""
    low, high = axes.get_xlim()
    if low < -5:
        axes.axvline(0, color=MUTED.light, linewidth=0.9)
    else:
        axes.set_xlim(PERCENT_SPAN[0], max(high, PERCENT_SPAN[1]))


def rows_of(axes: Axes, names: Sequence[Any]) -> None:
    """Name the rows of an axes, the first on top."""
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), labels=[shortened(str(name)) for name in names])
    axes.tick_params(axis="y", length=0, labelsize=NAMES_PT)
    axes.grid(visible=False, axis="y")


def _dots(axes: Axes, rows: Sequence[Row], heights: Sequence[float], look: Look, x: Scale, by: str) -> None:
    ends = [(height, row) for row, height in zip(rows, heights, strict=True) if has_interval(row)]
    if ends:
        low, high = ([x.of(row, end) for _, row in ends] for end in ("low", "high"))
        style: dict[str, Any] = {"color": look.colour, "linewidth": 1.3, "alpha": 0.75}
        tell(axes.hlines([height for height, _ in ends], low, high, **style), look.label)
    (dots,) = axes.plot(
        [x.of(row) for row in rows],
        heights,
        linestyle="none",
        color=look.colour,
        marker=look.marker,
        markeredgecolor=PAPER.light,
        markeredgewidth=0.5,
        label=look.label,
    )
    tell(dots, look.label, [f"{row[by]}: {x.said(row)}" for row in rows])


def shortened(text: str, most: int = 34) -> str:
    """The text, its middle replaced by an ellipsis if it is too long for an axis; the name of a shift is kept whole."""
    shift = len(text) - text.find("+") if "+" in text else 0
    tail = max((most - 1) // 2, shift)
    head = max(1, most - 1 - tail)
    return text if len(text) <= most else f"{text[:head]}…{text[-tail:]}"


def heat(
    axes: Axes, cells: Mapping[tuple[int, int], float], rows: Sequence[str], columns: Sequence[str]
) -> None:
    """A grid of numbers from 0 to 1, each cell shaded in proportion to its number."""
    for (row, column), value in sorted(cells.items()):
        strength = min(max(value, 0.0), 1.0)
        axes.add_patch(
            Rectangle(
                (column - 0.48, row - 0.48),
                0.96,
                0.96,
                color=ACCENT.light,
                alpha=0.04 + 0.56 * strength,
                lw=0,
            )
        )
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color=INK.light)
    grid_of(axes, rows, columns)


def grid_of(axes: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    """The frame of a grid of cells: a name for each row, the first on top, and for each column."""
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xticks(range(len(columns)), labels=columns, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(rows)), labels=rows)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


# Tick labels of a log axis closer than this factor would overlap.
APART = 1.35


def along_parameters(axes: Axes, rows: Sequence[Row]) -> None:
    """A log axis of the parameters kept, the unpruned network on the left, a tick at each requested ratio."""
    asked = sorted({PARAMETERS.convert(_asked(row)) for row in rows if row.get("prune_ratio") is not None})
    reached = [PARAMETERS.of(row) for row in rows if row.get("prune_ratio") is not None]
    if not reached:
        return
    ticks: list[float] = []
    for place in reversed(asked):
        if not ticks or ticks[-1] / place >= APART:
            ticks.append(place)
    axes.set_xscale("log")
    axes.set_xlim(max(*reached, *asked) * 1.08, min(*reached, *asked) / 1.08)
    axes.set_xticks(ticks, labels=[trimmed(tick, 1) for tick in ticks])
    axes.set_xticks([], minor=True)


def _asked(row: Row) -> float:
    return float(row["prune_ratio"] if row.get("asked") is None else row["asked"])
