"""Figures for papers, on request: every panel one column wide, every figure two columns wide, as SVG, PDF or PNG."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BytesIO
from math import ceil
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from prunekit.report.canvas import Panel, as_svg, lay_out, own_style
from prunekit.report.style import PAPER

# The widths of a column and of a page of two columns at the usual venues, in inches.
COLUMN_IN, PAGE_IN = 3.25, 6.9
MOST_PANELS = 6
DOTS_PER_INCH = 300
# Text as small as venues allow: panels are drawn at their printed size.
SIZES: dict[Any, Any] = {
    "font.size": 7.5,
    "axes.labelsize": 7.5,
    "axes.titlesize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
}
_NO_PDF_METADATA = dict.fromkeys(("CreationDate", "Creator", "Producer"))


def _as_pdf(figure: Figure) -> bytes:
    from matplotlib.backends.backend_pdf import (
        FigureCanvasPdf,  # and what subsets fonts, which nothing else needs
    )

    buffer = BytesIO()
    canvas: Any = FigureCanvasPdf(figure)
    canvas.print_pdf(buffer, metadata=_NO_PDF_METADATA)
    return buffer.getvalue()


def _as_png(figure: Figure) -> bytes:
    buffer = BytesIO()
    figure.set_dpi(DOTS_PER_INCH)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


FORMATS: dict[str, Callable[[Figure], bytes]] = {"svg": as_svg, "pdf": _as_pdf, "png": _as_png}


def paper_files(figure: str, panels: Sequence[Panel], formats: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """``NAME-3.25in.EXT`` of each panel and ``FIGURE-6.9in.EXT`` of its first six, in every format."""
    wanted = tuple(formats)
    if not wanted or not panels:
        return
    for panel in panels:
        with own_style(panel.name, SIZES):
            drawn = _figure(COLUMN_IN, COLUMN_IN * panel.height / panel.width)
            panel.draw(drawn.subplots())
            yield from _written(f"{panel.name}-{COLUMN_IN}in", drawn, wanted)
    with own_style(figure, SIZES):
        yield from _written(f"{figure}-{PAGE_IN}in", _side_by_side(panels[:MOST_PANELS]), wanted)


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), dpi=72, layout="constrained")
    figure.set_facecolor(PAPER.light)
    return figure


def _side_by_side(panels: Sequence[Panel]) -> Figure:
    """The panels in rows of two, or of three where there are more than four; a legend that repeats is drawn once."""
    columns = min(len(panels), 3 if len(panels) > 4 else 2)
    rows = ceil(len(panels) / columns)
    height = PAGE_IN / columns * max(panel.height / panel.width for panel in panels)
    figure = _figure(PAGE_IN, rows * height)
    told: list[list[str]] = []
    grid = figure.add_gridspec(rows, columns)
    for place, panel in enumerate(panels):
        part = figure.add_subfigure(grid[divmod(place, columns)])
        panel.draw(part.subplots())
        for legend in list(part.legends):
            names = [text.get_text() for text in legend.get_texts()]
            if names in told:
                legend.remove()
            told.append(names)
    return figure


def _written(name: str, figure: Figure, formats: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    lay_out(figure)
    for extension in formats:
        yield f"{name}.{extension}", FORMATS[extension](figure)
